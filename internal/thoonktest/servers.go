package thoonktest

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Server is a Redis that a test runs on.
type Server interface {
	URL() string
	Client() *redis.Client
}

// MiniServer is a Redis in memory that belongs to one test.
type MiniServer struct {
	*miniredis.Miniredis
	client *redis.Client
}

// Mini starts a Redis in memory. Its clock runs, and keys expire by it. It ends with the test.
func Mini(t testing.TB) *MiniServer {
	t.Helper()
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true)
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return &MiniServer{Miniredis: m, client: newClient(t, "redis://"+m.Addr())}
}

// URL returns the address as go-redis parses it.
func (s *MiniServer) URL() string { return "redis://" + s.Addr() }

// Client returns the test's own client. It repeats no command that failed.
func (s *MiniServer) Client() *redis.Client { return s.client }

// Servers runs a test twice, as the subtests "redis" and "miniredis", each in parallel on an empty server of its own.
func Servers(t *testing.T, test func(t *testing.T, s Server)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, Redis(t))
	})
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, Mini(t))
	})
}
