package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// adopting runs an adopter beside the test, and returns it once it adopts.
func (f *fixture) adopting() *store.Adopter {
	f.Helper()
	a := f.NewAdopter(time.Hour)
	ctx, cancel := context.WithCancel(f.ctx)
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	f.Cleanup(func() {
		cancel()
		running.Wait()
	})
	thoonktest.Eventually(f, "the adopter is ready", func() bool { return a.Ready() == nil })
	return a
}

// settled waits until all that was announced before is adopted: a feed made last comes out of the log last.
func (f *fixture) settled() {
	f.Helper()
	name := thoonk.FeedName(fmt.Sprintf("settled-%d", rand.Uint64()))
	thoonktest.NewForeign(f, f.redis).Create(string(name), map[string]string{"type": "feed"})
	thoonktest.Eventually(f, "the adopter caught up", func() bool { return len(f.told(name)) > 0 })
}

func (f *fixture) foreign() *thoonktest.Foreign { return thoonktest.NewForeign(f, f.redis) }

func TestAdoptsWhatOthersWrite(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.adopting()
		for name, other := range map[string]*thoonktest.Foreign{"js": f.foreign(), "py": f.foreign().Python()} {
			for _, do := range []func(){
				func() { other.Create(name, map[string]string{"type": "feed", "max_length": "2"}) },
				func() { other.Publish(name, "1", "a") },
				func() { other.Publish(name, "2", "b") },
				func() { other.Publish(name, "3", "c\x00d") },
				func() { other.Configure(name, map[string]string{"title": "t"}) },
				func() { other.Retract(name, "3") },
			} {
				do()
				f.settled()
			}
			feed := thoonk.FeedName(name)
			f.wantTold(feed, "create", "publish 1=a", "publish 2=b", "retract 1", "publish 3=c\x00d", "configure", "retract 3")
			f.agrees(feed)
			other.Delete(name)
			f.settled()
			if told := f.told(feed); told[len(told)-1] != "delete" {
				f.Fatalf("%q", told)
			}
		}
	})
}

func TestOwnWritesAreNotAdopted(t *testing.T) {
	onBoth(t, func(f *fixture) {
		a := f.adopting()
		f.feed("a", thoonk.Config{MaxLength: 2})
		for i := range 10 {
			f.publish("a", thoonk.ItemID(fmt.Sprint(i)), "x")
		}
		f.ok(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "a"}))
		f.settled()
		if s := a.Stats(); s.Told != 0 || s.Restated != 0 {
			f.Fatalf("%+v", s)
		}
	})
}

// The race tests: in each the log's last word about each item equals Redis in the end.

func TestRaceOwnWriteBetweenForeignWriteAndItsPublish(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.adopting()
		f.feed("a", thoonk.Config{})
		announce := f.foreign().WritePublish("a", "x", "theirs")
		f.publish("a", "x", "ours")
		announce()
		f.settled()
		f.wantTold("a", "create", "publish x=ours", "edit x=theirs", "edit x=ours restated")
		f.agrees("a")

		announce = f.foreign().WritePublish("a", "x", "theirs again")
		f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: "x"}))
		announce()
		f.settled()
		f.agrees("a")
		announce = f.foreign().WritePublish("a", "y", "theirs")
		f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: "y"}))
		announce()
		f.settled()
		f.agrees("a")
	})
}

func TestRaceForeignAThenBAtOnce(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.adopting()
		f.feed("a", thoonk.Config{})
		a := f.foreign().WritePublish("a", "x", "A")
		b := f.foreign().WritePublish("a", "x", "B")
		a()
		b()
		f.settled()
		f.wantTold("a", "create", "publish x=A", "edit x=B")
		f.agrees("a")

		// Announced the other way round.
		a = f.foreign().WritePublish("a", "y", "A")
		b = f.foreign().WritePublish("a", "y", "B")
		b()
		a()
		f.settled()
		f.agrees("a")

		// A retract that overtakes.
		a = f.foreign().WritePublish("a", "x", "C")
		b = f.foreign().WriteRetract("a", "x")
		b()
		a()
		f.settled()
		f.agrees("a")
	})
}

