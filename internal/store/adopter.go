package store

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Adopter brings what other clients of Redis write into the log. Of all processes on one Redis one adopts at a time; the
// others stand by.
type Adopter struct {
	store *Store
	log   *slog.Logger
	audit time.Duration // between two slow audits

	lease *lease       // whoever's token is in thoonk.adopter may adopt
	state atomic.Value // AdopterState
	heard atomic.Int64 // when the oldest change was heard that is not adopted yet, in nanoseconds since 1970; 0: none waits
	stats adopterStats

	mu     sync.Mutex
	warned map[string]bool // feeds that were skipped, so that each is logged once
}

// AdopterState is what an adopter does now.
type AdopterState string

// The states of an adopter.
const (
	AdopterAway     AdopterState = "away"     // no connection, or still reconciling
	AdopterStandsBy AdopterState = "stand_by" // another process adopts
	AdopterAdopts   AdopterState = "adopt"
)

type adopterStats struct{ told, restated, refused, disconnects atomic.Int64 }

// AdopterStats are how an adopter stands. The counts are since its start.
type AdopterStats struct {
	State       AdopterState
	Lag         time.Duration // how long the oldest change heard and not adopted yet has waited
	Told        int64         // log entries written for foreign changes
	Restated    int64         // of these, words told again because a message was late
	Refused     int64         // foreign names and ids beyond our rules, and feeds with keys of wrong types
	Disconnects int64
}

// NewAdopter returns an adopter, which does nothing before Run. audit is the time between two slow audits.
func (s *Store) NewAdopter(audit time.Duration) *Adopter {
	a := &Adopter{store: s, log: s.log, audit: audit, lease: s.newLease(keyAdopter), warned: make(map[string]bool)}
	a.state.Store(AdopterAway)
	return a
}

// Stats returns how the adopter stands.
func (a *Adopter) Stats() AdopterStats {
	var lag time.Duration
	if heard := a.heard.Load(); heard > 0 {
		lag = time.Since(time.Unix(0, heard))
	}
	return AdopterStats{
		State: a.state.Load().(AdopterState), Lag: lag,
		Told: a.stats.told.Load(), Restated: a.stats.restated.Load(),
		Refused: a.stats.refused.Load(), Disconnects: a.stats.disconnects.Load(),
	}
}

// Ready returns nil while foreign writes are adopted, by this process or by another.
func (a *Adopter) Ready() error {
	if a.state.Load() == AdopterAway {
		return thoonk.E(thoonk.Unavailable, "changes of other clients are not followed yet")
	}
	return nil
}

// Run adopts until ctx ends. Whenever its connection or its lease is lost it begins again.
func (a *Adopter) Run(ctx context.Context) {
	const shortest, longest = 50 * time.Millisecond, 2 * time.Second
	wait := shortest
	for {
		adopted, err := a.session(ctx)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil:
			wait = leaseRenew
		case adopted:
			wait = shortest
		default:
			wait = min(2*wait, longest)
		}
		if err != nil {
			a.state.Store(AdopterAway)
			a.stats.disconnects.Add(1)
			a.log.WarnContext(ctx, "adopter: begins again", "error", err, "in", wait)
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

// session subscribes, takes the lease, reconciles, and then adopts what it hears. It reports whether it came that far.
func (a *Adopter) session(ctx context.Context) (adopted bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Looked at before anything is subscribed to: what a process that stands by would hear is not its business.
	if free, err := a.lease.free(ctx); err != nil || !free {
		if err == nil {
			a.state.Store(AdopterStandsBy)
		}
		return false, err
	}
	in, err := a.store.subscribe(ctx, a.refuse)
	if err != nil {
		return false, err
	}
	defer in.subscription.Close()
	if ours, err := a.lease.take(ctx); err != nil || !ours {
		return false, err
	}
	defer a.lease.letGo()

	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { in.fill(ctx) })
	running.Go(func() { in.end(a.lease.keep(ctx)) })

	if err := a.prepare(ctx); err != nil {
		return false, err
	}
	a.state.Store(AdopterAdopts)
	running.Go(func() { in.end(a.auditForever(ctx)) })
	running.Go(func() { in.end(a.watchForever(ctx)) })
	return true, a.adoptAll(ctx, in)
}

// prepare loads the scripts that batches call by their digest, and reconciles.
func (a *Adopter) prepare(ctx context.Context) error {
	for _, script := range []*redis.Script{scriptAdopt, scriptSettle, scriptSettleJobs} {
		if err := script.Load(ctx, a.store.redis).Err(); err != nil {
			return err
		}
	}
	started := time.Now()
	told, err := a.store.Reconcile(ctx, unpaused, a.skip)
	a.stats.told.Add(int64(told))
	a.log.InfoContext(ctx, "adopter: reconciled", "told", told, "took", time.Since(started))
	return err
}

func (a *Adopter) adoptAll(ctx context.Context, in *inbox) error {
	for {
		batch, err := in.take(ctx)
		if err != nil {
			return err
		}
		a.heard.Store(batch[0].at.UnixNano())
		err = a.adopt(ctx, batch)
		a.heard.Store(0)
		if err != nil {
			return err
		}
	}
}

// adopt sends a batch in one pipeline: Redis does the scripts in order.
func (a *Adopter) adopt(ctx context.Context, batch []heard) error {
	calls := make([]*redis.Cmd, len(batch))
	_, err := a.store.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, h := range batch {
			calls[i] = a.call(ctx, p, h)
		}
		return nil
	})
	reordered := make(map[thoonk.FeedName]struct{})
	for i, call := range calls {
		reply, err := call.Slice()
		if err != nil {
			if e := failure("adopt", err); e.Kind != thoonk.Conflict {
				return e
			}
			a.skip(string(batch[i].feed), err)
			continue
		}
		moved, err := a.note(batch[i], reply)
		if err != nil {
			return err
		}
		if moved {
			reordered[batch[i].feed] = struct{}{}
		}
	}
	if err != nil && thoonk.KindOf(failure("adopt", err)) != thoonk.Conflict {
		return err
	}
	return a.adoptOrders(ctx, reordered)
}

