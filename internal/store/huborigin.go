package store

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxHubOrigins bounds how many topics that are hosted elsewhere are kept.
const maxHubOrigins = 10_000

// HubOrigin returns what is kept of a topic that is hosted elsewhere. Errors: NotFound, Unavailable.
func (s *Store) HubOrigin(ctx context.Context, topic string) (string, error) {
	record, err := s.redis.HGet(ctx, keyHubOrigins, topic).Result()
	if errors.Is(err, redis.Nil) {
		return "", thoonk.E(thoonk.NotFound, "no such topic")
	}
	if err != nil {
		return "", failure("read topic", err)
	}
	return record, nil
}

// PutHubOrigin keeps what is known of a topic. Errors: Limited, Unavailable.
func (s *Store) PutHubOrigin(ctx context.Context, topic, record string) error {
	return s.hubOrigin(ctx, "put", topic, record, strconv.Itoa(maxHubOrigins), "")
}

// FetchHubOrigin has a topic fetched, if it is one that is kept. Errors: Unavailable.
func (s *Store) FetchHubOrigin(ctx context.Context, topic string) error {
	return s.hubOrigin(ctx, "fetch", topic, "", "", "")
}

// FinishHubOrigin keeps what a worker fetched. If again is not zero it is fetched again then; it is at once if that was
// asked for meanwhile. Errors: Unavailable, also if the worker lost it.
func (s *Store) FinishHubOrigin(ctx context.Context, fence thoonk.Fence, o thoonk.HubOrigin, again time.Time) error {
	at := ""
	if !again.IsZero() {
		at = strconv.FormatInt(again.UnixMilli(), 10)
	}
	return s.hubOrigin(ctx, "finish", o.Topic, o.Record, fence.Token, at)
}

func (s *Store) hubOrigin(ctx context.Context, verb, topic, record, third, at string) error {
	keys := []string{keyHubOrigins, keyHubFetch, keyHubTaken, keyHubDirty}
	reply, err := scriptHubOrigin.Run(ctx, s.redis, keys, verb, topic, record, third, at).Slice()
	_, err = hubAnswer("keep topic", reply, err)
	return err
}

// maxAudience bounds how many subscribers are asked for how many readers they stand.
const maxAudience = 10_000

// HubAudience counts the readers of a feed: each subscriber is one, unless it says that it stands for more. Errors:
// Unavailable.
func (s *Store) HubAudience(ctx context.Context, feed thoonk.FeedName) (int, error) {
	all, err := s.redis.SCard(ctx, keyHubFeed(feed)).Result()
	if err != nil {
		return 0, failure("count readers", err)
	}
	ids, err := s.redis.SRandMemberN(ctx, keyHubFeed(feed), maxAudience).Result()
	if err != nil {
		return 0, failure("count readers", err)
	}
	found, err := s.hubSubscriptions(ctx, ids)
	if err != nil {
		return 0, err
	}
	readers := int(all)
	for _, d := range found {
		readers += max(0, d.State.Audience-1)
	}
	return readers, nil
}
