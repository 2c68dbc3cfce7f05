package store_test

import (
	"fmt"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func (f *fixture) affiliate(feed thoonk.FeedName, pairs ...string) error {
	a := thoonk.Affiliate{Feed: feed}
	for i := 0; i < len(pairs); i += 2 {
		a.Changes = append(a.Changes, thoonk.Affiliated{JID: pairs[i], Affiliation: thoonk.Affiliation(pairs[i+1])})
	}
	return f.Affiliate(f.ctx, a)
}

// held returns the affiliations to a feed as "jid=affiliation", and checks that each JID's own list agrees.
func (f *fixture) held(feed thoonk.FeedName) string {
	f.Helper()
	all, err := f.Affiliations(f.ctx, feed)
	f.ok(err)
	text := ""
	for _, a := range all {
		text += fmt.Sprintf("%s=%s ", a.JID, a.Affiliation)
		one, err := f.Affiliation(f.ctx, feed, a.JID)
		f.ok(err)
		own, err := f.AffiliationsOf(f.ctx, a.JID)
		f.ok(err)
		if one != a.Affiliation || fmt.Sprint(own) != fmt.Sprint([]thoonk.Affiliated{a}) {
			f.Errorf("%s alone: %q, own: %v", a.JID, one, own)
		}
	}
	return text
}

func TestAffiliations(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.fails(f.affiliate("a", "x@b", "member"), thoonk.NotFound)
		_, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "a", Owner: "me@b", Actor: "xmpp:me@b"})
		f.ok(err)
		f.ok(f.affiliate("a", "x@b", "member", "y@b", "outcast"))
		if got := f.held("a"); got != "me@b=owner x@b=member y@b=outcast " {
			t.Error(got)
		}
		f.fails(f.affiliate("a", "me@b", ""), thoonk.Conflict)
		f.fails(f.affiliate("a", "me@b", "member", "z@b", "publisher"), thoonk.Conflict)
		f.ok(f.affiliate("a", "me@b", "", "x@b", "owner", "y@b", "", "none@b", ""))
		if got := f.held("a"); got != "x@b=owner " {
			t.Error(got)
		}
		if own, err := f.AffiliationsOf(f.ctx, "me@b"); err != nil || len(own) != 0 {
			t.Error(own, err)
		}
		f.fails(f.affiliate("a"), thoonk.Invalid)
	})
}

// What JIDs are to a feed ends with its life, whoever ends it.
func TestAffiliationsEndWithTheFeed(t *testing.T) {
	onBoth(t, func(f *fixture) {
		put := func(owner string) {
			_, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "a", Owner: owner})
			f.ok(err)
		}
		put("me@b")
		f.ok(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "a"}))
		if n := f.redis.Exists(f.ctx, "thoonk.affiliations:a").Val(); n != 0 {
			t.Error("a deleted feed leaves its affiliations")
		}
		put("")
		if got := f.held("a"); got != "" {
			t.Error(got)
		}
		f.ok(f.affiliate("a", "me@b", "publisher"))
		other := thoonktest.NewForeign(t, f.redis)
		other.Delete("a")
		other.Create("a", nil)
		if got := f.held("a"); got != "" {
			t.Error(got)
		}
		if own, err := f.AffiliationsOf(f.ctx, "me@b"); err != nil || len(own) != 0 {
			t.Error(own, err)
		}
		f.ok(f.affiliate("a", "you@b", "owner"))
		if got := f.held("a"); got != "you@b=owner " {
			t.Error(got)
		}
	})
}

func TestAffiliationsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	f.feed("a", thoonk.Config{})
	for n := range thoonk.MaxAffiliations / thoonk.MaxAffiliateBatch {
		var pairs []string
		for i := range thoonk.MaxAffiliateBatch {
			pairs = append(pairs, fmt.Sprintf("u%d@b", n*thoonk.MaxAffiliateBatch+i), "member")
		}
		f.ok(f.affiliate("a", pairs...))
	}
	f.fails(f.affiliate("a", "one@more", "member"), thoonk.TooLarge)
	f.ok(f.affiliate("a", "one@more", "member", "u0@b", ""))
}

func TestPurge(t *testing.T) {
	onBoth(t, func(f *fixture) {
		for _, kind := range []thoonk.Type{thoonk.TypeFeed, thoonk.TypeSortedFeed} {
			name := thoonk.FeedName(kind)
			f.fails(f.Purge(f.ctx, thoonk.PurgeFeed{Name: name}), thoonk.NotFound)
			f.feed(name, thoonk.Config{Type: kind})
			f.ok(f.Purge(f.ctx, thoonk.PurgeFeed{Name: name}))
			f.publish(name, "x", "1")
			f.publish(name, "y", "2")
			f.ok(f.Purge(f.ctx, thoonk.PurgeFeed{Name: name, Actor: "me"}))
			f.wantTold(name, "create", "publish x=1", "publish y=2", "retract x", "retract y")
			f.agrees(name)
			events := f.logged()
			last := events[len(events)-2:]
			if last[0].Purge != thoonk.Purging || last[1].Purge != thoonk.Purged || last[1].Actor != "me" {
				t.Errorf("%+v", last)
			}
		}
	})
}

// More items than one script retracts.
func TestPurgeMany(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	f.feed("a", thoonk.Config{History: thoonk.HistoryBounds{Count: 10_000}})
	for n := range 3 {
		b := thoonk.Batch{Feed: "a"}
		for i := range 900 {
			b.Operations = append(b.Operations, thoonk.Operation{Kind: thoonk.Publish, ID: thoonk.ItemID(fmt.Sprint(n, ".", i)), Form: thoonk.FormText})
		}
		_, err := f.Batch(f.ctx, b)
		f.ok(err)
	}
	f.ok(f.Purge(f.ctx, thoonk.PurgeFeed{Name: "a"}))
	f.agrees("a")
	ends := 0
	for _, e := range f.logged() {
		if e.Purge == thoonk.Purged {
			ends++
		}
	}
	if ends != 1 || replay(f.logged(), "a")["0.0"] != "" {
		t.Errorf("a purge ended %d times", ends)
	}
}

// The settings of a node are one field of feed.config, and are there again.
func TestNodeSettings(t *testing.T) {
	onBoth(t, func(f *fixture) {
		want := thoonk.Node{Access: thoonk.Open, Publishers: thoonk.ByAnybody, Title: "T", NoRetracts: true, MaxPayload: 7}
		f.feed("a", thoonk.Config{Node: want})
		got, err := f.Feed(f.ctx, "a")
		f.ok(err)
		if got.Config.Node != want || got.Config.Extra != nil {
			t.Errorf("%+v", got.Config)
		}
		f.ok(f.redis.HSet(f.ctx, "feed.config:a", "pubsub", "nonsense").Err())
		got, err = f.Feed(f.ctx, "a")
		f.ok(err)
		if got.Config.Node != (thoonk.Node{}) {
			t.Errorf("%+v", got.Config)
		}
	})
}
