package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// measureLatency measures how long after another client of Redis begins to write the event is there, and compares it with
// how long Redis itself takes to tell a subscriber: one write, two listeners.
func measureLatency(ctx context.Context, s settings, t *table) (err error) {
	r, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	c, err := newCrowd(ctx, "full", r.url(), 1)
	if err != nil {
		return err
	}
	defer c.close()
	w := &foreign{contract: contract{client: r.client, feed: ourFeed}, crowd: c}
	if err := w.subscribe(ctx); err != nil {
		return err
	}
	defer w.stop()
	for range 100 {
		if err := w.write(ctx); err != nil {
			return err
		}
	}
	var middles, tails, floors, floorTails []float64
	for range s.rounds {
		w.events, w.messages = nil, nil
		for start := time.Now(); time.Since(start) < s.time; {
			if err := w.write(ctx); err != nil {
				return err
			}
			time.Sleep(time.Duration(1000+rand.IntN(6000)) * time.Microsecond) // so that all are idle again
		}
		middles, tails = append(middles, median(w.events)), append(tails, quantile(w.events, 0.99))
		floors, floorTails = append(floors, median(w.messages)), append(floorTails, quantile(w.messages, 0.99))
	}
	const what, peer = "a foreign write to the event stream", "a subscriber of Redis itself"
	t.add(row{what: what + ": median", ours: middles, peer: peer, their: floors, unit: "ms", cost: true, aim: "under 2 ms"})
	t.add(row{what: what + ": 99 %", ours: tails, peer: peer, their: floorTails, unit: "ms", cost: true})
	return nil
}

// foreign is another client of Redis, with somebody who listens to it there.
type foreign struct {
	contract contract
	crowd    *crowd
	heard    chan time.Time
	stop     func()
	written  int

	events, messages []float64 // ms
}

func (w *foreign) subscribe(ctx context.Context) error {
	sub := w.contract.client.Subscribe(ctx, "feed.publish:"+w.contract.feed)
	if _, err := sub.Receive(ctx); err != nil {
		return err
	}
	w.heard = make(chan time.Time, 1)
	w.stop = start(ctx, func(context.Context) {
		for {
			if _, err := sub.ReceiveMessage(ctx); err != nil {
				return
			}
			w.heard <- time.Now()
		}
	})
	stop := w.stop
	w.stop = func() { _ = sub.Close(); stop() }
	return nil
}

// write writes one item and waits for it at both ends.
func (w *foreign) write(ctx context.Context) error {
	w.written++
	start := time.Now()
	if err := w.contract.publish(ctx, itemID(w.written)); err != nil {
		return err
	}
	at, err := w.crowd.audience.await(ctx, int64(w.written))
	if err != nil {
		return err
	}
	w.events = append(w.events, at.Sub(start).Seconds()*1e3)
	select {
	case at := <-w.heard:
		w.messages = append(w.messages, at.Sub(start).Seconds()*1e3)
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("redis did not tell of write %d", w.written)
	}
}
