package auth_test

import (
	"testing"

	"github.com/thoonkd/thoonkd/auth"
)

func TestJIDs(t *testing.T) {
	t.Parallel()
	all := auth.JIDs{
		"*@a.test":  {{Match: "*", Can: []auth.Verb{auth.Read}}},
		"me@a.test": {{Match: "mine", Can: []auth.Verb{auth.Publish}}},
		"b.test":    {{Match: "*", Can: []auth.Verb{auth.Admin}}},
	}
	for jid, want := range map[string][3]bool{ // read, publish on mine, configure
		"me@a.test": {true, true, false}, "you@a.test": {true, false, false}, "a.test": {}, "b.test": {true, true, true}, "me@b.test": {},
		"me@a.test.evil": {}, "@a.test": {},
	} {
		p := all.Principal(jid)
		if got := [3]bool{p.Can(auth.Read, "mine"), p.Can(auth.Publish, "mine"), p.Can(auth.Configure, "mine")}; got != want || p.Name != "xmpp:"+jid {
			t.Errorf("%s: %v, %s", jid, got, p.Name)
		}
	}
	all.Principal("me@a.test")
	if p := all.Principal("me@a.test"); len(p.Grants) != 2 || len(all["me@a.test"]) != 1 {
		t.Errorf("%+v", p)
	}
	for _, s := range []string{"a@b", "b", "*@b", "a.b@c.d", "ü@b"} {
		if err := auth.CheckJID(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", "@b", "a@", "*", "a*@b", "*@*", "a@b/c", "A@b", "a@b@c", "a b@c"} {
		if err := auth.CheckJID(s); err == nil {
			t.Errorf("%s passes", s)
		}
	}
}
