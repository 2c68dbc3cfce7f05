package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func verifier(t testing.TB) *auth.Verifier {
	return newVerifier(loadKey(t, secret), auth.Options{})
}

// signed returns a token of any claims and header fields under the right key.
func signed(t testing.TB, claims jwt.MapClaims, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	for k, v := range header {
		token.Header[k] = v
	}
	s, err := token.SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// with returns good claims with some changed, or left out where the value is nil.
func with(changes map[string]any) jwt.MapClaims {
	claims := jwt.MapClaims{
		"iss": "app", "sub": "alice", "exp": now.Add(time.Minute).Unix(),
		"grants": []any{map[string]any{"match": "team:*", "can": []string{"read"}}},
	}
	for k, v := range changes {
		claims[k] = v
		if v == nil {
			delete(claims, k)
		}
	}
	return claims
}

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	claims := auth.Claims{
		Issuer: "thoonkd", Subject: "alice@example.org", IssuedAt: now, Expires: now.Add(time.Hour),
		Grants: []auth.Grant{{Match: "team:353:*", Can: []auth.Verb{auth.Read}}},
	}
	got, err := verifier(t).Verify(sign(t, loadKey(t, secret), claims))
	const name = "jwt:thoonkd|alice@example.org"
	if err != nil || got.Name != name || !reflect.DeepEqual(got.Grants, claims.Grants) || !got.Expires.Equal(claims.Expires) {
		t.Errorf("got %#v, %v", got, err)
	}
}

