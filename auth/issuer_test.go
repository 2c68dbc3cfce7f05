package auth_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/thoonkd/thoonkd/auth"
)

// issuer is a server of keys that a test inside of a synctest bubble reaches by pipes, so that its time is the bubble's.
type issuer struct {
	transport *http.Transport
	handler   atomic.Pointer[http.HandlerFunc]
	fetches   atomic.Int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	pipes := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	is := &issuer{transport: &http.Transport{
		DialContext: pipes.dial, DialTLSContext: pipes.dial, DisableKeepAlives: true,
	}}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		is.fetches.Add(1)
		(*is.handler.Load())(w, r)
	})}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(pipes) })
	t.Cleanup(func() {
		_ = server.Close()
		running.Wait()
	})
	return is
}

func (is *issuer) answer(h http.HandlerFunc) { is.handler.Store(&h) }

// serve answers with a set of keys.
func (is *issuer) serve(jwks ...string) {
	is.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(jwkSet(jwks...))) })
}

// start has keys fetched from the issuer until the test ends.
func (is *issuer) start(t *testing.T, log *slog.Logger) *auth.RemoteKeys {
	t.Helper()
	keys := auth.NewRemoteKeys(auth.RemoteOptions{URL: "https://id.test/keys?secret=hunter2", Transport: is.transport, Log: log})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { keys.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return keys
}

// verifier has fetched the keys once, or failed to.
func (is *issuer) verifier(t *testing.T) *auth.Verifier {
	t.Helper()
	v := newVerifier(nil, auth.Options{Remote: is.start(t, slog.New(slog.DiscardHandler))})
	synctest.Wait()
	return v
}

type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
