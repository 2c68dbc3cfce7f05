package stream

import (
	"context"
	"slices"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	logBatch  = 500
	feedBatch = 500
)

// ManyFollower yields the changes of several feeds in the order of the log, none twice and none left out unless it says
// so. Its revisions are places in the log. It is for one goroutine.
type ManyFollower struct {
	broker *Broker
	o      ManyOptions

	phase  phase
	last   thoonk.Revision // place of the entry that was looked at last
	cursor uint64          // in the wide topic
	items  manySnapshot    // while in the phase snapshot
	// heads are the moments of the snapshots of feeds, as long as the log may still tell of changes before them.
	heads map[thoonk.FeedName]thoonk.Revision
	held  holding
	more  bool // the last step left something that has to be looked at again
}

// FollowMany returns a follower, which must be closed. Errors: Conflict, Unavailable.
func (b *Broker) FollowMany(ctx context.Context, o ManyOptions) (*ManyFollower, error) {
	f := &ManyFollower{broker: b, o: o, held: holding{budget: b.budget}}
	b.mu.Lock()
	b.many[f] = struct{}{}
	b.mu.Unlock()
	if !o.Since.IsZero() {
		f.last, f.phase = o.Since, reading
		return f, nil
	}
	if err := f.begin(ctx); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Place returns the place in the log up to which the follower has looked, whether or not it yielded anything of it: where
// another one would go on.
func (f *ManyFollower) Place() thoonk.Revision { return f.last }

// Close ends the follower.
func (f *ManyFollower) Close() {
	f.held.free()
	f.broker.mu.Lock()
	defer f.broker.mu.Unlock()
	delete(f.broker.many, f)
}

// follows reports whether the follower yields changes of a feed. It may be called from any goroutine.
func (f *ManyFollower) follows(feed thoonk.FeedName) bool {
	return slices.ContainsFunc(f.o.Match, func(p thoonk.Pattern) bool { return p.Match(feed) }) && (f.o.Allow == nil || f.o.Allow(feed))
}

// begin goes on from the log's end, with a snapshot if one is wanted.
func (f *ManyFollower) begin(ctx context.Context) error {
	f.cursor = f.broker.wide.next()
	end, err := f.broker.source.LogEnd(ctx)
	if err != nil {
		return err
	}
	f.last, f.phase, f.heads = end, starting, nil
	if f.o.Snapshot {
		f.phase, f.heads = snapshot, make(map[thoonk.FeedName]thoonk.Revision)
		f.items = manySnapshot{f: f}
	}
	return nil
}

// Next waits for the next step. If ctx ends it returns ctx's error and keeps its place. Errors besides: Conflict,
// Unavailable; they too may be tried again.
func (f *ManyFollower) Next(ctx context.Context) (Step, error) {
	for {
		step, done, err := f.step(ctx)
		if done || err != nil {
			return step, err
		}
	}
}

func (f *ManyFollower) step(ctx context.Context) (step Step, done bool, err error) {
	f.held.free()
	switch f.phase {
	case snapshot:
		return f.held.read(ctx, f.items.read)
	case starting:
		f.phase = live
		return Step{Kind: Live, Revision: f.last}, true, nil
	case reading:
		return f.held.read(ctx, f.readLog)
	default:
		return f.readTopic(ctx)
	}
}

// readLog yields what came after last, or says that the log does not have it any more.
func (f *ManyFollower) readLog(ctx context.Context) (Step, bool, error) {
	source := f.broker.source
	cursor := f.broker.wide.next()
	has, err := source.LogHas(ctx, f.last)
	if err != nil {
		return Step{}, false, err
	}
	if !has && !f.last.IsZero() {
		if err := f.begin(ctx); err != nil {
			return Step{}, false, err
		}
		if f.phase == starting {
			f.phase = live
		}
		return Step{Kind: Reset, Revision: f.last}, true, nil
	}
	entries, err := source.ReadLog(ctx, f.last, logBatch, -1)
	if err != nil {
		return Step{}, false, err
	}
	changes := make([]*Change, len(entries))
	for i, e := range entries {
		changes[i] = &Change{Event: e.Event, Place: e.Place}
	}
	step, done, err := f.yield(ctx, changes)
	if len(entries) < logBatch && !f.more {
		f.phase, f.cursor = live, cursor
	}
	return step, done, err
}

func (f *ManyFollower) readTopic(ctx context.Context) (Step, bool, error) {
	changes, next, kept, wake := f.broker.wide.from(f.cursor)
	if !kept {
		f.phase = reading
		return Step{}, false, nil
	}
	if len(changes) == 0 {
		select {
		case <-wake:
			return Step{}, false, nil
		case <-ctx.Done():
			return Step{}, false, ctx.Err()
		}
	}
	step, done, err := f.yield(ctx, changes)
	if !f.more {
		f.cursor = next
	}
	return step, done, err
}

// yield picks out of the log's next changes those that are followed. It stops where the step is large enough, and at a
// change whose body is lost: that is a step of its own. What is left is looked at again.
func (f *ManyFollower) yield(ctx context.Context, changes []*Change) (Step, bool, error) {
	step := Step{Kind: Changes}
	space := room(readMost / 2)
	f.more = true
	for _, c := range changes {
		if c.Place.Number <= f.last.Number {
			continue
		}
		if c.Place.Number > f.last.Number+1 {
			f.phase = reading
			return step, len(step.Changes) > 0, nil
		}
		if f.follows(c.Feed) && !f.inSnapshot(c) {
			first := len(step.Changes) == 0
			if !space.fits(c.Event, first) {
				return step, true, nil
			}
			whole, err := f.complete(ctx, c)
			switch {
			case err != nil && !first: // it will be so again when it is the first
				return step, true, nil
			case thoonk.KindOf(err) == thoonk.Gone:
				f.last = c.Place
				return Step{Kind: Reset, Feed: c.Feed, Revision: c.Place}, true, nil
			case err != nil:
				return step, false, err
			}
			step.Changes = append(step.Changes, whole)
		}
		f.last = c.Place
	}
	f.more = false
	return step, len(step.Changes) > 0, nil
}

// complete returns c with its body, which the log leaves out if it is long.
func (f *ManyFollower) complete(ctx context.Context, c *Change) (*Change, error) {
	if c.Complete() {
		return c, nil
	}
	e, err := f.broker.source.Change(ctx, c.Feed, c.Revision)
	return &Change{Event: e, Place: c.Place}, err
}

// inSnapshot reports whether a change is part of what the snapshot of its feed showed.
func (f *ManyFollower) inSnapshot(c *Change) bool {
	head, ok := f.heads[c.Feed]
	if !ok {
		return false
	}
	if c.Revision.Stamp <= head.Stamp && c.Revision.Compare(head) <= 0 {
		return true
	}
	delete(f.heads, c.Feed)
	return false
}