func TestRaceClientKilledBetweenExecAndPublish(t *testing.T) {
	onBoth(t, func(f *fixture) {
		a := f.adopting()
		f.feed("a", thoonk.Config{})
		f.publish("a", "gone", "1")
		f.foreign().WritePublish("a", "x", "never announced")
		f.foreign().WriteRetract("a", "gone")
		f.foreign().WriteCreate("b", map[string]string{"type": "feed"})
		f.foreign().WritePublish("b", "y", "nor this")
		f.settled()
		if told, err := a.Audit(f.ctx); told != 2+1 || err != nil { // b's making counts with its first item
			f.Fatal(told, err)
		}
		f.wantTold("a", "create", "publish gone=1", "publish x=never announced", "retract gone")
		f.wantTold("b", "create", "publish y=nor this")
		f.foreign().WriteDelete("b")
		if _, err := a.Audit(f.ctx); err != nil {
			f.Fatal(err)
		}
		f.wantTold("b", "create", "publish y=nor this", "delete")
		f.agrees("a")
	})
}

func TestRaceIfMatchInThatGap(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.adopting()
		f.feed("a", thoonk.Config{})
		revision := f.publish("a", "x", "1")
		announce := f.foreign().WritePublish("a", "x", "theirs")
		f.fails(f.publishIf("a", "x", "ours", thoonk.Condition{Match: []thoonk.Revision{revision}}), thoonk.Stale)
		f.wantTold("a", "create", "publish x=1", "edit x=theirs") // adopted then and there
		announce()
		f.settled()
		f.wantTold("a", "create", "publish x=1", "edit x=theirs")

		announce = f.foreign().WritePublish("a", "y", "theirs")
		f.fails(f.publishIf("a", "y", "ours", thoonk.Condition{NoneAny: true}), thoonk.Stale)
		announce()
		f.settled()
		f.wantTold("a", "create", "publish x=1", "edit x=theirs", "publish y=theirs")

		item, _, err := f.Item(f.ctx, "a", "x")
		f.ok(err)
		announce = f.foreign().WriteRetract("a", "x")
		f.fails(f.publishIf("a", "x", "ours", thoonk.Condition{Match: []thoonk.Revision{item.Revision}}), thoonk.Stale)
		f.ok(f.publishIf("a", "x", "new", thoonk.Condition{NoneAny: true}))
		announce()
		f.settled()
		f.agrees("a")
	})
}

// A read returns a revision for what it returns, even if the log has not told it yet.
func TestReadInThatGap(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		before := f.publish("a", "x", "1")
		f.foreign().WritePublish("a", "x", "theirs")
		item, _, err := f.Item(f.ctx, "a", "x")
		f.ok(err)
		if string(item.Body) != "theirs" || item.Revision.Number != before.Number+1 {
			f.Fatalf("%+v", item)
		}
		f.agrees("a")
	})
}

func TestRaceConnectionCutBetweenMarkerAndMessages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	a := f.adopting()
	f.feed("a", thoonk.Config{})
	// The marker says that five messages of ours follow; the connection breaks, and they never come on the next one.
	f.ok(f.redis.Publish(f.ctx, "thoonk.own", 5).Err())
	announce := f.foreign().WritePublish("a", "x", "written before the cut")
	f.ok(f.redis.ClientKillByFilter(f.ctx, "TYPE", "pubsub").Err())
	announce()
	thoonktest.Eventually(f, "the cut was seen", func() bool { return a.Stats().Disconnects > 0 })
	thoonktest.Eventually(f, "the adopter is back", func() bool { return a.Ready() == nil })
	f.foreign().Publish("a", "y", "written after the cut")
	f.settled()
	f.wantTold("a", "create", "publish x=written before the cut", "publish y=written after the cut")
	f.agrees("a")
}

