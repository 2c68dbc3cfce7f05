package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// feed runs a feed command on the server's machine, by somebody who may read its key.
func (p *process) feed(args ...string) result {
	p.t.Helper()
	return thoonkd(p.t, p.feedEnv(), append([]string{"feed"}, args...)...)
}

func (p *process) feedEnv() []string {
	return []string{"THOONKD_SERVER=" + p.url, "THOONKD_AUTH_KEY=" + p.key}
}

// feedOK runs a command that has to succeed, and returns what it printed.
func (p *process) feedOK(args ...string) string {
	p.t.Helper()
	r := p.feed(args...)
	if r.code != 0 || r.stderr != "" {
		p.t.Fatalf("%q: %+v", args, r)
	}
	return r.stdout
}

// feedFails runs a command that has to fail with this code and one line that contains the text.
func (p *process) feedFails(code int, text string, args ...string) {
	p.t.Helper()
	r := p.feed(args...)
	if r.code != code || r.stdout != "" || !strings.Contains(r.stderr, text) ||
		!strings.HasPrefix(r.stderr, "thoonkd: ") || strings.Count(r.stderr, "\n") != 1 {
		p.t.Errorf("%q: %+v, want code %d and %q", args, r, code, text)
	}
}

// feedReading is feedOK with a standard input.
func (p *process) feedReading(stdin io.Reader, args ...string) string {
	p.t.Helper()
	var stdout bytes.Buffer
	root := newRoot(append([]string{"HOME=" + p.t.TempDir()}, p.feedEnv()...))
	root.SetArgs(append([]string{"feed"}, args...))
	root.SetIn(stdin)
	root.SetOut(&stdout)
	if err := root.ExecuteContext(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	return stdout.String()
}

// tailing is a "thoonkd feed tail" under way.
type tailing struct {
	t     *testing.T
	lines <-chan string
	stop  func() result // interrupts it; the result has no stdout
	ended <-chan struct{}
}

func (p *process) tail(args ...string) *tailing {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	out, in := io.Pipe()
	var stderr bytes.Buffer
	environ := append([]string{"HOME=" + p.t.TempDir()}, p.feedEnv()...)
	code, ended := 0, make(chan struct{})
	go func() {
		defer close(ended)
		code = execute(ctx, append([]string{"feed", "tail"}, args...), environ, in, &stderr)
		_ = in.Close()
	}()
	lines := make(chan string, 10_000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t := &tailing{t: p.t, lines: lines, ended: ended, stop: sync.OnceValue(func() result {
		cancel()
		<-ended
		return result{code: code, stderr: stderr.String()}
	})}
	p.t.Cleanup(func() { t.stop() })
	return t
}

// next returns the next line, its columns separated by one space.
func (t *tailing) next() string {
	t.t.Helper()
	return strings.Join(strings.Fields(thoonktest.Next(t.t, t.lines)), " ")
}

// relay is an address that stays while servers behind it come and go.
type relay struct {
	t        *testing.T
	listener net.Listener

	mu     sync.Mutex
	target string
	open   map[net.Conn]bool
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, listener: listener, open: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = listener.Close()
		r.cut()
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go r.pass(conn)
		}
	}()
	return r
}

// to puts a server behind the relay, and returns it as it is reached through the relay.
func (r *relay) to(p *process) *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = strings.TrimPrefix(p.url, "http://")
	through := *p
	through.url = "http://" + r.listener.Addr().String()
	return &through
}

func (r *relay) pass(conn net.Conn) {
	defer conn.Close()
	r.mu.Lock()
	target := r.target
	r.open[conn] = true
	r.mu.Unlock()
	server, err := (&net.Dialer{}).DialContext(r.t.Context(), "tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	}()
	_, _ = io.Copy(conn, server)
}

// cut breaks all connections.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.open {
		_ = conn.Close()
	}
	clear(r.open)
}
