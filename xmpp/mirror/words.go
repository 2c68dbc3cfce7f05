package mirror

import (
	"context"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
)

// mostWords bounds how many items' last changes are known. Of an item that is not known any change is taken.
const mostWords = 100_000

// words are the origins of the last changes of a feed's items, as far as its history says them.
type words struct {
	store   Store
	feed    thoonk.FeedName
	service string // our address
	read    thoonk.Revision
	last    map[thoonk.ItemID]event.Origin
}

func newWords(store Store, feed thoonk.FeedName, service string) *words {
	return &words{store: store, feed: feed, service: service, last: make(map[thoonk.ItemID]event.Origin)}
}

// readOn reads the history from where it was read last.
func (w *words) readOn(ctx context.Context) error {
	for {
		page, err := w.store.Archive(ctx, thoonk.ArchiveQuery{Feed: w.feed, After: w.read, Limit: 1000})
		if thoonk.KindOf(err) == thoonk.Gone && !w.read.IsZero() {
			w.read = thoonk.Revision{}
			clear(w.last)
			continue
		}
		if err != nil {
			return err
		}
		for _, ev := range page.Changes {
			w.read = ev.Revision
			if ev.ItemID == "" || ev.Job {
				continue
			}
			if len(w.last) >= mostWords {
				clear(w.last)
			}
			w.last[ev.ItemID] = event.OriginOf(ev, w.service)
		}
		if page.Last || len(page.Changes) == 0 {
			return nil
		}
	}
}

// newer reports whether the last change of an item here is newer than another one, or is that one.
func (w *words) newer(id thoonk.ItemID, than event.Origin) bool {
	last, known := w.last[id]
	return known && !than.Newer(last)
}