func TestWritesWhileNobodyAdopts(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		f.publish("a", "edited", "1")
		f.publish("a", "gone", "1")
		f.feed("deleted", thoonk.Config{})
		other := f.foreign().Python() // whose scores tell what is older within a millisecond
		other.Publish("a", "new", "1")
		other.Publish("a", "edited", "2")
		other.Retract("a", "gone")
		other.Configure("a", map[string]string{"title": "t"})
		other.Delete("deleted")
		other.Create("made", map[string]string{"type": "feed"})
		for i := range 600 {
			other.Publish("made", strconv.Itoa(i), "x")
		}
		f.adopting()
		f.wantTold("a", "create", "publish edited=1", "publish gone=1", "configure", "publish new=1", "edit edited=2", "retract gone")
		f.wantTold("deleted", "create", "delete")
		f.agrees("a")
		told := f.told("made")
		if len(told) != 601 || told[1] != "publish 0=x" || told[600] != "publish 599=x" {
			f.Fatalf("%d told", len(told))
		}
		if got := replay(f.logged(), "made"); len(got) != 600 {
			f.Fatal(len(got))
		}
	})
}

func TestFeedDeletedAndMadeAgainWithAsManyItems(t *testing.T) {
	onBoth(t, func(f *fixture) {
		made := f.feed("a", thoonk.Config{})
		f.publish("a", "x", "same")
		old := f.publish("a", "y", "other")
		remake := func() {
			other := f.foreign()
			other.Delete("a")
			other.Create("a", map[string]string{"type": "feed"})
			other.Publish("a", "x", "same")
			other.Publish("a", "y", "another")
		}
		life := []string{"create", "publish x=same", "publish y=other", "delete", "create", "publish x=same", "publish y=another"}
		remake()
		f.adopting()
		f.wantTold("a", life...)
		for _, revision := range []thoonk.Revision{made.Revision, old} {
			_, err := f.History(f.ctx, "a", revision, 10)
			f.fails(err, thoonk.Gone)
		}
		f.agrees("a")

		remake() // while it is being watched
		f.settled()
		f.wantTold("a", append(life, "delete", "create", "publish x=same", "publish y=another")...)
		f.agrees("a")
	})
}

// The same, and an own write is the first to see the new life.
func TestOwnWriteIntoRemadeFeed(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.adopting()
		f.feed("a", thoonk.Config{})
		f.publish("a", "x", "1")
		deleted := f.foreign().WriteDelete("a")
		created := f.foreign().WriteCreate("a", map[string]string{"type": "feed"})
		published := f.foreign().WritePublish("a", "x", "1")
		f.publish("a", "y", "ours")
		deleted()
		created()
		published()
		f.settled()
		f.wantTold("a", "create", "publish x=1", "delete", "create", "publish y=ours", "publish x=1")
		f.agrees("a")
	})
}

// A revision of the old life holds no more, though the item looks the same and nobody announced anything yet.
func TestIfMatchIntoRemadeFeed(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		revision := f.publish("a", "x", "same")
		f.foreign().WriteDelete("a")
		f.foreign().WriteCreate("a", map[string]string{"type": "feed"})
		f.foreign().WritePublish("a", "x", "same")
		f.fails(f.publishIf("a", "x", "ours", thoonk.Condition{Match: []thoonk.Revision{revision}}), thoonk.Stale)
		f.wantTold("a", "create", "publish x=same", "delete", "create", "publish x=same")
		f.agrees("a")
	})
}

func TestForeignNamesAndIDsBeyondTheRulesAreCounted(t *testing.T) {
	onBoth(t, func(f *fixture) {
		a := f.adopting()
		other := f.foreign()
		other.Create("with*star", map[string]string{"type": "feed"})
		other.Create("a", map[string]string{"type": "feed"})
		other.Publish("a", strings.Repeat("i", 513), "x")
		other.Publish("a", "bell\x07", "x")
		other.Publish("a", "fine", "x")
		f.settled()
		f.wantTold("a", "create", "publish fine=x")
		if n := a.Stats().Refused; n < 3 {
			f.Fatal(n)
		}
		page, err := f.Items(f.ctx, thoonk.ItemQuery{Feed: "a", Limit: 10})
		f.ok(err)
		if len(page.Items) != 1 || page.Items[0].ID != "fine" {
			f.Fatalf("%+v", page)
		}
		if _, err := a.Audit(f.ctx); err != nil {
			f.Fatal(err)
		}
		f.wantTold("a", "create", "publish fine=x")
	})
}

