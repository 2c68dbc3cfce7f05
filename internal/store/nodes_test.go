package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func (f *fixture) subscribe(s thoonk.NodeSubscription) thoonk.NodeSubscription {
	f.Helper()
	s.Domain = "t.test"
	made, err := f.PutNodeSubscription(f.ctx, s)
	f.ok(err)
	return made
}

func (f *fixture) subscribers(node thoonk.Pattern) (jids []string) {
	f.Helper()
	for after := ""; ; {
		page, next, err := f.NodeSubscriptionsTo(f.ctx, node, after, 2)
		f.ok(err)
		for _, s := range page {
			jids = append(jids, s.JID)
		}
		if after = next; after == "" {
			return jids
		}
	}
}

func TestNodeSubscriptions(t *testing.T) {
	onBoth(t, func(f *fixture) {
		_, err := f.PutNodeSubscription(f.ctx, thoonk.NodeSubscription{Node: "a", JID: "x@a.test"})
		f.fails(err, thoonk.NotFound)
		f.feed("a", thoonk.Config{})
		f.feed("b", thoonk.Config{})
		ends := time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
		x := f.subscribe(thoonk.NodeSubscription{Node: "a", JID: "x@a.test/the phone", Expires: ends, Options: thoonk.NodeOptions{IncludeBody: true}})
		y := f.subscribe(thoonk.NodeSubscription{Node: "a", JID: "y@a.test", Pending: true})
		z := f.subscribe(thoonk.NodeSubscription{Node: "a", JID: "x@a.test"})
		p := f.subscribe(thoonk.NodeSubscription{Node: "a*", JID: "x@a.test"})
		b := f.subscribe(thoonk.NodeSubscription{Node: "b", JID: "x@a.test"})
		if got := f.subscribers("a"); !slices.Equal(got, []string{"x@a.test", "x@a.test/the phone", "y@a.test"}) {
			f.Error(got)
		}
		own, err := f.NodeSubscriptionsOf(f.ctx, "x@a.test", "a")
		f.ok(err)
		if len(own) != 2 || !slices.Contains(own, x) || !slices.Contains(own, z) {
			f.Errorf("%+v, and not %+v", own, x)
		}
		if own, err = f.NodeSubscriptionsOf(f.ctx, "x@a.test", ""); err != nil || len(own) != 4 || !slices.Contains(own, p) || !slices.Contains(own, b) {
			f.Errorf("%+v %v", own, err)
		}
		if n, err := f.CountNodeSubscriptions(f.ctx, "a"); n != 2 || err != nil {
			f.Error(n, err)
		}
		if got, err := f.PendingNodeSubscriptions(f.ctx, "a"); err != nil || len(got) != 1 || got[0].JID != "y@a.test" || got[0].ID != y.ID {
			f.Error(got, err)
		}
		y.Pending = false
		if changed := f.subscribe(y); changed.Created != y.Created {
			f.Error("a change changes when it was made")
		}
		if n, err := f.CountNodeSubscriptions(f.ctx, "a"); n != 3 || err != nil {
			f.Error(n, err)
		}
		if nodes, err := f.SubscribedNodes(f.ctx); err != nil || !slices.Equal(nodes, []thoonk.Pattern{"a", "a*", "b"}) {
			f.Error(nodes, err)
		}
		f.ok(f.DeleteNodeSubscription(f.ctx, p))
		f.fails(f.DeleteNodeSubscription(f.ctx, p), thoonk.NotFound)
		ended, err := f.EndedNodeSubscriptions(f.ctx, ends.Add(time.Second), 10)
		if err != nil || len(ended) != 1 || ended[0].ID != x.ID || ended[0].JID != x.JID {
			f.Error(ended, err)
		}
		f.ok(f.DeleteNodeSubscriptions(f.ctx, append(ended, b)))
		if nodes, err := f.SubscribedNodes(f.ctx); err != nil || !slices.Equal(nodes, []thoonk.Pattern{"a"}) {
			f.Error(nodes, err)
		}
		for _, key := range []string{"thoonk.nodesof:y@a.test", "thoonk.nodesubs:a"} {
			if n := f.redis.Exists(f.ctx, key).Val(); n != 1 {
				f.Errorf("%s is gone", key)
			}
		}
		f.ok(f.DeleteNodeSubscriptions(f.ctx, []thoonk.NodeSubscription{y, z}))
		if keys := f.redis.Keys(f.ctx, "thoonk.node*").Val(); len(keys) > 0 {
			f.Error("left over: ", keys)
		}
	})
}

// Subscriptions to a feed are none to another one that is made under its name, but those who notify still see them.
func TestNodeSubscriptionsOfFormerFeed(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		s := f.subscribe(thoonk.NodeSubscription{Node: "a", JID: "x@a.test"})
		f.ok(f.redis.SRem(f.ctx, "feeds", "a").Err()) // as another client deletes it
		f.ok(f.redis.Del(f.ctx, "feed.config:a").Err())
		f.feed("a", thoonk.Config{})
		if got := f.subscribers("a"); got != nil {
			f.Error(got)
		}
		if own, err := f.NodeSubscriptionsOf(f.ctx, "x@a.test", ""); err != nil || len(own) != 0 {
			f.Error(own, err)
		}
		if all, _, err := f.NodeSubscribers(f.ctx, "a", "", 10); err != nil || len(all) != 1 || all[0] != s {
			f.Error(all, err)
		}
		if again := f.subscribe(s); !again.Created.After(s.Created) {
			f.Error("it is as old as the former one")
		}
	})
}

func TestLinkPlace(t *testing.T) {
	onBoth(t, func(f *fixture) {
		place := thoonk.Revision{Number: 3, Stamp: 4}
		held, err := f.Hold(f.ctx, "xmpp:t.test", func(_ context.Context, fence thoonk.Fence) error {
			f.ok(f.SetLinkPlace(f.ctx, fence, "t.test", place))
			fence.Token = "another"
			f.fails(f.SetLinkPlace(f.ctx, fence, "t.test", thoonk.Revision{Number: 9}), thoonk.Conflict)
			return nil
		})
		if got, err := f.LinkPlace(f.ctx, "t.test"); got != place || err != nil {
			f.Error(got, err)
		}
		if got, err := f.LinkPlace(f.ctx, "u.test"); !got.IsZero() || err != nil {
			f.Error(got, err)
		}
		if !held || err != nil {
			f.Error(held, err)
		}
		now := time.Now().Truncate(time.Microsecond).UTC()
		for range 2 {
			if since, err := f.Bounced(f.ctx, "x@a.test", now); !since.Equal(now) || err != nil {
				f.Error(since, err)
			}
			now, _ = f.Bounced(f.ctx, "x@a.test", now.Add(time.Hour))
		}
		f.ok(f.Arrived(f.ctx, "x@a.test"))
		if all, err := f.Bouncing(f.ctx); len(all) != 0 || err != nil {
			f.Error(all, err)
		}
	})
}

func TestNodeSubscriptionsBound(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	f.feed("a", thoonk.Config{})
	members := make([]any, thoonk.MaxNodeSubscriptions)
	for i := range members {
		members[i] = fmt.Sprintf("n%d\x00x@a.test\x00id", i)
	}
	f.ok(f.redis.SAdd(f.ctx, "thoonk.nodesof:x@a.test", members...).Err())
	_, err := f.PutNodeSubscription(f.ctx, thoonk.NodeSubscription{Node: "a", JID: "x@a.test/r"})
	f.fails(err, thoonk.Limited)
}
