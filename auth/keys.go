package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
)

// Keys sign and verify tokens. They never show their secrets: neither printed with any verb nor logged.
type Keys struct {
	all []key
}

// LoadKeys reads a file that holds one of: an HS256 secret of at least 32 bytes, which a newline at the end is no part
// of, since editors put it there; PEM keys and certificates, public or private; a JWK or a JWK Set (RFC 7517).
func LoadKeys(file string) (*Keys, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("auth key: %w", err)
	}
	keys, err := parseKeys(b)
	if err != nil {
		return nil, fmt.Errorf("auth key %s: %w", file, err)
	}
	return &Keys{keys}, nil
}

// GenerateKey writes a new random secret to a file that must not be there yet (else the error is [os.ErrExist]), with
// mode 0600 in a folder that is made with mode 0700.
func GenerateKey(file string) (*Keys, error) {
	random := make([]byte, minSecret)
	rand.Read(random) // never fails: see crypto/rand
	secret := base64.RawURLEncoding.AppendEncode(nil, random)

	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("auth key: %w", err)
	}
	if err := createFile(file, append(bytes.Clone(secret), '\n')); err != nil {
		return nil, fmt.Errorf("auth key: %w", err)
	}
	k, err := newSecret(secret)
	return &Keys{[]key{k}}, err
}

// CanSign reports whether there is a secret or a private key.
func (k Keys) CanSign() bool { return k.signer() != nil }

// signer returns the first key that can sign, or nil.
func (k Keys) signer() *key {
	i := slices.IndexFunc(k.all, func(k key) bool { return k.sign != nil })
	if i < 0 {
		return nil
	}
	return &k.all[i]
}

// parseKeys tells the forms apart. Nothing that may be a public key is ever taken for a secret: everyone who knows it
// could sign tokens.
func parseKeys(text []byte) ([]key, error) {
	secret, cut := bytes.CutSuffix(text, []byte("\n"))
	if cut {
		secret = bytes.TrimSuffix(secret, []byte("\r"))
	}
	switch {
	case isPEM(text):
		return parsePEM(text)
	case isJWK(text):
		return parseJWKFile(text)
	case isDER(text):
		return nil, errors.New("a key in DER: give it as PEM")
	case isSSH(text):
		return nil, errors.New("a key of OpenSSH: give it as PEM (ssh-keygen -e -m PKCS8)")
	}
	k, err := newSecret(secret)
	return []key{k}, err
}

func isPEM(b []byte) bool { return bytes.Contains(b, []byte(pemBegin)) }

// isJWK is true of broken ones too.
func isJWK(b []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(b, &object) == nil || bytes.Contains(b, []byte(`"kty"`)) || bytes.Contains(b, []byte(`"keys"`))
}

func isDER(b []byte) bool {
	_, pkix := x509.ParsePKIXPublicKey(b)
	_, pkcs1 := x509.ParsePKCS1PublicKey(b)
	_, certificate := x509.ParseCertificate(b)
	return pkix == nil || pkcs1 == nil || certificate == nil
}

func isSSH(b []byte) bool {
	return bytes.HasPrefix(b, []byte("ssh-")) || bytes.HasPrefix(b, []byte("ecdsa-sha2-")) || bytes.HasPrefix(b, []byte("---- BEGIN SSH2"))
}

// createFile leaves either the whole file on the disk or none.
func createFile(name string, content []byte) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(name)
		}
	}()
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// String says how many keys there are, and nothing of them.
func (k Keys) String() string { return fmt.Sprintf("%d keys (hidden)", len(k.all)) }

// Format hides the keys from every verb of fmt.
func (k Keys) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, k.String()) }

// LogValue hides the keys from logs.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }
