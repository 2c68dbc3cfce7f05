package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// figures are what one side gave in one round, by name.
type figures map[string]float64

// Names of figures.
const (
	rate     = "a second"
	cpu      = "µs of CPU"          // of the server that is measured
	redisCPU = "µs of Redis's CPU"  // of its main thread
	within   = "µs within commands" // of Redis, by its own count
	resident = "bytes of RSS"       // of one stream, as the next
	heap     = "bytes of heap"
	stacks   = "bytes of stacks"
	routines = "goroutines"
)

// side is one side of a comparison.
type side struct {
	name string
	run  func(context.Context) (figures, error)
}

// results are the figures of a comparison: by side, one for each round.
type results map[string][]figures

// compare measures all sides in turn, in every round: what the machine does meanwhile does it to all of them. Every second
// round goes backwards, so that none always comes after the same one.
func compare(ctx context.Context, rounds int, sides []side) (results, error) {
	got := make(results)
	order := slices.Clone(sides)
	for round := range rounds {
		for _, s := range order {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			f, err := s.run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d, %s: %v\n", round+1, s.name, f)
			got[s.name] = append(got[s.name], f)
		}
		slices.Reverse(order)
	}
	return got, nil
}

// of returns one figure of a side, for each round.
func (r results) of(side, figure string) []float64 {
	values := make([]float64, len(r[side]))
	for i, f := range r[side] {
		values[i] = f[figure]
	}
	return values
}

// hammer lets callers repeat op until the time is up or one fails. It returns how many calls were made, and in what time.
func hammer(ctx context.Context, callers int, d time.Duration, op func(context.Context) error) (int, time.Duration, error) {
	var (
		running sync.WaitGroup
		calls   atomic.Int64
		failed  atomic.Pointer[error]
	)
	start := time.Now()
	for range callers {
		running.Go(func() {
			for time.Since(start) < d && failed.Load() == nil {
				if err := op(ctx); err != nil {
					failed.Store(&err)
				}
				calls.Add(1)
			}
		})
	}
	running.Wait()
	elapsed := time.Since(start)
	if err := failed.Load(); err != nil {
		return 0, 0, *err
	}
	return int(calls.Load()), elapsed, nil
}

func perSecond(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }
