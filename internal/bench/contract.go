package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	ourFeed  = "bench:ours"
	peerFeed = "bench:peer"
	mark     = "@@@@" // in every body, and nowhere else
)

// body is JSON of 1 KiB, which the log just keeps.
var body = func() []byte {
	const head, tail = `{"mark":"` + mark + `","text":"`, `"}`
	return []byte(head + strings.Repeat("x", 1024-len(head)-len(tail)) + tail)
}()

// itemID is as long as an id that the store makes.
func itemID(n int) string { return fmt.Sprintf("%032x", n) }

// contract writes as an old client does, less what that reads first under WATCH: a peer that does too little rather
// than too much.
type contract struct {
	client *redis.Client
	feed   string
}

func (c contract) score() float64 { return float64(time.Now().UnixMilli()) }

// publish is one transaction in one round trip.
func (c contract) publish(ctx context.Context, id string) error {
	_, err := c.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.ZAdd(ctx, "feed.ids:"+c.feed, redis.Z{Score: c.score(), Member: id})
		p.Incr(ctx, "feed.publishes:"+c.feed)
		p.HSet(ctx, "feed.items:"+c.feed, id, body)
		p.Publish(ctx, "feed.publish:"+c.feed, id+"\x00"+string(body))
		return nil
	})
	return err
}

// watched is the whole of what an old client does: it watches the feed, looks whether the item is there, so as to say publish
// or edit, and how many there may be; and begins again if anybody wrote meanwhile. The two round trips are the least that
// this takes.
func (c contract) watched(ctx context.Context, id string) error {
	conn := c.client.Conn()
	defer conn.Close()
	for {
		if _, err := conn.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Do(ctx, "watch", "feed.ids:"+c.feed)
			p.HExists(ctx, "feed.items:"+c.feed, id)
			p.HExists(ctx, "feed.config:"+c.feed, "max_length")
			return nil
		}); err != nil {
			return err
		}
		replies, err := conn.Pipelined(ctx, func(p redis.Pipeliner) error {
			c.queue(ctx, p, id)
			return nil
		})
		if exec := replies[len(replies)-1]; errors.Is(exec.Err(), redis.Nil) {
			continue // somebody wrote meanwhile, and nothing was done
		}
		return err
	}
}

// queue adds the transaction to a pipeline.
func (c contract) queue(ctx context.Context, p redis.Pipeliner, id string) {
	p.Do(ctx, "multi")
	p.Do(ctx, "zadd", "feed.ids:"+c.feed, c.score(), id)
	p.Do(ctx, "incr", "feed.publishes:"+c.feed)
	p.Do(ctx, "hset", "feed.items:"+c.feed, id, body)
	p.Do(ctx, "publish", "feed.publish:"+c.feed, id+"\x00"+string(body))
	p.Do(ctx, "exec")
}
