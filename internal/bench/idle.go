package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// measureIdle compares what a stream costs on which nothing happens.
func measureIdle(ctx context.Context, s settings, t *table) (err error) {
	r, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	n := affordable(s.idle)
	var sides []side
	for _, kind := range []string{"full", "centrifuge"} {
		sides = append(sides, side{kind, func(ctx context.Context) (figures, error) { return idle(ctx, s, kind, r.url(), n) }})
	}
	got, err := compare(ctx, min(s.rounds, 3), sides)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("an idle stream, of %s", thousands(int64(n)))
	t.costs(got, what+": memory", "full", "centrifuge", resident, "bytes")
	t.costs(got, what+": of it heap", "full", "centrifuge", heap, "bytes")
	t.costs(got, what+": of it stacks", "full", "centrifuge", stacks, "bytes")
	t.costs(got, what+": goroutines", "full", "centrifuge", routines, "")
	return nil
}

// idle opens streams on a server of their own.
func idle(ctx context.Context, s settings, kind, redisURL string, n int) (figures, error) {
	c, err := newCrowd(ctx, kind, redisURL, 100) // so that what is only there once does not count
	if err != nil {
		return nil, err
	}
	defer c.close()
	before, err := c.server.do("settle")
	if err != nil {
		return nil, err
	}
	more, err := gather(ctx, c.server, n)
	if err != nil {
		return nil, err
	}
	defer more.leave()
	after, err := c.server.do("settle")
	if err != nil {
		return nil, err
	}
	return figures{
		resident: float64(after.RSS-before.RSS) / float64(n),
		heap:     float64(after.Heap-before.Heap) / float64(n),
		stacks:   float64(after.Stacks-before.Stacks) / float64(n),
		routines: float64(after.Goroutines-before.Goroutines) / float64(n),
	}, c.server.heap(s.profile, "idle")
}

// affordable returns n, or 2000 if this process may not have so many files open.
func affordable(n int) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < uint64(n+500) {
		fmt.Fprintf(os.Stderr, "no more than %d files may be open: %d streams must do\n", limit.Cur, min(n, 2000))
		return min(n, 2000)
	}
	return n
}
