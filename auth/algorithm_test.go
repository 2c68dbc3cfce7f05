package auth_test

import (
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/thoonkd/thoonkd/auth"
)

// Every algorithm works with its key, from a private file, a public one and a JWK; and what the private file signs,
// the public one verifies.
func TestEveryAlgorithm(t *testing.T) {
	t.Parallel()
	for _, alg := range algorithms {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			private := privateFor(alg)
			token := tokenBy(t, alg, private, nil)
			public := publicOf(private)
			for form, content := range map[string]string{
				"private file": fileOf(t, private),
				"public file":  fileOf(t, public),
				"JWK":          jwkOf(t, public, nil),
				"private JWK":  jwkOf(t, private, nil),
				"JWK Set":      jwkSet(jwkOf(t, public, map[string]any{"alg": alg, "kid": "k", "use": "sig", "key_ops": []string{"verify"}})),
			} {
				if _, err := newVerifier(loadKey(t, content), auth.Options{}).Verify(token); err != nil {
					t.Errorf("%s: %v", form, err)
				}
			}
			for form, content := range map[string]string{"file": fileOf(t, private), "JWK": jwkOf(t, private, nil), "JWK with alg": jwkOf(t, private, map[string]any{"alg": alg})} {
				own := sign(t, loadKey(t, content), auth.Claims{Subject: "s", Expires: now.Add(time.Hour)})
				if _, err := newVerifier(loadKey(t, fileOf(t, public)), auth.Options{}).Verify(own); err != nil {
					t.Errorf("signed by %s: %v", form, err)
				}
				if form == "JWK with alg" && algOf(t, own) != alg {
					t.Errorf("signed as %s", algOf(t, own))
				}
			}
		})
	}
}

func algOf(t *testing.T, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Method.Alg()
}

// A token that one key signed never holds with another, of whatever type, whatever algorithm the token says, and
// whatever of the other key its signer knows.
func TestNoKeyVerifiesForAnother(t *testing.T) {
	t.Parallel()
	keys := map[string]any{
		"secret 32": []byte(secret), "secret 48": privateFor("HS384"), "secret 64": privateFor("HS512"),
		"RSA": rsaKey(), "other RSA": otherRSA(), "Ed25519": edKey(), "other Ed25519": makeEd(),
		"P-256": privateFor("ES256"), "P-384": privateFor("ES384"), "P-521": privateFor("ES512"),
		"other P-256": makeEC(elliptic.P256()), "other P-384": makeEC(elliptic.P384()), "other P-521": makeEC(elliptic.P521()),
	}
	verifiers := map[string]*auth.Verifier{}
	for name, k := range keys {
		verifiers[name] = newVerifier(loadKey(t, fileOf(t, publicOf(k))), auth.Options{})
	}
	for signer, private := range keys {
		for _, alg := range algorithms {
			token, err := jwt.NewWithClaims(jwt.GetSigningMethod(alg), with(nil)).SignedString(private)
			if err != nil {
				continue // the algorithm is of another kind of key
			}
			for verifier, v := range verifiers {
				_, err := v.Verify(token)
				want := verifier == signer && fits(alg, private)
				if (err == nil) != want {
					t.Errorf("%s by %s against %s: %v", alg, signer, verifier, err)
				}
			}
		}
	}
	for name, k := range keys {
		for _, known := range publicForms(t, publicOf(k)) {
			for _, alg := range []string{"HS256", "HS384", "HS512"} {
				if _, err := verifiers[name].Verify(tokenBy(t, alg, known, nil)); err == nil {
					t.Errorf("%s with the public key %s as its secret is taken: %q", alg, name, known)
				}
			}
		}
	}
}

// fits repeats RFC 7518: the size of a secret, the curve of an EC key.
func fits(alg string, private any) bool {
	if s, ok := private.([]byte); ok {
		return len(s) >= map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}[alg]
	}
	return true // the library refuses the rest
}

// publicForms are what an attacker may take for a secret: nothing, if the key is one.
func publicForms(t *testing.T, public any) [][]byte {
	t.Helper()
	if _, secret := public.([]byte); secret {
		return [][]byte{{}, nil}
	}
	text := fileOf(t, public)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	forms := [][]byte{[]byte(text), []byte(strings.TrimSpace(text)), der, []byte(jwkOf(t, public, nil)), []byte(fmt.Sprint(public)), {}}
	if k, ok := public.(*rsa.PublicKey); ok {
		forms = append(forms, x509.MarshalPKCS1PublicKey(k), k.N.Bytes())
	}
	return forms
}