// adoptOrders tells what is left of the differences in the order of sorted feeds after all that was heard about them.
func (a *Adopter) adoptOrders(ctx context.Context, feeds map[thoonk.FeedName]struct{}) error {
	for feed := range feeds {
		told, err := a.store.reconcileOrder(ctx, feed)
		a.stats.told.Add(int64(told))
		switch thoonk.KindOf(err) {
		case "", thoonk.NotFound:
		case thoonk.Conflict:
			a.skip(string(feed), err)
		default:
			return err
		}
	}
	return nil
}

func (a *Adopter) call(ctx context.Context, p redis.Pipeliner, h heard) *redis.Cmd {
	if h.channel == channelFinish {
		return scriptSettleJobs.EvalSha(ctx, p, jobKeys(h.feed, thoonk.Once{}), a.store.argv(h.feed, "", []any{"", "+" + h.body, string(h.id)})...)
	}
	keys := feedKeys(h.feed)
	kinds := map[string]thoonk.EventKind{channelPublish: thoonk.Publish, channelEdit: thoonk.Edit, channelRetract: thoonk.Retract, channelMove: thoonk.Moved}
	kind, ok := kinds[h.channel]
	if !ok {
		return scriptSettle.EvalSha(ctx, p, keys, a.store.argv(h.feed, "", []any{h.channel})...)
	}
	args := []any{string(kind), string(h.id), h.body, digest([]byte(h.body)), a.lease.token}
	return scriptAdopt.EvalSha(ctx, p, keys, a.store.argv(h.feed, "", args)...)
}

// note counts what a script answered, and reports whether the order of a sorted feed may have changed. A feed that is
// gone, or not ready, is no failure; a lost lease is one.
func (a *Adopter) note(h heard, reply []any) (moved bool, err error) {
	answer, err := parseAnswer("adopt", h.feed, reply)
	if err != nil {
		if word, _ := reply[0].(string); word == "fenced" {
			return false, err
		}
		return false, nil
	}
	if h.id == "" {
		return false, nil
	}
	a.stats.told.Add(answer.number(0))
	a.stats.restated.Add(answer.number(1))
	return answer.number(2) == 1, nil
}

// Audit compares everything once more, slowly: another client may have died between its write and its announcement.
// It returns the number of log entries that were missing.
func (a *Adopter) Audit(ctx context.Context) (int, error) {
	told, err := a.store.Reconcile(ctx, unhurried(), a.skip)
	a.stats.told.Add(int64(told))
	if told > 0 {
		a.log.InfoContext(ctx, "adopter: the audit found unannounced changes", "told", told)
	}
	return told, err
}

func (a *Adopter) auditForever(ctx context.Context) error {
	for sleep(ctx, a.audit) {
		if _, err := a.Audit(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *Adopter) refuse(err error) {
	a.stats.refused.Add(1)
	a.log.Debug("adopter: refused a foreign name or id", "error", err)
}

// maxWarned bounds how many skipped feeds are remembered; beyond it nothing more is said.
const maxWarned = 1000

func (a *Adopter) skip(name string, err error) {
	a.stats.refused.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.warned[name] && len(a.warned) < maxWarned {
		a.warned[name] = true
		a.log.Warn("adopter: skips a feed", "feed", name, "error", err)
	}
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
