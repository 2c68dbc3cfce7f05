package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

var errHolder = errors.New("a holder of another process, or without a stream")

const (
	beatEvery   = 250 * time.Millisecond
	deadAfter   = 1200 * time.Millisecond // without a sign of life, by the clock of the one who watches
	sweepsAWake = 100
)

// Maintenance keeps the queues going: it gives jobs back whose leases are over, or whose streams ended with their process, puts
// due jobs into their queues, and forgets old outcomes. Every process runs it, none needs the others, and what two do at once is done once.
type Maintenance struct {
	store *Store
	log   *slog.Logger
	seen  map[string]sign // the last sign of life of each process
	idle  bool            // the last beat failed: what we saw before says nothing
}

type sign struct {
	score string
	at    time.Time
}

// NewMaintenance returns the maintenance, which does nothing before Run. Only while it runs does this process live in the eyes
// of the others.
func (s *Store) NewMaintenance() *Maintenance {
	return &Maintenance{store: s, log: s.log, seen: make(map[string]sign)}
}

// Run works until ctx ends.
func (m *Maintenance) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { m.store.recur(ctx) })
	defer running.Wait()
	for {
		wait, err := m.once(ctx)
		if err != nil && ctx.Err() == nil {
			m.idle, wait = true, beatEvery
			m.log.DebugContext(ctx, "jobs: the maintenance waits", "error", err)
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

// once beats, does what is due, and returns how long to wait.
func (m *Maintenance) once(ctx context.Context) (time.Duration, error) {
	reply, err := scriptBeat.Run(ctx, m.store.redis, []string{keyHolders, keyTimers}, m.store.instance).Slice()
	if err != nil {
		return 0, failure("beat", err)
	}
	a := answer(reply)
	if a.number(0) == 1 {
		m.store.holders.forgetNoted()
	}
	wait := beatEvery
	if next := a.text(1); next != "" {
		wait = min(wait, time.Duration(a.number(1))*time.Millisecond)
	}
	due := min(int(a.number(2)), len(a)-3)
	for _, v := range a[3 : 3+due] {
		queue, _ := v.(string)
		if _, err := m.store.sweep(ctx, thoonk.FeedName(queue)); err != nil && !passes(err) {
			return 0, err
		} else if err != nil {
			m.store.forgetTimer(ctx, queue, err)
		}
	}
	if due > 0 {
		wait = 0 // a sweep may have left more to do
	}
	return max(wait, time.Millisecond), m.bury(ctx, pairs(a[3+due:]))
}

// bury releases what dead processes held. A process is dead if its sign of life stayed the same for as long as we could see it.
func (m *Maintenance) bury(ctx context.Context, signs map[string]string) error {
	now := time.Now()
	if m.idle {
		clear(m.seen)
		m.idle = false
	}
	for process, score := range signs {
		last, ok := m.seen[process]
		switch {
		case process == m.store.instance:
		case !ok || last.score != score:
			m.seen[process] = sign{score, now}
		case now.Sub(last.at) > deadAfter:
			m.log.InfoContext(ctx, "jobs: a process is gone, what its streams had claimed is given back", "process", process)
			if err := m.store.releaseProcess(ctx, process); err != nil {
				return err
			}
			delete(m.seen, process)
		}
	}
	for process := range m.seen {
		if _, ok := signs[process]; !ok {
			delete(m.seen, process)
		}
	}
	return nil
}

// forgetNoted makes the next lease of a stream note its queue anew: somebody took us for dead.
func (h *holders) forgetNoted() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.noted)
}

// SweepQueue does at once what the maintenance would do for a queue, and returns when there will be more to do, zero for never.
// Errors: NotFound, Conflict, Unavailable.
func (s *Store) SweepQueue(ctx context.Context, queue thoonk.FeedName) (time.Time, error) {
	return s.sweep(ctx, queue)
}

// sweep also gives back what these holders have claimed.
func (s *Store) sweep(ctx context.Context, queue thoonk.FeedName, gone ...string) (time.Time, error) {
	args := []any{""}
	for _, holder := range gone {
		args = append(args, holder)
	}
	for range sweepsAWake {
		a, err := s.runKeys(ctx, "sweep", scriptSweep, jobKeys(queue, thoonk.Once{}), queue, "", args...)
		if err != nil {
			return time.Time{}, err
		}
		next := milliTime(a.text(0))
		if a.number(1) < sweepMost && a.number(2) < sweepMost {
			return next, nil
		}
	}
	return time.Now(), nil
}

// sweepMost is how much lua/sweep.lua does at once before it leaves the rest to the next call.
const sweepMost = 500

// forgetTimer keeps a queue that cannot be swept from being looked at all the time.
func (s *Store) forgetTimer(ctx context.Context, queue string, why error) {
	s.log.WarnContext(ctx, "jobs: a queue is skipped", "queue", queue, "error", why)
	if err := s.redis.ZRem(ctx, keyTimers, queue).Err(); err != nil {
		s.log.DebugContext(ctx, "jobs: its timer stays", "queue", queue, "error", err)
	}
}
