package auth_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestParseGrant(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]auth.Grant{
		"team:353:*=read,publish": {Match: "team:353:*", Can: []auth.Verb{auth.Read, auth.Publish}},
		"*=admin":                 {Match: "*", Can: []auth.Verb{auth.Admin}},
		"a=b=work":                {Match: "a=b", Can: []auth.Verb{auth.Work}},
		"=x=submit":               {Match: "=x", Can: []auth.Verb{auth.Submit}},
		"a b=retract,configure":   {Match: "a b", Can: []auth.Verb{auth.Retract, auth.Configure}},
	} {
		got, err := auth.ParseGrant(s)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q gave %v, %v", s, got, err)
		}
	}
}

func TestParseGrantErrors(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":             "match=verb",
		"team":         "match=verb",
		"=read":        "is empty",
		"team=":        `unknown verb ""`,
		"team=write":   `unknown verb "write"; the verbs are read, publish, retract, configure, submit, work, admin`,
		"team=read,":   `unknown verb ""`,
		"team=Read":    `unknown verb "Read"`,
		"a\nb=read":    "control character",
		"team=read, x": `unknown verb " x"`,
	} {
		if g, err := auth.ParseGrant(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gave %v, %v; want %q", s, g, err, want)
		}
	}
}

func TestGrantJSON(t *testing.T) {
	t.Parallel()
	const text = `{"match":"team:353:*","can":["read","admin"]}`
	var g auth.Grant
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(g); err != nil || string(b) != text {
		t.Errorf("round trip gave %s, %v", b, err)
	}
}

func TestGrantJSONErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`5`:                           `an object with "match" and "can"`,
		`null`:                        `an object with "match" and "can"`,
		`{"can":["read"]}`:            `a "match" that is a text`,
		`{"match":5,"can":["read"]}`:  `a "match" that is a text`,
		`{"match":"","can":["read"]}`: "is empty",
		`{"match":"a"}`:               `a "can" that is a list`,
		`{"match":"a","can":"read"}`:  `a "can" that is a list`,
		`{"match":"a","can":[]}`:      "allows nothing",
		`{"match":"a","can":null}`:    "allows nothing",
		`{"match":"a","can":["x"]}`:   `unknown verb "x"`,
		`{"match":"a","can":[null]}`:  `unknown verb ""`,
		`{"match":"a","can":["read"],"until":"noon"}`: `no field "until"`,
		`{"Match":"a","can":["read"]}`:                `a "match" that is a text`,
	} {
		var g auth.Grant
		if err := json.Unmarshal([]byte(text), &g); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, %v; want %q", text, g, err, want)
		}
	}
}

func TestAllows(t *testing.T) {
	t.Parallel()
	g := auth.Grant{Match: "team:*", Can: []auth.Verb{auth.Read}}
	admin := auth.Grant{Match: "team:*", Can: []auth.Verb{auth.Admin}}
	for _, tc := range []struct {
		grant auth.Grant
		verb  auth.Verb
		feed  thoonk.FeedName
		want  bool
	}{
		{g, auth.Read, "team:1:x", true},
		{g, auth.Read, "other", false},
		{g, auth.Publish, "team:1", false},
		{g, auth.Admin, "team:1", false},
		{admin, auth.Work, "team:1", true},
		{admin, auth.Admin, "team:1", true},
		{admin, auth.Read, "other", false},
	} {
		if got := tc.grant.Allows(tc.verb, tc.feed); got != tc.want {
			t.Errorf("%v %s %s: %v", tc.grant, tc.verb, tc.feed, got)
		}
	}
}

func FuzzParseGrant(f *testing.F) {
	for _, s := range []string{"*=admin", "team:353:*=read,publish", "a=b=work", "", "=", "x=", "x=,", "a\x00=read", "\xff=read"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := auth.ParseGrant(s)
		if err != nil {
			return
		}
		verbs := make([]string, len(g.Can))
		for i, v := range g.Can {
			verbs[i] = string(v)
		}
		if again := string(g.Match) + "=" + strings.Join(verbs, ","); again != s {
			t.Errorf("%q was read as %q", s, again)
		}
		b, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		var back auth.Grant
		if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, g) {
			t.Errorf("%s came back as %v, %v", b, back, err)
		}
	})
}
