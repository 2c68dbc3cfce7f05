package thoonktest_test

import (
	"context"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func TestServers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	thoonktest.Servers(t, func(t *testing.T, s thoonktest.Server) {
		c := s.Client()
		if n, err := c.DBSize(ctx).Result(); n != 0 || err != nil {
			t.Fatalf("a new server has %d keys (%v)", n, err)
		}
		if err := c.Set(ctx, "k", "v", 20*time.Millisecond).Err(); err != nil {
			t.Fatal(err)
		}
		thoonktest.Eventually(t, "the key expires", func() bool { return c.Exists(ctx, "k").Val() == 0 })
	})
}

func TestRedisStopsAndStarts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options []thoonktest.Option
		end     func(*thoonktest.RedisServer)
		want    int64
	}{
		{"stop", nil, (*thoonktest.RedisServer).Stop, 0},
		{"kill", nil, (*thoonktest.RedisServer).Kill, 0},
		{"stop with a file", []thoonktest.Option{thoonktest.WithAOF()}, (*thoonktest.RedisServer).Stop, 1},
		{"kill with a file", []thoonktest.Option{thoonktest.WithAOF()}, (*thoonktest.RedisServer).Kill, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			s := thoonktest.Redis(t, test.options...)
			if err := s.Client().Set(ctx, "k", "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
			test.end(s)
			if s.Client().Ping(ctx).Err() == nil {
				t.Error("it answers though it was ended")
			}
			s.Start()
			if n := s.Client().Exists(ctx, "k").Val(); n != test.want {
				t.Errorf("%d keys after the start, want %d", n, test.want)
			}
		})
	}
}

func TestRedisTakesArguments(t *testing.T) {
	t.Parallel()
	s := thoonktest.Redis(t, thoonktest.WithArgs("--maxmemory", "7mb"))
	got := s.Client().ConfigGet(context.Background(), "maxmemory").Val()["maxmemory"]
	if got != "7340032" {
		t.Errorf("maxmemory is %q", got)
	}
}

func BenchmarkRedisStart(b *testing.B) {
	s := thoonktest.Redis(b)
	for b.Loop() {
		s.Kill()
		s.Start()
	}
}
