package api

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
	for target, vary := range map[string]string{
		"/v1/feeds": "\nAccept-Encoding", "/v1/feeds/f": "", "/v1/feeds/f/items": "\nAccept-Encoding", "/v1/feeds/f/items/x": "",
	} {
		e.do("GET", target, "", as("all", "X-Request-Id", "mine")).is(200).
			has("X-Request-Id", "mine").
			has("X-Content-Type-Options", "nosniff").
			has("Content-Type", "application/json").
			has("Cache-Control", "no-cache").
			has("Vary", "Authorization"+vary)
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

// Metrics learn the route and never a name, however long or many the paths and methods are.
func TestObserve(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	e := newEdge(t, func(o *Options) {
		o.Observe = func(route, method string, status int, d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprint(method, " ", route, " ", status))
			if d < 0 || d > time.Minute {
				t.Errorf("it took %s", d)
			}
		}
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "thoonkd_up 1\n") })
	})
	e.feed("f", "")
	e.do("GET", "/v1/feeds/f", "", as("all"))
	e.do("GET", "/v1/feeds/f/items?limit=0", "", as("all"))
	e.do("PUT", "/v1/feeds/f/items/x", `{"body":1}`, as("all"))
	e.do("GET", "/v1/feeds/f", "", nil)
	e.do("GET", "/secret", "", nil)
	e.do("BREW", "/v1/feeds/secret", "", nil)
	e.do("OPTIONS", "/v1/feeds/secret", "", nil)
	e.do("HEAD", "/healthz", "", nil)
	e.store.panics = true
	e.do("GET", "/v1/feeds/f", "", as("all"))
	e.do("GET", "/metrics", "", nil).is(200).says("thoonkd_up 1\n")
	e.do("POST", "/metrics", "", nil).problem(405, "method_not_allowed")
	mu.Lock()
	defer mu.Unlock()
	want := []string{
		"GET /v1/feeds/:feed 200", "GET /v1/feeds/:feed/items 400", "PUT /v1/feeds/:feed/items/:id 201", "GET /v1/feeds/:feed 401", "GET  404",
		"OTHER /v1/feeds/:feed 405", "OPTIONS /v1/feeds/:feed 204", "HEAD /healthz 200", "GET /v1/feeds/:feed 500", "GET /metrics 200", "POST /metrics 405",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("saw\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
}

func TestStreamsAreCounted(t *testing.T) {
	observed := make(chan string, 1)
	e := newEdge(t, func(o *Options) {
		o.Observe = func(route, _ string, status int, _ time.Duration) { observed <- fmt.Sprint(route, " ", status) }
	})
	reads(t, bufio.NewReader(e.openStream("/v1/feeds/f/events", as("all")).Body), "retry: 2000\n\n")
	if n := e.server.Streams(); n != 1 || len(observed) != 0 {
		t.Errorf("%d streams", n)
	}
	e.server.EndStreams()
	if got := <-observed; got != "/v1/feeds/:feed/events 200" { // when it is over
		t.Error(got)
	}
	if n := e.server.Streams(); n != 0 {
		t.Errorf("%d streams", n)
	}
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
