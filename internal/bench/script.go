package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	many     = 50  // callers at once
	pipeline = 100 // writes in one pipeline

	atLeastHalf = "at least 0.5"
)

// writers are a store and its peers on one Redis, which nobody listens to.
type writers struct {
	redis    *server
	store    *store.Store
	evalsha  []any // a publish of the item "template"
	contract contract
	next     atomic.Int64
}

func newWriters(ctx context.Context) (*writers, error) {
	s, err := startRedis(ctx)
	if err != nil {
		return nil, err
	}
	w := &writers{redis: s, contract: contract{client: s.client, feed: peerFeed}}
	if w.store, err = store.Open(store.Options{URL: s.url()}); err != nil {
		return nil, err
	}
	if _, _, err := w.store.PutFeed(ctx, thoonk.PutFeed{Name: ourFeed}); err != nil {
		return nil, err
	}
	w.evalsha, err = capture(ctx, s, publication("template"))
	return w, err
}

func (w *writers) close() {
	_ = w.store.Close()
	_ = w.redis.stop()
}

func publication(id string) thoonk.PublishItem {
	return thoonk.PublishItem{Feed: ourFeed, ID: thoonk.ItemID(id), Form: thoonk.FormBody, Body: body, Actor: "jwt:bench|bench"}
}

