package auth_test

import (
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/auth"
)

func must(t testing.TB) func(der []byte, err error) []byte {
	return func(der []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
}

// certificate returns one of any key, expired long ago: it is a way to write a key down.
func certificate(t testing.TB, public any) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotAfter: time.Unix(1, 0)}
	return block("CERTIFICATE", must(t)(x509.CreateCertificate(rand.Reader, template, template, public, rsaKey())))
}

func TestPEMForms(t *testing.T) {
	t.Parallel()
	es := ecKeys()["ES256"]
	sec1 := block("EC PRIVATE KEY", must(t)(x509.MarshalECPrivateKey(es)))
	for name, tc := range map[string]struct {
		alg     string
		content string
		signs   bool
	}{
		"PKIX":               {"RS256", fileOf(t, rsaKey().Public()), false},
		"PKCS1 public":       {"RS256", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)), false},
		"PKCS1 private":      {"RS256", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), true},
		"PKCS8":              {"EdDSA", fileOf(t, edKey()), true},
		"SEC1":               {"ES256", sec1, true},
		"SEC1 of openssl":    {"ES256", block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}) + sec1, true},
		"RSA certificate":    {"PS512", certificate(t, rsaKey().Public()), false},
		"EC certificate":     {"ES256", certificate(t, es.Public()), false},
		"text around":        {"EdDSA", "Bag Attributes\n  friendlyName: x\n" + fileOf(t, edKey().Public()) + "\nthe end", false},
		"CRLF":               {"EdDSA", strings.ReplaceAll(fileOf(t, edKey().Public()), "\n", "\r\n"), false},
		"several":            {"ES256", fileOf(t, rsaKey().Public()) + certificate(t, edKey().Public()) + sec1, true},
		"private and public": {"ES256", sec1 + fileOf(t, es.Public()), true},
	} {
		keys := loadKey(t, tc.content)
		if _, err := newVerifier(keys, auth.Options{}).Verify(tokenBy(t, tc.alg, privateFor(tc.alg), nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if keys.CanSign() != tc.signs {
			t.Errorf("%s: signs %v", name, keys.CanSign())
		}
	}
}

func TestPEMErrors(t *testing.T) {
	t.Parallel()
	good := fileOf(t, edKey().Public())
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ content, want string }{
		"garbage":          {block("PUBLIC KEY", []byte("x")), "PEM block 1 (PUBLIC KEY): asn1"},
		"wrong label":      {block("CERTIFICATE", must(t)(x509.MarshalPKIXPublicKey(edKey().Public()))), "PEM block 1 (CERTIFICATE): x509"},
		"damaged":          {good + strings.Replace(good, "-----END", "----END", 1), "PEM block 2 is damaged"},
		"cut off":          {good[:len(good)-10], "PEM block 1 is damaged"},
		"encrypted PKCS8":  {good + block("ENCRYPTED PRIVATE KEY", []byte("x")), "PEM block 2 (ENCRYPTED PRIVATE KEY): the key is encrypted"},
		"encrypted PKCS1":  {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AA\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", "is encrypted"},
		"OpenSSH":          {block("OPENSSH PRIVATE KEY", []byte("x")), "not a block that is taken"},
		"parameters only":  {block("EC PARAMETERS", []byte("x")), "no key in it"},
		"short RSA":        {fileOf(t, makeRSA(1024).Public()), "the RSA key has 1024 bits; at least 2048"},
		"short RSA, after": {good + fileOf(t, makeRSA(1024)), "PEM block 2 (PRIVATE KEY): the RSA key has 1024 bits"},
		"small curve":      {fileOf(t, makeEC(elliptic.P224())), "an EC key on the curve P-224"},
		"X25519":           {fileOf(t, x25519.Public()), "signs no tokens"},
		"X25519 private":   {block("PRIVATE KEY", must(t)(x509.MarshalPKCS8PrivateKey(x25519))), "signs no tokens"},
	} {
		file := writeKey(t, tc.content)
		_, err := auth.LoadKeys(file)
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want %q and the file", name, err, tc.want)
		}
	}
}

// What everybody may know must not become a secret because its form is not known.
func TestPublicKeysAreNoSecrets(t *testing.T) {
	t.Parallel()
	der := string(must(t)(x509.MarshalPKIXPublicKey(rsaKey().Public())))
	for name, tc := range map[string]struct{ content, want string }{
		"PKIX":              {der, "in DER"},
		"PKCS1":             {string(x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)), "in DER"},
		"certificate":       {string(pemBody(t, certificate(t, rsaKey().Public()))), "in DER"},
		"OpenSSH RSA":       {"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ me@here\n", "OpenSSH"},
		"OpenSSH Ed25519":   {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ me@here\n", "OpenSSH"},
		"OpenSSH EC":        {"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTI me@here\n", "OpenSSH"},
		"SSH2":              {"---- BEGIN SSH2 PUBLIC KEY ----\nAAAAB3NzaC1yc2E\n", "OpenSSH"},
		"cut off JWK Set":   {jwkSet(jwkOf(t, rsaKey().Public(), nil))[:300], "not a JWK or a JWK Set"},
		"list of JWKs":      {"[" + jwkOf(t, rsaKey().Public(), nil) + "]", "not a JWK or a JWK Set"},
		"any other object":  {`{"issuer":"https://example.org","jwks_uri":"https://example.org/keys"}`, `neither "kty" nor a list of "keys"`},
		"PEM without lines": {strings.ReplaceAll(fileOf(t, rsaKey().Public()), "\n", " "), "PEM block 1 is damaged"},
	} {
		if _, err := auth.LoadKeys(writeKey(t, tc.content)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func pemBody(t testing.TB, text string) []byte {
	t.Helper()
	b, _ := pem.Decode([]byte(text))
	if b == nil {
		t.Fatal("no PEM")
	}
	return b.Bytes
}
