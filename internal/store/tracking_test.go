package store

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// track runs a tracker of a prefix, and returns where the keys come out that it hears of, with "*" for all.
func track(t *testing.T, url string) (*tracker, <-chan string) {
	t.Helper()
	client, err := newClient(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	heard := make(chan string, 1<<16)
	tr := &tracker{
		options: client.Options(), prefixes: []string{"feed.ids:", "feed.config:"}, log: slog.New(slog.DiscardHandler),
		changed: func(key string) { heard <- key },
		missed:  func() { heard <- "*" },
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { tr.run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return tr, heard
}

func TestTrackerHears(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t, thoonktest.WithAOF())
	tr, heard := track(t, server.URL())
	want := func(key string) {
		t.Helper()
		for {
			switch got := thoonktest.Next(t, heard); got {
			case key:
				return
			case "*":
			default:
				t.Fatalf("heard of %q, want %q", got, key)
			}
		}
	}
	want("*")
	if !tr.tracks.Load() {
		t.Error("it does not know that it tracks")
	}
	c := server.Client()
	c.LPush(t.Context(), "feed.ids:a b\r\n", "x")
	want("feed.ids:a b\r\n")
	c.RPop(t.Context(), "feed.ids:a b\r\n")
	want("feed.ids:a b\r\n")
	c.LPush(t.Context(), "feed.claimed:a", "x")
	c.Eval(t.Context(), "redis.call('LPUSH', KEYS[1], 'y')", []string{"feed.ids:s"})
	want("feed.ids:s")
	c.HSet(t.Context(), "feed.config:a", "type", "job")
	want("feed.config:a")

	server.Kill()
	thoonktest.Eventually(t, "it knows that it does not track", func() bool { return !tr.tracks.Load() })
	server.Start()
	for thoonktest.Next(t, heard) != "*" {
	}
	c.LPush(t.Context(), "feed.ids:again", "x")
	want("feed.ids:again")
	for range 3 {
		c.ClientKillByFilter(t.Context(), "TYPE", "normal")
	}
	thoonktest.Eventually(t, "it tracks again", func() bool {
		c.LPush(t.Context(), "feed.ids:cut", "x")
		for len(heard) > 0 {
			if <-heard == "feed.ids:cut" {
				return true
			}
		}
		return false
	})
	for len(heard) > 0 {
		<-heard
	}
	c.FlushAll(t.Context())
	for thoonktest.Next(t, heard) != "*" {
	}
}

// With more names at once than fit into a buffer, and one that is longer than any of ours.
func TestTrackerHearsMany(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	conn := server.Client().Conn()
	defer conn.Close()
	conn.ConfigSet(t.Context(), "requirepass", "geheim")
	_, heard := track(t, strings.Replace(server.URL(), "unix://", "unix://:geheim@", 1))
	if thoonktest.Next(t, heard) != "*" {
		t.Fatal("it does not begin with all")
	}
	script := `for i = 1, 3000 do redis.call('SET', 'feed.ids:' .. string.rep('x', 400) .. i, '') end
		redis.call('SET', 'feed.ids:' .. string.rep('y', 100000), '')
		return 1`
	if err := conn.Eval(t.Context(), script, nil).Err(); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for len(keys) < 3001 {
		keys[thoonktest.Next(t, heard)] = true
	}
	if !keys[""] {
		t.Error("the name that is too long is not left out")
	}
}

func TestTrackerWithoutTracking(t *testing.T) {
	t.Parallel()
	server := thoonktest.Mini(t)
	tr, heard := track(t, server.URL())
	for range 3 {
		if got := thoonktest.Next(t, heard); got != "*" {
			t.Fatalf("heard %q", got)
		}
	}
	if tr.tracks.Load() {
		t.Error("it thinks that it tracks")
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, seed := range []string{
		">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nfoo\r\n", ">2\r\n$10\r\ninvalidate\r\n_\r\n", "%1\r\n+a\r\n:1\r\n", "-ERR no\r\n",
		"!3\r\nERR\r\n", "*-1\r\n", "$-1\r\n", "*1000000\r\n", "=5\r\ntxt:x\r\n", "~1\r\n#t\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+x\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReader(bytes.NewReader(b))
		for {
			frame, err := readFrame(r, 0)
			if err != nil {
				return
			}
			if n := len(frame.items); n > len(b) {
				t.Fatalf("%d items of %d bytes", n, len(b))
			}
			(&tracker{changed: func(string) {}, missed: func() {}}).hear(frame)
		}
	})
}

func TestAppendCommand(t *testing.T) {
	t.Parallel()
	if got := string(appendCommand(nil, "HELLO", "3", "")); got != "*3\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$0\r\n\r\n" {
		t.Errorf("%q", got)
	}
}