func TestOneAdoptsAtATime(t *testing.T) {
	onBoth(t, func(f *fixture) {
		first, second := f.NewAdopter(time.Hour), f.adopting()
		ctx, cancel := context.WithCancel(f.ctx)
		defer cancel()
		go first.Run(ctx)
		thoonktest.Eventually(f, "the other stands by", func() bool { return first.Ready() == nil })
		f.foreign().Create("a", map[string]string{"type": "feed"})
		f.foreign().Publish("a", "x", "1")
		f.settled()
		f.wantTold("a", "create", "publish x=1")
		if first.Stats().Told != 0 || second.Stats().Told == 0 {
			f.Fatalf("%+v %+v", first.Stats(), second.Stats())
		}
	})
}

// Where nobody else can be, the lease of a process that died is not waited for.
func TestAloneTakesTheLeaseOfTheDead(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	f := newFixture(t, server)
	f.ok(f.redis.Set(f.ctx, "thoonk.adopter", "of a dead process", time.Hour).Err())
	var err error
	f.Store, err = store.Open(store.Options{URL: server.URL(), Alone: true})
	f.ok(err)
	t.Cleanup(func() { _ = f.Store.Close() })
	a := f.adopting()
	thoonktest.Eventually(t, "it adopts", func() bool { return a.Stats().State == store.AdopterAdopts })
	f.ok(f.redis.Set(f.ctx, "thoonk.adopter", "of a live one", time.Hour).Err())
	thoonktest.Eventually(t, "it stands by", func() bool { return a.Stats().State == store.AdopterStandsBy })
}

func TestFeedWithWrongKeysDoesNotStopTheOthers(t *testing.T) {
	onBoth(t, func(f *fixture) {
		other := f.foreign()
		other.Create("broken", map[string]string{"type": "feed"})
		f.ok(f.redis.Set(f.ctx, "feed.items:broken", "x", 0).Err())
		other.Create("a", map[string]string{"type": "feed"})
		other.Publish("a", "x", "1")
		f.adopting()
		f.ok(f.redis.Publish(f.ctx, "feed.publish:broken", "x\x00y").Err())
		other.Publish("a", "x", "2")
		f.settled()
		f.wantTold("a", "create", "publish x=1", "edit x=2")
	})
}

// Random interleavings of own writes with foreign ones whose announcements come late, in any order between clients.
// Afterwards the log's last words equal Redis, and nothing that was announced went untold.
func TestRandomInterleavings(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.adopting()
		f.feed("a", thoonk.Config{})
		seed := rand.Uint64()
		f.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		clients := make([][]func(), 3) // what each client has still to announce, in its order
		written := map[string]bool{}
		for i := range 600 {
			id := fmt.Sprint("i", r.IntN(3))
			body := strconv.Itoa(i)
			c := r.IntN(len(clients))
			switch r.IntN(8) {
			case 0, 1:
				clients[c] = append(clients[c], f.foreign().WritePublish("a", id, body))
				written[body] = true
			case 2:
				clients[c] = append(clients[c], f.foreign().WriteRetract("a", id))
			case 3:
				f.publish("a", thoonk.ItemID(id), body)
				written[body] = true
			case 4:
				_ = f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: thoonk.ItemID(id)})
			default:
				if len(clients[c]) > 0 {
					clients[c][0]()
					clients[c] = clients[c][1:]
				}
			}
		}
		for _, rest := range clients {
			for _, announce := range rest {
				announce()
			}
		}
		f.settled()
		f.agrees("a")
		var told []string
		for _, e := range f.logged() {
			told = append(told, string(e.Body))
		}
		for body := range written {
			if !slices.Contains(told, body) {
				f.Errorf("%s was written and never told", body)
			}
		}
	})
}
