package stream

import (
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	tailBatch = 512
	tailWait  = time.Second
)

// Run reads the log until ctx ends. After a failure it goes on where it was if the log still has that entry; otherwise
// every reader is sent back to the histories.
func (b *Broker) Run(ctx context.Context) {
	const shortest, longest = 20 * time.Millisecond, time.Second
	var place thoonk.Revision
	started, wait := false, shortest
	for {
		err := b.tail(ctx, &place, started)
		if ctx.Err() != nil {
			return
		}
		if b.live.Swap(false) {
			started, wait = true, shortest
			b.log.WarnContext(ctx, "log: not readable, trying again", "error", err)
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, longest)
		case <-ctx.Done():
			return
		}
	}
}

// tail reads until it fails. resume says that place is where an earlier tail stopped.
func (b *Broker) tail(ctx context.Context, place *thoonk.Revision, resume bool) error {
	if err := b.find(ctx, place, resume); err != nil {
		return err
	}
	b.live.Store(true)
	for {
		entries, err := b.source.ReadLog(ctx, *place, tailBatch, tailWait)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			if err := b.recheck(ctx, place); err != nil {
				return err
			}
		}
		for _, e := range entries {
			if e.Place.Number != place.Number+1 {
				b.log.WarnContext(ctx, "log: entries are missing, readers go back to the histories", "after", *place, "next", e.Place)
				b.loseAll()
			}
			*place = e.Place
			if err := b.hand(ctx, e); err != nil {
				b.loseAll()
				return err
			}
		}
	}
}

func (b *Broker) find(ctx context.Context, place *thoonk.Revision, resume bool) error {
	if resume && place.IsZero() {
		return nil
	}
	if resume {
		if has, err := b.source.LogHas(ctx, *place); has || err != nil {
			return err
		}
		b.log.WarnContext(ctx, "log: our place in it is gone, readers go back to the histories", "place", *place)
	}
	end, err := b.source.LogEnd(ctx)
	if err != nil {
		return err
	}
	*place = end
	b.loseAll()
	return nil
}

// recheck notices in quiet times that the log was removed and began anew: then no entry would ever come after place.
func (b *Broker) recheck(ctx context.Context, place *thoonk.Revision) error {
	end, err := b.source.LogEnd(ctx)
	if err != nil || end == *place || end.Number > place.Number {
		return err
	}
	b.log.WarnContext(ctx, "log: it began anew, readers go back to the histories", "after", *place, "end", end)
	*place = end
	b.loseAll()
	return nil
}

// hand gives one entry to those who follow its feed.
func (b *Broker) hand(ctx context.Context, e thoonk.LogEntry) error {
	narrow, wide, wanted := b.audience(e.Event.Feed)
	if wanted && !e.Event.Complete() {
		whole, err := b.source.Change(ctx, e.Event.Feed, e.Event.Revision)
		switch thoonk.KindOf(err) {
		case "":
			e.Event = whole
		case thoonk.Gone, thoonk.Conflict: // those who follow will find that out for themselves
		default:
			return err
		}
	}
	c := &Change{Event: e.Event, Place: e.Place}
	if wide != nil {
		wide.add(c)
	}
	switch {
	case narrow == nil:
	case e.Event.Complete():
		narrow.add(c)
	default:
		narrow.lose()
	}
	return nil
}
