package store

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxHubIntents bounds how many requests may wait for their callbacks.
const maxHubIntents = 100_000

// PutHubIntent keeps a request until its callback was asked. Errors: Limited, Unavailable.
func (s *Store) PutHubIntent(ctx context.Context, i thoonk.HubIntent) error {
	return s.hubIntent(ctx, "put", i, 0, strconv.Itoa(maxHubIntents))
}

// EndHubIntent forgets a request: its callback was asked. Errors: Unavailable, also if the worker lost it.
func (s *Store) EndHubIntent(ctx context.Context, fence thoonk.Fence, i thoonk.HubIntent) error {
	return s.hubIntent(ctx, "done", i, 0, fence.Token)
}

// RetryHubIntent has the callback asked again. Errors: Unavailable, also if the worker lost it.
func (s *Store) RetryHubIntent(ctx context.Context, fence thoonk.Fence, i thoonk.HubIntent, at time.Time) error {
	return s.hubIntent(ctx, "retry", i, at.UnixMilli(), fence.Token)
}

func (s *Store) hubIntent(ctx context.Context, verb string, i thoonk.HubIntent, at int64, last string) error {
	keys := []string{keyHubIntents, keyHubAsking, keyHubTaken, keyHubDirty}
	reply, err := scriptHubIntent.Run(ctx, s.redis, keys, verb, i.ID, i.Nonce, encodeHubIntent(i), at, last).Slice()
	_, err = hubAnswer("keep request", reply, err)
	return err
}

// LapseHub ends subscriptions whose lease is over by now, up to limit, and returns how many. Errors: Unavailable.
func (s *Store) LapseHub(ctx context.Context, now time.Time, limit int) (int, error) {
	end := strconv.FormatInt(now.UnixMilli(), 10)
	ids, err := s.redis.ZRangeArgs(ctx, redis.ZRangeArgs{Key: keyHubEnds, ByScore: true, Start: "-inf", Stop: end, Count: int64(limit)}).Result()
	if err != nil {
		return 0, failure("end leases", err)
	}
	found, err := s.hubSubscriptions(ctx, ids)
	if err != nil {
		return 0, err
	}
	ended := 0
	for _, d := range found {
		err := s.removeHub(ctx, d.Subscription, "", end, thoonk.HubIntent{})
		if err != nil && thoonk.KindOf(err) != thoonk.NotFound {
			return ended, err
		}
		if err == nil {
			ended++
		}
	}
	return ended, nil
}

// RefreshHub returns subscriptions of PubSubHubbub 0.3 that it is time to ask whether they stay, each once. Errors:
// Unavailable.
func (s *Store) RefreshHub(ctx context.Context, now time.Time, limit int) ([]thoonk.HubSubscription, error) {
	end := strconv.FormatInt(now.UnixMilli(), 10)
	ids, err := s.redis.ZRangeArgs(ctx, redis.ZRangeArgs{Key: keyHubRefresh, ByScore: true, Start: "-inf", Stop: end, Count: int64(limit)}).Result()
	if err != nil {
		return nil, failure("refresh", err)
	}
	found, err := s.hubSubscriptions(ctx, ids)
	if err != nil {
		return nil, err
	}
	var subs []thoonk.HubSubscription
	for _, d := range found {
		subs = append(subs, d.Subscription)
	}
	return subs, nil
}

// RefreshedHub notes that it was asked. Errors: Unavailable.
func (s *Store) RefreshedHub(ctx context.Context, id string) error {
	if err := s.redis.ZRem(ctx, keyHubRefresh, id).Err(); err != nil {
		return failure("refresh", err)
	}
	return nil
}

// Bounds on the log of attempts of a subscription.
const (
	hubAttempts     = 20
	hubAttemptsKept = 14 * 24 * time.Hour
)

// hubAttempt is a [thoonk.HubAttempt] as Redis has it.
type hubAttempt struct {
	At       time.Time     `json:"t"`
	Delivery string        `json:"d"`
	Status   int           `json:"s,omitempty"`
	Error    string        `json:"e,omitempty"`
	Took     time.Duration `json:"n"`
}

// NoteHubAttempts adds to the logs of attempts, by the ids of subscriptions. Errors: Unavailable.
func (s *Store) NoteHubAttempts(ctx context.Context, attempts map[string][]thoonk.HubAttempt) error {
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for id, list := range attempts {
			key := keyHubAttempts(id)
			for _, a := range list {
				b, err := json.Marshal(hubAttempt(a))
				if err != nil {
					return err
				}
				p.LPush(ctx, key, b)
			}
			p.LTrim(ctx, key, 0, hubAttempts-1)
			p.PExpire(ctx, key, hubAttemptsKept)
		}
		return nil
	})
	if err != nil {
		return failure("note attempts", err)
	}
	return nil
}

// HubAttempts returns the log of attempts of a subscription, the latest first. Errors: Unavailable.
func (s *Store) HubAttempts(ctx context.Context, id string) ([]thoonk.HubAttempt, error) {
	texts, err := s.redis.LRange(ctx, keyHubAttempts(id), 0, -1).Result()
	if err != nil {
		return nil, failure("read attempts", err)
	}
	attempts := make([]thoonk.HubAttempt, len(texts))
	for i, text := range texts {
		var a hubAttempt
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			return nil, failure("read attempts", err)
		}
		attempts[i] = thoonk.HubAttempt(a)
	}
	return attempts, nil
}

// HubStats counts what the hub has to do. Errors: Unavailable.
func (s *Store) HubStats(ctx context.Context) (thoonk.HubStats, error) {
	now := time.Now()
	var subs, due, later, taken, intents, lapsing *redis.IntCmd
	var oldest *redis.ZSliceCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		subs, taken, intents = p.HLen(ctx, keyHubSubs), p.HLen(ctx, keyHubTaken), p.HLen(ctx, keyHubIntents)
		due, later = p.ZCard(ctx, keyHubDue), p.ZCard(ctx, keyHubLater)
		lapsing = p.ZCount(ctx, keyHubEnds, "-inf", strconv.FormatInt(now.Add(24*time.Hour).UnixMilli(), 10))
		oldest = p.ZRangeWithScores(ctx, keyHubDue, 0, 0)
		return nil
	})
	if err != nil {
		return thoonk.HubStats{}, failure("count", err)
	}
	stats := thoonk.HubStats{
		Subscriptions: subs.Val(), Due: due.Val(), Later: later.Val(), Taken: taken.Val(), Intents: intents.Val(), Lapsing: lapsing.Val(),
	}
	if first := oldest.Val(); len(first) > 0 {
		stats.Oldest = max(0, now.Sub(time.UnixMilli(int64(first[0].Score))))
	}
	return stats, nil
}