// Each header below brings or names a key by which the token would hold.
func TestHeadersBringNoKeys(t *testing.T) {
	t.Parallel()
	v := newVerifier(loadKey(t, fileOf(t, rsaKey().Public())), auth.Options{})
	for name, value := range map[string]any{
		"jwk": jwkMembers(t, otherRSA().Public(), nil),
		"jku": "https://evil.test/keys", "x5u": "https://evil.test/cert", "x5c": []string{"MIIB"},
	} {
		if _, err := v.Verify(tokenBy(t, "RS256", otherRSA(), map[string]any{name: value})); err == nil {
			t.Errorf("%s: taken", name)
		}
		if _, err := v.Verify(tokenBy(t, "RS256", rsaKey(), map[string]any{name: value})); err != nil {
			t.Errorf("%s of a good token is not ignored: %v", name, err)
		}
	}
}

// The kid picks among keys that have one; a key without is tried for any.
func TestKid(t *testing.T) {
	t.Parallel()
	named := func(kid string, k any) string { return jwkOf(t, publicOf(k), map[string]any{"kid": kid}) }
	es, other := privateFor("ES256"), makeEC(elliptic.P256())
	var crowd []string
	for range 16 {
		crowd = append(crowd, named("crowd", makeEC(elliptic.P256())))
	}
	for name, tc := range map[string]struct {
		keys string
		kid  any
		want bool
	}{
		"right kid":               {jwkSet(named("a", es), named("b", other)), "a", true},
		"wrong kid":               {jwkSet(named("a", es), named("b", other)), "b", false},
		"unknown kid":             {jwkSet(named("a", es)), "x", false},
		"no kid":                  {jwkSet(named("b", other), named("a", es)), nil, true},
		"empty kid":               {jwkSet(named("b", other), named("a", es)), "", true},
		"a number for kid":        {jwkSet(named("b", other), named("a", es)), 5, true},
		"key without kid":         {jwkSet(jwkOf(t, publicOf(es), nil)), "x", true},
		"same kid twice":          {jwkSet(named("a", other), named("a", es)), "a", true},
		"same kid of other types": {jwkSet(named("a", rsaKey()), named("a", edKey()), named("a", es)), "a", true},
		"16th key":                {jwkSet(append(crowd[:15:15], named("a", es))...), nil, true},
		"17th key":                {jwkSet(append(crowd[:16:16], named("a", es))...), nil, false},
		"17th, by kid":            {jwkSet(append(crowd[:16:16], named("a", es))...), "a", true},
		"PEM, any kid":            {fileOf(t, publicOf(other)) + fileOf(t, publicOf(es)), "x", true},
	} {
		header := map[string]any{}
		if tc.kid != nil {
			header["kid"] = tc.kid
		}
		_, err := newVerifier(loadKey(t, tc.keys), auth.Options{}).Verify(tokenBy(t, "ES256", es, header))
		if (err == nil) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSignNamesItsKey(t *testing.T) {
	t.Parallel()
	keys := loadKey(t, jwkSet(jwkOf(t, rsaKey().Public(), map[string]any{"kid": "a"}), jwkOf(t, edKey(), map[string]any{"kid": "b"})))
	token := sign(t, keys, auth.Claims{Subject: "s", Expires: now.Add(time.Hour)})
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil || parsed.Header["kid"] != "b" || parsed.Header["alg"] != "EdDSA" {
		t.Errorf("%v, %v", parsed.Header, err)
	}
	if !keys.CanSign() {
		t.Error("cannot sign")
	}
}

func TestPublicKeysDoNotSign(t *testing.T) {
	t.Parallel()
	for _, content := range []string{fileOf(t, rsaKey().Public()), jwkOf(t, edKey().Public(), nil)} {
		keys := loadKey(t, content)
		token, err := keys.Sign(auth.Claims{Subject: "s", Expires: now.Add(time.Hour)})
		if err == nil || !strings.Contains(err.Error(), "a public key only verifies") || keys.CanSign() {
			t.Errorf("%q, %v", token, err)
		}
	}
}

func BenchmarkVerifyPublic(b *testing.B) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		b.Run(alg, func(b *testing.B) {
			k := privateFor(alg)
			v, token := newVerifier(loadKey(b, fileOf(b, publicOf(k))), auth.Options{}), tokenBy(b, alg, k, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
