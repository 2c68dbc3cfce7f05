package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// fixture is a store on a Redis of the test's own.
type fixture struct {
	*testing.T
	*store.Store
	ctx    context.Context
	server thoonktest.Server
	redis  *redis.Client // the test's own connection
}

func newFixture(t *testing.T, server thoonktest.Server) *fixture {
	t.Helper()
	s, err := store.Open(store.Options{URL: server.URL(), LogEntries: 10_000_000}) // tests look at all of the log
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &fixture{T: t, Store: s, ctx: t.Context(), server: server, redis: server.Client()}
}

// onBoth runs a test of the store on a real Redis and on the one in memory.
func onBoth(t *testing.T, test func(*fixture)) {
	t.Helper()
	t.Parallel()
	thoonktest.Servers(t, func(t *testing.T, s thoonktest.Server) { test(newFixture(t, s)) })
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) fails(err error, kind thoonk.Kind) {
	f.Helper()
	if thoonk.KindOf(err) != kind {
		f.Fatalf("the error is %v, want the kind %s", err, kind)
	}
}

func (f *fixture) feed(name thoonk.FeedName, c thoonk.Config) thoonk.Feed {
	f.Helper()
	feed, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: name, Config: c, Actor: "test"})
	f.ok(err)
	return feed
}

func (f *fixture) publish(feed thoonk.FeedName, id thoonk.ItemID, text string) thoonk.Revision {
	f.Helper()
	p, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: feed, ID: id, Form: thoonk.FormText, Body: []byte(text), Actor: "test"})
	f.ok(err)
	return p.Item.Revision
}

func (f *fixture) publishIf(feed thoonk.FeedName, id thoonk.ItemID, text string, c thoonk.Condition) error {
	_, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: feed, ID: id, Form: thoonk.FormText, Body: []byte(text), If: c})
	return err
}

// logged returns the whole log.
func (f *fixture) logged() []thoonk.Event {
	f.Helper()
	var events []thoonk.Event
	var place thoonk.Revision
	for {
		entries, err := f.ReadLog(f.ctx, place, 1000, time.Millisecond)
		f.ok(err)
		if len(entries) == 0 {
			return events
		}
		for _, e := range entries {
			if e.Place.Number != place.Number+1 {
				f.Fatalf("the log jumps from %v to %v", place, e.Place)
			}
			place = e.Place
			events = append(events, e.Event)
		}
	}
}

// items replays the log: what it says of a feed's items in the end.
func replay(events []thoonk.Event, feed thoonk.FeedName) map[string]string {
	items := map[string]string{}
	for _, e := range events {
		if e.Feed != feed {
			continue
		}
		switch e.Kind {
		case thoonk.Publish, thoonk.Edit:
			items[string(e.ItemID)] = string(e.Body)
		case thoonk.Retract:
			delete(items, string(e.ItemID))
		case thoonk.Create, thoonk.Delete:
			clear(items)
		case thoonk.Configure:
		}
	}
	return items
}

// agrees fails the test unless the log's last word about each item of the feed equals Redis, the numbers of the feed's
// lives are contiguous, and the history of its present life is the end of what the log told.
func (f *fixture) agrees(feed thoonk.FeedName) {
	f.Helper()
	events := f.logged()
	want, err := f.redis.HGetAll(f.ctx, "feed.items:"+string(feed)).Result()
	f.ok(err)
	if got := replay(events, feed); !maps.Equal(got, want) {
		f.Fatalf("the log says %v\nRedis says  %v", got, want)
	}
	seen := map[thoonk.Revision]bool{}
	number := uint64(0)
	var life []thoonk.Event
	for _, e := range events {
		if e.Feed != feed {
			continue
		}
		if e.Kind == thoonk.Create {
			number, life = 0, nil
		}
		if e.Revision.Number != number+1 || seen[e.Revision] {
			f.Fatalf("revision %v of %s comes after number %d", e.Revision, e.Kind, number)
		}
		number++
		seen[e.Revision] = true
		life = append(life, e)
	}
	if len(life) == 0 || life[len(life)-1].Kind == thoonk.Delete {
		return
	}
	history, err := f.History(f.ctx, feed, life[0].Revision, 10_000)
	f.ok(err)
	if !slices.EqualFunc(history, life[1:], sameEvent) {
		f.Fatalf("the history is %v\nthe log is %v", history, life[1:])
	}
}

func sameEvent(a, b thoonk.Event) bool {
	return a.Feed == b.Feed && a.Revision == b.Revision && a.Kind == b.Kind && a.ItemID == b.ItemID &&
		string(a.Body) == string(b.Body) && a.Actor == b.Actor && a.Content == b.Content && a.Restated == b.Restated
}

// told returns the events of a feed's items in short, as in "publish a=1", "edit a=2 restated", "retract a".
func (f *fixture) told(feed thoonk.FeedName) []string {
	f.Helper()
	var told []string
	for _, e := range f.logged() {
		if e.Feed != feed {
			continue
		}
		s := string(e.Kind)
		if e.ItemID != "" {
			s += " " + string(e.ItemID)
		}
		if e.HasBody() {
			s += "=" + string(e.Body)
		}
		if e.Restated {
			s += " restated"
		}
		told = append(told, s)
	}
	return told
}

func (f *fixture) wantTold(feed thoonk.FeedName, want ...string) {
	f.Helper()
	if got := f.told(feed); !slices.Equal(got, want) {
		f.Fatalf("told:\n%q\nwant:\n%q", got, want)
	}
}

// dump returns the contents of all of Redis.
func (f *fixture) dump() map[string]string {
	f.Helper()
	keys, err := f.redis.Keys(f.ctx, "*").Result()
	f.ok(err)
	all := map[string]string{}
	for _, k := range keys {
		var value any
		switch kind := f.redis.Type(f.ctx, k).Val(); kind {
		case "string":
			value, err = f.redis.Get(f.ctx, k).Result()
		case "hash":
			value, err = f.redis.HGetAll(f.ctx, k).Result()
		case "set":
			value, err = f.redis.SMembers(f.ctx, k).Result()
		case "list":
			value, err = f.redis.LRange(f.ctx, k, 0, -1).Result()
		case "zset":
			value, err = f.redis.ZRangeWithScores(f.ctx, k, 0, -1).Result()
		case "stream":
			value, err = f.redis.XRange(f.ctx, k, "-", "+").Result()
		default:
			f.Fatalf("%s is a %s", k, kind)
		}
		f.ok(err)
		all[k] = fmt.Sprint(value)
	}
	return all
}

// nextMillisecond waits until Redis's clock shows another one: scores of the contract tell no less apart.
func (f *fixture) nextMillisecond() {
	f.Helper()
	first, err := f.redis.Time(f.ctx).Result()
	f.ok(err)
	for now := first; now.UnixMilli() == first.UnixMilli(); {
		now, err = f.redis.Time(f.ctx).Result()
		f.ok(err)
	}
}
