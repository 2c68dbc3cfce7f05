package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestPublishEditRetract(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		first, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "a", ID: "x", Form: thoonk.FormBody, Body: []byte("{\n \"n\": 1.0e0}"), Actor: "me"})
		f.ok(err)
		second, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "a", ID: "x", Form: thoonk.FormBase64, Body: []byte("\x00\xff")})
		f.ok(err)
		if !first.Created || second.Created || first.Item.Revision.Number != 2 || second.Item.Revision.Number != 3 {
			f.Fatalf("%+v, %+v", first, second)
		}
		item, _, err := f.Item(f.ctx, "a", "x")
		f.ok(err)
		if string(item.Body) != "\x00\xff" || item.Revision != second.Item.Revision ||
			!item.Published.Equal(first.Item.Published) || !item.Updated.Equal(second.Item.Revision.Time()) {
			f.Fatalf("%+v", item)
		}
		f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: "x"}))
		f.fails(f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: "x"}), thoonk.NotFound)
		_, _, err = f.Item(f.ctx, "a", "x")
		f.fails(err, thoonk.NotFound)
		f.wantTold("a", "create", "publish x={\n \"n\": 1.0e0}", "edit x=\x00\xff", "retract x")
		f.agrees("a")
		if n, err := f.redis.Get(f.ctx, "feed.publishes:a").Int(); n != 2 {
			f.Fatal(n, err)
		}
	})
}

func TestGeneratedID(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		p, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "a", Form: thoonk.FormText})
		f.ok(err)
		if len(p.Item.ID) != 32 || !p.Created {
			f.Fatalf("%+v", p)
		}
	})
}

func TestItemConditions(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		other := thoonk.Revision{Number: 1, Stamp: 1}
		f.fails(f.publishIf("a", "x", "0", thoonk.Condition{MatchAny: true}), thoonk.Stale)
		f.ok(f.publishIf("a", "x", "1", thoonk.Condition{NoneAny: true}))
		f.fails(f.publishIf("a", "x", "2", thoonk.Condition{NoneAny: true}), thoonk.Stale)
		item, _, err := f.Item(f.ctx, "a", "x")
		f.ok(err)
		f.fails(f.publishIf("a", "x", "2", thoonk.Condition{NoneMatch: []thoonk.Revision{other, item.Revision}}), thoonk.Stale)
		f.fails(f.publishIf("a", "x", "2", thoonk.Condition{Match: []thoonk.Revision{other}}), thoonk.Stale)
		f.ok(f.publishIf("a", "x", "2", thoonk.Condition{Match: []thoonk.Revision{other, item.Revision}}))
		f.fails(f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: "x", If: thoonk.Condition{Match: []thoonk.Revision{item.Revision}}}), thoonk.Stale)
		f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: "x", If: thoonk.Condition{MatchAny: true}}))
		f.wantTold("a", "create", "publish x=1", "edit x=2", "retract x")
	})
}

func TestMaxLength(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{MaxLength: 2})
		f.publish("a", "1", "a")
		f.publish("a", "2", "b")
		f.publish("a", "1", "c") // a full feed loses nothing by a replacement, which becomes the newest
		f.publish("a", "3", "d")
		f.wantTold("a", "create", "publish 1=a", "publish 2=b", "edit 1=c", "retract 2", "publish 3=d")

		f.feed("a", thoonk.Config{MaxLength: 1})
		f.publish("a", "4", "e")
		ids, err := f.redis.ZRange(f.ctx, "feed.ids:a", 0, -1).Result()
		f.ok(err)
		if !slices.Equal(ids, []string{"4"}) {
			f.Fatalf("left: %v", ids)
		}
		f.agrees("a")
	})
}

func TestContentIsChecked(t *testing.T) {
	onBoth(t, func(f *fixture) {
		bodies := map[thoonk.Form]string{thoonk.FormBody: `[1]`, thoonk.FormText: "t", thoonk.FormXML: "<a/>", thoonk.FormBase64: "\xff"}
		admits := map[thoonk.Content]thoonk.Form{
			thoonk.JSON: thoonk.FormBody, thoonk.Text: thoonk.FormText, thoonk.XML: thoonk.FormXML, thoonk.Binary: thoonk.FormBase64,
		}
		for content, admitted := range admits {
			name := thoonk.FeedName(content)
			f.feed(name, thoonk.Config{Content: content})
			for form, body := range bodies {
				_, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: name, ID: "x", Form: form, Body: []byte(body)})
				if want := map[bool]thoonk.Kind{false: thoonk.Unprocessable}[form == admitted]; thoonk.KindOf(err) != want {
					f.Errorf("%s into %s: %v", form, content, err)
				}
			}
		}
		f.feed("e", thoonk.Config{Content: thoonk.Entry})
		_, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "e", Form: thoonk.FormBody, Body: []byte(`[1]`)})
		f.fails(err, thoonk.Unprocessable)
		_, err = f.Publish(f.ctx, thoonk.PublishItem{Feed: "e", Form: thoonk.FormBody, Body: []byte(` {"title":"t"}`)})
		f.ok(err)
		_, err = f.Publish(f.ctx, thoonk.PublishItem{Feed: "e", Form: thoonk.FormBody, Body: []byte(`{`)})
		f.fails(err, thoonk.Invalid)
	})
}

