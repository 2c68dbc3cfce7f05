package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	stopGrace = 5 * time.Second // after SIGTERM, before SIGKILL, which costs at most the last second of writes
	minPause  = 100 * time.Millisecond
	maxPause  = 5 * time.Second
)

// child is one run of redis-server.
type child struct {
	cmd  *exec.Cmd
	said *output
	gone chan struct{} // closed when it has ended, and at once if it could not be started
	err  error         // how it ended; to be read after gone
}

func launchChild(program, dir string, log *slog.Logger) *child {
	c := &child{said: &output{log: log}, gone: make(chan struct{})}
	c.cmd = exec.Command(program,
		"--port", "0", "--unixsocket", socketName, "--unixsocketperm", "700",
		"--dir", dir, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
		"--daemonize", "no")
	c.cmd.Dir = dir
	c.cmd.Stdout, c.cmd.Stderr = c.said, c.said
	// A process group of its own: Ctrl-C reaches thoonkd alone, which stops its child last.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A fork of redis-server that rewrites the file may hold the output open for long after its parent.
	c.cmd.WaitDelay = time.Second
	if c.err = c.cmd.Start(); c.err != nil {
		close(c.gone)
		return c
	}
	go func() {
		c.err = c.cmd.Wait()
		if c.err == nil {
			c.err = errors.New("exit status 0")
		}
		close(c.gone)
	}()
	return c
}

// ready waits until the server answers PING. While it loads its file it answers -LOADING.
func (c *child) ready(ctx context.Context, sock socket) error {
	for {
		if answer, err := sock.ask(ctx, "PING"); err == nil && answer == "+PONG" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("redis-server did not answer in time: %w%s", ctx.Err(), c.said.tail())
		case <-c.gone:
			return fmt.Errorf("redis-server did not start: %w%s", c.err, c.said.tail())
		case <-time.After(poll):
		}
	}
}

// stop ends the server, which writes its file out on SIGTERM.
func (c *child) stop() error {
	select {
	case <-c.gone:
		return nil
	default:
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // fails only if it is gone
	select {
	case <-c.gone:
		return nil
	case <-time.After(stopGrace):
	}
	_ = c.cmd.Process.Kill()
	<-c.gone
	return fmt.Errorf("embedded store: redis-server did not stop within %v and was killed", stopGrace)
}

// keepAlive starts the server again whenever it ends, until the context does; then it stops the server.
func keepAlive(ctx context.Context, c *child, launch func() *child, log *slog.Logger) error {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		started := time.Now()
		select {
		case <-ctx.Done():
			return c.stop()
		case <-c.gone:
		}
		if time.Since(started) > maxPause {
			pause = minPause // it had run well
		}
		log.Error("redis-server ended unexpectedly and is started again",
			"error", c.err, "said", strings.TrimPrefix(c.said.tail(), "; it said: "), "pause", pause)
		if !sleep(ctx, pause) {
			return nil
		}
		c = launch()
	}
}
