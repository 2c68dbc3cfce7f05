package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

const testKey = "0123456789abcdef0123456789abcdef"

// process is a thoonkd that serves inside the test, by the command line that a user would give.
type process struct {
	t    *testing.T
	url  string
	key  string // file
	stop func() result
}

// serve starts thoonkd and returns once it accepts connections. It is stopped with the test, or by stop.
func serve(t *testing.T, args ...string) *process {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(testKey), 0o600); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--auth-key", key, "--data", t.TempDir(), "--log-level", "error"}, args...)
	out, in := io.Pipe()
	var stderr bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, args, []string{"HOME=" + t.TempDir()}, in, &stderr)
		_ = in.Close()
	}()
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("serve ended with %d: %s", <-ended, stderr.String())
	}
	rest := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(lines)
		rest <- string(b)
	}()
	p := &process{t: t, key: key, url: strings.TrimSpace(strings.TrimPrefix(first, "thoonkd listens on "))}
	p.stop = sync.OnceValue(func() result {
		cancel()
		return result{<-ended, <-rest, stderr.String()}
	})
	t.Cleanup(func() {
		if r := p.stop(); r.code != 0 {
			t.Errorf("serve ended with %d: %s", r.code, r.stderr)
		}
	})
	return p
}

// serveReady also waits until changes of other clients are followed.
func serveReady(t *testing.T, args ...string) *process {
	t.Helper()
	p := serve(t, args...)
	p.ready()
	return p
}

func (p *process) ready() {
	p.t.Helper()
	thoonktest.Eventually(p.t, "ready", func() bool { return p.do("GET", "/readyz", "", "").StatusCode == http.StatusOK })
}

func (p *process) token(grants ...string) string {
	p.t.Helper()
	args := []string{"token", "--auth-key", p.key, "--subject", "tester"}
	for _, g := range grants {
		args = append(args, "--grant", g)
	}
	r := thoonkd(p.t, nil, args...)
	if r.code != 0 {
		p.t.Fatal(r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

// response is an answer with its body read.
type response struct {
	*http.Response
	body []byte
}

// do sends a request; header is "Name: value" lines.
func (p *process) do(method, path, header, body string) response {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response{resp, b}
}

// user talks to a process with a token.
type user struct {
	*process
	bearer string
}

func (p *process) user(grants ...string) user {
	p.t.Helper()
	return user{p, "Authorization: Bearer " + p.token(grants...) + "\n"}
}

func (u user) send(want int, method, path, header, body string) response {
	u.t.Helper()
	r := u.do(method, path, u.bearer+header, body)
	if r.StatusCode != want {
		u.t.Fatalf("%s %s: %s, want %d\n%s", method, path, r.Status, want, r.body)
	}
	return r
}

func feedPath(feed string) string     { return "/v1/feeds/" + url.PathEscape(feed) }
func itemPath(feed, id string) string { return feedPath(feed) + "/items/" + url.PathEscape(id) }

// told is an event of a stream, its data parsed.
type told struct {
	ID, Event string
	Data      wireEvent
}

type wireEvent struct {
	Feed     string          `json:"feed"`
	Revision thoonk.Revision `json:"revision"`
	Kind     string          `json:"kind"`
	ID       string          `json:"id"`
	Body     json.RawMessage `json:"body"`
	Text     *string         `json:"text"`
	Base64   []byte          `json:"base64"`
	Actor    string          `json:"actor"`
	At       time.Time       `json:"at"`
	Restated bool            `json:"restated"`
}

// content returns the item's bytes, in whatever form they came.
func (e wireEvent) content() string {
	switch {
	case e.Text != nil:
		return *e.Text
	case e.Base64 != nil:
		return string(e.Base64)
	}
	return string(e.Body)
}

// watch follows an event stream until the test ends or leave is called. Its events come out of the channel.
func (u user) watch(path, header string) (events <-chan told, leave func()) {
	u.t.Helper()
	body, end := u.open(path, header)
	out := make(chan told, 10_000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		_ = thoonktest.ReadSSE(body, func(e thoonktest.SSEvent) bool {
			t := told{ID: e.ID, Event: e.Event}
			if err := json.Unmarshal([]byte(e.Data), &t.Data); err != nil {
				u.t.Errorf("event %+v: %v", e, err)
			}
			out <- t
			return true
		})
	}()
	leave = func() {
		end()
		<-done
	}
	u.t.Cleanup(leave)
	return out, leave
}

// open opens an event stream, which ends with the test or when leave is called.
func (u user) open(path string, header ...string) (stream io.Reader, leave func()) {
	u.t.Helper()
	ctx, cancel := context.WithCancel(u.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.url+path, nil)
	if err != nil {
		u.t.Fatal(err)
	}
	for line := range strings.Lines(u.bearer + strings.Join(header, "")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		u.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		b, _ := io.ReadAll(resp.Body)
		u.t.Fatalf("%s: %s\n%s", path, resp.Status, b)
	}
	leave = func() {
		cancel()
		_ = resp.Body.Close()
	}
	u.t.Cleanup(leave)
	return resp.Body, leave
}
