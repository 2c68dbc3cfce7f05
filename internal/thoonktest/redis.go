package thoonktest

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// NeedRedis returns the path of redis-server. Where there is none it skips the test, or fails it under CI=true.
func NeedRedis(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err == nil {
		return program
	}
	Missing(t, "redis-server is not installed (apt-get install redis-server): nothing is tested on a real Redis here")
	return ""
}

// RedisServer is a real redis-server that belongs to one test.
type RedisServer struct {
	t       testing.TB
	program string
	dir     string
	args    []string
	client  *redis.Client

	cmd  *exec.Cmd
	gone chan struct{}
}

// Option changes how a [RedisServer] runs.
type Option func(*RedisServer)

// WithAOF keeps an append-only file, so that data survives Stop, Kill and Start.
func WithAOF() Option {
	return func(s *RedisServer) { s.args = append(s.args, "--appendonly", "yes") }
}

// WithArgs adds arguments of redis-server, as in WithArgs("--maxmemory", "1mb").
func WithArgs(args ...string) Option {
	return func(s *RedisServer) { s.args = append(s.args, args...) }
}

// Redis starts a redis-server on a Unix socket in a directory of its own. It ends with the test. Where there is no
// redis-server the test is skipped, or fails under CI=true.
func Redis(t testing.TB, opts ...Option) *RedisServer {
	t.Helper()
	program := NeedRedis(t)
	dir, err := os.MkdirTemp("", "thoonk") //nolint:usetesting // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	s := &RedisServer{t: t, program: program, dir: dir, args: []string{
		"--port", "0", "--unixsocket", "redis.sock", "--dir", dir, "--logfile", "redis.log",
		"--save", "", "--daemonize", "no",
	}}
	for _, o := range opts {
		o(s)
	}
	s.client = newClient(t, s.URL())
	t.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	})
	s.Start()
	return s
}

// URL returns the address as go-redis parses it.
func (s *RedisServer) URL() string {
	return (&url.URL{Scheme: "unix", Path: filepath.Join(s.dir, "redis.sock")}).String()
}

// Client returns the test's own client. It repeats no command that failed.
func (s *RedisServer) Client() *redis.Client { return s.client }

// Start starts the server again after Stop or Kill, on the same socket and data, and returns once it answers.
func (s *RedisServer) Start() {
	s.t.Helper()
	cmd := exec.Command(s.program, s.args...)
	cmd.Dir = s.dir
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	s.cmd, s.gone = cmd, gone

	deadline := time.Now().Add(bound)
	for !s.answers() {
		select {
		case <-gone:
			s.t.Fatalf("redis-server ended:\n%s", s.log())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("redis-server does not answer:\n%s", s.log())
		}
	}
}

// Stop ends the server in an orderly way and waits for it. Without an append-only file the data is lost.
func (s *RedisServer) Stop() {
	// On SIGTERM it would look up only at its next tick, up to 100 ms later.
	s.client.ShutdownNoSave(context.Background())
	<-s.gone
}

// Kill ends the server at once, as a crash does, and waits until it is gone.
func (s *RedisServer) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		<-s.gone
	}
}

// answers asks over a connection of its own: a client that fails to connect a few times in a row waits a second before
// it tries again.
func (s *RedisServer) answers() bool {
	conn, err := net.Dial("unix", filepath.Join(s.dir, "redis.sock"))
	if err != nil {
		return false
	}
	defer conn.Close()
	answer := make([]byte, len("+PONG"))
	_, err = io.WriteString(conn, "PING\r\n")
	if err == nil {
		_, err = io.ReadFull(conn, answer)
	}
	return err == nil && string(answer) == "+PONG" // not -LOADING
}

func (s *RedisServer) log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "redis.log"))
	return string(b)
}

// newClient returns a client that is closed at the end of the test. Retries would apply a script twice, and with them
// a test could not see it.
func newClient(t testing.TB, address string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	o.MaxRetries, o.DialerRetries = -1, 1
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}
