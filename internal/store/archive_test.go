package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// A page of the archive is what a plain reading of the whole history says, whatever is asked: with items and with jobs, of which
// many are one entry, and where the history was trimmed.
func TestArchive(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("items", thoonk.Config{History: thoonk.HistoryBounds{Count: 60}})
		for i := range 80 {
			f.publish("items", thoonk.ItemID(fmt.Sprint(i%17)), fmt.Sprint("body ", i))
			if i%5 == 0 {
				f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "items", ID: thoonk.ItemID(fmt.Sprint(i % 17))}))
			}
		}
		f.redis.XTrimMaxLen(f.ctx, "thoonk.history:items", 60) // exactly
		f.feed("jobs", thoonk.Config{Type: thoonk.TypeJob})
		for _, n := range []int{1, 3, 130, 1, 2} {
			f.submit("jobs", make([]thoonk.NewJob, n)...)
		}
		f.feed("empty", thoonk.Config{})
		for _, feed := range []thoonk.FeedName{"items", "jobs", "empty"} {
			whole := f.archive(feed)
			for range 300 {
				f.archiveAs(whole, randomQuery(feed, whole))
			}
		}
		ends, err := f.Ends(f.ctx, "items")
		f.ok(err)
		if all := f.archive("items"); ends.Oldest != all[0].Revision || ends.Newest != all[len(all)-1].Revision {
			f.Errorf("the ends are %+v", ends)
		}
		if ends, err := f.Ends(f.ctx, "nothing"); err != nil || ends != (thoonk.ArchiveEnds{}) {
			f.Errorf("the ends of nothing are %+v, %v", ends, err)
		}
	})
}

// archive reads the whole history entry by entry.
func (f *fixture) archive(feed thoonk.FeedName) (all []thoonk.Event) {
	f.Helper()
	page, err := f.Changes(f.ctx, thoonk.ChangeQuery{Feed: feed, Limit: 10_000})
	f.ok(err)
	return page.Changes
}

func randomQuery(feed thoonk.FeedName, all []thoonk.Event) thoonk.ArchiveQuery {
	some := func() (r thoonk.Revision) {
		if len(all) > 0 {
			r = all[rand.IntN(len(all))].Revision
		}
		return r
	}
	q := thoonk.ArchiveQuery{Feed: feed, Limit: rand.IntN(40)}
	if rand.IntN(3) == 0 {
		q.AfterID = some()
	}
	if rand.IntN(3) == 0 {
		q.BeforeID = some()
	}
	if rand.IntN(3) == 0 {
		q.Start = some().Time().Add(time.Duration(rand.IntN(3)-1) * time.Microsecond)
	}
	if rand.IntN(3) == 0 {
		q.End = some().Time().Add(time.Duration(rand.IntN(3)-1) * time.Microsecond)
	}
	switch rand.IntN(5) {
	case 0:
		q.After = some()
	case 1:
		q.Before, q.Backward = some(), true
	case 2:
		q.Backward = true
	case 3:
		q.Skip = rand.IntN(10)
	}
	return q
}

// archiveAs compares a page with what the whole history says.
func (f *fixture) archiveAs(whole []thoonk.Event, q thoonk.ArchiveQuery) {
	f.Helper()
	stretch := slices.DeleteFunc(slices.Clone(whole), func(e thoonk.Event) bool {
		n, at := e.Revision.Number, e.Revision.Time()
		return n <= q.AfterID.Number || !q.BeforeID.IsZero() && n >= q.BeforeID.Number ||
			at.Before(q.Start) || !q.End.IsZero() && at.After(q.End)
	})
	want := thoonk.ArchivePage{Count: len(stretch)}
	from, to := 0, len(stretch)
	for i, e := range stretch {
		if e.Revision.Number <= q.After.Number {
			from = i + 1
		}
		if !q.Before.IsZero() && e.Revision.Number >= q.Before.Number {
			to = min(to, i)
		}
	}
	if q.Skip > 0 {
		from = min(q.Skip, to)
	}
	if q.Backward {
		from = max(from, to-q.Limit)
		want.Last = from == 0
	} else {
		to = max(from, min(to, from+q.Limit))
		want.Last = to == len(stretch)
	}
	if from < to {
		want.Changes, want.First = stretch[from:to], from
	}
	got, err := f.Archive(f.ctx, q)
	f.ok(err)
	if len(want.Changes) == 0 && q.Limit == 0 {
		want.Last = got.Last // whether there is a page beyond nothing
	}
	if got.Count != want.Count || got.First != want.First || got.Last != want.Last || len(got.Changes) != len(want.Changes) {
		f.Fatalf("%+v:\n\tgot  %d at %d of %d, last %v\n\twant %d at %d of %d, last %v", q,
			len(got.Changes), got.First, got.Count, got.Last, len(want.Changes), want.First, want.Count, want.Last)
	}
	for i, e := range got.Changes {
		if w := want.Changes[i]; e.Revision != w.Revision || e.Kind != w.Kind || e.ItemID != w.ItemID || string(e.Body) != string(w.Body) {
			f.Fatalf("%+v: change %d is %+v, want %+v", q, i, e, w)
		}
	}
}

// What bounds a page has to be in the history: a trimmed change, one of another life, and one that never was are not.
func TestArchiveGone(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("f", thoonk.Config{})
		first, second := f.publish("f", "a", "1"), f.publish("f", "b", "2")
		f.redis.XTrimMaxLen(f.ctx, "thoonk.history:f", 1)
		other, never := second, second
		other.Stamp++
		never.Number += 10
		for _, r := range []thoonk.Revision{first, other, never} {
			for _, q := range []thoonk.ArchiveQuery{{AfterID: r}, {BeforeID: r}, {After: r}, {Before: r, Backward: true}} {
				q.Feed, q.Limit = "f", 10
				_, err := f.Archive(f.ctx, q)
				f.fails(err, thoonk.Gone)
			}
		}
		_, err := f.Archive(f.ctx, thoonk.ArchiveQuery{Feed: "f", After: second, Limit: 10})
		f.ok(err)
	})
}

// A page ends where its bodies are large, and has at least one change.
func TestArchiveBytes(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("f", thoonk.Config{})
		large := string(make([]byte, 300<<10))
		for i := range 4 {
			f.publish("f", thoonk.ItemID(fmt.Sprint(i)), large)
		}
		page, err := f.Archive(f.ctx, thoonk.ArchiveQuery{Feed: "f", Limit: 100})
		f.ok(err)
		if len(page.Changes) != 3 || page.Count != 5 || page.Last { // the creation, and two
			f.Errorf("%d of %d, last %v", len(page.Changes), page.Count, page.Last)
		}
		page, err = f.Archive(f.ctx, thoonk.ArchiveQuery{Feed: "f", Limit: 100, Backward: true})
		f.ok(err)
		if len(page.Changes) != 2 || page.First != 3 || page.Last {
			f.Errorf("%d at %d, last %v", len(page.Changes), page.First, page.Last)
		}
	})
}

// A history that is no stream is an error, and nothing else.
func TestArchiveWrongType(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.ok(f.redis.Set(f.ctx, "thoonk.history:f", "x", redis.KeepTTL).Err())
		_, err := f.Archive(f.ctx, thoonk.ArchiveQuery{Feed: "f", Limit: 1})
		f.fails(err, thoonk.Conflict)
	})
}
