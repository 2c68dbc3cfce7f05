package store_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestSources(t *testing.T) {
	onBoth(t, func(f *fixture) {
		web := thoonk.Source{Name: "b", Kind: thoonk.WebFeed, URL: "https://example.org/feed", Feed: "news"}
		made, created, err := f.PutSource(f.ctx, web)
		f.ok(err)
		if !created || made.Life == "" || made.Since.IsZero() {
			t.Errorf("made %+v, %v", made, created)
		}
		f.source("a", "https://example.org/a")
		all, err := f.Sources(f.ctx, "", 10)
		f.ok(err)
		if len(all) != 2 || all[0].Source.Name != "a" || all[1].Source != made || all[1].State.Status != thoonk.SourceNew {
			t.Errorf("%+v", all)
		}
		for after, want := range map[thoonk.FeedName]int{"a": 1, "aa": 1, "b": 0, "": 1} {
			if page, err := f.Sources(f.ctx, after, 1); err != nil || len(page) != want {
				t.Errorf("after %q: %+v, %v", after, page, err)
			}
		}
		f.wantDue("b", "a")
		f.ok(f.DeleteSource(f.ctx, "a"))
		f.fails(f.DeleteSource(f.ctx, "a"), thoonk.NotFound)
		f.fails(f.RefreshSource(f.ctx, "a"), thoonk.NotFound)
		f.wantDue("b")
		for _, bad := range []thoonk.Source{
			{}, {Kind: "x", URL: web.URL, Feed: "f"}, {Kind: thoonk.WebFeed, URL: "file:///etc/passwd", Feed: "f"}, {Kind: thoonk.WebFeed, URL: web.URL},
			{Kind: thoonk.WebFeed, URL: web.URL, Feed: "f", Min: time.Hour, Max: time.Minute}, {Kind: thoonk.WebFeed, URL: web.URL, Feed: "f", Min: 1},
		} {
			_, _, err := f.PutSource(f.ctx, bad)
			f.fails(err, thoonk.Invalid)
		}
	})
}

func TestSourceStats(t *testing.T) {
	onBoth(t, func(f *fixture) {
		for name, status := range map[thoonk.FeedName]thoonk.SourceStatus{
			"new": "", "fresh": "", "well": thoonk.SourceOK, "ill": thoonk.SourceFailing, "worse": thoonk.SourceFailing, "gone": thoonk.SourceGone, "paused": thoonk.SourceOK,
		} {
			s := f.source(name, "https://example.org/"+string(name))
			if status != "" {
				_, err := f.HoldSource(f.ctx, name, func(ctx context.Context, fence thoonk.Fence) error {
					return f.SaveSource(ctx, fence, s, thoonk.SourceState{Status: status}, time.Time{}, nil)
				})
				f.ok(err)
			}
			if s.Paused = name == "paused"; s.Paused {
				_, _, err := f.PutSource(f.ctx, s)
				f.ok(err)
			}
		}
		f.source("well", "https://example.org/another") // and so new
		for i := range 1100 {
			f.source(thoonk.FeedName("many:"+strconv.Itoa(i)), "https://example.org/many")
		}
		stats, err := f.SourceStats(f.ctx)
		f.ok(err)
		if want := (thoonk.SourceStats{New: 1103, Failing: 2, Gone: 1, Paused: 1}); stats != want {
			t.Errorf("%+v, want %+v", stats, want)
		}
	})
}

func (f *fixture) source(name thoonk.FeedName, url string) thoonk.Source {
	f.Helper()
	s, _, err := f.PutSource(f.ctx, thoonk.Source{Name: name, Kind: thoonk.WebFeed, URL: url, Feed: "news"})
	f.ok(err)
	return s
}

func (f *fixture) wantDue(want ...thoonk.FeedName) {
	f.Helper()
	due, err := f.DueSources(f.ctx, time.Now().Add(time.Second), 10)
	f.ok(err)
	if len(due) != len(want) {
		f.Errorf("%v are due, want %v", due, want)
	}
}

