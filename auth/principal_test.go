package auth_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestRequire(t *testing.T) {
	t.Parallel()
	grants := []auth.Grant{
		{Match: "blog", Can: []auth.Verb{auth.Read}},
		{Match: "team:*", Can: []auth.Verb{auth.Admin}},
	}
	alice := auth.Principal{Name: "jwt:thoonkd|alice", Grants: grants}
	nobody := auth.NewVerifier(auth.Options{Public: grants[:1]}).Anonymous()
	for _, tc := range []struct {
		who  auth.Principal
		verb auth.Verb
		feed thoonk.FeedName
		want thoonk.Kind
	}{
		{alice, auth.Read, "blog", ""},
		{alice, auth.Publish, "blog", thoonk.Forbidden},
		{alice, auth.Publish, "team:1", ""},
		{alice, auth.Read, "team", thoonk.Forbidden},
		{nobody, auth.Read, "blog", ""},
		{nobody, auth.Publish, "blog", thoonk.Unauthenticated},
		{nobody, auth.Read, "team:1", thoonk.Unauthenticated},
		{auth.Principal{}, auth.Read, "blog", thoonk.Forbidden},
	} {
		err := tc.who.Require(tc.verb, tc.feed)
		if got := thoonk.KindOf(err); got != tc.want {
			t.Errorf("%q %s %s: %v, want kind %q", tc.who.Name, tc.verb, tc.feed, err, tc.want)
		}
		if can := tc.who.Can(tc.verb, tc.feed); can != (tc.want == "") {
			t.Errorf("%q can %s %s: %v", tc.who.Name, tc.verb, tc.feed, can)
		}
		if e, ok := errors.AsType[*thoonk.Error](err); ok && !strings.Contains(e.Public, string(tc.verb)) {
			t.Errorf("%q does not name the verb", e.Public)
		}
	}
	if alice.Anonymous() || !nobody.Anonymous() {
		t.Error("the wrong one is anonymous")
	}
}

func TestPrincipalLogsItsName(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := auth.Principal{Name: "jwt:i|s", Grants: []auth.Grant{{Match: "private", Can: []auth.Verb{auth.Read}}}}
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "principal", p)
	if !strings.Contains(b.String(), `"principal":"jwt:i|s"`) || strings.Contains(b.String(), "private") {
		t.Error(b.String())
	}
}