func TestVerifyTakes(t *testing.T) {
	t.Parallel()
	for name, claims := range map[string]jwt.MapClaims{
		"the usual":               with(nil),
		"no issuer":               with(map[string]any{"iss": nil}),
		"a bar in the subject":    with(map[string]any{"sub": "a|b"}),
		"no grants":               with(map[string]any{"grants": nil}),
		"an empty list of grants": with(map[string]any{"grants": []any{}}),
		"nbf within the leeway":   with(map[string]any{"nbf": now.Add(30 * time.Second).Unix()}),
		"iat within the leeway":   with(map[string]any{"iat": now.Add(30 * time.Second).Unix()}),
		"exp in the next second":  with(map[string]any{"exp": now.Add(time.Second).Unix()}),
		"claims that others want": with(map[string]any{"scope": "x y", "scp": []string{"x"}, "azp": 5}),
		"names in capitals":       with(map[string]any{"Sub": 5, "EXP": "never", "Grants": "x", "AUD": 1}),
	} {
		p, err := verifier(t).Verify(signed(t, claims, nil))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if p.Anonymous() || !strings.HasPrefix(p.Name, "jwt:") {
			t.Errorf("%s: %q", name, p.Name)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	good := signed(t, with(nil), nil)
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	grants := func(v any) string { return signed(t, with(map[string]any{"grants": v}), nil) }
	claim := func(name string, v any) string { return signed(t, with(map[string]any{name: v}), nil) }

	const malformed, unsigned = "malformed", "not signed by a key that this server knows"
	for name, tc := range map[string]struct{ token, want string }{
		"nothing":             {"", malformed},
		"no JWT":              {"secret", malformed},
		"two parts":           {header + "." + payload, malformed},
		"four parts":          {good + ".x", malformed},
		"no base64":           {"!." + payload + "." + signature, malformed},
		"padding":             {header + "." + payload + "." + signature + "=", malformed},
		"a space before":      {" " + good, malformed},
		"too long":            {good + strings.Repeat("A", 16<<10), "16 KiB"},
		"another key":         {sign(t, loadKey(t, strings.Repeat("x", 32)), auth.Claims{Subject: "s", Expires: now.Add(time.Hour)}), unsigned},
		"no signature":        {header + "." + payload + ".", unsigned},
		"changed claims":      {header + "." + encode(`{"sub":"root","exp":99999999999}`) + "." + signature, unsigned},
		"alg none":            {unsecured(t), unsigned},
		"alg none, signed":    {encode(`{"alg":"none"}`) + "." + payload + "." + signature, unsigned},
		"alg unknown":         {encode(`{"alg":"XX"}`) + "." + payload + "." + signature, unsigned},
		"alg missing":         {encode(`{}`) + "." + payload + "." + signature, unsigned},
		"alg HS512":           {hs512(t), unsigned},
		"alg RS256":           {rs256(t), unsigned},
		"alg RS256 over HMAC": {confused(t), unsigned},
		"crit":                {signed(t, with(nil), map[string]any{"crit": []string{"b64"}, "b64": false}), "crit"},
		"no exp":              {claim("exp", nil), "no exp"},
		"exp in milliseconds": {claim("exp", now.Add(time.Hour).UnixMilli()), "counts seconds"},
		"exp beyond all":      {claim("exp", 1e300), "exp"},
		"exp a text":          {claim("exp", "tomorrow"), "malformed: exp is of the wrong type"},
		"EXP, and no exp":     {signed(t, with(map[string]any{"exp": nil, "EXP": now.Add(time.Hour).Unix()}), nil), "no exp"},
		"expired now":         {claim("exp", now.Unix()), "expired at 2026-03-01T12:00:00Z"},
		"expired long ago":    {claim("exp", 0), "expired at 1970"},
		"nbf to come":         {claim("nbf", now.Add(31*time.Second).Unix()), "not valid before"},
		"iat to come":         {claim("iat", now.Add(31*time.Second).Unix()), "iat is in the future"},
		"no sub":              {claim("sub", nil), "sub is missing or empty"},
		"empty sub":           {claim("sub", ""), "sub is missing or empty"},
		"sub a number":        {claim("sub", 5), "malformed: sub"},
		"iss a list":          {claim("iss", []string{"a"}), "malformed: iss"},
		"aud a number":        {claim("aud", 5), "malformed: aud"},
		"scope a number":      {claim("scope", 5), "malformed: scope"},
		"long sub":            {claim("sub", strings.Repeat("x", 513)), "sub is longer"},
		"line break in sub":   {claim("sub", "a\nb"), "control character"},
		"bar in iss":          {claim("iss", "a|b"), `iss contains "|"`},
		"long iss":            {claim("iss", strings.Repeat("x", 513)), "iss is longer"},
		"grants a text":       {grants("*=admin"), "grants is not a list"},
		"grants an object":    {grants(map[string]any{"match": "*", "can": []string{"admin"}}), "grants is not a list"},
		"grants of numbers":   {grants([]int{1}), "grants: a grant is an object"},
		"grants of null":      {grants([]any{nil}), "grants: a grant is an object"},
		"an unknown verb":     {grants([]any{map[string]any{"match": "*", "can": []string{"write"}}}), `unknown verb "write"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := verifier(t).Verify(tc.token)
			if !reflect.DeepEqual(p, auth.Principal{}) {
				t.Errorf("a refused token gave %+v", p)
			}
			e, ok := errors.AsType[*thoonk.Error](err)
			if !ok || e.Kind != thoonk.Unauthenticated || !strings.Contains(e.Public, tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in %q", err)
			}
		})
	}
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func unsecured(t *testing.T) string {
	s, err := jwt.NewWithClaims(jwt.SigningMethodNone, with(nil)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func hs512(t *testing.T) string {
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS512, with(nil)).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rs256(t *testing.T) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jwt.NewWithClaims(jwt.SigningMethodRS256, with(nil)).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// confused says RS256 in its header and bears an HMAC with the right secret, as if that were a public key.
func confused(t *testing.T) string {
	payload, err := json.Marshal(with(nil))
	if err != nil {
		t.Fatal(err)
	}
	text := encode(`{"alg":"RS256","typ":"JWT"}`) + "." + encode(string(payload))
	return text + "." + hmacOf(t, text)
}

func hmacOf(t testing.TB, text string) string {
	t.Helper()
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(signature)
}

func TestSignRefusesWhatVerifyWould(t *testing.T) {
	t.Parallel()
	key := loadKey(t, secret)
	many := make([]auth.Grant, 500)
	for i := range many {
		many[i] = auth.Grant{Match: "team:*", Can: []auth.Verb{auth.Read}}
	}
	for name, c := range map[string]auth.Claims{
		"no subject":      {Expires: now},
		"bar in issuer":   {Issuer: "a|b", Subject: "s", Expires: now},
		"no end":          {Subject: "s"},
		"scope of quotes": {Subject: "s", Expires: now, Scope: `reader "x"`},
		"too many grants": {Subject: "s", Expires: now, Grants: many},
	} {
		if token, err := key.Sign(c); err == nil {
			t.Errorf("%s: signed %s", name, token)
		}
	}
}

func FuzzVerify(f *testing.F) {
	jwks := []string{jwkOf(f, []byte(secret), nil)}
	for _, alg := range algorithms {
		jwks = append(jwks, jwkOf(f, publicOf(privateFor(alg)), map[string]any{"kid": alg}))
		f.Add(tokenBy(f, alg, privateFor(alg), nil))
		f.Add(tokenBy(f, alg, privateFor(alg), map[string]any{"kid": alg}))
	}
	v := newVerifier(loadKey(f, jwkSet(jwks...)), auth.Options{Roles: auth.Roles{"x": {{Match: "*", Can: []auth.Verb{auth.Read}}}}})
	f.Add("")
	f.Add("..")
	f.Add(encode(`{"alg":"none"}`) + "." + encode(`{"sub":"s","exp":99999999999}`) + ".")
	f.Add(signed(f, with(nil), nil))
	f.Add(signed(f, with(map[string]any{"exp": nil}), nil))
	f.Add(signed(f, with(nil), map[string]any{"crit": 1}))
	f.Fuzz(func(t *testing.T, token string) { check(t, v, token) })
}

// FuzzVerifyClaims signs what it is given, to get behind the signature.
func FuzzVerifyClaims(f *testing.F) {
	v := verifier(f)
	for _, payload := range []string{
		`null`, `{}`, `[]`, `{"sub":"s","exp":2e9}`, `{"sub":"s","exp":"2000000000"}`, `{"sub":"s","exp":1e300}`,
		`{"sub":"s","exp":2e9,"grants":[null]}`, `{"sub":"s","exp":2e9,"grants":{}}`, `{"sub":"\u0000","exp":2e9}`,
		`{"iss":"a|b","sub":"s","exp":2e9,"grants":[{"match":"*","can":["admin"]}]}`, `{"sub":"s","exp":2e9,"aud":[1]}`,
		`{"sub":"s","exp":2e9,"aud":"us","scope":"reader"}`, `{"sub":"s","exp":2e9,"scope":["a b",null]}`, `{"Sub":"s","EXP":2e9}`,
	} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		text := encode(`{"alg":"HS256","typ":"JWT"}`) + "." + encode(payload)
		check(t, v, text+"."+hmacOf(t, text))
	})
}

func check(t *testing.T, v *auth.Verifier, token string) {
	t.Helper()
	p, err := v.Verify(token)
	if err != nil {
		if thoonk.KindOf(err) != thoonk.Unauthenticated || p.Name != "" || p.Grants != nil {
			t.Errorf("refused with %v and %+v", err, p)
		}
		return
	}
	if !strings.HasPrefix(p.Name, "jwt:") || !p.Expires.After(now) || p.Anonymous() {
		t.Errorf("took %+v", p)
	}
	for _, g := range p.Grants {
		if _, err := thoonk.ParsePattern(string(g.Match)); err != nil || len(g.Can) == 0 {
			t.Errorf("took the grant %+v: %v", g, err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	v, token := verifier(b), signed(b, with(nil), nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}