// What is known of a source is written by who works it, and is of that source and of no later one.
func TestSourceState(t *testing.T) {
	onBoth(t, func(f *fixture) {
		s := f.source("s", "https://example.org/a")
		state := thoonk.SourceState{Status: thoonk.SourceOK, Hub: thoonk.SourceHub{Callback: "secret"}}
		var old thoonk.Fence
		held, err := f.HoldSource(f.ctx, "s", func(ctx context.Context, fence thoonk.Fence) error {
			old = fence
			if held, err := f.HoldSource(ctx, "s", nil); held || err != nil {
				t.Errorf("a second one holds it: %v", err)
			}
			return f.SaveSource(ctx, fence, s, state, time.Now().Add(time.Hour), map[thoonk.ItemID]thoonk.SourceEntry{"e": {Digest: "d", Seen: 3}, "g": {Digest: "d"}})
		})
		if !held || err != nil {
			t.Fatal(held, err)
		}
		f.wantDue()
		f.fails(f.SaveSource(f.ctx, old, s, state, time.Now(), nil), thoonk.Conflict)
		if _, got, err := f.Source(f.ctx, "s"); err != nil || got != state {
			t.Errorf("%+v, %v", got, err)
		}
		if e, err := f.SourceEntries(f.ctx, "s", "e", "x"); err != nil || len(e) != 1 || e["e"] != (thoonk.SourceEntry{Digest: "d", Seen: 3}) {
			t.Errorf("%v, %v", e, err)
		}
		if e, err := f.SourceEntries(f.ctx, "s"); err != nil || len(e) != 2 {
			t.Errorf("%v, %v", e, err)
		}
		if name, err := f.SourceOfCallback(f.ctx, "secret"); err != nil || name != "s" {
			t.Error(name, err)
		}
		f.ok(f.RefreshSource(f.ctx, "s"))
		f.wantDue("s")
		later := func() {
			_, err := f.HoldSource(f.ctx, "s", func(ctx context.Context, fence thoonk.Fence) error {
				return f.SaveSource(ctx, fence, s, state, time.Now().Add(time.Hour), nil)
			})
			f.ok(err)
		}
		later() // of a look that began before
		f.wantDue("s")
		f.ok(f.StartSource(f.ctx, "s"))
		later()
		f.wantDue()

		// Paused: as it was, and not due. With another address: another source.
		s.Paused = true
		_, _, err = f.PutSource(f.ctx, s)
		f.ok(err)
		f.wantDue()
		if _, got, err := f.Source(f.ctx, "s"); err != nil || got != state {
			t.Errorf("%+v, %v", got, err)
		}
		f.source("s", "https://example.org/b")
		f.wantDue("s")
		if _, got, err := f.Source(f.ctx, "s"); err != nil || got.Status != thoonk.SourceNew {
			t.Errorf("%+v, %v", got, err)
		}
		if e, err := f.SourceEntries(f.ctx, "s"); err != nil || len(e) != 0 {
			t.Errorf("%v, %v", e, err)
		}
		_, err = f.SourceOfCallback(f.ctx, "secret")
		f.fails(err, thoonk.NotFound)
		_, err = f.HoldSource(f.ctx, "s", func(ctx context.Context, fence thoonk.Fence) error {
			return f.SaveSource(ctx, fence, s, state, time.Now(), nil)
		})
		f.fails(err, thoonk.NotFound)
	})
}

// A node is followed all the time: it is never due, and cannot be looked at now.
func TestNodeSourceIsNeverDue(t *testing.T) {
	onBoth(t, func(f *fixture) {
		_, made, err := f.PutSource(f.ctx, thoonk.Source{Name: "s", Kind: thoonk.XMPPNode, URL: "xmpp:a.test?;node=x", Feed: "f"})
		f.ok(err)
		due, err := f.DueSources(f.ctx, time.Now().Add(time.Hour), 10)
		f.ok(err)
		if !made || len(due) != 0 {
			f.Errorf("made %v, due %v", made, due)
		}
		f.fails(f.RefreshSource(f.ctx, "s"), thoonk.Unsupported)
	})
}

