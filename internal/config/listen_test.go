package config_test

import (
	"bytes"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/config"
)

func TestOnlyLoopbackWithoutAKey(t *testing.T) {
	t.Parallel()
	for listen, loopback := range map[string]bool{
		"127.0.0.1:0": true, "127.8.8.8:80": true, "[::1]:80": true, "localhost:80": true, "LOCALHOST:80": true,
		"[::ffff:127.0.0.1]:80": true,
		":8080":                 false, "0.0.0.0:80": false, "[::]:80": false, "192.168.1.1:80": false, "example.org:80": false,
		"127.0.0.1.example.org:80": false, "localhost.example.org:80": false,
	} {
		_, err := load(t, nil, "--listen", listen)
		if loopback && err != nil {
			t.Errorf("%s: %v", listen, err)
		}
		if !loopback && (err == nil || !strings.Contains(err.Error(), "--auth-key") || !strings.Contains(err.Error(), listen)) {
			t.Errorf("%s: %v", listen, err)
		}
		for _, flag := range []string{"--auth-key=file", "--auth-jwks=https://id.test/keys"} {
			if _, err := load(t, nil, "--listen", listen, flag); err != nil {
				t.Errorf("%s with %s: %v", listen, flag, err)
			}
		}
	}
}

func TestPublicURLIsDerived(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"127.0.0.1:80": "http://127.0.0.1:80", "[::1]:80": "http://[::1]:80", "example.org:80": "http://example.org:80",
		":80": "http://localhost:80", "0.0.0.0:80": "http://localhost:80", "[::]:80": "http://localhost:80",
	} {
		c, err := load(t, nil, "--listen", listen, "--auth-key", "file")
		if err != nil || c.PublicURL != want {
			t.Errorf("%s: %q, %v", listen, c.PublicURL, err)
		}
		want = strings.Replace(want, "http", "https", 1)
		c, err = load(t, nil, "--listen", listen, "--auth-key", "file", "--tls-cert", "c", "--tls-key", "k")
		if err != nil || c.PublicURL != want {
			t.Errorf("%s with TLS: %q, %v", listen, c.PublicURL, err)
		}
	}
}

func TestBound(t *testing.T) {
	t.Parallel()
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4242}
	for _, tc := range []struct{ listen, public, tls, wantListen, wantPublic string }{
		{"localhost:0", "", "", "localhost:4242", "http://localhost:4242"},
		{"localhost:0", "", "file", "localhost:4242", "https://localhost:4242"},
		{"localhost:0", "https://a.test", "", "localhost:4242", "https://a.test"},
		{"localhost:80", "", "", "localhost:80", "http://localhost:80"},
	} {
		c, err := load(t, nil, "--listen", tc.listen, "--public-url", tc.public, "--tls-cert", tc.tls, "--tls-key", tc.tls)
		if err != nil {
			t.Fatal(err)
		}
		if c = c.Bound(addr); c.Listen != tc.wantListen || c.PublicURL != tc.wantPublic {
			t.Errorf("%+v gave %q, %q", tc, c.Listen, c.PublicURL)
		}
	}
}

// Loopback is where nobody can listen in.
func TestJWKSURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "https://id.test", "https://id.test:8443/keys?p=x", "http://localhost:8080/keys", "http://127.0.0.1/keys", "http://[::1]:1/",
	} {
		if c, err := load(t, nil, "--auth-jwks", url); err != nil || c.AuthJWKS != url || c.OwnKey() != (url == "") {
			t.Errorf("%q gave %+v, %v", url, c, err)
		}
	}
}

func TestRedisURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"embedded", "redis://h", "redis://u:p@h:6379/0", "rediss://h:6380/1?skip_verify=true", "unix:///run/redis.sock?db=2", "unix://u:p@/run/redis.sock",
		"redis://u:p@sentinel1:26379/0?master_name=mymaster&addr=sentinel2:26379&addr=sentinel3:26379",
	} {
		if c, err := load(t, nil, "--redis", url); err != nil || c.Redis != url {
			t.Errorf("%q gave %q, %v", url, c.Redis, err)
		}
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		limit, burst string
		rate         float64
		want         int
	}{
		{"0", "0", 0, 0}, {"0.0", "0", 0, 0}, {"10", "0", 10, 20}, {"10", "3", 10, 3}, {"0.1", "0", 0.1, 1}, {"2.6", "0", 2.6, 6}, {"100000", "0", 1e5, 2e5}, {".5", "0", 0.5, 1},
	} {
		c, err := load(t, nil, "--rate-limit", tc.limit, "--rate-burst", tc.burst)
		if err != nil || c.RateLimit != tc.rate || c.RateBurst != tc.want {
			t.Errorf("%+v gave %v, %d, %v", tc, c.RateLimit, c.RateBurst, err)
		}
	}
	for _, content := range []string{"rate-limit: 5", "rate-limit: 5.0", "rate-limit: 0.5e1"} {
		if c, err := load(t, nil, "--config", writeFile(t, content)); err != nil || c.RateLimit != 5 || c.RateBurst != 10 {
			t.Errorf("%q gave %v, %d, %v", content, c.RateLimit, c.RateBurst, err)
		}
	}
}

func TestCORSOrigins(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][]string{
		"": nil, "*": {"*"}, "https://a.test": {"https://a.test"}, "http://localhost:3000": {"http://localhost:3000"},
		" https://a.test , http://b.test:8080 ": {"https://a.test", "http://b.test:8080"}, "https://[::1]:8080": {"https://[::1]:8080"},
		"capacitor://localhost": {"capacitor://localhost"}, "https://xn--bcher-kva.example": {"https://xn--bcher-kva.example"},
	} {
		if c, err := load(t, nil, "--cors-origins", s); err != nil || !slices.Equal(c.CORSOrigins, want) {
			t.Errorf("%q gave %q, %v", s, c.CORSOrigins, err)
		}
	}
}

func TestLogValueHidesThePassword(t *testing.T) {
	t.Parallel()
	for _, redis := range []string{"redis://u:hunter2@h:6379/0", "redis://h?password=hunter2", "%zz:hunter2"} {
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "config", config.Config{Redis: redis, AuthJWKS: "https://id.test?k=hunter2", Listen: "l:1"})
		if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), "l:1") {
			t.Error(b.String())
		}
	}
}

func FuzzLoadFile(f *testing.F) {
	for _, s := range []string{"", "listen: a:1", "public: [{match: a, can: [read]}]", "{1: {2: [3]}}", "a: &a [*a]", "---\n---", "public: [{1: 2}, .inf]", "data: 2024-01-01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		c, err := load(t, nil, "--config", writeFile(t, content))
		if err == nil && (c.Listen == "" || c.MaxStreams == 0) {
			t.Errorf("%q gave %+v", content, c)
		}
	})
}
