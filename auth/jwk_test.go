package auth_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/auth"
)

// The keys that RFC 7517 appendix A.1 and RFC 8037 appendix A.2 show.
const (
	rfcEC  = `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}`
	rfcRSA = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	rfcOKP = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	// and its private half, of appendix A.1
	rfcOKPd = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
)

func TestJWKsOfTheRFCs(t *testing.T) {
	t.Parallel()
	loadKey(t, jwkSet(rfcEC, rfcRSA, rfcOKP))
	loadKey(t, strings.Replace(rfcEC, `"use":"enc",`, "", 1))
	loadKey(t, strings.Replace(rfcOKP, "}", `,"d":"`+rfcOKPd+`"}`, 1))
}

// Keys for other things are passed over, wherever they stand.
func TestJWKsThatAreNotForUs(t *testing.T) {
	t.Parallel()
	es := privateFor("ES256")
	good := jwkOf(t, publicOf(es), nil)
	for name, other := range map[string]string{
		"for encryption":        jwkOf(t, rsaKey().Public(), map[string]any{"use": "enc"}),
		"use unknown":           jwkOf(t, rsaKey().Public(), map[string]any{"use": "tls"}),
		"use no text":           jwkOf(t, rsaKey().Public(), map[string]any{"use": 5}),
		"for wrapping keys":     jwkOf(t, rsaKey().Public(), map[string]any{"key_ops": []string{"wrapKey", "unwrapKey"}}),
		"for signing only":      jwkOf(t, rsaKey(), map[string]any{"key_ops": []string{"sign"}}),
		"key_ops empty":         jwkOf(t, rsaKey().Public(), map[string]any{"key_ops": []string{}}),
		"key_ops a text":        jwkOf(t, rsaKey().Public(), map[string]any{"key_ops": "verify"}),
		"alg of encryption":     jwkOf(t, rsaKey().Public(), map[string]any{"alg": "RSA-OAEP"}),
		"alg no text":           jwkOf(t, rsaKey().Public(), map[string]any{"alg": 5}),
		"kty unknown":           `{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}`,
		"curve unknown":         `{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}`,
		"X25519":                `{"kty":"OKP","crv":"X25519","x":"AA"}`,
		"short, for encryption": jwkOf(t, makeRSA(1024).Public(), map[string]any{"use": "enc"}),
		"names in capitals":     `{"KTY":"RSA","N":"AA","E":"AQAB"}`,
	} {
		if name != "names in capitals" { // alone it is no JWK at all
			if _, err := auth.LoadKeys(writeKey(t, other)); err == nil || !strings.Contains(err.Error(), "no key in it is for verifying") {
				t.Errorf("%s alone: %v", name, err)
			}
		}
		for _, set := range []string{jwkSet(other, good), jwkSet(good, other)} {
			if _, err := newVerifier(loadKey(t, set), auth.Options{}).Verify(tokenBy(t, "ES256", es, nil)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestJWKErrors(t *testing.T) {
	t.Parallel()
	rsaWith := func(more map[string]any) string { return jwkOf(t, rsaKey(), more) }
	ecWith := func(more map[string]any) string { return jwkOf(t, privateFor("ES384"), more) }
	edWith := func(more map[string]any) string { return jwkOf(t, edKey(), more) }
	other := jwkMembers(t, makeEC(elliptic.P384()), nil)
	for name, tc := range map[string]struct{ jwk, want string }{
		"no object":          {"5", "not an object"},
		"null":               {"null", "not an object"},
		"secret missing":     {`{"kty":"oct"}`, "k is missing"},
		"secret short":       {jwkOf(t, []byte(secret[:31]), nil), "has 31 bytes"},
		"secret no base64":   {`{"kty":"oct","k":"+/"}`, "k is missing or not base64url"},
		"secret, alg larger": {jwkOf(t, []byte(secret), map[string]any{"alg": "HS512"}), "not for HS512"},
		"alg of another kty": {rsaWith(map[string]any{"alg": "HS256"}), "not for HS256"},
		"alg of a curve":     {ecWith(map[string]any{"alg": "ES256"}), "not for ES256"},
		"RSA, no n":          {rsaWith(map[string]any{"n": nil}), "n is missing"},
		"RSA, n a number":    {rsaWith(map[string]any{"n": 5}), "n is missing"},
		"RSA, short":         {jwkOf(t, makeRSA(1024), nil), "has 1024 bits"},
		"RSA, huge":          {rsaWith(map[string]any{"n": octets(new(big.Int).Lsh(big.NewInt(1), 9000).Bytes()), "d": nil}), "at most 8192"},
		"RSA, n even":        {rsaWith(map[string]any{"n": octets(new(big.Int).Lsh(big.NewInt(1), 2047).Bytes()), "d": nil}), "not valid"},
		"RSA, e 1":           {rsaWith(map[string]any{"e": "AQ", "d": nil}), "not valid"},
		"RSA, e 0":           {rsaWith(map[string]any{"e": "AA", "d": nil}), "not valid"},
		"RSA, e even":        {rsaWith(map[string]any{"e": "BA", "d": nil}), "not valid"},
		"RSA, e beyond":      {rsaWith(map[string]any{"e": octets([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})}), "e is too large"},
		"RSA, d only":        {rsaWith(map[string]any{"p": nil}), "p is missing"},
		"RSA, d wrong":       {rsaWith(map[string]any{"d": "AQAB"}), "do not belong"},
		"RSA, p wrong":       {rsaWith(map[string]any{"p": "Aw"}), "do not belong"},
		"RSA, d null":        {rsaWith(map[string]any{"d": 5}), "d is missing"},
		"RSA, three primes":  {rsaWith(map[string]any{"oth": []any{}}), "more than two primes"},
		"EC, no y":           {ecWith(map[string]any{"y": nil}), "y is missing"},
		"EC, x long":         {ecWith(map[string]any{"x": octets(make([]byte, 49))}), "x has 49 bytes, more than 48"},
		"EC, no point":       {ecWith(map[string]any{"x": "AQ"}), "no point of the curve"},
		"EC, zero":           {ecWith(map[string]any{"x": "AA", "y": "AA"}), "no point of the curve"},
		"EC, other's d":      {ecWith(map[string]any{"d": other["d"]}), "d does not belong"},
		"EC, d zero":         {ecWith(map[string]any{"d": "AA"}), "d does not belong"},
		"EC, d no base64":    {ecWith(map[string]any{"d": "!"}), "d is missing or not base64url"},
		"Ed25519, x short":   {edWith(map[string]any{"x": "AA"}), "x has 1 bytes"},
		"Ed25519, no x":      {edWith(map[string]any{"x": nil}), "x is missing"},
		"Ed25519, d short":   {edWith(map[string]any{"d": "AA"}), "d has 1 bytes"},
		"Ed25519, other's d": {edWith(map[string]any{"d": octets(makeEd().Seed())}), "d does not belong to x"},
	} {
		file := writeKey(t, jwkSet(rfcRSA, tc.jwk))
		_, err := auth.LoadKeys(file)
		if err == nil || !strings.Contains(err.Error(), "JWK 2: ") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	for content, want := range map[string]string{
		`{}`: "neither", `{"keys":5}`: "neither", `{"keys":[]}`: "no key in it", `{"keys":null}`: "no key in it", `{"Keys":[]}`: "neither",
	} {
		if _, err := auth.LoadKeys(writeKey(t, content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", content, err, want)
		}
	}
}

// What some servers write, though RFC 7518 has it otherwise, and which leaves no doubt.
func TestJWKsOfSloppyServers(t *testing.T) {
	t.Parallel()
	k, x, y := makeEC(elliptic.P256()), []byte{1}, []byte(nil)
	for x[0] != 0 { // for a short x
		k = makeEC(elliptic.P256())
		point, err := k.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		x, y = point[1:33], point[33:]
	}
	content := jwkOf(t, k.Public(), map[string]any{"x": octets(x[1:]), "y": base64.URLEncoding.EncodeToString(y)})
	if _, err := newVerifier(loadKey(t, content), auth.Options{}).Verify(tokenBy(t, "ES256", k, nil)); err != nil {
		t.Error(err)
	}
}
