package store

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// holders remembers in which queues the streams of this process have had leases.
type holders struct {
	mu      sync.Mutex
	streams map[string][]thoonk.FeedName
	noted   map[thoonk.FeedName]bool // queues that thoonk.holding names
}

// Process names this process in a [thoonk.Holder].
func (s *Store) Process() string { return s.instance }

// holderArg is how a lease names its holder. Before the first lease in a queue it is noted in Redis that there may be some, for
// others to find when this process is gone.
func (s *Store) holderArg(ctx context.Context, queue thoonk.FeedName, h thoonk.Holder) (string, error) {
	if h.IsZero() {
		return "-", nil
	}
	if h.Process != s.instance || h.Stream == "" || strings.ContainsAny(h.Stream, " /\n") {
		return "", thoonk.E(thoonk.Internal, "internal error").Because(errHolder)
	}
	s.holders.mu.Lock()
	noted := s.holders.noted[queue]
	s.holders.mu.Unlock()
	if !noted {
		if err := s.redis.SAdd(ctx, keyHolding(s.instance), string(queue)).Err(); err != nil {
			return "", failure("claim", err)
		}
	}
	s.holders.mu.Lock()
	defer s.holders.mu.Unlock()
	if s.holders.noted == nil {
		s.holders.noted, s.holders.streams = make(map[thoonk.FeedName]bool), make(map[string][]thoonk.FeedName)
	}
	s.holders.noted[queue] = true
	if known := s.holders.streams[h.Stream]; !slices.Contains(known, queue) {
		s.holders.streams[h.Stream] = append(known, queue)
	}
	return h.Process + "/" + h.Stream, nil
}

// ReleaseHolder gives back at once what a stream of this process still has claimed. Errors: Unavailable.
func (s *Store) ReleaseHolder(ctx context.Context, h thoonk.Holder) error {
	s.holders.mu.Lock()
	queues := s.holders.streams[h.Stream]
	s.holders.mu.Unlock()
	for _, queue := range queues {
		if _, err := s.sweep(ctx, queue, h.Process+"/"+h.Stream); err != nil && !passes(err) {
			return err
		}
	}
	s.holders.mu.Lock()
	defer s.holders.mu.Unlock()
	delete(s.holders.streams, h.Stream)
	return nil
}

// releaseProcess gives back what a process that is gone had claimed for its streams.
func (s *Store) releaseProcess(ctx context.Context, process string) error {
	queues, err := s.redis.SMembers(ctx, keyHolding(process)).Result()
	if err != nil {
		return failure("sweep", err)
	}
	for _, queue := range queues {
		if _, err := s.sweep(ctx, thoonk.FeedName(queue), process+"/"); err != nil && !passes(err) {
			return err
		}
	}
	if err := s.redis.Del(ctx, keyHolding(process)).Err(); err != nil {
		return failure("sweep", err)
	}
	if err := s.redis.ZRem(ctx, keyHolders, process).Err(); err != nil {
		return failure("sweep", err)
	}
	return nil
}

// passes reports whether an error is one queue's own: it is gone, or not what it should be. Others go on.
func passes(err error) bool {
	kind := thoonk.KindOf(err)
	return kind == thoonk.NotFound || kind == thoonk.Conflict
}
