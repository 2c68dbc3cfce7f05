package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/auth"
)

const secret = "0123456789abcdef0123456789abcdef"

// verify returns the principal of a token that stands alone on its line.
func verify(t *testing.T, keyFile, stdout string) auth.Principal {
	t.Helper()
	token, ok := strings.CutSuffix(stdout, "\n")
	if !ok || strings.ContainsAny(token, " \n") {
		t.Fatalf("stdout is %q, not one token", stdout)
	}
	keys, err := auth.LoadKeys(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	p, err := auth.NewVerifier(auth.Options{Keys: keys}).Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestToken(t *testing.T) {
	t.Parallel()
	key := writeFile(t, secret+"\n")
	r := thoonkd(t, nil, "token", "--auth-key", key, "--subject", "alice",
		"--grant", "team:353:*=read,publish", "--grant", "a=b=admin", "--ttl", "2h")
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("%+v", r)
	}
	p := verify(t, key, r.stdout)
	if p.Name != "jwt:thoonkd|alice" {
		t.Errorf("name %q", p.Name)
	}
	if left := time.Until(p.Expires); left < 119*time.Minute || left > 2*time.Hour {
		t.Errorf("expires in %v", left)
	}
	want := []auth.Grant{
		{Match: "team:353:*", Can: []auth.Verb{auth.Read, auth.Publish}},
		{Match: "a=b", Can: []auth.Verb{auth.Admin}},
	}
	if !reflect.DeepEqual(p.Grants, want) {
		t.Errorf("grants %v, want %v", p.Grants, want)
	}
}

func TestTokenFindsItsKey(t *testing.T) {
	t.Parallel()
	key := writeFile(t, secret)
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "auth.key"), []byte(strings.Repeat("g", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		env  []string
		args []string
		key  string
	}{
		"environment":       {[]string{"THOONKD_AUTH_KEY=" + key}, nil, key},
		"file":              {nil, []string{"--config", writeFile(t, "auth-key: "+key)}, key},
		"generated, flag":   {nil, []string{"--data", data}, filepath.Join(data, "auth.key")},
		"generated, envvar": {[]string{"THOONKD_DATA=" + data}, nil, filepath.Join(data, "auth.key")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := thoonkd(t, tc.env, append([]string{"token", "--subject", "s", "--grant", "*=read"}, tc.args...)...)
			if r.code != 0 {
				t.Fatalf("%+v", r)
			}
			verify(t, tc.key, r.stdout)
		})
	}
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	key := writeFile(t, secret)
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no subject":    {[]string{"--grant", "*=read"}, "subject"},
		"empty subject": {[]string{"--auth-key", key, "--subject", "", "--grant", "*=read"}, "sub is missing or empty"},
		"no grant":      {[]string{"--subject", "s"}, "grant"},
		"unknown verb":  {[]string{"--subject", "s", "--grant", "*=write"}, `--grant "*=write": unknown verb "write"`},
		"no ttl":        {[]string{"--subject", "s", "--grant", "*=read", "--ttl", "0s"}, "--ttl 0s"},
		"no key":        {[]string{"--subject", "s", "--grant", "*=read"}, "give --auth-key FILE, or start thoonkd serve once"},
		"missing key":   {[]string{"--subject", "s", "--grant", "*=read", "--auth-key", key + ".not"}, key + ".not"},
		"short key":     {[]string{"--subject", "s", "--grant", "*=read", "--auth-key", writeFile(t, "short")}, "at least 32"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := thoonkd(t, nil, append([]string{"token"}, tc.args...)...)
			if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, tc.want) {
				t.Errorf("%+v, want %q", r, tc.want)
			}
		})
	}
}
