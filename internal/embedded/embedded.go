// Package embedded is the store that thoonkd brings along when no Redis is configured: a private redis-server child
// with an append-only file where one is installed, else a Redis in memory that nothing survives.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
)

// Server is a running store. Whoever starts it must close it.
type Server struct {
	url     string
	durable bool
	close   func() error
}

// URL returns the address of the store as go-redis parses it: unix:///path/to/redis.sock or redis://127.0.0.1:port.
func (s *Server) URL() string { return s.url }

// Durable reports whether what is written survives a restart. A crash of the whole machine may lose the last second.
func (s *Server) Durable() bool { return s.durable }

// Close stops the store and returns when it has written everything down. Calls after the first return the same.
func (s *Server) Close() error { return s.close() }

// Start runs redis-server on the data in dir, which is made if it is not there, and returns once it answers. Where no
// redis-server is on the PATH it warns and does as [StartMemory]. The context bounds the start only: loading a long
// append-only file takes its time.
//
// The errors are: dir cannot be made or is in use by another thoonkd, redis-server refuses its data (the error says
// what it said), or the context ended before it answered.
func Start(ctx context.Context, dir string, log *slog.Logger) (*Server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		log.Warn("redis-server is not installed: apt-get install redis-server, or name a Redis of yours with --redis")
		return StartMemory(log)
	}
	s, err := startDurable(ctx, program, dir, log)
	if err != nil {
		return nil, fmt.Errorf("embedded store: %w", err)
	}
	return s, nil
}

func startDurable(ctx context.Context, program, dir string, log *slog.Logger) (_ *Server, err error) {
	var undo []func()
	defer func() {
		if err != nil {
			for _, f := range slices.Backward(undo) {
				f()
			}
		}
	}()
	if dir, err = filepath.Abs(dir); err != nil { // the link of a long name needs it
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	undo = append(undo, func() { _ = lock.release() })
	sock, err := newSocket(dir)
	if err != nil {
		return nil, err
	}
	undo = append(undo, sock.remove)
	if err := sock.removeOrphan(ctx, log); err != nil {
		return nil, err
	}
	launch := func() *child { return launchChild(program, dir, log) }
	first := launch()
	if err := first.ready(ctx, sock); err != nil {
		_ = first.stop()
		return nil, err
	}

	lifetime, end := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- keepAlive(lifetime, first, launch, log) }()
	return &Server{
		url:     (&url.URL{Scheme: "unix", Path: sock.path}).String(),
		durable: true,
		close: sync.OnceValue(func() error {
			end()
			err := <-stopped
			sock.remove()
			return errors.Join(err, lock.release())
		}),
	}, nil
}
