package auth

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
)

// minSecret is the size of the hash, which RFC 7518 section 3.2 demands of an HS256 key at least.
const minSecret = 32

// Key signs and verifies tokens. It never shows its secret: neither printed with any verb nor logged.
type Key struct {
	secret []byte
}

// LoadKey reads the HS256 secret that a file holds: at least 32 bytes, without the newline that editors put at the end.
func LoadKey(file string) (*Key, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("auth key: %w", err)
	}
	key, err := newKey(b)
	if err != nil {
		return nil, fmt.Errorf("auth key %s: %w", file, err)
	}
	return key, nil
}

// GenerateKey writes a new random secret to a file that must not be there yet (else the error is [os.ErrExist]), with
// mode 0600 in a folder that is made with mode 0700.
func GenerateKey(file string) (*Key, error) {
	random := make([]byte, minSecret)
	rand.Read(random) // never fails: see crypto/rand
	secret := base64.RawURLEncoding.AppendEncode(nil, random)

	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("auth key: %w", err)
	}
	if err := createFile(file, append(bytes.Clone(secret), '\n')); err != nil {
		return nil, fmt.Errorf("auth key: %w", err)
	}
	return &Key{secret: secret}, nil
}

func newKey(text []byte) (*Key, error) {
	secret, cut := bytes.CutSuffix(text, []byte("\n"))
	if cut {
		secret = bytes.TrimSuffix(secret, []byte("\r"))
	}
	switch {
	case isPEM(secret):
		return nil, errors.New("a PEM key is not supported yet; give a file with an HS256 secret of at least 32 bytes")
	case isJWKS(secret):
		return nil, errors.New("a JWK or JWKS is not supported yet; give a file with an HS256 secret of at least 32 bytes")
	case len(secret) < minSecret:
		return nil, fmt.Errorf("the secret has %d bytes; HS256 needs at least %d", len(secret), minSecret)
	}
	return &Key{secret: secret}, nil
}

// A public key taken for a secret would let everyone who knows it sign tokens.
func isPEM(b []byte) bool { return bytes.Contains(b, []byte("-----BEGIN ")) }

func isJWKS(b []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(b, &object) == nil
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

// String says what the key is, without the secret.
func (k Key) String() string { return "HS256 secret (hidden)" }

// Format hides the secret from every verb of fmt.
func (k Key) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, k.String()) }

// LogValue hides the secret from logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
