// Package store keeps Thoonk objects in Redis. Every operation is one Lua script: the contract's keys and channels as
// other clients know them, and beside them the history of each feed and one log of all changes, which every edge
// reads. The adopter brings what other clients write into the same log.
package store

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options say how a [Store] works.
type Options struct {
	URL        string // redis://, rediss:// or unix://
	LogEntries int    // the log keeps about so many entries; 0: 20,000
	Log        *slog.Logger
}

// Store is a connection pool to one Redis. It is safe for concurrent use.
type Store struct {
	redis      *redis.Client
	instance   string // this process, as the contract's channels name it
	logEntries int
	log        *slog.Logger
}

// Open returns a store; it does not dial yet. An error means that the URL is wrong.
func Open(o Options) (*Store, error) {
	ro, err := redis.ParseURL(o.URL)
	if err != nil {
		return nil, err
	}
	// A write whose answer is lost may have been done: doing it again is for the caller to decide.
	ro.MaxRetries = -1
	ro.ContextTimeoutEnabled = true
	ro.DisableIdentity = true
	ro.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled} // of a vendor's service
	ro.DialTimeout = 2 * time.Second
	ro.DialerRetries = 1
	ro.ReadTimeout = 10 * time.Second
	ro.PoolTimeout = 5 * time.Second
	if o.LogEntries == 0 {
		o.LogEntries = 20_000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	quieten.Do(func() { redis.SetLogger(quiet{}) })
	return &Store{redis: redis.NewClient(ro), instance: uuid.NewString(), logEntries: o.LogEntries, log: o.Log}, nil
}

// Ping returns nil if Redis answers, and an Unavailable error otherwise.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.redis.Ping(ctx).Err(); err != nil {
		return failure("ping", err)
	}
	return nil
}

// Close closes all connections.
func (s *Store) Close() error { return s.redis.Close() }

// The client library logs failures through a global; all of them are returned to us too.
var quieten sync.Once

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
