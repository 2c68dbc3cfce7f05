package store_test

import (
	"context"
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