// prepare empties Redis and fills the log and the feed's history, so that both are trimmed from then on. Large batches
// would leave a history to be trimmed by those who come later.
func (w *writers) prepare(ctx context.Context) error {
	if err := w.redis.clear(ctx); err != nil {
		return err
	}
	if _, _, err := w.store.PutFeed(ctx, thoonk.PutFeed{Name: ourFeed}); err != nil {
		return err
	}
	for range 700 {
		if _, err := w.store.Batch(ctx, w.batch(30)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writers) id() string { return itemID(int(w.next.Add(1))) }

func (w *writers) batch(n int) thoonk.Batch {
	b := thoonk.Batch{Feed: ourFeed, Actor: "jwt:bench|bench", Operations: make([]thoonk.Operation, n)}
	for i := range b.Operations {
		b.Operations[i] = thoonk.Operation{Kind: thoonk.Publish, ID: thoonk.ItemID(w.id()), Form: thoonk.FormBody, Body: body}
	}
	return b
}

// Ways to write one item of 1 KiB.
const (
	byStore    = "store.Publish"
	byScript   = "EVALSHA"
	byContract = "the contract's writes"
	byWatch    = "an old client: WATCH, reads, the same writes"
	byPublish  = "PUBLISH"
	bySet      = "SET"
)

// side lets callers repeat op, which does so many writes at once. They are counted in the end: a script that refuses
// returns no error.
func (w *writers) side(s settings, name string, callers, writes int, commands []string, op func(context.Context) error) side {
	return side{name, func(ctx context.Context) (figures, error) {
		published, err1 := w.published(ctx)
		before, err2 := w.redis.usage(ctx)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		n, d, err := hammer(ctx, callers, s.time, op)
		if err != nil {
			return nil, err
		}
		after, err1 := w.redis.usage(ctx)
		publishedAfter, err2 := w.published(ctx)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		n *= writes
		if counted := publishedAfter - published; counted != n && name != byPublish && name != bySet {
			return nil, fmt.Errorf("%d items were published in %d writes", counted, n)
		}
		spent, inside := after.spent(before, n, commands...)
		return figures{rate: perSecond(n, d), redisCPU: spent, within: inside}, nil
	}}
}

// published returns how many items were published on both feeds so far.
func (w *writers) published(ctx context.Context) (int, error) {
	sum := 0
	for _, feed := range []string{ourFeed, peerFeed} {
		n, err := w.redis.client.Get(ctx, "feed.publishes:"+feed).Int()
		if err != nil && !errors.Is(err, redis.Nil) {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// single are the sides that write one item a round trip.
func (w *writers) single(s settings, callers int) []side {
	one := func(name string, op func(ctx context.Context, id string) error) side {
		return w.side(s, name, callers, 1, nil, func(ctx context.Context) error { return op(ctx, w.id()) })
	}
	client := w.redis.client
	return []side{
		one(byStore, func(ctx context.Context, id string) error {
			_, err := w.store.Publish(ctx, publication(id))
			return err
		}),
		one(byScript, func(ctx context.Context, id string) error {
			return client.Do(ctx, with(w.evalsha, "template", id)...).Err()
		}),
		one(byContract, w.contract.publish),
		one(byWatch, w.contract.watched),
		one(byPublish, func(ctx context.Context, id string) error {
			return client.Publish(ctx, "feed.publish:"+peerFeed, id+"\x00"+string(body)).Err()
		}),
		one(bySet, func(ctx context.Context, id string) error { return client.Set(ctx, setKey(id), body, 0).Err() }),
	}
}

// piped are the sides that write many items a round trip.
func (w *writers) piped(s settings) []side {
	return []side{
		w.pipedSide(s, byScript, []string{"evalsha"}, func(ctx context.Context, p redis.Pipeliner, id string) {
			p.Do(ctx, with(w.evalsha, "template", id)...)
		}),
		w.pipedSide(s, byContract, []string{"multi", "exec"}, w.contract.queue),
		w.pipedSide(s, byPublish, []string{"publish"}, func(ctx context.Context, p redis.Pipeliner, id string) {
			p.Publish(ctx, "feed.publish:"+peerFeed, id+"\x00"+string(body))
		}),
		w.pipedSide(s, bySet, []string{"set"}, func(ctx context.Context, p redis.Pipeliner, id string) { p.Set(ctx, setKey(id), body, 0) }),
	}
}

func (w *writers) pipedSide(s settings, name string, commands []string, queue func(ctx context.Context, p redis.Pipeliner, id string)) side {
	return w.side(s, name, 1, pipeline, commands, func(ctx context.Context) error { return w.pipeline(ctx, queue) })
}

func (w *writers) pipeline(ctx context.Context, queue func(ctx context.Context, p redis.Pipeliner, id string)) error {
	_, err := w.redis.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for range pipeline {
			queue(ctx, p, w.id())
		}
		return nil
	})
	return err
}

// setKey is one of 65,536: SET is a ceiling, and need not fill the memory.
func setKey(id string) string { return "set:" + id[len(id)-4:] }

// measureScript compares the publish script with the contract's own writes, with PUBLISH alone and with SET.
func measureScript(ctx context.Context, s settings, t *table) error {
	w, err := newWriters(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	for _, callers := range []int{1, many} {
		if err := w.prepare(ctx); err != nil {
			return err
		}
		got, err := compare(ctx, s.rounds, w.single(s, callers))
		if err != nil {
			return err
		}
		what := fmt.Sprintf("publish, %s", plural(callers, "caller"))
		t.rates(got, what+": "+byStore, byStore, byContract, atLeastHalf)
		t.rates(got, what+": "+byStore, byStore, byWatch, atLeastHalf)
		t.rates(got, what+": bare "+byScript, byScript, byContract, atLeastHalf)
		t.rates(got, what+": bare "+byScript, byScript, byPublish, "")
		t.rates(got, what+": bare "+byScript, byScript, bySet, "")
	}
	return w.measurePiped(ctx, s, t)
}

func (w *writers) measurePiped(ctx context.Context, s settings, t *table) error {
	if err := w.prepare(ctx); err != nil {
		return err
	}
	got, err := compare(ctx, s.rounds, w.piped(s))
	if err != nil {
		return err
	}
	what := fmt.Sprintf("publish, pipeline of %d: %s", pipeline, byScript)
	t.rates(got, what, byScript, byContract, atLeastHalf)
	t.rates(got, what, byScript, byPublish, "")
	t.rates(got, what, byScript, bySet, "")
	for _, peer := range []string{byContract, byPublish, bySet} {
		t.costs(got, "the same: CPU of Redis", byScript, peer, redisCPU, "µs")
	}
	t.costs(got, "the same: within the commands", byScript, byContract, within, "µs")
	return nil
}

// measureBatch compares one script of many publishes with many scripts, and with the contract's writes in one pipeline.
func measureBatch(ctx context.Context, s settings, t *table) error {
	w, err := newWriters(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.prepare(ctx); err != nil {
		return err
	}
	const batch, piped = "store.Batch", "the contract's writes, pipelined"
	got, err := compare(ctx, s.rounds, []side{
		w.side(s, batch, 1, pipeline, nil, func(ctx context.Context) error {
			_, err := w.store.Batch(ctx, w.batch(pipeline))
			return err
		}),
		w.side(s, byStore, 1, 1, nil, func(ctx context.Context) error {
			_, err := w.store.Publish(ctx, publication(w.id()))
			return err
		}),
		w.side(s, piped, 1, pipeline, nil, func(ctx context.Context) error { return w.pipeline(ctx, w.contract.queue) }),
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("batch of %d in one script", pipeline)
	t.rates(got, what, batch, byStore, "")
	t.rates(got, what, batch, piped, "")
	t.costs(got, "the same: CPU of Redis an item", batch, piped, redisCPU, "µs")
	return nil
}

func (t *table) rates(got results, what, ours, peer, aim string) {
	t.add(row{what: what, ours: got.of(ours, rate), peer: peer, their: got.of(peer, rate), unit: "/s", aim: aim})
}

func (t *table) costs(got results, what, ours, peer, figure, unit string) {
	t.add(row{what: what, ours: got.of(ours, figure), peer: peer, their: got.of(peer, figure), unit: unit, cost: true})
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
