package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func (f *fixture) sortedFeed(name thoonk.FeedName) {
	f.Helper()
	f.feed(name, thoonk.Config{Type: thoonk.TypeSortedFeed})
}

func (f *fixture) insert(feed thoonk.FeedName, id, text string, p thoonk.Position) thoonk.Published {
	f.Helper()
	done, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: feed, ID: thoonk.ItemID(id), Form: thoonk.FormText, Body: []byte(text), Position: p})
	f.ok(err)
	return done
}

func (f *fixture) move(feed thoonk.FeedName, id string, p thoonk.Position) thoonk.Item {
	f.Helper()
	item, err := f.Move(f.ctx, thoonk.MoveItem{Feed: feed, ID: thoonk.ItemID(id), Position: p})
	f.ok(err)
	return item
}

// order returns the ids of a sorted feed as Redis has them.
func (f *fixture) order(feed thoonk.FeedName) []string {
	f.Helper()
	ids, err := f.redis.LRange(f.ctx, "feed.ids:"+string(feed), 0, -1).Result()
	f.ok(err)
	return ids
}

// agreesInOrder is agrees, and the log told the order that Redis has.
func (f *fixture) agreesInOrder(feed thoonk.FeedName) {
	f.Helper()
	want := f.order(feed)
	thoonktest.Eventually(f, "the order was told after the last batch of messages", func() bool {
		told, err := f.redis.LRange(f.ctx, "thoonk.order:"+string(feed), 0, -1).Result()
		f.ok(err)
		return slices.Equal(told, want)
	})
	f.agrees(feed)
	if got := replayOrder(f.logged(), feed); !slices.Equal(got, want) {
		f.Fatalf("the log's order is %v\nRedis has %v\n%v", got, want, f.told(feed))
	}
}

// replayOrder is what a reader of the log makes of its positions.
func replayOrder(events []thoonk.Event, feed thoonk.FeedName) []string {
	var order []string
	for _, e := range events {
		id := string(e.ItemID)
		i := slices.Index(order, id)
		switch {
		case e.Feed != feed:
			continue
		case e.Kind == thoonk.Create || e.Kind == thoonk.Delete:
			order = nil
			continue
		case i >= 0 && (e.Kind == thoonk.Retract || !e.Position.IsZero()):
			order = slices.Delete(order, i, i+1)
		}
		p := e.Position
		switch {
		case p.First:
			order = slices.Insert(order, 0, id)
		case p.Last:
			order = append(order, id)
		case p.Before != "":
			order = slices.Insert(order, slices.Index(order, string(p.Before)), id)
		case p.After != "":
			order = slices.Insert(order, slices.Index(order, string(p.After))+1, id)
		}
	}
	return order
}

func TestSortedFeed(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.sortedFeed("s")
		heard := thoonktest.Listen(t, f.redis, "s")
		first := f.insert("s", "", "a", thoonk.Position{})
		if first.Item.ID != "1" || !first.Created {
			t.Fatalf("%+v", first) // ids come from feed.idincr
		}
		f.insert("s", "", "b", thoonk.Position{First: true})
		f.insert("s", "x y", "c", thoonk.Position{Before: "1"})
		f.insert("s", "z", "d", thoonk.Position{After: "2"})
		edited := f.insert("s", "1", "e", thoonk.Position{})
		if edited.Created || edited.Item.Published.IsZero() || !edited.Item.Published.Equal(first.Item.Published) {
			t.Fatalf("%+v", edited)
		}
		if got := f.order("s"); !slices.Equal(got, []string{"2", "z", "x y", "1"}) {
			t.Fatal(got)
		}
		moved := f.move("s", "1", thoonk.Position{First: true})
		if moved.Revision.Number != edited.Item.Revision.Number+1 {
			t.Fatalf("%+v", moved) // a move changes the revision
		}
		for _, p := range []thoonk.Position{{First: true}, {Before: "2"}, {Before: "1"}, {After: "1"}} {
			if again := f.move("s", "1", p); again.Revision != moved.Revision {
				t.Fatalf("%+v moved it", p)
			}
		}
		f.insert("s", "1", "f", thoonk.Position{Last: true})
		f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "s", ID: "z"}))
		if got := f.order("s"); !slices.Equal(got, []string{"2", "x y", "1"}) {
			t.Fatal(got)
		}
		f.agreesInOrder("s")
		for _, want := range []string{
			"publish 1\x00a", "position 1\x00:end", "publish 2\x00b", "position 2\x00begin:", "publish x y\x00c", "position x y\x00:1",
			"publish z\x00d", "position z\x002:", "publish 1\x00e", "position 1\x00begin:", "publish 1\x00f", "position 1\x00:end", "retract z",
		} {
			kind, payload, _ := strings.Cut(want, " ")
			if m := thoonktest.Next(t, heard); m.Channel != "feed."+kind+":s" || m.Payload != payload {
				t.Fatalf("heard %+v, want %q", m, want)
			}
		}
		if n, err := f.redis.Get(f.ctx, "feed.publishes:s").Int(); n != 6 {
			t.Fatal(n, err)
		}
	})
}