// Preconditions and idempotency keys hold in the script, as they do for feeds.
func TestSourceConditions(t *testing.T) {
	onBoth(t, func(f *fixture) {
		web := thoonk.Source{Name: "s", Kind: thoonk.WebFeed, URL: "https://example.org/a", Feed: "news"}
		declare := func(change func(*thoonk.DeclareSource)) (thoonk.Source, bool, error) {
			d := thoonk.DeclareSource{Source: web}
			change(&d)
			k, made, err := f.DeclareSource(f.ctx, d)
			return k.Source, made, err
		}
		_, _, err := declare(func(d *thoonk.DeclareSource) { d.If.MatchAny = true })
		f.fails(err, thoonk.Stale)
		first, made, err := declare(func(d *thoonk.DeclareSource) { d.If.NoneAny = true })
		f.ok(err)
		if !made || first.Revision.Number != 1 || first.Revision.Stamp == 0 {
			t.Fatalf("made %v %+v", made, first)
		}
		_, _, err = declare(func(d *thoonk.DeclareSource) { d.If.NoneAny = true })
		f.fails(err, thoonk.Stale)
		same, made, err := declare(func(d *thoonk.DeclareSource) { d.Source.By = "somebody else" })
		f.ok(err)
		if made || same.Revision != first.Revision {
			t.Errorf("the same again: %v %+v", made, same)
		}
		second, _, err := declare(func(d *thoonk.DeclareSource) {
			d.Source.Paused, d.If.Match = true, []thoonk.Revision{first.Revision}
		})
		f.ok(err)
		if second.Revision.Number != 2 || second.Life != first.Life {
			t.Errorf("changed: %+v", second)
		}
		if got, _, err := f.Source(f.ctx, "s"); err != nil || got != second {
			t.Errorf("read: %+v, %v, want %+v", got, err, second)
		}
		_, _, err = declare(func(d *thoonk.DeclareSource) { d.If.Match = []thoonk.Revision{first.Revision} })
		f.fails(err, thoonk.Stale)
		_, _, err = declare(func(d *thoonk.DeclareSource) { d.If.NoneMatch = []thoonk.Revision{second.Revision} })
		f.fails(err, thoonk.Stale)
		_, _, err = declare(func(d *thoonk.DeclareSource) {
			d.May = func(old thoonk.Source) error { return thoonk.E(thoonk.Forbidden, "%s is another's", old.Name) }
		})
		f.fails(err, thoonk.Forbidden)

		remove := func(change func(*thoonk.RemoveSource)) error {
			r := thoonk.RemoveSource{Name: "s"}
			change(&r)
			_, err := f.RemoveSource(f.ctx, r)
			return err
		}
		f.fails(remove(func(r *thoonk.RemoveSource) { r.If.Match = []thoonk.Revision{first.Revision} }), thoonk.Stale)
		f.fails(remove(func(r *thoonk.RemoveSource) {
			r.May = func(thoonk.Source) error { return thoonk.E(thoonk.Forbidden, "no") }
		}), thoonk.Forbidden)
		f.ok(remove(func(r *thoonk.RemoveSource) { r.If.Match = []thoonk.Revision{second.Revision} }))
		f.fails(remove(func(r *thoonk.RemoveSource) { r.If.MatchAny = true }), thoonk.NotFound)
	})
}

