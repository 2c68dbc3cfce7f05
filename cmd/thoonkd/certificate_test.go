package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// pair are the files of a certificate for this machine.
type pair struct {
	t         *testing.T
	cert, key string
}

func newPair(t *testing.T) pair {
	t.Helper()
	dir := t.TempDir()
	p := pair{t, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	p.renew("first")
	return p
}

// renew writes a new certificate of that name, and a new key.
func (p pair) renew(name string) {
	p.t.Helper()
	cert, key := p.make(name)
	p.write(p.cert, cert)
	p.write(p.key, key)
}

func (p pair) make(name string) (cert, key []byte) {
	p.t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		p.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		p.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// write replaces a file by one with a time of its own, however coarse the file system's clock.
func (p pair) write(name string, content []byte) {
	p.t.Helper()
	modified := time.Unix(0, 0)
	if info, err := os.Stat(name); err == nil {
		modified = info.ModTime().Add(time.Second)
	}
	if err := os.WriteFile(name, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Chtimes(name, modified, modified); err != nil {
		p.t.Fatal(err)
	}
}

// client trusts the certificate as it is now.
func (p pair) client() *http.Client {
	p.t.Helper()
	cert, err := os.ReadFile(p.cert)
	if err != nil {
		p.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestServeTLS(t *testing.T) {
	t.Parallel()
	thoonktest.NeedRedis(t)
	p := newPair(t)
	server := serve(t, "--tls-cert", p.cert, "--tls-key", p.key)
	if !strings.HasPrefix(server.url, "https://127.0.0.1:") {
		t.Fatalf("listens on %q", server.url)
	}
	client := p.client()
	get := func(ctx context.Context, path string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+server.token("*=admin"))
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	thoonktest.Eventually(t, "ready", func() bool { return get(t.Context(), "/readyz").StatusCode == http.StatusOK })
	if resp := get(t.Context(), "/v1/feeds"); resp.StatusCode != http.StatusOK || resp.Proto != "HTTP/2.0" || resp.TLS.Version != tls.VersionTLS13 {
		t.Errorf("%s over %s", resp.Status, resp.Proto)
	}

	// A stream of events ends with the server over HTTP/2 too.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.url+"/v1/feeds/a", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+server.token("*=admin"))
	if resp, err := client.Do(req); err != nil || resp.StatusCode != http.StatusCreated || !strings.HasPrefix(resp.Header.Get("Location"), "/v1/") {
		t.Fatal(resp, err)
	}
	events := get(t.Context(), "/v1/feeds/a/events?snapshot=true")
	live := make(chan thoonktest.SSEvent, 10)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = thoonktest.ReadSSE(events.Body, func(e thoonktest.SSEvent) bool {
			live <- e
			return true
		})
	}()
	if e := thoonktest.Next(t, live); e.Event != "live" {
		t.Errorf("%+v", e)
	}
	if r := server.stop(); r.code != 0 {
		t.Errorf("%+v", r)
	}
	<-ended
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	c, err := loadCertificate(config.Config{TLSCert: p.cert, TLSKey: p.key}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for version, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		if _, err := handshake(t, c, version); (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

// handshake returns the name of the certificate that the server shows.
func handshake(t *testing.T, c *certificate, version uint16) (string, error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		server := tls.Server(far, c.config())
		_ = server.HandshakeContext(t.Context())
		_ = server.Close()
	}()
	client := tls.Client(near, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
	if err := client.HandshakeContext(t.Context()); err != nil {
		return "", err
	}
	return client.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

// A new pair is taken within ten seconds; half of one, a broken one or none is not, and is told once.
func TestCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	now := time.Unix(1e9, 0)
	var log bytes.Buffer
	c, err := loadCertificate(config.Config{TLSCert: p.cert, TLSKey: p.key}, func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	shows := func(after time.Duration, want string) {
		t.Helper()
		now = now.Add(after)
		if got, err := handshake(t, c, tls.VersionTLS13); err != nil || got != want {
			t.Errorf("shows %q, %v; want %q", got, err, want)
		}
	}
	shows(0, "first")
	shows(time.Hour, "first")
	p.renew("second")
	shows(9*time.Second, "first")
	shows(time.Second, "second")

	cert, key := p.make("third")
	p.write(p.cert, cert)
	shows(10*time.Second, "second")
	shows(10*time.Second, "second")
	p.write(p.key, key)
	shows(10*time.Second, "third")

	p.write(p.cert, []byte("no PEM"))
	shows(10*time.Second, "third")
	if err := os.Remove(p.cert); err != nil {
		t.Fatal(err)
	}
	shows(10*time.Second, "third")
	shows(10*time.Second, "third")
	p.renew("fourth")
	shows(10*time.Second, "fourth")
	if n := strings.Count(log.String(), "level=WARN"); n != 3 {
		t.Errorf("%d warnings, want 3: half a pair, a broken one, none\n%s", n, log.String())
	}
}

func TestBadCertificates(t *testing.T) {
	t.Parallel()
	p, other, key := newPair(t), newPair(t), writeFile(t, secret)
	for name, files := range map[string][2]string{
		"missing":     {p.cert + ".not", p.key},
		"other's key": {p.cert, other.key},
		"swapped":     {p.key, p.cert},
		"no PEM":      {key, key},
	} {
		for _, command := range [][]string{{"serve"}, {"config", "check"}} {
			r := thoonkd(t, nil, append(command, "--auth-key", key, "--tls-cert", files[0], "--tls-key", files[1])...)
			if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "tls-cert "+files[0]) || strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("%s, %s: %+v", name, command, r)
			}
		}
	}
	if r := thoonkd(t, nil, "serve", "--tls-cert", p.cert); r.code != 1 || !strings.Contains(r.stderr, "no tls-key") {
		t.Errorf("%+v", r)
	}
}
