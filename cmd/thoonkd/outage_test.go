package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// Redis away: 503 with Retry-After, not ready, and well again by itself; an open stream goes on without a gap.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t, thoonktest.WithAOF(), thoonktest.WithArgs("--appendfsync", "always"))
	u := serveReady(t, "--redis", server.URL()).user("*=admin")
	u.send(201, "PUT", "/v1/feeds/a", "", "")
	events, _ := u.watch("/v1/feeds/a/events", "")
	server.Kill()
	for _, r := range []response{
		u.do("GET", "/v1/feeds/a", u.bearer, ""),
		u.do("PUT", "/v1/feeds/a/items/x", u.bearer, `{"text":"1"}`),
		u.do("GET", "/v1/feeds", u.bearer, ""),
		u.do("GET", "/v1/feeds/a/events", u.bearer, ""),
		u.do("GET", "/readyz", "", ""),
	} {
		if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s %v\n%s", r.Request.URL, r.Status, r.Header, r.body)
		}
	}
	if r := u.do("GET", "/healthz", "", ""); r.StatusCode != http.StatusOK {
		t.Error(r.Status)
	}
	server.Start()
	thoonktest.NewForeign(t, server.Client()).Publish("a", "y", "while nobody listened, perhaps")
	u.ready()
	u.send(201, "PUT", "/v1/feeds/a/items/x", "", `{"text":"1"}`)
	for _, want := range []string{"y", "x"} {
		if e := thoonktest.Next(t, events); e.Data.ID != want || e.Event != "publish" {
			t.Fatalf("%+v", e)
		}
	}
}

func TestRedisIsNotThereYet(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	server.Stop()
	p := serve(t, "--redis", server.URL())
	if r := p.do("GET", "/readyz", "", ""); r.StatusCode != http.StatusServiceUnavailable {
		t.Fatal(r.Status)
	}
	server.Start()
	p.ready()
}

// A stream that was open ends when the server does, and a start later finds what was written, by others meanwhile too.
func TestRestart(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	first := serveReady(t, "--redis", server.URL())
	u := first.user("*=admin")
	u.send(201, "PUT", "/v1/feeds/a", "", "")
	u.send(201, "PUT", "/v1/feeds/a/items/x", "", `{"text":"1"}`)
	events, _ := u.watch("/v1/feeds/a/events?snapshot=true", "")
	if e := thoonktest.Next(t, events); e.Event != "item" {
		t.Fatalf("%+v", e)
	}
	live := thoonktest.Next(t, events)
	if r := first.stop(); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	if e, open := <-events; open {
		t.Fatalf("%+v", e)
	}
	thoonktest.NewForeign(t, server.Client()).Publish("a", "x", "2")
	u = serveReady(t, "--redis", server.URL()).user("*=admin")
	events, _ = u.watch("/v1/feeds/a/events?snapshot=true", "Last-Event-ID: "+live.ID)
	if e := thoonktest.Next(t, events); e.Event != "edit" || e.Data.content() != "2" {
		t.Fatalf("%+v", e)
	}
}

func TestWrongKeyInRedisIs409(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	u := serveReady(t, "--redis", server.URL()).user("*=admin")
	u.send(201, "PUT", "/v1/feeds/a", "", "")
	if err := server.Client().Set(t.Context(), "feed.items:a", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	u.send(409, "PUT", "/v1/feeds/a/items/x", "", `{"text":"1"}`)
	if r := u.send(409, "GET", "/v1/feeds/a/items", "", ""); r.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatal(r.Header)
	}
}

// The first start of a newcomer: no key, no Redis. The line that is printed works as it stands.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	thoonktest.NeedRedis(t)
	data := t.TempDir()
	p := serveReady(t, "--data", data, "--auth-key", "")
	r := p.stop()
	command := r.stdout
	if !strings.Contains(command, "curl -H 'Authorization: Bearer ") || !strings.Contains(command, p.url+"/v1/feeds") {
		t.Fatalf("%q", command)
	}
	if info, err := os.Stat(filepath.Join(data, "auth.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}

	// It keeps key and data.
	_, bearer, _ := strings.Cut(command, "'Authorization: Bearer ")
	bearer, _, _ = strings.Cut(bearer, "'")
	p = serveReady(t, "--data", data, "--auth-key", "")
	u := user{p, "Authorization: Bearer " + bearer + "\n"}
	u.send(201, "PUT", "/v1/feeds/a", "", "")
	p.stop()
	p = serveReady(t, "--data", data, "--auth-key", "")
	user{p, u.bearer}.send(200, "GET", "/v1/feeds/a", "", "")
}
