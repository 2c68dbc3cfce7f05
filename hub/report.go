package hub

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// reporter writes what became of deliveries, many at once. Of one subscription it writes only the latest.
type reporter struct {
	store work
	fence thoonk.Fence
	log   *slog.Logger

	mu       sync.Mutex
	outcomes map[string]thoonk.HubOutcome
	attempts map[string][]thoonk.HubAttempt
	tasks    map[string]*task // those that are under way, to be told if they are lost
	more     chan struct{}
	closed   chan struct{}
}

// linger is how long outcomes gather.
const linger = 2 * time.Millisecond

func newReporter(store work, fence thoonk.Fence, log *slog.Logger) *reporter {
	return &reporter{
		store: store, fence: fence, log: log,
		outcomes: make(map[string]thoonk.HubOutcome), attempts: make(map[string][]thoonk.HubAttempt), tasks: make(map[string]*task),
		more: make(chan struct{}, 1), closed: make(chan struct{}),
	}
}

// begin has t told when it is lost.
func (r *reporter) begin(t *task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks[t.sub.ID] = t
}

// outcome takes what became of a delivery; it is written soon.
func (r *reporter) outcome(o thoonk.HubOutcome) {
	r.mu.Lock()
	r.outcomes[o.ID] = o
	if o.Verdict != thoonk.HubHold {
		delete(r.tasks, o.ID)
	}
	r.mu.Unlock()
	r.notify()
}

// attempt adds to the log of a subscription.
func (r *reporter) attempt(id string, a thoonk.HubAttempt) {
	r.mu.Lock()
	r.attempts[id] = append(r.attempts[id], a)
	r.mu.Unlock()
	r.notify()
}

func (r *reporter) notify() {
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// close has run end once all is written.
func (r *reporter) close() { close(r.closed) }

// run writes until it is closed. It fails if Redis does not take it as long as the lease lasts, and no longer.
func (r *reporter) run(ctx context.Context) error {
	for {
		select {
		case <-r.more:
		case <-r.closed:
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			return r.flush(ending)
		}
		sleep(ctx, linger)
		for r.flush(ctx) != nil && ctx.Err() == nil {
			sleep(ctx, 100*time.Millisecond)
		}
	}
}

func (r *reporter) flush(ctx context.Context) error {
	r.mu.Lock()
	outcomes, attempts := r.outcomes, r.attempts
	r.outcomes, r.attempts = make(map[string]thoonk.HubOutcome, len(outcomes)), make(map[string][]thoonk.HubAttempt)
	r.mu.Unlock()
	if len(outcomes) > 0 {
		list := make([]thoonk.HubOutcome, 0, len(outcomes))
		for _, o := range outcomes {
			list = append(list, o)
		}
		lost, err := r.store.FinishHub(ctx, r.fence, list)
		if err != nil {
			r.putBack(outcomes, attempts)
			r.log.DebugContext(ctx, "hub: what was delivered could not be noted yet", "error", err)
			return err
		}
		r.lose(lost)
	}
	if len(attempts) > 0 {
		if err := r.store.NoteHubAttempts(ctx, attempts); err != nil {
			r.log.DebugContext(ctx, "hub: attempts could not be noted", "error", err) // they are for people: no more than that
		}
	}
	return nil
}

// putBack keeps what could not be written, but for what is newer.
func (r *reporter) putBack(outcomes map[string]thoonk.HubOutcome, attempts map[string][]thoonk.HubAttempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, o := range outcomes {
		if _, newer := r.outcomes[id]; !newer {
			r.outcomes[id] = o
		}
	}
	for id, list := range attempts {
		r.attempts[id] = append(list, r.attempts[id]...)
	}
}

// lose tells deliveries that are not ours any more.
func (r *reporter) lose(ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if t := r.tasks[id]; t != nil {
			t.lost.Store(true)
		}
	}
}

// drop forgets a subscription that is over.
func (r *reporter) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tasks, id)
	delete(r.outcomes, id)
	delete(r.attempts, id)
}