func TestItemsPages(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		var want []string
		for i := range 25 {
			id := fmt.Sprintf("i%d", i)
			f.publish("a", thoonk.ItemID(id), strings.Repeat("x", i))
			want = append(want, id)
		}
		for _, order := range []thoonk.Order{thoonk.Forward, thoonk.Backward} {
			got := f.allItems(thoonk.ItemQuery{Feed: "a", Limit: 4, Order: order}, func(int) {})
			if !slices.Equal(got, want) {
				f.Errorf("order %v: %v", order, got)
			}
			slices.Reverse(want)
		}

		// What a cursor stands on may go away or become the newest.
		got := f.allItems(thoonk.ItemQuery{Feed: "a", Limit: 5}, func(page int) {
			switch page {
			case 1:
				f.publish("a", "i4", "edited")
			case 2:
				f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: "i9"}))
			}
		})
		if !slices.Equal(got, append(slices.Clone(want), "i4")) {
			f.Errorf("%v", got)
		}
		for _, cursor := range []string{"nonsense", "1", " i4", "x i4", "nan i4", "3-17 i4"} {
			_, err := f.Items(f.ctx, thoonk.ItemQuery{Feed: "a", Limit: 5, After: cursor})
			f.fails(err, thoonk.Invalid)
		}
	})
}

func (f *fixture) allItems(q thoonk.ItemQuery, after func(page int)) (ids []string) {
	f.Helper()
	for page := 1; ; page++ {
		p, err := f.Items(f.ctx, q)
		f.ok(err)
		if p.Revision.IsZero() || len(p.Items) > q.Limit {
			f.Fatalf("%+v", p)
		}
		for _, item := range p.Items {
			ids = append(ids, string(item.ID))
		}
		if p.Next == "" {
			return ids
		}
		q.After = p.Next
		after(page)
	}
}

func TestLargePagesEndEarly(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{History: thoonk.HistoryBounds{Count: 1}})
		for i := range 3 {
			f.publish("a", thoonk.ItemID(fmt.Sprint(i)), strings.Repeat("x", 1_900_000))
		}
		page, err := f.Items(f.ctx, thoonk.ItemQuery{Feed: "a", Limit: 100})
		f.ok(err)
		if len(page.Items) != 1 || page.Next == "" || page.Total != 3 {
			f.Fatalf("%d items, next %q, total %d", len(page.Items), page.Next, page.Total)
		}
		if got := f.allItems(thoonk.ItemQuery{Feed: "a", Limit: 100}, func(int) {}); len(got) != 3 {
			f.Fatal(got)
		}
	})
}

func TestForeignScores(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		at := time.Date(2011, 11, 18, 12, 0, 0, 250_000_000, time.UTC)
		f.ok(f.redis.Do(f.ctx, "ZADD", "feed.ids:a", float64(at.UnixMilli())/1000, "seconds", at.UnixMilli(), "milliseconds").Err())
		f.ok(f.redis.HSet(f.ctx, "feed.items:a", "seconds", "s", "milliseconds", "m").Err())
		for _, id := range []thoonk.ItemID{"seconds", "milliseconds"} {
			item, _, err := f.Item(f.ctx, "a", id)
			f.ok(err)
			if !item.Updated.Equal(at) || !item.Published.Equal(at) {
				f.Errorf("%s: updated %v, published %v", id, item.Updated, item.Published)
			}
		}
	})
}

func TestHistoryBounds(t *testing.T) {
	onBoth(t, func(f *fixture) {
		made := f.feed("a", thoonk.Config{History: thoonk.HistoryBounds{Count: 20}})
		var last, middle thoonk.Revision
		for i := range 200 {
			last = f.publish("a", "x", fmt.Sprint(i))
			if i == 185 {
				middle = last
			}
			if n, err := f.redis.XLen(f.ctx, "thoonk.history:a").Result(); n > 22 || err != nil {
				f.Fatal(n, err)
			}
		}
		_, err := f.History(f.ctx, "a", made.Revision, 10)
		f.fails(err, thoonk.Gone)
		_, err = f.History(f.ctx, "a", thoonk.Revision{Number: middle.Number, Stamp: middle.Stamp + 1}, 10)
		f.fails(err, thoonk.Gone)
		events, err := f.History(f.ctx, "a", middle, 10)
		f.ok(err)
		if len(events) != 10 || string(events[0].Body) != "186" {
			f.Fatalf("%v", events)
		}
		events, err = f.History(f.ctx, "a", last, 10)
		f.ok(err)
		if len(events) != 0 {
			f.Fatalf("%v", events)
		}

		var operations []thoonk.Operation
		for i := range thoonk.MaxBatch {
			operations = append(operations, text(thoonk.Publish, fmt.Sprint(i), "x"))
		}
		for range 3 {
			_, err := f.Batch(f.ctx, thoonk.Batch{Feed: "a", Operations: operations})
			f.ok(err)
			if n, err := f.redis.XLen(f.ctx, "thoonk.history:a").Result(); n > 22 || err != nil {
				f.Fatal(n, err)
			}
		}

		f.feed("b", thoonk.Config{History: thoonk.HistoryBounds{Bytes: 10_000}})
		for range 100 {
			f.publish("b", "x", strings.Repeat("x", 1000))
			if n, err := f.redis.XLen(f.ctx, "thoonk.history:b").Result(); n > 12 || err != nil {
				f.Fatal(n, err)
			}
		}
	})
}

