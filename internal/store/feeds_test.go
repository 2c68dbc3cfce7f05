package store_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestPutFeed(t *testing.T) {
	onBoth(t, func(f *fixture) {
		config := thoonk.Config{MaxLength: 5, Content: thoonk.Text, History: thoonk.HistoryBounds{Count: 10}, Extra: map[string]string{"title": "A"}}
		config.Syndication = thoonk.Syndication{Title: "T", Map: map[string]string{"title": "/t"}}
		made, created, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "a", Config: config, Actor: "me"})
		f.ok(err)
		if !created || made.Revision.Number != 1 || made.Created.IsZero() || made.Config.History.Bytes != thoonk.DefaultHistoryBytes {
			f.Fatalf("%+v %v", made, created)
		}
		got, err := f.Feed(f.ctx, "a")
		f.ok(err)
		if !reflect.DeepEqual(got.Config.Syndication, config.Syndication) {
			t.Errorf("got %+v", got.Config.Syndication)
		}
		if got.Config.Content != thoonk.Text || got.Config.MaxLength != 5 || got.Config.Extra["title"] != "A" || len(got.Config.Extra) != 1 || got.Revision != made.Revision || !got.Created.Equal(made.Created) {
			f.Fatalf("%+v", got)
		}

		same, created, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "a", Config: config})
		f.ok(err)
		if created || same.Revision != made.Revision {
			f.Fatalf("the same declaration again gave %+v", same)
		}
		other := f.feed("a", thoonk.Config{MaxLength: 6})
		if other.Revision.Number != 2 {
			f.Fatalf("another declaration gave %+v", other)
		}
		fields, err := f.redis.HGetAll(f.ctx, "feed.config:a").Result()
		f.ok(err)
		delete(fields, "thoonk.birth")
		if len(fields) != 2 || fields["type"] != "feed" || fields["max_length"] != "6" {
			f.Fatalf("feed.config is %v", fields)
		}
		f.wantTold("a", "create", "configure")
	})
}

func TestPutFeedConditions(t *testing.T) {
	onBoth(t, func(f *fixture) {
		put := func(n int, c thoonk.Condition) (thoonk.Feed, error) {
			feed, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "a", Config: thoonk.Config{MaxLength: n}, If: c})
			return feed, err
		}
		_, err := put(1, thoonk.Condition{MatchAny: true})
		f.fails(err, thoonk.Stale)
		made, err := put(1, thoonk.Condition{NoneAny: true})
		f.ok(err)
		_, err = put(2, thoonk.Condition{NoneAny: true})
		f.fails(err, thoonk.Stale)
		_, err = put(2, thoonk.Condition{Match: []thoonk.Revision{{Number: 7, Stamp: 7}}})
		f.fails(err, thoonk.Stale)
		f.publish("a", "x", "items do not touch the declaration")
		_, err = put(2, thoonk.Condition{Match: []thoonk.Revision{{Number: 7, Stamp: 7}, made.Revision}})
		f.ok(err)

		f.fails(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "a", If: thoonk.Condition{Match: []thoonk.Revision{made.Revision}}}), thoonk.Stale)
		f.ok(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "a", If: thoonk.Condition{MatchAny: true}}))
	})
}

func TestConfigOfAnotherClientIsTold(t *testing.T) {
	onBoth(t, func(f *fixture) {
		made := f.feed("a", thoonk.Config{})
		f.ok(f.redis.HSet(f.ctx, "feed.config:a", "title", "B", "max_length", "many").Err())
		got, err := f.Feed(f.ctx, "a")
		f.ok(err)
		if got.Revision.Number != 2 || got.Config.Extra["title"] != "B" || got.Config.MaxLength != 0 {
			f.Fatalf("%+v", got)
		}
		_, _, err = f.PutFeed(f.ctx, thoonk.PutFeed{Name: "a", If: thoonk.Condition{Match: []thoonk.Revision{made.Revision}}})
		f.fails(err, thoonk.Stale)
	})
}

func TestDeleteFeed(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.fails(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "a"}), thoonk.NotFound)
		f.feed("a", thoonk.Config{})
		f.publish("a", "x", "1")
		f.ok(f.redis.Set(f.ctx, "feed.finishes:a", 3, 0).Err())
		f.ok(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "a"}))
		left, err := f.redis.Keys(f.ctx, "*").Result()
		f.ok(err)
		slices.Sort(left)
		if !slices.Equal(left, []string{"thoonk.log", "thoonk.place"}) {
			f.Fatalf("left: %v", left)
		}
		_, err = f.Feed(f.ctx, "a")
		f.fails(err, thoonk.NotFound)
		f.fails(f.publishIf("a", "x", "1", thoonk.Condition{}), thoonk.NotFound)

		f.feed("a", thoonk.Config{})
		f.wantTold("a", "create", "publish x=1", "delete", "create")
		f.agrees("a")
	})
}

