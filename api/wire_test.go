package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// edge is a server with fakes behind it, on the wire.
type edge struct {
	t       *testing.T
	url     string
	server  *Server
	store   *fakeStore
	streams *fakeStreams
	auth    *fakeAuth
	health  *fakeHealth
	log     *safeBuffer
}

// newEdge starts one. Change, if not nil, may change the options before.
func newEdge(t *testing.T, change func(*Options)) *edge {
	t.Helper()
	e := &edge{
		t: t, store: newFakeStore(), streams: newFakeStreams(), auth: &fakeAuth{}, health: &fakeHealth{}, log: &safeBuffer{},
	}
	o := Options{
		Store: e.store, Streams: e.streams, Auth: e.auth, Health: e.health,
		Log: slog.New(slog.NewTextHandler(e.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	e.server = New(o)
	srv := httptest.NewServer(e.server)
	e.url = srv.URL
	t.Cleanup(srv.Close)
	t.Cleanup(e.server.EndStreams) // first: Close waits for open requests
	return e
}

// feed makes a feed with items, each with its text as id and a body of JSON.
func (e *edge) feed(name string, content thoonk.Content, ids ...string) {
	e.t.Helper()
	ctx := e.t.Context()
	cfg := thoonk.Config{Type: thoonk.TypeFeed, Content: content}
	if _, _, err := e.store.PutFeed(ctx, thoonk.PutFeed{Name: thoonk.FeedName(name), Config: cfg}); err != nil {
		e.t.Fatal(err)
	}
	for _, id := range ids {
		e.item(name, id, thoonk.FormBody, `{"n":"`+id+`"}`)
	}
}

func (e *edge) item(feed, id string, form thoonk.Form, body string) thoonk.Item {
	e.t.Helper()
	p, err := e.store.Publish(e.t.Context(), thoonk.PublishItem{
		Feed: thoonk.FeedName(feed), ID: thoonk.ItemID(id), Form: form, Body: []byte(body),
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return p.Item
}

type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

// as returns a header with the token, followed by others: names and values by turns.
func as(token string, more ...string) http.Header {
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(more); i += 2 {
		h.Add(more[i], more[i+1])
	}
	return h
}

func (e *edge) do(method, target, body string, h http.Header) answer {
	e.t.Helper()
	return e.send(method, target, strings.NewReader(body), h)
}

func (e *edge) send(method, target string, body io.Reader, h http.Header) answer {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), method, e.url+target, body)
	if err != nil {
		e.t.Fatal(err)
	}
	if h != nil {
		r.Header = h
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return answer{t: e.t, status: resp.StatusCode, header: resp.Header, body: string(b)}
}

// raw sends a request line as it is, which net/http's client would not.
func (e *edge) raw(method, target, token string) answer {
	e.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		e.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", method, target, token)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return answer{t: e.t, status: resp.StatusCode, header: resp.Header, body: string(b)}
}

func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// has checks a header.
func (a answer) has(name, want string) answer {
	a.t.Helper()
	if got := strings.Join(a.header.Values(name), "\n"); got != want {
		a.t.Errorf("%s is %q, want %q", name, got, want)
	}
	return a
}

// says checks the whole body.
func (a answer) says(want string) answer {
	a.t.Helper()
	if a.body != want {
		a.t.Errorf("body is\n%s\nwant\n%s", a.body, want)
	}
	return a
}

// problem checks that the answer is a problem of this status and kind.
func (a answer) problem(status int, kind string) problem {
	a.t.Helper()
	a.is(status).has("Content-Type", "application/problem+json")
	var p problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	if p.Type != problemURN+kind || p.Status != status || p.Title == "" {
		a.t.Fatalf("%+v, want status %d and kind %s", p, status, kind)
	}
	return p
}

// faults checks that a problem names one place: "#/body", "?since", "If-Match:", or "" for none.
func (a answer) faults(status int, kind, place string) {
	a.t.Helper()
	p := a.problem(status, kind)
	got := ""
	if len(p.Errors) == 1 {
		switch f := p.Errors[0]; {
		case f.Detail == "":
			a.t.Error("a fault without detail")
		case f.Pointer != "":
			got = f.Pointer
		case f.Parameter != "":
			got = "?" + f.Parameter
		case f.Header != "":
			got = f.Header + ":"
		}
	}
	if got != place {
		a.t.Errorf("the fault is at %q, want %q: %s", got, place, a.body)
	}
}

// safeBuffer is a buffer that a logger writes to while a test reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
