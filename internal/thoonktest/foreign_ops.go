package thoonktest

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/redis/go-redis/v9"
)

// operation is one operation of the contract.
type operation struct {
	watch string // a change of this key starts the operation again
	// plan reads what it needs, queues the writes and returns the messages; without writes nothing is done.
	plan func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (ok bool, messages []Message, err error)
}

// contractKeys are the keys of a feed that old clients know, whatever its type.
var contractKeys = []string{
	"feed.config:", "feed.ids:", "feed.items:", "feed.publishes:", "feed.idincr:",
	"feed.published:", "feed.claimed:", "feed.cancelled:", "feed.stalled:", "feed.finishes:",
}

func (f *Foreign) create(feed string, config map[string]string) operation {
	fields := map[string]string{"type": "feed"}
	maps.Copy(fields, config)
	return operation{"feeds", func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if exists, err := tx.SIsMember(ctx, "feeds", feed).Result(); exists || err != nil {
			return false, nil, err
		}
		p.SAdd(ctx, "feeds", feed)
		p.HSet(ctx, "feed.config:"+feed, fields)
		return true, []Message{f.about("newfeed", feed), f.about("conffeed", feed)}, nil
	}}
}

func (f *Foreign) configure(feed string, config map[string]string) operation {
	return operation{"feeds", func(ctx context.Context, _ *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		p.HSet(ctx, "feed.config:"+feed, config)
		return true, []Message{f.about("conffeed", feed)}, nil
	}}
}

func (f *Foreign) delete(feed string) operation {
	return operation{"feeds", func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if exists, err := tx.SIsMember(ctx, "feeds", feed).Result(); !exists || err != nil {
			return false, nil, err
		}
		p.SRem(ctx, "feeds", feed)
		for _, k := range contractKeys {
			p.Del(ctx, k+feed)
		}
		return true, []Message{f.about("delfeed", feed)}, nil
	}}
}

func (f *Foreign) publish(feed, id, body string) operation {
	ids, items := "feed.ids:"+feed, "feed.items:"+feed
	return operation{ids, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		isNew, err := absent(ctx, tx, ids, id)
		if err != nil {
			return false, nil, err
		}
		maxLength, err := tx.HGet(ctx, "feed.config:"+feed, "max_length").Int64()
		if err != nil && !errors.Is(err, redis.Nil) {
			return false, nil, err
		}
		var drop []string
		if maxLength > 0 {
			// All but the newest maxLength-1, as if the item were always new: see Publish.
			if drop, err = tx.ZRange(ctx, ids, 0, -maxLength).Result(); err != nil {
				return false, nil, err
			}
		}
		var messages []Message
		for _, old := range drop {
			if old != id {
				p.ZRem(ctx, ids, old)
				p.HDel(ctx, items, old)
				messages = append(messages, Message{"feed.retract:" + feed, old})
			}
		}
		p.ZAdd(ctx, ids, redis.Z{Score: f.score(), Member: id})
		p.Incr(ctx, "feed.publishes:"+feed)
		p.HSet(ctx, items, id, body)
		channel := "feed.edit:"
		if isNew {
			channel = "feed.publish:"
		}
		return isNew, append(messages, Message{channel + feed, id + "\x00" + body}), nil
	}}
}

func (f *Foreign) retract(feed, id string) operation {
	ids := "feed.ids:" + feed
	return operation{ids, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if missing, err := absent(ctx, tx, ids, id); missing || err != nil {
			return false, nil, err
		}
		p.ZRem(ctx, ids, id)
		p.HDel(ctx, "feed.items:"+feed, id)
		return true, []Message{{"feed.retract:" + feed, id}}, nil
	}}
}

// about is a message on one of the channels that tell of feeds as a whole.
func (f *Foreign) about(channel, feed string) Message {
	return Message{channel, feed + "\x00" + f.instance}
}

// score is the present time as this client writes it into feed.ids.
func (f *Foreign) score() float64 {
	if f.python {
		return float64(time.Now().UnixMicro()) / 1e6
	}
	return float64(time.Now().UnixMilli())
}

func absent(ctx context.Context, tx *redis.Tx, ids, id string) (bool, error) {
	err := tx.ZScore(ctx, ids, id).Err()
	if errors.Is(err, redis.Nil) {
		return true, nil
	}
	return false, err
}
