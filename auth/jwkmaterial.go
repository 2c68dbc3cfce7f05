package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// curves of RFC 7518 section 6.2.1.1.
var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

// material returns the key that the members describe (RFC 7518 section 6, RFC 8037 section 2): a private one if the
// private members are there, which then have to belong to the public ones.
func (j jwk) material() (any, error) {
	switch j.text("kty") {
	case "oct":
		return j.octets("k")
	case "RSA":
		return j.rsa()
	case "EC":
		return j.ec()
	case "OKP":
		return j.okp()
	}
	return nil, errUnused
}

// publicMaterial is the public half of the key, whatever else the members give away.
func (j jwk) publicMaterial() (any, error) {
	if j.text("kty") == "oct" {
		return nil, errors.New("a secret that others can read is none")
	}
	delete(j, "d")
	return j.material()
}

func (j jwk) private() bool { return j["d"] != nil }

func (j jwk) rsa() (any, error) {
	numbers, err := j.numbers("n", "e")
	if err != nil {
		return nil, err
	}
	n, e := numbers[0], numbers[1]
	if e.BitLen() > 31 { // what crypto/rsa takes
		return nil, errors.New("e is too large")
	}
	public := rsa.PublicKey{N: n, E: int(e.Int64())}
	if err := checkRSA(&public); err != nil || !j.private() {
		return &public, err
	}
	if j["oth"] != nil {
		return nil, errors.New("an RSA key of more than two primes")
	}
	if numbers, err = j.numbers("d", "p", "q"); err != nil {
		return nil, err
	}
	private := &rsa.PrivateKey{PublicKey: public, D: numbers[0], Primes: numbers[1:]}
	if err := private.Validate(); err != nil {
		return nil, fmt.Errorf("d, p and q do not belong to n and e: %w", err)
	}
	private.Precompute()
	return private, nil
}

func (j jwk) ec() (any, error) {
	curve, ok := curves[j.text("crv")]
	if !ok {
		return nil, errUnused
	}
	size := (curve.Params().BitSize + 7) / 8
	x, errX := j.padded("x", size)
	y, errY := j.padded("y", size)
	if err := errors.Join(errX, errY); err != nil {
		return nil, err
	}
	const uncompressed = 4 // SEC 1 section 2.3.3
	public, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{uncompressed}, x, y))
	if err != nil {
		return nil, errors.New("x and y are no point of the curve")
	}
	if !j.private() {
		return public, nil
	}
	d, err := j.padded("d", size)
	if err != nil {
		return nil, err
	}
	private, err := ecdsa.ParseRawPrivateKey(curve, d)
	if err != nil || !private.PublicKey.Equal(public) {
		return nil, errors.New("d does not belong to x and y")
	}
	return private, nil
}

func (j jwk) okp() (any, error) {
	if j.text("crv") != "Ed25519" {
		return nil, errUnused
	}
	x, err := j.octets("x")
	if err != nil {
		return nil, err
	}
	if len(x) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("x has %d bytes, not %d", len(x), ed25519.PublicKeySize)
	}
	public := ed25519.PublicKey(x)
	if !j.private() {
		return public, nil
	}
	d, err := j.octets("d")
	if err != nil {
		return nil, err
	}
	if len(d) != ed25519.SeedSize {
		return nil, fmt.Errorf("d has %d bytes, not %d", len(d), ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(d)
	if !public.Equal(private.Public()) {
		return nil, errors.New("d does not belong to x")
	}
	return private, nil
}

// octets decodes base64url. RFC 7515 section 2 has no padding; some sets have it all the same, and it changes nothing.
func (j jwk) octets(name string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(j.text(name), "="))
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%s is missing or not base64url", name)
	}
	return b, nil
}

// padded decodes a number of a fixed size. Some sets leave its leading zeros out.
func (j jwk) padded(name string, size int) ([]byte, error) {
	b, err := j.octets(name)
	if err != nil {
		return nil, err
	}
	if len(b) > size {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", name, len(b), size)
	}
	return append(make([]byte, size-len(b)), b...), nil
}

func (j jwk) numbers(names ...string) ([]*big.Int, error) {
	numbers := make([]*big.Int, len(names))
	for i, name := range names {
		b, err := j.octets(name)
		if err != nil {
			return nil, err
		}
		numbers[i] = new(big.Int).SetBytes(b)
	}
	return numbers, nil
}