// The same write with the same key is done once, and answered as the first time, whatever has happened since.
func TestSourceOnce(t *testing.T) {
	onBoth(t, func(f *fixture) {
		web := thoonk.Source{Name: "s", Kind: thoonk.WebFeed, URL: "https://example.org/a", Feed: "news"}
		put := thoonk.DeclareSource{Source: web, If: thoonk.Condition{NoneAny: true}, Once: thoonk.Once{Key: "put", Hash: "1"}}
		first, made, err := f.DeclareSource(f.ctx, put)
		f.ok(err)
		if !made {
			t.Error("it was not made")
		}
		for range 2 {
			again, made, err := f.DeclareSource(f.ctx, put) // its condition does not hold any more
			f.ok(err)
			if !made || again != first {
				t.Errorf("again: %v %+v, want %+v", made, again, first)
			}
			f.source("s", "https://example.org/b")
		}
		put.Once.Hash = "2"
		_, _, err = f.DeclareSource(f.ctx, put)
		f.fails(err, thoonk.Unprocessable)

		remove := thoonk.RemoveSource{Name: "s", Once: thoonk.Once{Key: "remove", Hash: "1"}}
		_, err = f.RemoveSource(f.ctx, remove)
		f.ok(err)
		_, err = f.RemoveSource(f.ctx, remove)
		f.ok(err)
		if n := f.redis.PTTL(f.ctx, "thoonk.once:remove").Val(); n <= 0 || n > 24*time.Hour {
			t.Errorf("it is remembered for %v", n)
		}
		f.source("s", "https://example.org/c")
		_, err = f.RemoveSource(f.ctx, remove)
		f.ok(err)
		if _, _, err := f.Source(f.ctx, "s"); err != nil {
			t.Errorf("the one that was made later is gone: %v", err)
		}
		remove.Once.Hash = "2"
		_, err = f.RemoveSource(f.ctx, remove)
		f.fails(err, thoonk.Unprocessable)
		// A key that stands for nothing yet does not make a precondition hold.
		_, err = f.RemoveSource(f.ctx, thoonk.RemoveSource{Name: "s", If: thoonk.Condition{Match: []thoonk.Revision{first.Source.Revision}}, Once: thoonk.Once{Key: "new", Hash: "1"}})
		f.fails(err, thoonk.Stale)
		_, _, err = f.DeclareSource(f.ctx, thoonk.DeclareSource{Source: web, If: put.If, Once: thoonk.Once{Key: "new", Hash: "1"}})
		f.fails(err, thoonk.Stale)
		if now, _, err := f.Source(f.ctx, "s"); err != nil || now.URL != "https://example.org/c" {
			t.Errorf("it is %+v, %v", now, err)
		}
		if again, made, err := f.DeclareSource(f.ctx, thoonk.DeclareSource{Source: web, If: put.If, Once: thoonk.Once{Key: "put", Hash: "1"}}); err != nil || !made || again.Source != first.Source {
			t.Errorf("again: %v %+v, %v", made, again, err)
		}
	})
}

// Of many who change what they read, no change of another's is lost.
func TestSourceDeclaredByMany(t *testing.T) {
	onBoth(t, func(f *fixture) {
		made := f.source("s", "https://example.org/a")
		const many = 4
		won := make(chan bool, many)
		for i := range many {
			go func() {
				_, _, err := f.DeclareSource(f.ctx, thoonk.DeclareSource{
					Source: thoonk.Source{Name: "s", Kind: thoonk.WebFeed, URL: made.URL, Feed: "news", Max: time.Duration(i+2) * time.Hour},
					If:     thoonk.Condition{Match: []thoonk.Revision{made.Revision}},
				})
				if err != nil && thoonk.KindOf(err) != thoonk.Stale {
					t.Error(err)
				}
				won <- err == nil
			}()
		}
		winners := 0
		for range many {
			if <-won {
				winners++
			}
		}
		if got, _, err := f.Source(f.ctx, "s"); winners != 1 || err != nil || got.Revision.Number != 2 {
			t.Errorf("%d of %d have changed it, and it is at %s, %v", winners, many, got.Revision, err)
		}
	})
}
