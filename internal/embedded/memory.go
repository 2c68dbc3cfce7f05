package embedded

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"

	"github.com/alicebob/miniredis/v2"
)

// StartMemory runs a store inside this process, on a free port of 127.0.0.1, and warns that it keeps nothing.
func StartMemory(log *slog.Logger) (*Server, error) {
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true)        // by default time stands still for it and no key ever expires
	password := rand.Text() // other users of this machine can reach the port
	m.RequireAuth(password)
	if err := m.Start(); err != nil {
		return nil, fmt.Errorf("embedded store: %w", err)
	}
	log.Warn("everything is kept in memory and NOTHING SURVIVES A RESTART", "addr", m.Addr())
	return &Server{
		url: "redis://:" + password + "@" + m.Addr(),
		close: sync.OnceValue(func() error {
			m.Close()
			return nil
		}),
	}, nil
}
