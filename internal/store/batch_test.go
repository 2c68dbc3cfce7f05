package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func text(kind thoonk.EventKind, id, body string) thoonk.Operation {
	return thoonk.Operation{Kind: kind, ID: thoonk.ItemID(id), Form: thoonk.FormText, Body: []byte(body)}
}

func TestBatch(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		old := f.publish("a", "old", "1")
		edit := text(thoonk.Edit, "old", "2")
		edit.If = thoonk.Condition{Match: []thoonk.Revision{old}}
		done, err := f.Batch(f.ctx, thoonk.Batch{Feed: "a", Operations: []thoonk.Operation{
			text(thoonk.Publish, "c", "3"), text(thoonk.Publish, "b", "4"), edit, {Kind: thoonk.Retract, ID: "c"},
			text(thoonk.Publish, "c", "5"), text(thoonk.Publish, "", "6"),
		}})
		f.ok(err)
		if len(done) != 6 || !done[0].Created || done[2].Created || len(done[5].Item.ID) != 32 {
			t.Fatalf("%+v", done)
		}
		for i, d := range done {
			if d.Item.Revision.Number != old.Number+1+uint64(i) {
				t.Fatalf("%+v", done)
			}
		}
		f.wantTold("a", "create", "publish old=1", "publish c=3", "publish b=4", "edit old=2", "retract c", "publish c=5", fmt.Sprintf("publish %s=6", done[5].Item.ID))
		ids, err := f.redis.ZRange(f.ctx, "feed.ids:a", 0, -1).Result()
		f.ok(err)
		if !slices.Equal(ids, []string{"b", "old", "c", string(done[5].Item.ID)}) {
			t.Fatal(ids) // in the order of the operations, though they were done at once
		}
		f.agrees("a")
	})
}

func TestBatchIsAllOrNone(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		f.sortedFeed("s")
		f.publish("a", "x", "1")
		before := f.dump()
		stale := text(thoonk.Publish, "x", "2")
		stale.If = thoonk.Condition{NoneAny: true}
		for _, c := range []struct {
			feed thoonk.FeedName
			bad  thoonk.Operation
			kind thoonk.Kind
		}{
			{"a", text(thoonk.Edit, "unknown", "2"), thoonk.NotFound},
			{"a", thoonk.Operation{Kind: thoonk.Retract, ID: "unknown"}, thoonk.NotFound},
			{"a", stale, thoonk.Stale},
			{"a", thoonk.Operation{Kind: thoonk.Moved, ID: "y", Position: thoonk.Position{First: true}}, thoonk.Conflict},
			{"a", thoonk.Operation{Kind: thoonk.Publish, ID: "y", Form: thoonk.FormBody, Body: []byte("{")}, thoonk.Invalid},
			{"a", thoonk.Operation{Kind: "dance", ID: "y"}, thoonk.Invalid},
			{"s", thoonk.Operation{Kind: thoonk.Moved, ID: "y", Position: thoonk.Position{Before: "unknown"}}, thoonk.NotFound},
		} {
			_, err := f.Batch(f.ctx, thoonk.Batch{Feed: c.feed, Operations: []thoonk.Operation{text(thoonk.Publish, "y", "1"), c.bad, text(thoonk.Publish, "z", "1")}})
			refused, ok := errors.AsType[*thoonk.BatchError](err)
			if !ok || refused.Index != 1 || thoonk.KindOf(err) != c.kind {
				t.Errorf("%+v: %v", c.bad, err)
			}
		}
		// An item that the batch itself removed is not there any more.
		_, err := f.Batch(f.ctx, thoonk.Batch{Feed: "a", Operations: []thoonk.Operation{{Kind: thoonk.Retract, ID: "x"}, text(thoonk.Edit, "x", "2")}})
		f.fails(err, thoonk.NotFound)

		_, err = f.Batch(f.ctx, thoonk.Batch{Feed: "a"})
		f.fails(err, thoonk.Invalid)
		_, err = f.Batch(f.ctx, thoonk.Batch{Feed: "a", Operations: make([]thoonk.Operation, 1001)})
		f.fails(err, thoonk.Invalid)
		large := text(thoonk.Publish, "l", strings.Repeat("x", 3<<20))
		_, err = f.Batch(f.ctx, thoonk.Batch{Feed: "a", Operations: []thoonk.Operation{large, large}})
		f.fails(err, thoonk.TooLarge)
		if after := f.dump(); fmt.Sprint(before) != fmt.Sprint(after) {
			t.Fatalf("something was written:\n%v\n%v", before, after)
		}
	})
}

func TestBatchOfAThousand(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{MaxLength: 100})
		var operations []thoonk.Operation
		for i := range thoonk.MaxBatch {
			operations = append(operations, text(thoonk.Publish, fmt.Sprint(i), "x"))
		}
		done, err := f.Batch(f.ctx, thoonk.Batch{Feed: "a", Operations: operations})
		f.ok(err)
		page, err := f.Items(f.ctx, thoonk.ItemQuery{Feed: "a", Limit: 1})
		f.ok(err)
		if len(done) != thoonk.MaxBatch || page.Total != 100 || page.Items[0].ID != "900" {
			t.Fatalf("%d %+v", len(done), page)
		}
	})
}

func TestOnce(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.sortedFeed("s")
		f.feed("a", thoonk.Config{})
		for _, feed := range []thoonk.FeedName{"s", "a"} {
			once := thoonk.Once{Key: "k" + string(feed), Hash: "h"}
			p := thoonk.PublishItem{Feed: feed, Form: thoonk.FormText, Body: []byte("1"), Once: once}
			first, err := f.Publish(f.ctx, p)
			f.ok(err)
			again, err := f.Publish(f.ctx, p)
			f.ok(err)
			if again.Item.ID != first.Item.ID || again.Item.Revision != first.Item.Revision || !again.Created || !again.Item.Published.Equal(first.Item.Published) {
				t.Fatalf("%+v\n%+v", first, again)
			}
			p.Once.Hash = "another"
			_, err = f.Publish(f.ctx, p)
			f.fails(err, thoonk.Unprocessable)
			if told := f.told(feed); len(told) != 2 {
				t.Fatalf("%q", told)
			}
			if ttl := f.redis.PTTL(f.ctx, "thoonk.once:"+once.Key).Val(); ttl <= 0 {
				t.Fatal(ttl)
			}
		}
		put := thoonk.PutFeed{Name: "b", Once: thoonk.Once{Key: "put", Hash: "h"}}
		made, created, err := f.PutFeed(f.ctx, put)
		f.ok(err)
		again, createdAgain, err := f.PutFeed(f.ctx, put)
		f.ok(err)
		if !created || !createdAgain || made.Revision != again.Revision {
			t.Fatalf("%+v %v\n%+v %v", made, created, again, createdAgain)
		}
		for range 2 {
			f.ok(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "b", Once: thoonk.Once{Key: "delete", Hash: "h"}}))
		}
		// What was refused was not done, and may be tried again.
		p := thoonk.PublishItem{Feed: "b", Form: thoonk.FormText, Once: thoonk.Once{Key: "later", Hash: "h"}}
		_, err = f.Publish(f.ctx, p)
		f.fails(err, thoonk.NotFound)
		f.feed("b", thoonk.Config{})
		_, err = f.Publish(f.ctx, p)
		f.ok(err)
	})
}
