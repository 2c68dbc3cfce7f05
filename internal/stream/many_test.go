package stream_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func patterns(p ...thoonk.Pattern) stream.ManyOptions { return stream.ManyOptions{Match: p} }

func TestManyLive(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("team:1:a", 0)
		f.feed("secret", 0)
		o := patterns("team:1:*", "secret", "single")
		o.Allow = func(feed thoonk.FeedName) bool { return feed != "secret" }
		r := f.followMany(o)
		r.want("live")
		large := strings.Repeat("l", 5000)
		f.publish("team:1:a", "x", "1")
		f.publish("secret", "x", "1")
		f.feed("team:1:b", 0) // made later
		f.publish("team:1:b", "x", large)
		f.feed("team:2:a", 0)
		f.feed("single", 0)
		r.want("team:1:a publish x=1", "team:1:b create", "team:1:b publish x="+large, "single create")
	})
}

func TestManySnapshot(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.broker.SetPage(5)
		for _, feed := range []thoonk.FeedName{"a", "b"} {
			f.feed(feed, 0)
			for i := range 8 {
				f.publish(feed, fmt.Sprint(i), "x")
			}
		}
		o := patterns("a", "*")
		o.Snapshot = true
		r := f.followMany(o)
		for i := range 5 {
			r.want(fmt.Sprintf("item a %d=x", i))
		}
		f.publish("a", "7", "late") // after the moment of its feed's snapshot
		f.publish("b", "1", "early")
		f.feed("c", 0) // its making is told whether or not its items are asked for
		for i := 5; i < 7; i++ {
			r.want(fmt.Sprintf("item a %d=x", i))
		}
		for _, i := range []int{0, 2, 3, 4, 5, 6, 7} {
			r.want(fmt.Sprintf("item b %d=x", i))
		}
		r.want("item b 1=early", "live", "a edit 7=late")
		f.publish("c", "y", "1")
		got := r.next(1)
		if got[0] == "c create" { // not part of the list any more when it was made
			got = r.next(1)
		}
		if got[0] != "c publish y=1" {
			t.Fatalf("%q", got)
		}
	})
}

func TestManySinceAndReset(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", 0)
		f.feed("b", 3)
		r := f.followMany(patterns("*"))
		r.want("live")
		f.publish("a", "x", "0")
		r.want("a publish x=0")
		for i := range 30 {
			f.publish("a", "x", fmt.Sprint(i))
		}
		o := patterns("*")
		o.Since = r.last
		again := f.followMany(o)
		for i := range 30 {
			again.want(fmt.Sprintf("a edit x=%d", i))
		}
		f.publish("a", "x", "live")
		again.want("a edit x=live")

		// A body that neither the log nor the history has.
		large := strings.Repeat("l", 2000)
		for range 20 {
			f.publish("b", "x", large)
		}
		o.Since = again.last
		lost := f.followMany(o)
		lost.want("reset b")

		// A place that the log does not have.
		o.Since.Stamp++
		o.Snapshot = true
		lost = f.followMany(o)
		lost.want("reset", "item a x=live", "item b x="+large, "live")
	})
}

func TestManySlowReader(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", 0)
		slow := f.followMany(patterns("a"))
		slow.want("live")
		const n = 4500 // more than the broker keeps
		var operations []thoonk.Operation
		for i := range 500 {
			operations = append(operations, thoonk.Operation{Kind: thoonk.Publish, ID: "x", Form: thoonk.FormText, Body: []byte(fmt.Sprint(i))})
		}
		for range n / len(operations) {
			if _, err := f.Batch(f.ctx, thoonk.Batch{Feed: "a", Operations: operations}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range n {
			kind := "edit"
			if i == 0 {
				kind = "publish"
			}
			slow.want(fmt.Sprintf("a %s x=%d", kind, i%500))
		}
	})
}

// A sorted feed in pages, changed while they are read: whoever has its items and applies what follows has it in the end.
func TestSortedSnapshotInPages(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.broker.SetPage(2)
		if _, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "s", Config: thoonk.Config{Type: thoonk.TypeSortedFeed}}); err != nil {
			t.Fatal(err)
		}
		move := func(id thoonk.ItemID, p thoonk.Position) {
			if _, err := f.Move(f.ctx, thoonk.MoveItem{Feed: "s", ID: id, Position: p}); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
			f.publish("s", id, "x")
		}
		r := f.follow(stream.Options{Feed: "s", Snapshot: true})
		r.want("item a=x", "item b=x")
		move("e", thoonk.Position{First: true})
		move("b", thoonk.Position{Last: true})
		move("a", thoonk.Position{After: "d"})
		if err := f.Retract(f.ctx, thoonk.RetractItem{Feed: "s", ID: "d"}); err != nil {
			t.Fatal(err)
		}
		f.publish("s", "c", "y")
		r.want("item c=y", "item d=", "item e=x", "item f=x", "live", "position e", "position b", "position a", "retract d", "edit c=y")
	})
}

// The bodies of a page may be too large together.
func TestSortedSnapshotOfLargeItems(t *testing.T) {
	onBoth(t, func(f *fixture) {
		if _, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "s", Config: thoonk.Config{Type: thoonk.TypeSortedFeed}}); err != nil {
			t.Fatal(err)
		}
		body := strings.Repeat("x", 400_000)
		var want []string
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			f.publish("s", id, body)
			want = append(want, "item "+id+"="+body)
		}
		f.follow(stream.Options{Feed: "s", Snapshot: true}).want(append(want, "live")...)
	})
}
