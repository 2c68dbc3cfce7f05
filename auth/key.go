package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minSecret = 32   // bytes: the size of the hash of HS256, which RFC 7518 section 3.2 demands at least
	minRSA    = 2048 // bits: RFC 7518 section 3.3
	maxRSA    = 8192 // bits: a modulus without a bound would make every token dear to check
)

// The algorithms of each kind of key; the first is the one that we sign with.
var (
	rsaAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	edAlgorithms  = []string{"EdDSA"}
	ecAlgorithms  = map[elliptic.Curve][]string{
		elliptic.P256(): {"ES256"}, elliptic.P384(): {"ES384"}, elliptic.P521(): {"ES512"},
	}
	hmacAlgorithms = []struct {
		name string
		size int // bytes that a secret needs
	}{{"HS256", 32}, {"HS384", 48}, {"HS512", 64}}
)

// algorithms are all that a token may name. "none" is not among them.
var (
	publicAlgorithms = slices.Concat(rsaAlgorithms, []string{"ES256", "ES384", "ES512"}, edAlgorithms)
	algorithms       = append([]string{"HS256", "HS384", "HS512"}, publicAlgorithms...)
)

// key is a key with the algorithms that its type allows. A token's header chooses among keys, and never how a key is
// used (RFC 8725 sections 3.1 and 3.2).
type key struct {
	id     string // its kid; empty: it has none, and is tried for any
	algs   []string
	verify jwt.VerificationKey // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	sign   any                 // []byte or the private key; nil: it can verify only
}

// newKey binds a secret, a public or a private key to its algorithms.
func newKey(material any) (key, error) {
	switch m := material.(type) {
	case []byte:
		return newSecret(m)
	case *rsa.PublicKey:
		return key{algs: rsaAlgorithms, verify: m}, checkRSA(m)
	case *ecdsa.PublicKey:
		algs, ok := ecAlgorithms[m.Curve]
		if !ok {
			return key{}, fmt.Errorf("an EC key on the curve %s: only P-256, P-384 and P-521 are taken", m.Params().Name)
		}
		return key{algs: algs, verify: m}, nil
	case ed25519.PublicKey:
		return key{algs: edAlgorithms, verify: m}, nil
	case crypto.Signer:
		k, err := newKey(m.Public())
		k.sign = m
		return k, err
	}
	return key{}, errors.New("a kind of key that signs no tokens: RSA, EC and Ed25519 keys do")
}

func newSecret(secret []byte) (key, error) {
	if len(secret) < minSecret {
		return key{}, fmt.Errorf("the secret has %d bytes; HS256 needs at least %d", len(secret), minSecret)
	}
	k := key{verify: secret, sign: secret}
	for _, a := range hmacAlgorithms {
		if len(secret) >= a.size {
			k.algs = append(k.algs, a.name)
		}
	}
	return k, nil
}

// checkRSA refuses what crypto/rsa would only when the first token comes. With an exponent of 1 anyone could sign.
func checkRSA(k *rsa.PublicKey) error {
	switch bits := k.N.BitLen(); {
	case bits < minRSA:
		return fmt.Errorf("the RSA key has %d bits; at least %d are needed", bits, minRSA)
	case bits > maxRSA:
		return fmt.Errorf("the RSA key has %d bits; at most %d are taken", bits, maxRSA)
	case k.N.Bit(0) == 0 || k.E < 3 || k.E%2 == 0:
		return errors.New("the RSA key is not valid: an even modulus, or an exponent that is even or below 3")
	}
	return nil
}

// maxTried bounds the signatures that are checked for one token.
const maxTried = 16

// fitting returns the keys that may have made a token's signature: those that the kid names, then those that have no
// kid; all if the token names none (RFC 7515 section 4.1.4: it is a hint).
func fitting(kid, alg string, sets ...[]key) []jwt.VerificationKey {
	var named, unnamed []jwt.VerificationKey
	for _, set := range sets {
		for _, k := range set {
			switch {
			case !slices.Contains(k.algs, alg):
			case kid == "" || k.id == kid:
				named = append(named, k.verify)
			case k.id == "":
				unnamed = append(unnamed, k.verify)
			}
		}
	}
	named = append(named, unnamed...)
	return named[:min(len(named), maxTried)]
}
