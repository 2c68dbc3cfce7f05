package auth_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/auth"
)

const secret = "0123456789abcdef0123456789abcdef"

func writeKey(t testing.TB, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func loadKey(t testing.TB, content string) *auth.Keys {
	t.Helper()
	key, err := auth.LoadKeys(writeKey(t, content))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, key *auth.Keys, c auth.Claims) string {
	t.Helper()
	token, err := key.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// One newline at the end is the editor's; all else is the secret's.
func TestLoadKeyTrimsOneNewline(t *testing.T) {
	t.Parallel()
	claims := auth.Claims{Subject: "s", Expires: now.Add(time.Hour)}
	same := sign(t, loadKey(t, secret), claims)
	for content, equal := range map[string]bool{
		secret:            true,
		secret + "\n":     true,
		secret + "\r\n":   true,
		secret + "\n\n":   false,
		secret + "\r":     false,
		" " + secret:      false,
		secret + " \n":    false,
		secret + "\r\n\n": false,
	} {
		if got := sign(t, loadKey(t, content), claims); (got == same) != equal {
			t.Errorf("%q is the same key: %v", content, !equal)
		}
	}
}

func TestLoadKeyErrors(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"":                   "has 0 bytes",
		secret[:31]:          "has 31 bytes",
		secret[:31] + "\n":   "has 31 bytes",
		secret[:30] + "\r\n": "has 30 bytes",
	} {
		file := writeKey(t, content)
		_, err := auth.LoadKeys(file)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q gave %v, want %q and the file", content, err, want)
		}
	}
	if _, err := auth.LoadKeys(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gave %v", err)
	}
}

func TestGenerateKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a", "b", "auth.key")
	made, err := auth.GenerateKey(file)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := auth.LoadKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	claims := auth.Claims{Subject: "s", Expires: now.Add(time.Hour)}
	if sign(t, made, claims) != sign(t, loaded, claims) {
		t.Error("the key in the file is another one")
	}
	for path, want := range map[string]fs.FileMode{file: 0o600, filepath.Dir(file): fs.ModeDir | 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, want %v (%v)", path, info.Mode(), want, err)
		}
	}
	if other, err := auth.GenerateKey(filepath.Join(t.TempDir(), "k")); err != nil || sign(t, other, claims) == sign(t, made, claims) {
		t.Errorf("two keys are the same (%v)", err)
	}
}

func TestGenerateKeyKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	file := writeKey(t, secret)
	if _, err := auth.GenerateKey(file); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if b, _ := os.ReadFile(file); string(b) != secret {
		t.Errorf("the file now holds %q", b)
	}
}

func TestKeyHidesItsSecret(t *testing.T) {
	t.Parallel()
	key := loadKey(t, secret)
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+" "+verb+" ", key, *key)
	}
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "key", key)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "key", *key)
	for _, form := range []string{"%s", "%x", "%d"} {
		if shown := strings.Trim(fmt.Sprintf(form, []byte(secret)), "[]"); strings.Contains(b.String(), shown) {
			t.Errorf("the secret is in %q", b.String())
		}
	}
}
