package store

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Webhooks returns the queues that have a webhook, with what they declare.
func (s *Store) Webhooks(ctx context.Context) (map[thoonk.FeedName]thoonk.Config, error) {
	names, err := s.redis.SMembers(ctx, keyWebhooks).Result()
	if err != nil {
		return nil, failure("webhooks", err)
	}
	found := make(map[thoonk.FeedName]thoonk.Config)
	for some := range slices.Chunk(names, 100) {
		configs := make([]*redis.MapStringStringCmd, len(some))
		_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, name := range some {
				configs[i] = p.HGetAll(ctx, keyConfig(thoonk.FeedName(name)))
			}
			return nil
		})
		if err != nil {
			return nil, failure("webhooks", err)
		}
		for i, name := range some {
			if cfg := parseConfig(configs[i].Val()); cfg.Webhook.URL != "" { // another client may have removed the queue
				found[thoonk.FeedName(name)] = cfg
			}
		}
	}
	return found, nil
}

// parseWebhook reads the field webhook of feed.config.
func parseWebhook(text string) thoonk.Webhook {
	var w thoonk.Webhook
	if json.Unmarshal([]byte(text), &w) != nil {
		return thoonk.Webhook{}
	}
	return w
}
