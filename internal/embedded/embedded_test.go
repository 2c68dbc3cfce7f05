package embedded_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/embedded"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

var ctx = context.Background()

// asThoonkd makes the test binary a process that runs a store on the directory named by this variable until it is
// killed: there is no other way to see what a killed thoonkd leaves behind.
const asThoonkd = "EMBEDDED_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asThoonkd); dir != "" {
		s, err := embedded.Start(ctx, dir, slog.New(slog.DiscardHandler))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(s.URL())
		select {}
	}
	os.Exit(m.Run())
}

// journal is a log that a test reads.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) has(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(j.buf.String(), text)
}

func (j *journal) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// start starts a store that is closed with the test, and a client of it.
func start(t *testing.T, dir string) (*embedded.Server, *redis.Client, *journal) {
	t.Helper()
	j := new(journal)
	s, err := embedded.Start(ctx, dir, j.log())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, client(t, s.URL()), j
}

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	o.MaxRetries, o.DialerRetries = -1, 1
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func set(t *testing.T, c *redis.Client, value string) {
	t.Helper()
	if err := c.Set(ctx, "k", value, 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, c *redis.Client) string {
	t.Helper()
	v, err := c.Get(ctx, "k").Result()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// pid returns the process id of the server that c talks to.
func pid(t *testing.T, c *redis.Client) int {
	t.Helper()
	info := c.InfoMap(ctx, "server").Val()
	n, err := strconv.Atoi(info["Server"]["process_id"])
	if err != nil {
		t.Fatalf("no process id in %v", info)
	}
	return n
}

func running(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestDataSurvives(t *testing.T) {
	thoonktest.NeedRedis(t)
	t.Parallel()
	for name, dir := range map[string]string{
		"plain":      "data",
		"spaces":     `it's "my" data`,
		"long names": strings.Repeat("long/", 30),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), dir)
			s, c, _ := start(t, dir)
			if !s.Durable() {
				t.Error("it does not say that it is durable")
			}
			if mode := stat(t, dir).Mode().Perm(); mode != 0o700 {
				t.Errorf("the directory's mode is %o", mode)
			}
			set(t, c, "v")
			before := pid(t, c)
			if err := errors.Join(s.Close(), s.Close()); err != nil {
				t.Fatal(err)
			}
			if running(before) {
				t.Error("the server still runs")
			}
			_, c, _ = start(t, dir)
			if v := get(t, c); v != "v" {
				t.Errorf("the value is %q", v)
			}
		})
	}
}

func TestLinkOfLongNameIsRemoved(t *testing.T) {
	thoonktest.NeedRedis(t)
	t.Setenv("TMPDIR", t.TempDir())
	s, _, _ := start(t, filepath.Join(t.TempDir(), strings.Repeat("long/", 30)))
	if n := entries(t, os.TempDir()); n != 1 {
		t.Errorf("%d links were made", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := entries(t, os.TempDir()); n != 0 {
		t.Errorf("%d links are left", n)
	}
}

func TestKilledServerComesBack(t *testing.T) {
	thoonktest.NeedRedis(t)
	t.Parallel()
	_, c, j := start(t, t.TempDir())
	set(t, c, "v")
	before := pid(t, c)
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	thoonktest.Eventually(t, "the server answers again", func() bool { return c.Ping(ctx).Err() == nil })
	if v := get(t, c); v != "v" || pid(t, c) == before {
		t.Errorf("the value is %q", v)
	}
	if !j.has("level=ERROR") || !j.has("ended unexpectedly") {
		t.Error("the log does not tell of it")
	}
}

func TestOneThoonkdOnADirectory(t *testing.T) {
	thoonktest.NeedRedis(t)
	t.Parallel()
	dir := t.TempDir()
	_, c, _ := start(t, dir)
	if s, err := embedded.Start(ctx, dir, slog.New(slog.DiscardHandler)); err == nil {
		_ = s.Close()
		t.Error("a second one starts")
	} else if !strings.Contains(err.Error(), dir+" is in use by another thoonkd") {
		t.Errorf("the error is %v", err)
	}
	if err := c.Ping(ctx).Err(); err != nil {
		t.Errorf("the first one was disturbed: %v", err)
	}
}

func TestOrphanIsTakenOver(t *testing.T) {
	thoonktest.NeedRedis(t)
	t.Parallel()
	for name, dir := range map[string]string{"plain": "data", "long name": strings.Repeat("long/", 30)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), dir)
			thoonkd := exec.Command(os.Args[0])
			thoonkd.Env = append(os.Environ(), asThoonkd+"="+dir, "TMPDIR="+t.TempDir())
			thoonkd.Stderr = os.Stderr
			out, err := thoonkd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := thoonkd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = thoonkd.Process.Kill() })
			url, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			c := client(t, strings.TrimSpace(url))
			set(t, c, "v")
			orphan := pid(t, c)
			open, err := net.Dial("unix", c.Options().Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer open.Close()
			_ = thoonkd.Process.Kill()
			_ = thoonkd.Wait()
			set(t, c, "written while nobody cared")

			_, c, j := start(t, dir)
			if v := get(t, c); v != "written while nobody cared" {
				t.Errorf("the value is %q", v)
			}
			if pid(t, c) == orphan {
				t.Error("the orphan goes on as before")
			}
			// Not by its process id: init may leave the dead around for a while.
			_ = open.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := open.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("the orphan keeps its connections: %v", err)
			}
			if !j.has("outlived the thoonkd that started it") {
				t.Error("the log does not tell of it")
			}
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	thoonktest.NeedRedis(t)
	t.Parallel()
	dir := t.TempDir()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if s, err := embedded.Start(ended, dir, slog.New(slog.DiscardHandler)); !errors.Is(err, context.Canceled) {
		_ = s.Close()
		t.Errorf("the error is %v", err)
	}
	start(t, dir) // nothing is left that would hold the directory
}

func TestDamagedDataIsAnError(t *testing.T) {
	thoonktest.NeedRedis(t)
	t.Parallel()
	dir := t.TempDir()
	s, c, _ := start(t, dir)
	set(t, c, "v")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the append-only files are %v (%v)", files, err)
	}
	if err := os.WriteFile(files[0], []byte("this is no append-only file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err = embedded.Start(soon, dir, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "Bad file format reading the append only file") {
		t.Errorf("the error is %v", err)
	}
}

func TestWithoutRedisServer(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s, c, j := start(t, filepath.Join(t.TempDir(), "data"))
	if s.Durable() {
		t.Error("it says that it is durable")
	}
	for _, text := range []string{"level=WARN", "redis-server is not installed", "NOTHING SURVIVES A RESTART"} {
		if !j.has(text) {
			t.Errorf("the log lacks %q", text)
		}
	}
	set(t, c, "v")
}

func TestMemory(t *testing.T) {
	t.Parallel()
	j := new(journal)
	s, err := embedded.StartMemory(j.log())
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, s.URL())
	if err := c.Set(ctx, "k", "v", 20*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	thoonktest.Eventually(t, "the key expires", func() bool { return c.Exists(ctx, "k").Val() == 0 })
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if c.Ping(ctx).Err() == nil {
		t.Error("it answers after Close")
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