// An id that a caller chose is not made once more by an old client, who takes the next number.
func TestNumbersGivenAsIDs(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.sortedFeed("s")
		f.insert("s", "7", "x", thoonk.Position{})
		f.insert("s", "3", "x", thoonk.Position{})
		f.insert("s", "007", "x", thoonk.Position{})
		if id := f.foreign().Insert("s", "next", ":end"); id != "8" {
			t.Fatal(id)
		}
	})
}

func TestSortedFeedRefusals(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.sortedFeed("s")
		f.feed("plain", thoonk.Config{})
		f.insert("s", "a", "1", thoonk.Position{})
		f.publish("plain", "a", "1")
		before := f.dump()
		publish := func(feed thoonk.FeedName, p thoonk.Position) error {
			_, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: feed, ID: "b", Form: thoonk.FormText, Position: p})
			return err
		}
		move := func(feed thoonk.FeedName, id thoonk.ItemID, p thoonk.Position) error {
			_, err := f.Move(f.ctx, thoonk.MoveItem{Feed: feed, ID: id, Position: p})
			return err
		}
		f.fails(publish("s", thoonk.Position{Before: "unknown"}), thoonk.NotFound)
		f.fails(publish("s", thoonk.Position{After: "b"}), thoonk.NotFound)
		f.fails(publish("plain", thoonk.Position{Last: true}), thoonk.Conflict)
		f.fails(move("s", "unknown", thoonk.Position{Last: true}), thoonk.NotFound)
		f.fails(move("s", "a", thoonk.Position{After: "unknown"}), thoonk.NotFound)
		f.fails(move("plain", "a", thoonk.Position{Last: true}), thoonk.Conflict)
		f.fails(move("s", "a", thoonk.Position{}), thoonk.Invalid)
		_, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "t", Config: thoonk.Config{Type: thoonk.TypeSortedFeed, MaxLength: 1}})
		f.fails(err, thoonk.Unprocessable)
		_, _, err = f.PutFeed(f.ctx, thoonk.PutFeed{Name: "plain", Config: thoonk.Config{Type: thoonk.TypeSortedFeed}})
		f.fails(err, thoonk.Conflict)
		if after := f.dump(); fmt.Sprint(before) != fmt.Sprint(after) {
			t.Fatalf("something was written:\n%v\n%v", before, after)
		}
	})
}

