package notify

import (
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// mostHeld bounds how many retractions are kept of purges that are under way.
const mostHeld = 10_000

// purges are those that have begun and not ended: if all goes on, the end is told and they are not. As long as there are any our
// place in the log is not kept.
type purges struct {
	under map[thoonk.FeedName]*purge
	held  int // retractions in all of them
}

type purge struct {
	items []thoonk.Event // that were retracted
	many  bool           // too many to be kept
	last  thoonk.Revision
	at    time.Time // when the last of them came
}

func (p *purges) hold(ev thoonk.Event, now time.Time) {
	if p.under == nil {
		p.under = make(map[thoonk.FeedName]*purge)
	}
	u := p.under[ev.Feed]
	if u == nil {
		u = &purge{}
		p.under[ev.Feed] = u
	}
	u.last, u.at = ev.Revision, now
	if p.held >= mostHeld {
		u.many = true
		p.held -= len(u.items)
		u.items = nil
	}
	if !u.many {
		u.items = append(u.items, ev)
		p.held++
	}
}

// take returns what is known of a purge, nil if none is under way, and forgets it.
func (p *purges) take(feed thoonk.FeedName) *purge {
	u := p.under[feed]
	if u != nil {
		p.held -= len(u.items)
		delete(p.under, feed)
	}
	return u
}

// stopped tells of a purge that stopped on the way: these items alone are gone. Where they were too many to be kept, that something
// is missing.
func (b *batch) stopped(ctx context.Context, feed thoonk.FeedName) error {
	u := b.purges.take(feed)
	if u == nil {
		return nil
	}
	if u.many {
		f, err := b.feed(ctx, thoonk.Event{Feed: feed})
		if err != nil {
			return err
		}
		return b.tellReset(ctx, f, u.last)
	}
	for _, ev := range u.items {
		if err := b.change(ctx, ev); err != nil {
			return err
		}
	}
	return nil
}

// stalled tells of purges of which nothing has come for a while: whoever did them is gone.
func (n *Notifier) stalled(ctx context.Context) error {
	b := n.newBatch()
	for feed, u := range n.purges.under {
		if b.now.Sub(u.at) < idle {
			continue
		}
		if err := b.stopped(ctx, feed); err != nil {
			return err
		}
	}
	return b.flush(ctx)
}
