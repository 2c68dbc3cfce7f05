package config_test

import (
	"bytes"
	"log/slog"
	"net"
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
		if _, err := load(t, nil, "--listen", listen, "--auth-key", "file"); err != nil {
			t.Errorf("%s with a key: %v", listen, err)
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
	}
}

func TestBound(t *testing.T) {
	t.Parallel()
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4242}
	for _, tc := range []struct{ listen, public, wantListen, wantPublic string }{
		{"localhost:0", "", "localhost:4242", "http://localhost:4242"},
		{"localhost:0", "https://a.test", "localhost:4242", "https://a.test"},
		{"localhost:80", "", "localhost:80", "http://localhost:80"},
	} {
		c, err := load(t, nil, "--listen", tc.listen, "--public-url", tc.public)
		if err != nil {
			t.Fatal(err)
		}
		if c = c.Bound(addr); c.Listen != tc.wantListen || c.PublicURL != tc.wantPublic {
			t.Errorf("%+v gave %q, %q", tc, c.Listen, c.PublicURL)
		}
	}
}

func TestLogValueHidesThePassword(t *testing.T) {
	t.Parallel()
	for _, redis := range []string{"redis://u:hunter2@h:6379/0", "redis://h?password=hunter2", "%zz:hunter2"} {
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "config", config.Config{Redis: redis, Listen: "l:1"})
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