func TestSortedItemsPages(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.sortedFeed("s")
		var want []string
		for i := range 11 {
			id := fmt.Sprintf("i%d", i)
			f.insert("s", id, "x", thoonk.Position{})
			want = append(want, id)
		}
		for _, order := range []thoonk.Order{thoonk.Forward, thoonk.Backward} {
			for _, limit := range []int{1, 3, 11, 100} {
				if got := f.allItems(thoonk.ItemQuery{Feed: "s", Limit: limit, Order: order}, func(int) {}); !slices.Equal(got, want) {
					t.Errorf("order %v, limit %d: %v", order, limit, got)
				}
			}
			slices.Reverse(want)
		}
		got := f.allItems(thoonk.ItemQuery{Feed: "s", Limit: 4}, func(page int) {
			if page == 1 {
				f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "s", ID: "i3"}))
			}
		})
		if !slices.Equal(got, want) {
			t.Errorf("%v", got)
		}
		// The last item of a page goes elsewhere: what stood behind it is still listed. It itself may come again.
		for to, moved := range map[thoonk.Position][]string{
			{Last: true}:  {"i0", "i1", "i2", "i4", "i5", "i6", "i7", "i8", "i9", "i10", "i3"},
			{First: true}: {"i4", "i5", "i6", "i7", "i8", "i9", "i10"},
		} {
			f.insert("s", "i3", "x", thoonk.Position{After: "i2"})
			got := f.allItems(thoonk.ItemQuery{Feed: "s", Limit: 4}, func(page int) {
				if page == 1 {
					f.move("s", "i3", to)
				}
			})
			for _, id := range moved {
				if !slices.Contains(got, id) {
					t.Errorf("moved to %+v: %s is left out: %v", to, id, got)
				}
			}
		}
		// An edit in its place makes nothing come twice.
		f.move("s", "i3", thoonk.Position{After: "i2"})
		got = f.allItems(thoonk.ItemQuery{Feed: "s", Limit: 4}, func(page int) {
			if page == 1 {
				f.publish("s", "i3", "y")
			}
		})
		if len(got) != 11 || !slices.IsSorted(got[2:10]) {
			t.Errorf("%v", got)
		}
		for _, cursor := range []string{"1", " i3", "1 i3", "1763874399000 i3", "1-x i3"} {
			_, err := f.Items(f.ctx, thoonk.ItemQuery{Feed: "s", Limit: 4, After: cursor})
			f.fails(err, thoonk.Invalid)
		}
	})
}

func TestForeignSortedFeed(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.adopting()
		for name, other := range map[thoonk.FeedName]*thoonktest.Foreign{"js": f.foreign(), "py": f.foreign().Python()} {
			feed := string(name)
			other.Create(feed, map[string]string{"type": "sorted_feed"})
			for _, do := range []func(){
				func() { other.Insert(feed, "a", ":end") },
				func() { other.Insert(feed, "b", "begin:") },
				func() { other.Insert(feed, "c", ":1") },
				func() { other.Insert(feed, "d", "2:") },
				func() { other.Edit(feed, "1", "e") },
				func() { other.Move(feed, "1", "begin:") },
				func() { other.Remove(feed, "4") },
			} {
				do()
				f.settled()
				f.agreesInOrder(name)
			}
			f.wantTold(name, "create", "publish 1=a", "publish 2=b", "publish 3=c", "publish 4=d", "edit 1=e", "position 1", "retract 4")
		}
	})
}

func TestSortedFeedWrittenWhileNobodyAdopts(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.sortedFeed("s")
		for i := range 20 {
			f.insert("s", fmt.Sprint("i", i), "x", thoonk.Position{})
		}
		other := f.foreign()
		other.Move("s", "i0", ":end")
		other.Move("s", "i7", "i12:")
		other.Move("s", "i15", "begin:")
		other.Insert("s", "new", "i5:")
		other.Remove("s", "i9")
		f.adopting()
		f.agreesInOrder("s")
		told := f.told("s")[21:]
		if len(told) != 5 { // one for each that was moved, inserted or removed, and no more
			t.Fatalf("%q", told)
		}
		other.WriteMove("s", "i3", ":i2")
		f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "s", ID: "i4"}))
		f.settled()
		a := f.NewAdopter(0)
		if n, err := a.Audit(f.ctx); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		f.agreesInOrder("s")
	})
}

