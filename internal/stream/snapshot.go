package stream

import (
	"context"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// snapshotter reads the items of one feed as they were at one moment, in pages.
type snapshotter struct {
	source Source
	feed   thoonk.FeedName
	size   int // of a page, in items; the bound on its bytes is the store's

	head thoonk.Revision // the moment: that of the first page
	next string
	done bool
}

// read returns the next items; none does not mean that it is done. Of a feed, an item that changed after the moment is
// left out, since its change tells all. In a sorted feed a change may tell of a place and not of the body: there, items
// are given as they are now. Errors: NotFound, Gone (the feed changed too much meanwhile), Conflict, Unavailable.
func (s *snapshotter) read(ctx context.Context) ([]thoonk.Item, thoonk.Content, error) {
	page, err := s.source.Items(ctx, thoonk.ItemQuery{Feed: s.feed, After: s.next, Limit: s.size})
	if err != nil {
		return nil, "", err
	}
	first := s.next == ""
	if first {
		s.head = page.Revision
	}
	s.next, s.done = page.Next, page.Next == ""
	if page.Type == thoonk.TypeSortedFeed {
		if s.done && !first && page.Revision != s.head {
			moved, err := s.moved(ctx)
			return append(page.Items, moved...), page.Content, err
		}
		return page.Items, page.Content, nil
	}
	items := page.Items[:0]
	for _, item := range page.Items {
		if item.Revision.Number <= s.head.Number {
			items = append(items, item)
		}
	}
	return items, page.Content, nil
}

// moved returns the items that moved since the moment: one that went from a later page to an earlier one was on none.
func (s *snapshotter) moved(ctx context.Context) ([]thoonk.Item, error) {
	var moved []thoonk.Item
	for after := s.head; ; {
		events, err := s.source.History(ctx, s.feed, after, historyBatch)
		if err != nil {
			return nil, err
		}
		var ids []thoonk.ItemID
		for _, e := range events {
			if e.Kind == thoonk.Moved {
				ids = append(ids, e.ItemID)
			}
			after = e.Revision
		}
		if len(ids) > 0 {
			page, err := s.source.ItemsByID(ctx, s.feed, ids)
			if err != nil {
				return nil, err
			}
			moved = append(moved, page.Items...)
		}
		if len(events) == 0 {
			return moved, nil
		}
	}
}
