package auth_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// What is kept of a principal survives JSON, gets the roles and public grants of today, and ends with the token.
func TestStanding(t *testing.T) {
	t.Parallel()
	keys, clock := loadKey(t, secret), now
	made := func(roles auth.Roles, public ...auth.Grant) *auth.Verifier {
		return auth.NewVerifier(auth.Options{Keys: keys, Roles: roles, Public: public, Now: func() time.Time { return clock }})
	}
	grant := func(match string) auth.Grant {
		g, err := auth.ParseGrant(match + "=read")
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	old := made(auth.Roles{"reader": {grant("old")}})
	who, err := old.Verify(sign(t, keys, auth.Claims{Subject: "alice", Expires: now.Add(time.Hour), Scope: "reader", Grants: []auth.Grant{grant("own")}}))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(who.Standing())
	if err != nil {
		t.Fatal(err)
	}
	var kept auth.Standing
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	today := made(auth.Roles{"reader": {grant("new")}}, grant("public"))
	again := today.Recall(kept)
	if again.Name != who.Name || !again.Expires.Equal(who.Expires) {
		t.Errorf("%+v is recalled as %+v", who, again)
	}
	may := func() string {
		var feeds string
		for _, feed := range []string{"own", "old", "new", "public"} {
			if today.Recall(kept).Require(auth.Read, thoonk.FeedName(feed)) == nil {
				feeds += feed + " "
			}
		}
		return feeds
	}
	if got := may(); got != "own new public " {
		t.Error("it may read", got)
	}
	clock = now.Add(time.Hour)
	if got := may(); got != "" {
		t.Error("after the token's end it may read", got)
	}
	if p := today.Recall(today.Anonymous().Standing()); !p.Anonymous() || p.Require(auth.Read, "public") != nil {
		t.Errorf("%+v", p)
	}
}
