package hub

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const workerLease = "hub:worker:"

// idlePoll is how often a worker looks for what another process marked as due.
const idlePoll = 250 * time.Millisecond

// worker takes what is due, and sees to it.
type worker struct {
	*Hub
	fence  thoonk.Fence
	report *reporter

	due, later, asking, fetching, slow slots
	freed                              chan struct{} // a slot has become free
}

// slots are how much of one sort of work is under way.
type slots struct {
	active atomic.Int64
	limit  int64
}

func (s *slots) free() int { return int(max(0, s.limit-s.active.Load())) }

// work is a session of a worker: under a lease of its own, with which what it has taken is given back if it dies.
func (h *Hub) work(ctx context.Context) error {
	_, err := h.o.Store.Hold(ctx, workerLease+uuid.NewString(), func(ctx context.Context, fence thoonk.Fence) error {
		if err := h.o.Store.HubWorker(ctx, fence); err != nil {
			return err
		}
		w := &worker{Hub: h, fence: fence, report: newReporter(h.o.Store, fence, h.o.Logger), freed: make(chan struct{}, 1)}
		w.due.limit, w.later.limit = int64(h.o.Settings.Workers), int64(max(1, h.o.Settings.Workers/4))
		w.asking.limit, w.fetching.limit, w.slow.limit = maxAsking, maxFetch, maxSlow
		return w.run(ctx)
	})
	return err
}

func (w *worker) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var reporting, running sync.WaitGroup
	defer reporting.Wait()
	defer w.report.close()
	defer running.Wait()
	defer cancel(nil)
	reporting.Go(func() { cancel(w.report.run(ctx)) })
	for ctx.Err() == nil {
		want := thoonk.HubWants{Due: w.due.free(), Later: w.later.free(), Intents: w.asking.free(), Origins: w.fetching.free()}
		got, err := w.o.Store.TakeHub(ctx, w.fence, want)
		if err != nil {
			return err
		}
		w.start(ctx, &running, got)
		w.rest(ctx, got)
	}
	return context.Cause(ctx)
}

// rest waits until there may be more to do.
func (w *worker) rest(ctx context.Context, got thoonk.HubWork) {
	wait := idlePoll
	if got.Next >= 0 {
		wait = min(wait, got.Next+time.Millisecond)
	}
	full := w.due.free() == 0 || w.later.free() == 0
	if !full && len(got.Due)+len(got.Later)+len(got.Intents)+len(got.Origins) > 0 {
		return
	}
	var freed <-chan struct{}
	if full {
		freed, wait = w.freed, idlePoll // what is due already cannot be taken
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.wake:
	case <-freed:
	case <-ctx.Done():
	}
}

func (w *worker) start(ctx context.Context, running *sync.WaitGroup, got thoonk.HubWork) {
	for _, d := range got.Due {
		w.begin(running, &w.due, func(s *slot) { w.deliver(ctx, d, s, w.o.Settings.PerHost) })
	}
	for _, d := range got.Later {
		w.begin(running, &w.later, func(s *slot) { w.deliver(ctx, d, s, max(1, w.o.Settings.PerHost/4)) })
	}
	for _, i := range got.Intents {
		w.begin(running, &w.asking, func(*slot) { w.ask(ctx, i) })
	}
	for _, o := range got.Origins {
		w.begin(running, &w.fetching, func(*slot) { w.fetch(ctx, o) })
	}
}

func (w *worker) begin(running *sync.WaitGroup, of *slots, do func(*slot)) {
	of.active.Add(1)
	s := &slot{w: w, of: of}
	running.Go(func() {
		defer s.leave()
		do(s)
	})
}

// slot is a place among those who are at work.
type slot struct {
	w  *worker
	mu sync.Mutex
	of *slots
}

// giveWay frees the place for another, where what holds it takes long, and reports whether it may go on beside.
func (s *slot) giveWay() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil || s.of == &s.w.slow {
		return s.of != nil
	}
	if s.w.slow.active.Add(1) > s.w.slow.limit {
		s.w.slow.active.Add(-1)
		return false
	}
	s.of.active.Add(-1)
	s.of = &s.w.slow
	s.w.noteFree()
	return true
}

func (s *slot) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of.active.Add(-1)
	s.of = nil
	s.w.noteFree()
}

func (w *worker) noteFree() {
	select {
	case w.freed <- struct{}{}:
	default:
	}
}
