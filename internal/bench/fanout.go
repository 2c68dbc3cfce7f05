package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// crowd is a server with its audience.
type crowd struct {
	server   *child
	audience *audience
	sent     int64
}

// measureFanout compares the delivery of events to many clients with that of centrifuge.
func measureFanout(ctx context.Context, s settings, t *table) (err error) {
	r, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	crowds := make(map[string]*crowd)
	for _, kind := range []string{"full", "memory", "centrifuge"} {
		c, err := newCrowd(ctx, kind, r.url(), s.clients)
		if err != nil {
			return err
		}
		defer c.close()
		crowds[kind] = c
	}
	for _, window := range []int{1, 64} {
		var sides []side
		for _, kind := range []string{"full", "memory", "centrifuge"} {
			sides = append(sides, crowds[kind].side(s, window))
		}
		got, err := compare(ctx, s.rounds, sides)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("fan-out to %s clients, %s in flight", thousands(int64(s.clients)), plural(window, "event"))
		for _, kind := range []string{"full", "memory"} {
			t.rates(got, what+": "+named(kind), kind, "centrifuge", "")
			t.costs(got, "the same: CPU of the server a delivery", kind, "centrifuge", cpu, "µs")
		}
	}
	return nil
}

func newCrowd(ctx context.Context, kind, redisURL string, n int) (*crowd, error) {
	server, err := startChild(ctx, kind, redisURL)
	if err != nil {
		return nil, err
	}
	a, err := gather(ctx, server, n)
	if err != nil {
		return nil, errors.Join(err, server.stop())
	}
	return &crowd{server: server, audience: a}, nil
}

func (c *crowd) close() {
	c.audience.leave()
	_ = c.server.stop()
}

// side publishes for a time, and has at most a window of events that not all clients have.
func (c *crowd) side(s settings, window int) side {
	return side{c.server.kind, func(ctx context.Context) (f figures, err error) {
		err = c.server.profiled(s.profile, fmt.Sprintf("fanout-%d", window), func() error {
			f, err = c.publish(ctx, s, window)
			return err
		})
		return f, err
	}}
}

func (c *crowd) publish(ctx context.Context, s settings, window int) (figures, error) {
	before, err := c.server.do("usage")
	if err != nil {
		return nil, err
	}
	start, first, clients := time.Now(), c.sent, int64(s.clients)
	burst := max(1, window/4)
	var end time.Time
	for time.Since(start) < s.time {
		if _, err := c.server.do(fmt.Sprint("publish ", burst)); err != nil {
			return nil, err
		}
		c.sent += int64(burst)
		if _, err := c.audience.await(ctx, (c.sent-int64(window-burst))*clients); err != nil {
			return nil, err
		}
	}
	if end, err = c.audience.await(ctx, c.sent*clients); err != nil {
		return nil, err
	}
	after, err := c.server.do("usage")
	if err != nil {
		return nil, err
	}
	deliveries := (c.sent - first) * clients
	return figures{
		rate: perSecond(int(deliveries), end.Sub(start)),
		cpu:  (after.CPU - before.CPU) * 1e6 / float64(deliveries),
	}, nil
}
