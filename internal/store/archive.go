package store

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Archive returns a page of a feed's history. It is not asked whether the feed is there: one without a history has an empty
// page. Errors: Gone if a change that bounds it is not in the history, Conflict, Unavailable.
func (s *Store) Archive(ctx context.Context, q thoonk.ArchiveQuery) (thoonk.ArchivePage, error) {
	reply, err := scriptArchive.Run(ctx, s.redis, []string{keyHistory(q.Feed)},
		idOf(q.AfterID), idOf(q.BeforeID), momentOf(q.Start), momentOf(q.End), idOf(q.After), idOf(q.Before),
		q.Skip, direction(q.Backward), q.Limit, historyBytes).Slice()
	if err != nil {
		return thoonk.ArchivePage{}, failure("read history", err)
	}
	a := answer(reply)
	if a.text(0) == "gone" {
		return thoonk.ArchivePage{}, thoonk.E(thoonk.Gone, "revision %s is not in the history of feed %q", a.text(1), q.Feed)
	}
	stretch := span{a.number(0), a.number(1)}
	entries := parseEntries(reply[min(4, len(reply)):])
	if q.Backward {
		slices.Reverse(entries)
	}
	changes, err := parseHistory(q.Feed, entries)
	if err != nil {
		return thoonk.ArchivePage{}, err
	}
	return pageOf(changes, q, stretch, span{a.number(2), a.number(3)}), nil
}

// span is a stretch of a history, by the numbers of its first and last change.
type span struct{ first, last int64 }

// pageOf makes a page of what was read for it. An entry may stand for changes beyond either end of the page.
func pageOf(changes []thoonk.Event, q thoonk.ArchiveQuery, stretch, room span) thoonk.ArchivePage {
	page := thoonk.ArchivePage{Count: int(max(stretch.last-stretch.first+1, 0))}
	for _, e := range changes {
		if n := int64(e.Revision.Number); n >= room.first && n <= room.last {
			page.Changes = append(page.Changes, e)
		}
	}
	n := len(page.Changes)
	switch {
	case n == 0:
		page.Last = room.first > room.last
		return page
	case q.Backward:
		page.Changes = page.Changes[max(n-q.Limit, 0):]
		page.Last = int64(page.Changes[0].Revision.Number) <= stretch.first
	default:
		page.Changes = page.Changes[:min(n, q.Limit)]
		page.Last = int64(page.Changes[len(page.Changes)-1].Revision.Number) >= stretch.last
	}
	page.First = int(int64(page.Changes[0].Revision.Number) - stretch.first)
	return page
}

// Ends returns the oldest and the newest change of a feed's history, zero if it has none. Errors: Conflict, Unavailable.
func (s *Store) Ends(ctx context.Context, feed thoonk.FeedName) (thoonk.ArchiveEnds, error) {
	var oldest, newest *redis.XMessageSliceCmd
	_, err := s.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		oldest, newest = p.XRangeN(ctx, keyHistory(feed), "-", "+", 1), p.XRevRangeN(ctx, keyHistory(feed), "+", "-", 1)
		return nil
	})
	if err != nil {
		return thoonk.ArchiveEnds{}, failure("read history", err)
	}
	first, err1 := parseHistory(feed, oldest.Val())
	last, err2 := parseHistory(feed, newest.Val())
	if err := errors.Join(err1, err2); err != nil || len(first) == 0 || len(last) == 0 {
		return thoonk.ArchiveEnds{}, err
	}
	return thoonk.ArchiveEnds{Oldest: first[0].Revision, Newest: last[len(last)-1].Revision}, nil
}

func idOf(r thoonk.Revision) string {
	if r.IsZero() {
		return ""
	}
	return r.String()
}

func momentOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(max(t.UnixMicro(), 0), 10)
}

func direction(backward bool) string {
	if backward {
		return "backward"
	}
	return "forward"
}
