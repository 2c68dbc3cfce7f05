package stream

import (
	"context"
	"slices"
	"strings"

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
	rest []thoonk.ItemID // of a sorted feed that takes several pages: those not read yet
}

// read returns the next items; none does not mean that it is done. Of a feed, an item that changed after the moment is
// left out, since its change tells all. Errors: NotFound, Conflict, Unavailable.
func (s *snapshotter) read(ctx context.Context) ([]thoonk.Item, thoonk.Content, error) {
	if len(s.rest) > 0 {
		return s.readOrdered(ctx)
	}
	page, err := s.source.Items(ctx, thoonk.ItemQuery{Feed: s.feed, After: s.next, Limit: s.size})
	if err != nil {
		return nil, "", err
	}
	if page.Type == thoonk.TypeSortedFeed && page.Next != "" {
		s.rest, s.head, err = s.source.ToldOrder(ctx, s.feed)
		s.done = len(s.rest) == 0
		return nil, page.Content, err
	}
	if s.next == "" {
		s.head = page.Revision
	}
	s.next, s.done = page.Next, page.Next == ""
	if page.Type == thoonk.TypeSortedFeed {
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

// readOrdered reads a page of a sorted feed whose order was read before. A change of place has no body, so items are given as they
// are now. Of one that is gone by now the id is given all the same: others may be told to stand next to it before it is told gone.
func (s *snapshotter) readOrdered(ctx context.Context) ([]thoonk.Item, thoonk.Content, error) {
	ids := s.rest[:min(len(s.rest), s.size)]
	page, err := s.source.ItemsByID(ctx, s.feed, ids)
	if err != nil {
		return nil, "", err
	}
	if _, last, more := strings.Cut(page.Next, " "); more {
		ids = ids[:slices.Index(ids, thoonk.ItemID(last))+1]
	}
	s.rest = s.rest[len(ids):]
	s.done = len(s.rest) == 0
	there := make(map[thoonk.ItemID]thoonk.Item, len(page.Items))
	for _, item := range page.Items {
		there[item.ID] = item
	}
	items := make([]thoonk.Item, 0, len(ids))
	for _, id := range ids {
		item, ok := there[id]
		if !ok {
			item = thoonk.Item{ID: id}
		}
		items = append(items, item)
	}
	return items, page.Content, nil
}
