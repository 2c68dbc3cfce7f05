package auth_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestIssuer(t *testing.T) {
	t.Parallel()
	v := newVerifier(loadKey(t, secret), auth.Options{Issuer: "https://id.test"})
	for iss, want := range map[any]bool{
		"https://id.test": true, "https://id.test/": false, "HTTPS://id.test": false, "": false, nil: false, "app": false,
	} {
		_, err := v.Verify(signed(t, with(map[string]any{"iss": iss}), nil))
		if (err == nil) != want {
			t.Errorf("%v: %v", iss, err)
		}
		if err != nil && !strings.Contains(err.Error(), `iss is not "https://id.test"`) {
			t.Error(err)
		}
	}
}

// RFC 7519 section 4.1.3: a token for others is refused, whether or not an audience of ours is set.
func TestAudience(t *testing.T) {
	t.Parallel()
	const us, public = "https://api.test", "https://feeds.test"
	for _, tc := range []struct {
		name       string
		aud        any // nil: none
		set, unset bool
	}{
		{"none", nil, false, true},
		{"audience", us, true, false},
		{"public URL", public, false, true},
		{"other", "https://other.test", false, false},
		{"list with audience", []string{"x", us}, true, false},
		{"list with public URL", []string{public, "x"}, false, true},
		{"list of both", []string{public, us}, true, true},
		{"list of others", []string{"x", "y"}, false, false},
		{"slash at the end", us + "/", false, false},
		{"other case", "https://API.test", false, false},
		{"empty", "", false, false},
		{"empty list", []string{}, false, false},
	} {
		token := signed(t, with(map[string]any{"aud": tc.aud}), nil)
		for audience, want := range map[string]bool{us: tc.set, "": tc.unset} {
			v := newVerifier(loadKey(t, secret), auth.Options{Audience: audience, PublicURL: public})
			_, err := v.Verify(token)
			if (err == nil) != want {
				t.Errorf("%s, audience %q: %v", tc.name, audience, err)
			}
			if err != nil && (thoonk.KindOf(err) != thoonk.Unauthenticated || !strings.Contains(err.Error(), "not meant for this server")) {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
		if _, err := verifier(t).Verify(token); (err == nil) != (tc.aud == nil) {
			t.Errorf("%s, no name of ours: %v", tc.name, err)
		}
	}
	text := encode(`{"alg":"HS256"}`) + "." + encode(`{"sub":"s","exp":99999999999,"aud":null}`)
	if _, err := newVerifier(loadKey(t, secret), auth.Options{PublicURL: public}).Verify(text + "." + hmacOf(t, text)); err == nil {
		t.Error("aud null is taken")
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	read := auth.Grant{Match: "*", Can: []auth.Verb{auth.Read}}
	write := auth.Grant{Match: "team:*", Can: []auth.Verb{auth.Publish}}
	own := auth.Grant{Match: "own", Can: []auth.Verb{auth.Admin}}
	everybody := auth.Grant{Match: "blog", Can: []auth.Verb{auth.Read}}
	sub := auth.Grant{Match: "{sub}:*", Can: []auth.Verb{auth.Read}}
	v := newVerifier(loadKey(t, secret), auth.Options{
		Roles:  auth.Roles{"reader": {read}, "writer": {read, write}, "nothing": nil, "templated": {sub}},
		Public: []auth.Grant{everybody},
	})
	for name, tc := range map[string]struct {
		scope any
		want  []auth.Grant
	}{
		"none":            {nil, nil},
		"empty":           {"", nil},
		"one":             {"reader", []auth.Grant{read}},
		"with others'":    {"openid profile reader https://x.test/y", []auth.Grant{read}},
		"two":             {"writer reader", []auth.Grant{read, read, write}},
		"twice":           {"reader  reader", []auth.Grant{read}},
		"unknown":         {"Reader admin", nil},
		"one that's part": {"readers read", nil},
		"without grants":  {"nothing", nil},
		"a list":          {[]string{"openid", "reader"}, []auth.Grant{read}},
		"not substituted": {"templated", []auth.Grant{sub}},
	} {
		claims := with(map[string]any{"scope": tc.scope, "grants": []auth.Grant{own}})
		p, err := v.Verify(signed(t, claims, nil))
		want := append(append([]auth.Grant{own}, tc.want...), everybody)
		if err != nil || !reflect.DeepEqual(p.Grants, want) {
			t.Errorf("%s: %v, %v; want %v", name, p.Grants, err, want)
		}
	}
}

func TestCheckRoleName(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"reader": true, "feeds:read": true, "https://x.test/r": true, "!": true, "7": true, strings.Repeat("x", 128): true,
		"": false, "a b": false, "a\tb": false, `a"b`: false, `a\b`: false, "é": false, "a\x7f": false, strings.Repeat("x", 129): false,
	} {
		if err := auth.CheckRoleName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// What Sign writes is what RFC 7519 and RFC 8693 have.
func TestSignedClaims(t *testing.T) {
	t.Parallel()
	token := sign(t, loadKey(t, secret), auth.Claims{
		Issuer: "i", Subject: "s", Audience: "a", Scope: " reader  writer ", IssuedAt: now, Expires: now.Add(time.Hour),
	})
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(parsed.Claims)
	want := `{"aud":["a"],"exp":1772370000,"iat":1772366400,"iss":"i","scope":"reader writer","sub":"s"}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	p, err := newVerifier(loadKey(t, secret), auth.Options{
		Issuer: "i", Audience: "a", Roles: auth.Roles{"writer": {{Match: "*", Can: []auth.Verb{auth.Publish}}}},
	}).Verify(token)
	if err != nil || !p.Can(auth.Publish, "x") {
		t.Errorf("%+v, %v", p, err)
	}
}
