package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const scanCount = 500

// Reconcile makes the log's last word about every feed and item equal to what Redis says, and returns how many entries
// that took. Between two steps it calls pause, which may slow it down. What is wrong with one feed does not keep it
// from the others; such feeds are passed to skipped. Errors: Unavailable.
func (s *Store) Reconcile(ctx context.Context, pause func(context.Context) error, skipped func(name string, err error)) (int, error) {
	told := 0
	names, err := s.everyName(ctx)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		feed, err := thoonk.ParseFeedName(name)
		n := 0
		if err == nil {
			n, err = s.reconcileFeed(ctx, feed, pause)
		}
		told += n
		switch thoonk.KindOf(err) {
		case "", thoonk.NotFound:
		case thoonk.Invalid, thoonk.Conflict:
			skipped(name, err)
		default:
			return told, err
		}
	}
	return told, nil
}

// everyName returns the feeds that are there and those that the log thinks are.
func (s *Store) everyName(ctx context.Context) ([]string, error) {
	known, err := s.redis.ZRange(ctx, keyKnown, 0, -1).Result()
	if err != nil {
		return nil, failure("reconcile", err)
	}
	there, err := s.redis.SMembers(ctx, keyFeeds).Result()
	if err != nil {
		return nil, failure("reconcile", err)
	}
	names := slices.Concat(known, there)
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (s *Store) reconcileFeed(ctx context.Context, feed thoonk.FeedName, pause func(context.Context) error) (int, error) {
	a, err := s.settle(ctx, feed, "")
	if err != nil {
		return 0, err
	}
	sorted := false
	switch parseConfig(pairs(a[3:])).Type {
	case thoonk.TypeFeed:
	case thoonk.TypeSortedFeed:
		sorted = true
	case thoonk.TypeJob:
		told, _, err := s.watchQueue(ctx, feed, pause)
		return told, err
	default:
		return 0, nil
	}
	there, err := s.reconcileThere(ctx, feed, sorted, pause)
	if err != nil {
		return there, err
	}
	gone, err := s.reconcileGone(ctx, feed, sorted, pause)
	if err != nil || !sorted {
		return there + gone, err
	}
	moved, err := s.reconcileOrder(ctx, feed)
	return there + gone + moved, err
}

// reconcileThere compares the items in their order, so that a feed seen for the first time is told in its order. An
// item that moves meanwhile was changed meanwhile, which its writer announces.
func (s *Store) reconcileThere(ctx context.Context, feed thoonk.FeedName, sorted bool, pause func(context.Context) error) (int, error) {
	told := 0
	for start := int64(0); ; start += scanCount {
		ids, err := s.idRange(ctx, feed, sorted, start, start+scanCount-1)
		if err != nil {
			return told, failure("reconcile", err)
		}
		n, err := s.compare(ctx, feed, bodies, itemIDs(ids))
		told += n
		if err != nil || len(ids) < scanCount {
			return told, err
		}
		if err := pause(ctx); err != nil {
			return told, err
		}
	}
}

func (s *Store) idRange(ctx context.Context, feed thoonk.FeedName, sorted bool, first, last int64) ([]string, error) {
	if sorted {
		return s.redis.LRange(ctx, keyIDs(feed), first, last).Result()
	}
	return s.redis.ZRange(ctx, keyIDs(feed), first, last).Result()
}

// reconcileOrder tells of the items of a sorted feed that only Redis has or only the log, and the places of those that the log has
// elsewhere, as few as possible.
func (s *Store) reconcileOrder(ctx context.Context, feed thoonk.FeedName) (int, error) {
	var there, told *redis.StringSliceCmd
	_, err := s.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		there, told = p.LRange(ctx, keyIDs(feed), 0, -1), p.LRange(ctx, keyOrder(feed), 0, -1)
		return nil
	})
	if err != nil {
		return 0, failure("reconcile", err)
	}
	strange, err := s.compare(ctx, feed, bodies, itemIDs(strangers(there.Val(), told.Val())))
	if err != nil {
		return strange, err
	}
	moved, err := s.compare(ctx, feed, places, itemIDs(misplaced(there.Val(), told.Val())))
	return strange + moved, err
}

// reconcileGone looks for items that only the log still has.
func (s *Store) reconcileGone(ctx context.Context, feed thoonk.FeedName, sorted bool, pause func(context.Context) error) (int, error) {
	told, cursor := 0, uint64(0)
	for {
		fields, next, err := s.redis.HScan(ctx, keyLast(feed), cursor, "", scanCount).Result()
		if err != nil {
			return told, failure("reconcile", err)
		}
		var ids []string
		for i := 0; i < len(fields); i += 2 {
			ids = append(ids, fields[i])
		}
		gone, err := s.gone(ctx, feed, sorted, ids)
		if err != nil {
			return told, err
		}
		n, err := s.compare(ctx, feed, bodies, itemIDs(gone))
		told += n
		if err != nil || next == 0 {
			return told, err
		}
		cursor = next
		if err := pause(ctx); err != nil {
			return told, err
		}
	}
}

// gone returns those ids that Redis has no more.
func (s *Store) gone(ctx context.Context, feed thoonk.FeedName, sorted bool, ids []string) ([]string, error) {
	there := make([]redis.Cmder, len(ids))
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			if sorted {
				there[i] = p.HGet(ctx, keyItems(feed), id)
			} else {
				there[i] = p.ZScore(ctx, keyIDs(feed), id)
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, failure("reconcile", err)
	}
	var gone []string
	for i, id := range ids {
		if errors.Is(there[i].Err(), redis.Nil) {
			gone = append(gone, id)
		}
	}
	return gone, nil
}

func itemIDs(texts []string) []thoonk.ItemID {
	ids := make([]thoonk.ItemID, 0, len(texts))
	for _, t := range texts {
		if id, err := thoonk.ParseItemID(t); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// unhurried returns a pause that keeps a reconciliation to about a fifth of the time.
func unhurried() func(context.Context) error {
	last := time.Now()
	return func(ctx context.Context) error {
		timer := time.NewTimer(4 * time.Since(last))
		defer timer.Stop()
		select {
		case <-timer.C:
			last = time.Now()
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unpaused is the pause of a reconciliation that others wait for.
func unpaused(ctx context.Context) error { return ctx.Err() }
