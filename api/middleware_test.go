package api

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestRequestID(t *testing.T) {
	for _, given := range []string{"a", "0f8b-1 "[:6], strings.Repeat("x", 128)} {
		if got := requestID(given); got != given {
			t.Errorf("%q became %q", given, got)
		}
	}
	for _, given := range []string{"", "a b", "ä", "a\tb", strings.Repeat("x", 129)} {
		if got := requestID(given); got == given || len(got) < 20 {
			t.Errorf("%q became %q", given, got)
		}
	}
}

func TestCommonHeaders(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x")
	for _, target := range []string{"/v1/feeds", "/v1/feeds/f", "/v1/feeds/f/items", "/v1/feeds/f/items/x"} {
		e.do("GET", target, "", as("all", "X-Request-Id", "mine")).is(200).
			has("X-Request-Id", "mine").
			has("X-Content-Type-Options", "nosniff").
			has("Content-Type", "application/json").
			has("Cache-Control", "no-cache").
			has("Vary", "Authorization")
	}
	a := e.do("GET", "/nowhere", "", nil).has("X-Content-Type-Options", "nosniff")
	if a.header.Get("X-Request-Id") == "" {
		t.Error("no request id")
	}
}

func TestHead(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x")
	for _, target := range []string{"/v1/feeds", "/v1/feeds/f", "/v1/feeds/f/items", "/v1/feeds/f/items/x", "/healthz", "/readyz"} {
		get := e.do("GET", target, "", as("all")).is(200)
		head := e.do("HEAD", target, "", as("all")).is(200).says("")
		for _, name := range []string{"Content-Length", "Content-Type", "Etag"} {
			head.has(name, get.header.Get(name))
		}
	}
	e.do("HEAD", "/v1/feeds/f/items/y", "", as("all")).is(404).says("")
}

// The log says what was asked and by whom, and nothing that was in it.
func TestLog(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("secret-feed", "")
	e.do("PUT", "/v1/feeds/secret-feed/items/x", `{"body":"secret-body"}`, as("all", "X-Request-Id", "first")).is(201)
	e.do("PUT", "/v1/feeds/secret-feed/items/x", `{"secret-field":1}`, as("all")).is(400)
	e.do("PUT", "/v1/feeds/secret-feed/items/x?secret-query=1", ``, as("all")).is(400)
	e.do("GET", "/v1/feeds/secret-feed", "", as("secret-token")).is(401)
	e.store.fail = thoonk.E(thoonk.Unavailable, "Redis is away").Because(discardError{})
	e.do("GET", "/v1/feeds/secret-feed", "", as("all")).is(503)
	log := e.log.String()
	if strings.Contains(log, "secret") {
		t.Errorf("secrets in the log:\n%s", log)
	}
	for _, want := range []string{
		"level=DEBUG msg=request request_id=first method=PUT route=/v1/feeds/:feed/items/:id status=201 duration=",
		"principal=jwt:test|all",
		"level=INFO msg=request",
		"status=400",
		"kind=invalid",
		"status=401",
		"kind=unauthenticated",
		"dial tcp: refused",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
}

type discardError struct{}

func (discardError) Error() string { return "dial tcp: refused" }