func TestTypesDoNotMix(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.ok(f.redis.SAdd(f.ctx, "feeds", "q").Err())
		f.ok(f.redis.HSet(f.ctx, "feed.config:q", "type", "queue").Err())
		f.fails(f.publishIf("q", "x", "1", thoonk.Condition{}), thoonk.Conflict)
		_, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "q"})
		f.fails(err, thoonk.Conflict)
		_, err = f.Items(f.ctx, thoonk.ItemQuery{Feed: "q", Limit: 1})
		f.fails(err, thoonk.Conflict)
		got, err := f.Feed(f.ctx, "q")
		f.ok(err)
		if got.Config.Type != thoonk.TypeQueue {
			f.Fatalf("%+v", got)
		}
	})
}

func TestFeeds(t *testing.T) {
	onBoth(t, func(f *fixture) {
		for _, name := range []thoonk.FeedName{"b", "team:1:x", "team:1:y", "team:2:x", "Z", "é"} {
			f.feed(name, thoonk.Config{})
		}
		for _, c := range []struct {
			q    thoonk.FeedQuery
			want []thoonk.FeedName
		}{
			{thoonk.FeedQuery{Limit: 10}, []thoonk.FeedName{"Z", "b", "team:1:x", "team:1:y", "team:2:x", "é"}},
			{thoonk.FeedQuery{Limit: 2}, []thoonk.FeedName{"Z", "b"}},
			{thoonk.FeedQuery{Limit: 2, After: "b"}, []thoonk.FeedName{"team:1:x", "team:1:y"}},
			{thoonk.FeedQuery{Limit: 10, After: "team:1:x", Match: "team:*"}, []thoonk.FeedName{"team:1:y", "team:2:x"}},
			{thoonk.FeedQuery{Limit: 1, Match: "*:x"}, []thoonk.FeedName{"team:1:x"}},
			{thoonk.FeedQuery{Limit: 9, Match: "*:x"}, []thoonk.FeedName{"team:1:x", "team:2:x"}},
			{thoonk.FeedQuery{Limit: 9, Match: "b"}, []thoonk.FeedName{"b"}},
			{thoonk.FeedQuery{Limit: 9, Type: thoonk.TypeQueue}, nil},
		} {
			feeds, err := f.Feeds(f.ctx, c.q)
			f.ok(err)
			var names []thoonk.FeedName
			for _, feed := range feeds {
				names = append(names, feed.Name)
			}
			if !slices.Equal(names, c.want) {
				f.Errorf("%+v: %v, want %v", c.q, names, c.want)
			}
		}
	})
}

// A key that is not what the contract says is an error before the first write.
func TestWrongTypesWriteNothing(t *testing.T) {
	onBoth(t, func(f *fixture) {
		for _, key := range []string{
			"feeds", "feed.config:a", "feed.ids:a", "feed.items:a", "feed.publishes:a",
			"thoonk.feeds", "thoonk.meta:a", "thoonk.last:a", "thoonk.history:a", "thoonk.log",
		} {
			f.ok(f.redis.FlushAll(f.ctx).Err())
			f.feed("a", thoonk.Config{MaxLength: 1})
			f.publish("a", "x", "1")
			f.ok(f.redis.Del(f.ctx, key).Err())
			f.ok(f.redis.Do(f.ctx, wrongType(key)...).Err())
			before := f.dump()
			publish := f.publishIf("a", "y", "2", thoonk.Condition{})
			retract := f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: "x"})
			_, _, put := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "a", Config: thoonk.Config{MaxLength: 3}})
			for op, err := range map[string]error{"publish": publish, "retract": retract, "put": put} {
				if thoonk.KindOf(err) != thoonk.Conflict {
					f.Errorf("%s of a wrong type: %s gave %v", key, op, err)
				}
			}
			for k, v := range f.dump() {
				if before[k] != v {
					f.Errorf("%s of a wrong type: %s was changed", key, k)
				}
			}
		}
	})
}

func wrongType(key string) []any {
	switch key {
	case "feed.publishes:a":
		return []any{"SET", key, "twelve"}
	case "feeds", "thoonk.feeds", "feed.ids:a":
		return []any{"RPUSH", key, "a"}
	}
	return []any{"SADD", key, "a"}
}

func TestFeedThatIsJustBeingMade(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.ok(f.redis.SAdd(f.ctx, "feeds", "a").Err())
		f.fails(f.publishIf("a", "x", "1", thoonk.Condition{}), thoonk.Conflict)
		_, err := f.Feed(f.ctx, "a")
		f.fails(err, thoonk.Conflict)

		// Five seconds later, told by the mark of the first refusal.
		bare, err := f.redis.HGet(f.ctx, "thoonk.meta:a", "bare").Int64()
		f.ok(err)
		f.ok(f.redis.HSet(f.ctx, "thoonk.meta:a", "bare", bare-5_000_001).Err())
		f.publish("a", "x", "1")
		f.wantTold("a", "create", "publish x=1")
	})
}
