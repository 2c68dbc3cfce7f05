package auth_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/thoonkd/thoonkd/auth"
)

func Example() {
	dir, err := os.MkdirTemp("", "auth")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	keys, err := auth.GenerateKey(filepath.Join(dir, "auth.key"))
	if err != nil {
		panic(err)
	}
	grant, err := auth.ParseGrant("team:353:*=read,publish")
	if err != nil {
		panic(err)
	}
	token, err := keys.Sign(auth.Claims{
		Issuer: "thoonkd", Subject: "alice", Expires: time.Now().Add(time.Hour), Grants: []auth.Grant{grant},
	})
	if err != nil {
		panic(err)
	}

	alice, err := auth.NewVerifier(auth.Options{Keys: keys}).Verify(token)
	fmt.Println(alice.Name, err)
	fmt.Println(alice.Require(auth.Read, "team:353:tasks"))
	fmt.Println(alice.Require(auth.Read, "team:7:tasks"))
	// Output:
	// jwt:thoonkd|alice <nil>
	// <nil>
	// forbidden: nothing grants the right to "read" on "team:7:tasks"
}
