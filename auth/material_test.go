package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/thoonkd/thoonkd/auth"
)

// Keys of every kind, made once: RSA ones take a while.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return makeRSA(2048) })
	otherRSA = sync.OnceValue(func() *rsa.PrivateKey { return makeRSA(2048) })
	ecKeys   = sync.OnceValue(func() map[string]*ecdsa.PrivateKey {
		return map[string]*ecdsa.PrivateKey{
			"ES256": makeEC(elliptic.P256()), "ES384": makeEC(elliptic.P384()), "ES512": makeEC(elliptic.P521()),
		}
	})
	edKey = sync.OnceValue(makeEd)
)

func makeRSA(bits int) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return k
}

func makeEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

func makeEd() ed25519.PrivateKey {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

// algorithms that a token may be signed with.
var algorithms = strings.Fields("HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA")

// privateFor returns a key that the algorithm signs with.
func privateFor(alg string) any {
	switch alg[:2] {
	case "HS":
		return []byte(strings.Repeat(alg, 13))
	case "ES":
		return ecKeys()[alg]
	case "Ed":
		return edKey()
	}
	return rsaKey()
}

// publicOf returns what verifies what the key signs.
func publicOf(private any) any {
	if k, ok := private.(crypto.Signer); ok {
		return k.Public()
	}
	return private
}

// fileOf returns the content of a key file: PEM, or the secret itself.
func fileOf(t testing.TB, k any) string {
	t.Helper()
	if secret, ok := k.([]byte); ok {
		return string(secret)
	}
	if _, private := k.(crypto.Signer); private {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return block("PRIVATE KEY", der)
	}
	der, err := x509.MarshalPKIXPublicKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return block("PUBLIC KEY", der)
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// jwkOf returns a JWK of a secret, a public or a private key, with some members more.
func jwkOf(t testing.TB, k any, more map[string]any) string {
	t.Helper()
	b, err := json.Marshal(jwkMembers(t, k, more))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// jwkMembers has members that are nil in more left out.
func jwkMembers(t testing.TB, k any, more map[string]any) map[string]any {
	t.Helper()
	m := map[string]any{}
	switch k := k.(type) {
	case []byte:
		m["kty"], m["k"] = "oct", octets(k)
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", octets(k.N.Bytes()), octets(big.NewInt(int64(k.E)).Bytes())
	case *rsa.PrivateKey:
		m = jwkMembers(t, &k.PublicKey, nil)
		m["d"], m["p"], m["q"] = octets(k.D.Bytes()), octets(k.Primes[0].Bytes()), octets(k.Primes[1].Bytes())
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		size := len(point) / 2
		m["kty"], m["crv"], m["x"], m["y"] = "EC", k.Params().Name, octets(point[1:1+size]), octets(point[1+size:])
	case *ecdsa.PrivateKey:
		m = jwkMembers(t, &k.PublicKey, nil)
		d, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		m["d"] = octets(d)
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", octets(k)
	case ed25519.PrivateKey:
		m = jwkMembers(t, k.Public(), nil)
		m["d"] = octets(k.Seed())
	default:
		t.Fatalf("no JWK of a %T", k)
	}
	maps.Copy(m, more)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

func octets(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwkSet returns a JWK Set of some JWKs.
func jwkSet(jwks ...string) string { return `{"keys":[` + strings.Join(jwks, ",") + `]}` }

// tokenBy returns a good token that the key signed as alg, with header fields more.
func tokenBy(t testing.TB, alg string, private any, header map[string]any) string {
	t.Helper()
	return claimsBy(t, alg, private, header, with(nil))
}

func claimsBy(t testing.TB, alg string, private any, header map[string]any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.GetSigningMethod(alg), claims)
	maps.Copy(token.Header, header)
	s, err := token.SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newVerifier returns a verifier of tokens of this file's clock.
func newVerifier(keys *auth.Keys, o auth.Options) *auth.Verifier {
	o.Keys = keys
	o.Now = func() time.Time { return now }
	return auth.NewVerifier(o)
}
