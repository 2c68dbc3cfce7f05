package stream

import (
	"context"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const historyBatch = 100

// Options say what a [Follower] begins with.
type Options struct {
	Feed     thoonk.FeedName
	Since    thoonk.Revision // changes after this one; zero: from now on
	Snapshot bool            // if there is no Since, or it is gone: first the items as they are
}

// Follower yields the changes of one feed in order, none twice and none left out unless it says so. It is for one
// goroutine.
type Follower struct {
	broker *Broker
	topic  *topic
	o      Options

	phase  phase
	last   thoonk.Revision // of the change that was yielded last; zero while the feed is not there
	cursor uint64          // in the topic
	items  snapshotter     // while in the phase snapshot
	held   holding
}

type phase int

const (
	snapshot phase = iota // items are being yielded
	starting              // the Live step is due
	reading               // behind the topic: changes come out of the history
	live                  // changes come out of the topic
)

// Follow returns a follower, which must be closed. Errors: NotFound, Conflict, Unavailable. A revision that is gone is
// no error: the first step says so.
func (b *Broker) Follow(ctx context.Context, o Options) (*Follower, error) {
	f := &Follower{broker: b, topic: b.join(o.Feed), o: o, held: holding{budget: b.budget}}
	f.cursor = f.topic.next()
	head, err := b.source.Head(ctx, o.Feed)
	if err != nil {
		f.Close()
		return nil, err
	}
	if o.Since.IsZero() {
		f.begin(head)
	} else {
		f.last, f.phase = o.Since, reading
	}
	return f, nil
}

// Close ends the follower.
func (f *Follower) Close() {
	f.held.free()
	f.broker.leave(f.o.Feed, f.topic)
}

// begin goes on from the feed's present revision, with a snapshot if one is wanted.
func (f *Follower) begin(head thoonk.Revision) {
	f.last, f.phase = head, starting
	if f.o.Snapshot {
		f.phase, f.items = snapshot, f.broker.snapshotOf(f.o.Feed)
	}
}

// Next waits for the next step. If ctx ends it returns ctx's error and keeps its place. Errors besides: Conflict,
// Unavailable; they too may be tried again.
func (f *Follower) Next(ctx context.Context) (Step, error) {
	for {
		step, done, err := f.step(ctx)
		if done || err != nil {
			return step, err
		}
	}
}

// step makes one move; done says that it yielded something.
func (f *Follower) step(ctx context.Context) (step Step, done bool, err error) {
	f.held.free()
	switch f.phase {
	case snapshot:
		return f.held.read(ctx, f.readItems)
	case starting:
		f.phase = live
		return Step{Kind: Live, Revision: f.last}, true, nil
	case reading:
		return f.held.read(ctx, f.readHistory)
	default:
		return f.readTopic(ctx)
	}
}

// readItems yields a part of the snapshot; changes after its moment follow.
func (f *Follower) readItems(ctx context.Context) (Step, bool, error) {
	items, content, err := f.items.read(ctx)
	switch thoonk.KindOf(err) {
	case "":
	case thoonk.NotFound:
		return f.reset(ctx)
	default:
		return Step{}, false, err
	}
	f.last = f.items.head
	if f.items.done {
		f.phase = starting
	}
	return Step{Kind: Items, Items: items, Content: content}, len(items) > 0, nil
}

// readHistory yields what came after last, or says that it cannot be known.
func (f *Follower) readHistory(ctx context.Context) (Step, bool, error) {
	if f.last.IsZero() {
		return f.reset(ctx)
	}
	cursor := f.topic.next()
	events, err := f.broker.source.History(ctx, f.o.Feed, f.last, historyBatch)
	if thoonk.KindOf(err) == thoonk.Gone {
		return f.reset(ctx)
	}
	if err != nil {
		return Step{}, false, err
	}
	if len(events) == 0 { // a page may be short because its bodies are large
		f.phase, f.cursor = live, cursor
	}
	step := Step{Kind: Changes}
	for _, e := range events {
		step.Changes = append(step.Changes, &Change{Event: e})
		f.last = e.Revision
	}
	return step, len(events) > 0, nil
}

// reset begins anew at the feed's present revision, or waits for it to be made if it is gone.
func (f *Follower) reset(ctx context.Context) (Step, bool, error) {
	f.cursor = f.topic.next()
	head, err := f.broker.source.Head(ctx, f.o.Feed)
	if thoonk.KindOf(err) == thoonk.NotFound {
		f.last, f.phase = thoonk.Revision{}, live
		return Step{Kind: Reset}, true, nil
	}
	if err != nil {
		return Step{}, false, err
	}
	f.begin(head)
	if f.phase == starting {
		f.phase = live
	}
	return Step{Kind: Reset, Revision: head}, true, nil
}

func (f *Follower) readTopic(ctx context.Context) (Step, bool, error) {
	changes, next, kept, wake := f.topic.from(f.cursor)
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
	step := Step{Kind: Changes}
	for _, c := range changes {
		switch f.judge(c) {
		case due:
			step.Changes = append(step.Changes, c)
			f.last = c.Revision
			if c.Kind == thoonk.Delete {
				f.last = thoonk.Revision{}
			}
		case hole:
			f.phase = reading
			return step, len(step.Changes) > 0, nil
		case known:
		}
	}
	f.cursor = next
	return step, len(step.Changes) > 0, nil
}

type judgement int

const (
	due   judgement = iota // it comes next
	known                  // it was yielded, or is part of the snapshot
	hole                   // something is missing before it
)

// judge compares a change with the one yielded last: the numbers of a feed's life are contiguous.
func (f *Follower) judge(c *Change) judgement {
	switch {
	case c.Revision.Number == f.last.Number+1:
		return due // for a feed that was gone: the first change of its new life
	case c.Kind == thoonk.Create && c.Revision.Stamp > f.last.Stamp:
		return due
	case c.Revision.Number > f.last.Number:
		return hole
	case c.Revision.Stamp > f.last.Stamp:
		return hole // a smaller number and yet later: another life of the feed
	}
	return known
}
