package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// keyPair writes the files of a private key and of its public half.
func keyPair(t *testing.T, k crypto.Signer) (private, public string) {
	t.Helper()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))),
		writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})))
}

func newEd25519(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// What a private key signs, a server with the public one takes.
func TestTokenWithPrivateKeys(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.Signer{"RS256": rsaKey, "EdDSA": newEd25519(t)}
	for alg, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		if keys[alg], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	for alg, k := range keys {
		private, public := keyPair(t, k)
		r := thoonkd(t, nil, "token", "--auth-key", private, "--subject", "s", "--grant", "*=read")
		if r.code != 0 {
			t.Fatalf("%s: %+v", alg, r)
		}
		header, _, _ := strings.Cut(r.stdout, ".")
		if b, err := base64.RawURLEncoding.DecodeString(header); err != nil || !strings.Contains(string(b), `"alg":"`+alg+`"`) {
			t.Errorf("%s: header %s, %v", alg, b, err)
		}
		verify(t, public, r.stdout)
		for _, args := range [][]string{{"config", "check", "--auth-key", public}, {"config", "check", "--auth-key", private}} {
			if r := thoonkd(t, nil, args...); r.code != 0 {
				t.Errorf("%s: %+v", alg, r)
			}
		}
		if r := thoonkd(t, nil, "token", "--auth-key", public, "--subject", "s", "--grant", "*=read"); r.code != 1 || !strings.Contains(r.stderr, "public keys only") {
			t.Errorf("%s: %+v", alg, r)
		}
	}
}

// A token is for the server whose configuration it is made with.
func TestTokenScopeIssuerAndAudience(t *testing.T) {
	t.Parallel()
	key := writeFile(t, secret)
	file := writeFile(t, "auth-key: "+key+"\nauth-issuer: https://id.test\nauth-audience: feeds\n")
	keys, err := auth.LoadKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	roles := auth.Roles{"reader": {{Match: "*", Can: []auth.Verb{auth.Read}}}}
	for name, tc := range map[string]struct {
		args []string
		o    auth.Options
	}{
		"of the configuration": {[]string{"--config", file}, auth.Options{Issuer: "https://id.test", Audience: "feeds"}},
		"given":                {[]string{"--config", file, "--audience", "others"}, auth.Options{Issuer: "https://id.test", Audience: "others"}},
		"ours":                 {[]string{"--auth-key", key}, auth.Options{Issuer: "thoonkd"}},
	} {
		r := thoonkd(t, nil, append([]string{"token", "--subject", "s", "--scope", "openid reader"}, tc.args...)...)
		if r.code != 0 {
			t.Fatalf("%s: %+v", name, r)
		}
		tc.o.Keys, tc.o.Roles = keys, roles
		p, err := auth.NewVerifier(tc.o).Verify(strings.TrimSpace(r.stdout))
		if err != nil || !p.Can(auth.Read, "x") || p.Can(auth.Publish, "x") {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	if r := thoonkd(t, nil, "token", "--auth-key", key, "--subject", "s", "--scope", `a"b`); r.code != 1 || !strings.Contains(r.stderr, "scope") {
		t.Errorf("%+v", r)
	}
}

// A server whose keys are elsewhere signs nothing itself, not even with a key that it once made.
func TestTokenWithoutKey(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "auth.key"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	r := thoonkd(t, []string{"THOONKD_AUTH_JWKS=https://id.test/keys"}, "token", "--data", data, "--subject", "s", "--grant", "*=read")
	if r.code != 1 || !strings.Contains(r.stderr, "those of auth-jwks") {
		t.Errorf("%+v", r)
	}
}

// The whole way: a token of another's key, its roles, and keys that are not there at the start.
func TestServeWithJWKS(t *testing.T) {
	t.Parallel()
	thoonktest.NeedRedis(t)
	k := newEd25519(t)
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":%q}]}`, base64.RawURLEncoding.EncodeToString(k.Public().(ed25519.PublicKey)))
	}))
	t.Cleanup(issuer.Close)
	file := writeFile(t, `roles: {reader: [{match: "team:*", can: [read]}]}`)
	p := serveReady(t, "--auth-key", "", "--auth-jwks", issuer.URL, "--auth-issuer", "https://id.test", "--public-url", "https://feeds.test", "--config", file)

	private, _ := keyPair(t, k)
	bearer := func(env []string, args ...string) string {
		t.Helper()
		r := thoonkd(t, env, append([]string{"token", "--auth-key", private, "--subject", "s", "--scope", "openid reader"}, args...)...)
		if r.code != 0 {
			t.Fatal(r.stderr)
		}
		return "Authorization: Bearer " + strings.TrimSpace(r.stdout)
	}
	ours := []string{"THOONKD_AUTH_ISSUER=https://id.test"}
	for name, tc := range map[string]struct {
		header, feed string
		want         int
	}{
		"role":           {bearer(ours), "team:1", 404},
		"not in role":    {bearer(ours), "other", 403},
		"for us":         {bearer(ours, "--audience", "https://feeds.test"), "team:1", 404},
		"for others":     {bearer(ours, "--audience", "https://other.test"), "team:1", 401},
		"another issuer": {bearer(nil), "team:1", 401},
	} {
		if r := p.do("GET", "/v1/feeds/"+tc.feed, tc.header, ""); r.StatusCode != tc.want {
			t.Errorf("%s: %s %s", name, r.Status, r.body)
		}
	}
	if r := p.do("GET", "/v1/feeds/team:1", "Authorization: Bearer "+p.token("*=admin"), ""); r.StatusCode != 401 {
		t.Errorf("a secret that the server has not: %s", r.Status)
	}
}

func TestServeStartsWithoutTheIssuer(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	p := serve(t, "--auth-jwks", gone.URL)
	private, _ := keyPair(t, newEd25519(t))
	r := thoonkd(t, nil, "token", "--auth-key", private, "--subject", "s", "--grant", "*=admin")
	answer := p.do("GET", "/v1/feeds", "Authorization: Bearer "+strings.TrimSpace(r.stdout), "")
	if answer.StatusCode != 401 || !strings.Contains(string(answer.body), "could not be fetched yet") {
		t.Errorf("%s %s", answer.Status, answer.body)
	}
	p.ready()
	if r := p.do("GET", "/v1/feeds", "Authorization: Bearer "+p.token("*=admin"), ""); r.StatusCode != 200 {
		t.Errorf("the file's key: %s %s", r.Status, r.body)
	}
}

// Settings reach the edge.
func TestRateLimitAndCORSAreWired(t *testing.T) {
	t.Parallel()
	p := serve(t, "--rate-limit", "0.001", "--rate-burst", "2", "--cors-origins", "https://app.test")
	admin := "Authorization: Bearer " + p.token("*=admin") + "\nOrigin: https://app.test"
	first := p.do("GET", "/v1/feeds/a", admin, "")
	if first.Header.Get("Access-Control-Allow-Origin") != "https://app.test" {
		t.Error(first.Header)
	}
	p.do("GET", "/v1/feeds/a", admin, "")
	if r := p.do("GET", "/v1/feeds/a", admin, ""); r.StatusCode != http.StatusTooManyRequests {
		t.Errorf("%s after two of two requests", r.Status)
	}
	if r := p.do("GET", "/metrics", "", ""); r.StatusCode != 200 || !strings.Contains(string(r.body), `route="/v1/feeds/:feed"`) {
		t.Errorf("%s\n%s", r.Status, r.body)
	}
}
