package store

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// What other clients do to queues goes by no channel that all of them use. So the process that adopts looks at the keys of the
// queues that Redis tells have changed, and tells what it finds.

const (
	watchEvery   = 400 * time.Millisecond // between two looks at a queue
	watchAll     = 5 * time.Second        // between two looks at all, where the server does not tell of changes
	limboEvery   = 10 * time.Second       // between two searches for jobs in no state, while there seem to be some
	limboBetween = 30 * time.Second       // that a job has to be in none before it is restored
	limboPage    = 10_000                 // ids read at once
	limboMost    = 2_000_000              // ids of a queue in which such jobs are searched for
	limboBatch   = 20                     // jobs looked at by a script, each as long as the queue takes to search
)

// SettleJobs tells what other clients did to these jobs, and settles what depends on those that are over: their outcome is kept as
// finished, with a result that is not known. It returns how many changes it told. Errors: NotFound (the queue), Conflict (its
// type), Unavailable.
func (s *Store) SettleJobs(ctx context.Context, queue thoonk.FeedName, ids []thoonk.JobID) (told int, err error) {
	args := []any{"", ""}
	for _, id := range ids {
		args = append(args, string(id))
	}
	a, err := s.runKeys(ctx, "settle jobs", scriptSettleJobs, jobKeys(queue, thoonk.Once{}), queue, "", args...)
	return int(a.number(0)), err
}

// watchQueue tells all that other clients did to a queue. It also returns how many of its jobs seem to be in no state.
func (s *Store) watchQueue(ctx context.Context, queue thoonk.FeedName, pause func(context.Context) error) (told, lost int, err error) {
	for cursor, more := "0", true; more; {
		a, err := s.runKeys(ctx, "watch", scriptWatch, jobKeys(queue, thoonk.Once{}), queue, "", "", cursor)
		if err != nil {
			return told, 0, err
		}
		told += int(a.number(0))
		cursor, lost = a.text(1), int(a.number(3))
		more = cursor != "0" || a.number(2) == 1 && a.number(0) > 0
		if more {
			if err := pause(ctx); err != nil {
				return told, lost, err
			}
		}
	}
	return told, lost, nil
}

// touched is what the tracker heard of since somebody looked.
type touched struct {
	mu     sync.Mutex
	on     bool // somebody looks
	all    bool
	queues map[thoonk.FeedName]struct{}
	ready  chan struct{} // has one token when there is something
}

func newTouched() *touched {
	return &touched{queues: make(map[thoonk.FeedName]struct{}), ready: make(chan struct{}, 1)}
}

func (t *touched) add(queue thoonk.FeedName) { t.note(func() { t.queues[queue] = struct{}{} }) }
func (t *touched) addAll()                   { t.note(func() { t.all = true }) }

func (t *touched) note(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on {
		return
	}
	change()
	select {
	case t.ready <- struct{}{}:
	default:
	}
}

func (t *touched) turn(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.on, t.all = on, false
	clear(t.queues)
}

func (t *touched) take() (queues []thoonk.FeedName, all bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	queues, all = slices.Collect(maps.Keys(t.queues)), t.all
	clear(t.queues)
	t.all = false
	return queues, all
}

// watchForever looks at the queues that changed, each a few times a second at most. All of them were looked at before, by the
// reconciliation.
func (a *Adopter) watchForever(ctx context.Context) error {
	t := a.store.touched
	t.turn(true)
	defer t.turn(false)
	limbo := newLimbo(a.store)
	for {
		patience := watchAll
		if a.store.waiting.tracker.tracks.Load() {
			patience = limbo.next()
		}
		timer := time.NewTimer(patience)
		select {
		case <-t.ready:
		case <-timer.C:
			if !a.store.waiting.tracker.tracks.Load() {
				t.addAll()
			}
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
		queues, all := t.take()
		if all {
			var err error
			if queues, err = a.store.jobQueues(ctx); err != nil {
				return err
			}
		}
		queues = append(queues, limbo.due()...)
		if err := a.watch(ctx, queues, limbo); err != nil || !sleep(ctx, watchEvery) {
			return err
		}
	}
}

func (a *Adopter) watch(ctx context.Context, queues []thoonk.FeedName, limbo *limbo) error {
	for _, queue := range queues {
		if _, err := thoonk.ParseFeedName(string(queue)); err != nil {
			continue // the reconciliation says so
		}
		told, lost, err := a.store.watchQueue(ctx, queue, unpaused)
		a.stats.told.Add(int64(told))
		if err == nil {
			err = limbo.look(ctx, queue, lost)
		}
		if err != nil && !passes(err) {
			return err
		}
	}
	return nil
}

// jobQueues returns the queues of type job that the log knows.
func (s *Store) jobQueues(ctx context.Context) ([]thoonk.FeedName, error) {
	var queues []thoonk.FeedName
	q := thoonk.FeedQuery{Type: thoonk.TypeJob, Limit: 1000}
	for {
		feeds, err := s.Feeds(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, f := range feeds {
			queues = append(queues, f.Name)
		}
		if len(feeds) < q.Limit {
			return queues, nil
		}
		q.After = feeds[len(feeds)-1].Name
	}
}
