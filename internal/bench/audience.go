package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// audience is any number of clients of one server's event stream. They only count.
type audience struct {
	conns   []net.Conn
	running sync.WaitGroup

	heard  atomic.Int64
	goal   atomic.Int64
	there  chan time.Time // gets when the goal was reached
	failed chan error
}

// A client asks for target, and is heard once ready has come.
var eventStreams = map[string]struct{ target, ready string }{
	"full":       {"/v1/feeds/" + ourFeed + "/events", ": live\n"},
	"memory":     {"/v1/feeds/" + ourFeed + "/events", ": live\n"},
	"centrifuge": {"/?cf_connect=" + url.QueryEscape(`{"id":1,"connect":{}}`), `"connect":{`},
}

// gather connects n clients to a server, which have been heard when it returns.
func gather(ctx context.Context, c *child, n int) (*audience, error) {
	a := &audience{there: make(chan time.Time, 1), failed: make(chan error, n)}
	for range n {
		if err := a.join(ctx, c); err != nil {
			return nil, fmt.Errorf("client %d: %w", len(a.conns), err)
		}
	}
	return a, nil
}

func (a *audience) join(ctx context.Context, c *child) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.address)
	if err != nil {
		return err
	}
	a.conns = append(a.conns, conn)
	s := eventStreams[c.kind]
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n", s.target); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 4<<10), nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", c.kind, response.Status)
	}
	var first []byte
	for b := make([]byte, 4<<10); !bytes.Contains(first, []byte(s.ready)); {
		n, err := response.Body.Read(b)
		if err != nil {
			return fmt.Errorf("%s sent %q: %w", c.kind, first, err)
		}
		first = append(first, b[:n]...)
	}
	a.running.Go(func() { a.failed <- a.listen(response.Body) })
	return nil
}

// listen counts marks until the stream ends, and returns why it did.
func (a *audience) listen(r io.Reader) error {
	b := make([]byte, len(mark)-1, 4<<10)
	for {
		n, err := r.Read(b[len(mark)-1 : cap(b)])
		if err != nil {
			return err
		}
		part := b[:len(mark)-1+n]
		if marks := bytes.Count(part, []byte(mark)); marks > 0 {
			a.count(int64(marks))
		}
		copy(b, part[n:]) // a mark may come in two parts
	}
}

func (a *audience) count(n int64) {
	heard, goal := a.heard.Add(n), a.goal.Load()
	if goal > 0 && heard >= goal && a.goal.CompareAndSwap(goal, 0) {
		a.there <- time.Now()
	}
}

// await returns when all clients together have heard so many events.
func (a *audience) await(ctx context.Context, total int64) (time.Time, error) {
	if total <= 0 {
		return time.Now(), nil
	}
	a.goal.Store(total)
	a.count(0) // it may have been before
	select {
	case at := <-a.there:
		return at, nil
	case err := <-a.failed:
		return time.Time{}, fmt.Errorf("a client lost its stream: %w", err)
	case <-time.After(20 * time.Second):
		return time.Time{}, fmt.Errorf("%d of %d events came", a.heard.Load(), total)
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// leave closes all connections, and leaves none in TIME_WAIT.
func (a *audience) leave() {
	for _, conn := range a.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	a.running.Wait()
}