// Another client moves an item and moves it back, and a page is read in between: whoever has it and what is told after its revision
// has the order in the end.
func TestRaceReadBetweenForeignMoves(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.sortedFeed("s")
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			f.insert("s", id, "x", thoonk.Position{})
		}
		other := f.foreign()
		between := func(what string, there, back func(), q thoonk.ItemQuery) {
			there()
			q.Feed, q.Limit = "s", 100
			page, err := f.Items(f.ctx, q)
			f.ok(err)
			back()
			_, err = f.NewAdopter(0).Audit(f.ctx)
			f.ok(err)
			var events []thoonk.Event
			for _, item := range page.Items {
				events = append(events, thoonk.Event{Kind: thoonk.Publish, ItemID: item.ID, Position: thoonk.Position{Last: true}, Feed: "s"})
			}
			if q.Order == thoonk.Backward {
				slices.Reverse(events)
			}
			for _, e := range f.logged() {
				if e.Revision.Number > page.Revision.Number {
					events = append(events, e)
				}
			}
			if got, want := replayOrder(events, "s"), f.order("s"); !slices.Equal(got, want) {
				f.Errorf("%s: the reader has %v, Redis %v", what, got, want)
			}
			f.agreesInOrder("s")
		}
		move := func(id string, to thoonktest.Place) func() { return func() { other.WriteMove("s", id, to) } }
		between("a move", move("b", ":end"), move("b", "a:"), thoonk.ItemQuery{})
		between("a move, backwards", move("b", ":end"), move("b", "a:"), thoonk.ItemQuery{Order: thoonk.Backward})
		between("of two neighbours", move("c", ":b"), move("b", ":c"), thoonk.ItemQuery{})
		between("removed", func() { other.Remove("s", "c") }, func() { other.Insert("s", "y", "b:") }, thoonk.ItemQuery{})
		between("inserted", func() { other.Insert("s", "z", "begin:") }, move("a", "begin:"), thoonk.ItemQuery{})
	})
}

// A list with an id twice, or with one that has no item, is read all the same.
func TestReadOfADamagedOrder(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.sortedFeed("s")
		f.insert("s", "a", "x", thoonk.Position{})
		f.insert("s", "b", "x", thoonk.Position{})
		f.ok(f.redis.LPush(f.ctx, "feed.ids:s", "nothing", "a", "b").Err())
		page, err := f.Items(f.ctx, thoonk.ItemQuery{Feed: "s", Limit: 10})
		f.ok(err)
		if len(page.Items) < 2 {
			f.Errorf("%+v", page.Items)
		}
	})
}

// Own and foreign writes in random order, announced late.
func TestSortedRandomInterleavings(t *testing.T) {
	onBoth(t, func(f *fixture) {
		a := f.adopting()
		f.sortedFeed("s")
		seed := rand.Uint64()
		f.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		var ids []string
		var late []func()
		some := func() string {
			if len(ids) == 0 {
				return "none"
			}
			return ids[r.IntN(len(ids))]
		}
		own := func() thoonk.Position {
			return []thoonk.Position{{First: true}, {Last: true}, {Before: thoonk.ItemID(some())}, {After: thoonk.ItemID(some())}}[r.IntN(4)]
		}
		foreign := func() thoonktest.Place {
			return []thoonktest.Place{"begin:", ":end", thoonktest.Place(":" + some()), thoonktest.Place(some() + ":")}[r.IntN(4)]
		}
		for i := range 250 {
			body := fmt.Sprint(i)
			switch r.IntN(9) {
			case 0, 1:
				if id, announce := f.foreign().WriteInsert("s", body, foreign()); id != "" {
					ids, late = append(ids, id), append(late, announce)
				}
			case 2:
				late = append(late, f.foreign().WriteMove("s", some(), foreign()))
			case 3:
				f.foreign().Edit("s", some(), body)
			case 4:
				f.foreign().Remove("s", some())
			case 5:
				if p, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: "s", Form: thoonk.FormText, Body: []byte(body), Position: own()}); err == nil {
					ids = append(ids, string(p.Item.ID))
				}
			case 6:
				_, _ = f.Move(f.ctx, thoonk.MoveItem{Feed: "s", ID: thoonk.ItemID(some()), Position: own()})
			case 7:
				_ = f.Retract(f.ctx, thoonk.RetractItem{Feed: "s", ID: thoonk.ItemID(some())})
			default:
				if len(late) > 0 {
					late[0]()
					late = late[1:]
				}
			}
		}
		for _, announce := range late {
			announce()
		}
		f.settled()
		if _, err := a.Audit(f.ctx); err != nil {
			t.Fatal(err)
		}
		f.agreesInOrder("s")
	})
}
