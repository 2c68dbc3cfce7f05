package api

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thoonkd/thoonkd/internal/stream"
)

// pipes is a listener whose connections are in memory: net/http's real server runs on it under a fake clock. A write to
// such a connection waits until the other side reads it.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// onPipe serves under a fake clock and gives test the client's end of a connection.
func onPipe(t *testing.T, test func(*testing.T, net.Conn, *edge, *http.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &edge{t: t, store: newFakeStore(), streams: newFakeStreams()}
		e.server = New(Options{Store: e.store, Streams: e.streams, Auth: &fakeAuth{}, Log: discard()})
		srv := &http.Server{Handler: e.server, ReadTimeout: time.Minute}
		srv.RegisterOnShutdown(e.server.EndStreams)
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		served := make(chan error)
		go func() { served <- srv.Serve(l) }()
		client, remote := net.Pipe()
		l.conns <- remote
		test(t, client, e, srv)
		e.server.EndStreams()
		client.Close()
		srv.Close()
		_ = <-served
		synctest.Wait()
	})
}

func ask(t *testing.T, conn net.Conn, request string) *bufio.Reader {
	t.Helper()
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(conn)
}

func head(t *testing.T, b *bufio.Reader) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

const askForEvents = "GET /v1/feeds/f/events HTTP/1.1\nHost: x\nAuthorization: Bearer reader\n\n"

// Who sends a body too slowly is answered, and holds nothing any longer. So is who is refused unread: the server drains
// the body first.
func TestSlowBody(t *testing.T) {
	for token, status := range map[string]int{"all": 408, "reader": 403} {
		onPipe(t, func(t *testing.T, conn net.Conn, _ *edge, _ *http.Server) {
			start := time.Now()
			b := ask(t, conn, "PUT /v1/feeds/f HTTP/1.1\nHost: x\nAuthorization: Bearer "+token+"\nContent-Length: 100\n\n{")
			resp := head(t, b)
			if resp.StatusCode != status || time.Since(start) != requestTimeout {
				t.Errorf("%s after %s", resp.Status, time.Since(start))
			}
			if _, err := io.ReadAll(b); err != nil {
				t.Errorf("the connection was not closed: %v", err)
			}
		})
	}
}

// A reader who does not read is cut off after the write timeout, not held for ever.
func TestReaderStopsReading(t *testing.T) {
	onPipe(t, func(t *testing.T, conn net.Conn, e *edge, _ *http.Server) {
		reads(t, bufio.NewReader(head(t, ask(t, conn, askForEvents)).Body), "retry: 2000\n\n")
		start := time.Now()
		large := `"` + strings.Repeat("x", 1<<20) + `"`
		e.streams.steps <- stream.Step{Kind: stream.Changes, Changes: []*stream.Change{published(3, large)}}
		<-e.streams.closed
		if took := time.Since(start); took != writeTimeout {
			t.Errorf("cut off after %s", took)
		}
	})
}

// A reader who reads steadily gets all, however long it takes.
func TestReaderReadsSlowly(t *testing.T) {
	onPipe(t, func(t *testing.T, conn net.Conn, e *edge, _ *http.Server) {
		b := bufio.NewReader(head(t, ask(t, conn, askForEvents)).Body)
		reads(t, b, "retry: 2000\n\n")
		large := `"` + strings.Repeat("x", 1<<20) + `"`
		e.streams.steps <- stream.Step{Kind: stream.Changes, Changes: []*stream.Change{published(3, large), published(3, "1")}}
		start, got := time.Now(), 0
		for got < 1<<20 {
			n, err := io.CopyN(io.Discard, b, 8<<10)
			if got += int(n); err != nil {
				t.Fatalf("cut off after %s and %d bytes: %v", time.Since(start), got, err)
			}
			time.Sleep(time.Second)
		}
		if time.Since(start) < 2*writeTimeout {
			t.Error("that was not slow")
		}
		if _, err := io.CopyN(io.Discard, b, 100); err != nil {
			t.Error(err)
		}
	})
}

// A stream outlives the server's ReadTimeout and every write's deadline.
func TestLongStream(t *testing.T) {
	onPipe(t, func(t *testing.T, conn net.Conn, e *edge, _ *http.Server) {
		b := bufio.NewReader(head(t, ask(t, conn, askForEvents)).Body)
		reads(t, b, "retry: 2000\n\n")
		reads(t, b, strings.Repeat(heartbeatFrame, 4*60)) // at the default of 15 s
		e.streams.steps <- stream.Step{Kind: stream.Changes, Changes: []*stream.Change{published(3, "1")}}
		reads(t, b, publishFrame)
	})
}

// Shutdown waits for open requests: streams must end by themselves, and cleanly.
func TestShutdown(t *testing.T) {
	onPipe(t, func(t *testing.T, conn net.Conn, e *edge, srv *http.Server) {
		body := head(t, ask(t, conn, askForEvents)).Body
		b := bufio.NewReader(body)
		reads(t, b, "retry: 2000\n\n")
		start := time.Now()
		done := make(chan error)
		go func() { done <- srv.Shutdown(context.Background()) }()
		if rest, err := io.ReadAll(b); err != nil || len(rest) != 0 {
			t.Errorf("%q, %v", rest, err)
		}
		if err := <-done; err != nil || time.Since(start) > time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		<-e.streams.closed
	})
}
