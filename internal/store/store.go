// Package store keeps Thoonk objects in Redis. Every operation is one Lua script: the contract's keys and channels as
// other clients know them, and beside them the history of each feed and one log of all changes, which every edge
// reads. The adopter brings what other clients write into the same log.
package store

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options say how a [Store] works.
type Options struct {
	// URL is redis://, rediss:// or unix://. With the parameter master_name its host is a sentinel, and so is each addr
	// parameter: redis://s1:26379/0?master_name=mymaster&addr=s2:26379
	URL string
	// Alone says that no other process works on this Redis: a lease that is found at the start is a dead process's.
	Alone      bool
	LogEntries int // the log keeps about so many entries; 0: 20,000
	Log        *slog.Logger
}

// Store is a connection pool to one Redis. It is safe for concurrent use.
type Store struct {
	redis      *redis.Client
	instance   string // this process, as the contract's channels name it
	alone      bool
	asked      sync.Map // keys of the leases that were asked for, where alone
	logEntries int
	log        *slog.Logger
	checker    checker
	holders    holders
	waiting    waiting
	touched    *touched
}

// Open returns a store; it does not dial yet. An error means that the URL is wrong.
func Open(o Options) (*Store, error) {
	client, err := newClient(o.URL)
	if err != nil {
		return nil, err
	}
	if o.LogEntries == 0 {
		o.LogEntries = 20_000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	quieten.Do(func() { redis.SetLogger(quiet{}) })
	s := &Store{redis: client, instance: uuid.NewString(), alone: o.Alone, logEntries: o.LogEntries, log: o.Log}
	s.waiting, s.touched = s.newWaiting(), newTouched()
	return s, nil
}

const (
	dialTimeout = 2 * time.Second
	readTimeout = 10 * time.Second // of an answer; a request's own deadline may be earlier
	poolTimeout = 5 * time.Second
)

// newClient sets what our use of Redis needs. A write whose answer is lost may have been done: doing it again is for the
// caller to decide, so nothing is retried. Maintenance notifications are a vendor's service.
func newClient(address string) (*redis.Client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the Redis URL cannot be read") // without the URL, which may hold a password
	}
	if u.Query().Has("master_name") {
		return newSentinelClient(address)
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, err
	}
	o.MaxRetries, o.DialerRetries = -1, 1
	o.ContextTimeoutEnabled, o.DisableIdentity = true, true
	o.DialTimeout, o.ReadTimeout, o.PoolTimeout = dialTimeout, readTimeout, poolTimeout
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(o), nil
}

// newSentinelClient follows the master that sentinels name.
func newSentinelClient(address string) (*redis.Client, error) {
	o, err := redis.ParseFailoverURL(address)
	if err != nil {
		return nil, err
	}
	o.MaxRetries, o.DialerRetries = -1, 1
	o.ContextTimeoutEnabled, o.DisableIdentity = true, true
	o.DialTimeout, o.ReadTimeout, o.PoolTimeout = dialTimeout, readTimeout, poolTimeout
	return redis.NewFailoverClient(o), nil
}

// Ping returns nil if Redis answers, and an Unavailable error otherwise.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.redis.Ping(ctx).Err(); err != nil {
		return failure("ping", err)
	}
	return nil
}

// Close answers all who wait, and closes all connections.
func (s *Store) Close() error {
	s.waiting.close()
	return s.redis.Close()
}

// The client library logs failures through a global; all of them are returned to us too.
var quieten sync.Once

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