func TestLargeBodiesStayOutOfTheLog(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		f.publish("a", "small", strings.Repeat("s", 1024))
		revision := f.publish("a", "large", strings.Repeat("l", 1025))
		events := f.logged()
		small, large := events[1], events[2]
		if !small.Complete() || large.Complete() || len(large.Body) != 0 || large.BodySize != 1025 {
			f.Fatalf("%v %v", small, large)
		}
		whole, err := f.Change(f.ctx, "a", revision)
		f.ok(err)
		if !whole.Complete() || len(whole.Body) != 1025 {
			f.Fatalf("%v", whole)
		}
	})
}

// A page may begin after an item that is named, or after so many.
func TestItemsByPlace(t *testing.T) {
	onBoth(t, func(f *fixture) {
		for _, kind := range []thoonk.Type{thoonk.TypeFeed, thoonk.TypeSortedFeed} {
			name := thoonk.FeedName(kind)
			f.feed(name, thoonk.Config{Type: kind})
			for i := range 5 {
				f.publish(name, thoonk.ItemID(fmt.Sprint("i", i)), "x")
			}
			for _, test := range []struct {
				q     thoonk.ItemQuery
				want  string
				first int
			}{
				{thoonk.ItemQuery{AfterID: "i1", Limit: 2}, "i2 i3 ", 2},
				{thoonk.ItemQuery{AfterID: "i1", Limit: 2, Order: thoonk.Backward}, "i0 ", 4},
				{thoonk.ItemQuery{AfterID: "i4", Limit: 2}, "", 5},
				{thoonk.ItemQuery{Skip: 3, Limit: 9}, "i3 i4 ", 3},
				{thoonk.ItemQuery{Skip: 1, Limit: 2, Order: thoonk.Backward}, "i3 i2 ", 1},
				{thoonk.ItemQuery{Skip: 9, Limit: 2}, "", 9},
			} {
				test.q.Feed = name
				page, err := f.Items(f.ctx, test.q)
				f.ok(err)
				got := ""
				for _, item := range page.Items {
					got += string(item.ID) + " "
				}
				if got != test.want || page.First != test.first || page.Total != 5 {
					f.Errorf("%+v: %q, %+v", test.q, got, page)
				}
			}
			_, err := f.Items(f.ctx, thoonk.ItemQuery{Feed: name, AfterID: "none", Limit: 1})
			f.fails(err, thoonk.NotFound)
		}
	})
}

// A retraction that subscribers are to be told of whatever the node says is marked in the log.
func TestRetractNotify(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		for id, notify := range map[thoonk.ItemID]bool{"x": true, "y": false} {
			f.publish("a", id, "1")
			f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: id, Notify: notify}))
			events := f.logged()
			if last := events[len(events)-1]; last.Kind != thoonk.Retract || last.Notify != notify || last.Restated || last.Purge != "" {
				t.Errorf("%+v", last)
			}
		}
		f.agrees("a")
	})
}

func TestItemsByCreation(t *testing.T) {
	onBoth(t, func(f *fixture) {
		for _, kind := range []thoonk.Type{thoonk.TypeFeed, thoonk.TypeSortedFeed} {
			name := thoonk.FeedName(kind)
			f.feed(name, thoonk.Config{Type: kind})
			for _, id := range []thoonk.ItemID{"c", "a", "b", "a"} {
				f.publish(name, id, "x")
			}
			for _, test := range []struct {
				q    thoonk.ItemQuery
				want string
			}{
				{thoonk.ItemQuery{Limit: 9}, "0: c a b "},
				{thoonk.ItemQuery{Limit: 2, Order: thoonk.Backward}, "0: b a "},
				{thoonk.ItemQuery{Limit: 2, AfterID: "c"}, "1: a b "},
				{thoonk.ItemQuery{Limit: 2, Skip: 2}, "2: b "},
				{thoonk.ItemQuery{Limit: 2, Skip: 5}, "5: "},
			} {
				test.q.Feed, test.q.ByCreation = name, true
				page, err := f.Items(f.ctx, test.q)
				f.ok(err)
				got := fmt.Sprint(page.First, ": ")
				for _, item := range page.Items {
					got += string(item.ID) + " "
				}
				if got != test.want || page.Total != 3 {
					f.Errorf("%+v: %q of %d", test.q, got, page.Total)
				}
			}
			_, err := f.Items(f.ctx, thoonk.ItemQuery{Feed: name, ByCreation: true, AfterID: "z", Limit: 1})
			f.fails(err, thoonk.NotFound)
		}
	})
}
