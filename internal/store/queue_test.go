package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func (f *fixture) queue(name thoonk.FeedName, c thoonk.JobConfig) {
	f.Helper()
	f.feed(name, thoonk.Config{Type: thoonk.TypeQueue, Job: c})
}

func (f *fixture) put(queue thoonk.FeedName, items ...thoonk.NewQueued) {
	f.Helper()
	for i := range items {
		items[i].Form, items[i].Body = thoonk.FormText, []byte("body of "+items[i].ID)
	}
	_, err := f.PutItems(f.ctx, thoonk.PutItems{Queue: queue, Items: items, Actor: "submitter"})
	f.ok(err)
}

// wantGot takes n items and fails the test unless they are these.
func (f *fixture) wantGot(queue thoonk.FeedName, g thoonk.GetItems, want ...string) thoonk.Got {
	f.Helper()
	g.Queue, g.Actor = queue, "worker"
	got, err := f.GetItems(f.ctx, g)
	f.ok(err)
	var ids []string
	for _, i := range got.Items {
		ids = append(ids, string(i.ID))
		if string(i.Body) != "body of "+string(i.ID) {
			f.Errorf("the body of %s is %s", i.ID, i.Body)
		}
	}
	if !slices.Equal(ids, want) {
		f.Fatalf("got %v, want %v", ids, want)
	}
	return got
}

func TestQueue(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.queue("q", thoonk.JobConfig{})
		f.put("q", thoonk.NewQueued{ID: "a"}, thoonk.NewQueued{ID: "b"}, thoonk.NewQueued{ID: "high", High: true})
		foreign := f.foreign().Put("q", "body of old client", false)
		peek, err := f.PeekItems(f.ctx, "q", 2)
		f.ok(err)
		if peek.Length != 4 || len(peek.Items) != 2 || peek.Items[0].ID != "high" || peek.Items[1].ID != "a" {
			t.Errorf("it shows %+v", peek)
		}

		got := f.wantGot("q", thoonk.GetItems{Count: 1}, "high")
		if got.Lease.Token != "" {
			t.Errorf("there is a lease: %v", got.Lease)
		}
		got = f.wantGot("q", thoonk.GetItems{Count: 2, Confirm: true}, "a", "b")
		if n := f.redis.HLen(f.ctx, "feed.items:q").Val(); n != 1 {
			t.Errorf("other clients see %d items", n)
		}
		if taken, ok := f.foreign().Get("q"); !ok || taken.ID != foreign {
			t.Errorf("the foreign client took %v", taken)
		}
		ends, err := f.AckItems(f.ctx, "q", []thoonk.AckItem{
			{ID: "a", Token: got.Lease.Token, Actor: "worker"}, {ID: "b", Token: got.Lease.Token, Back: true, Actor: "worker"}, {ID: "a", Token: "1.x"},
		})
		f.ok(err)
		if ends[0].State != thoonk.JobFinished || ends[1].State != thoonk.JobQueued || ends[2].Err == nil || ends[2].Err.Kind != thoonk.Conflict {
			t.Errorf("the outcomes are %+v", ends)
		}
		f.wantGot("q", thoonk.GetItems{Count: 5}, "b")
		f.noLeases("q")
		f.wantToldJobs("q", "submit a", "submit b", "submit high", "finish high", "claim a", "claim b", "finish a", "cancel b", "finish b")
		for _, key := range []string{"thoonk.jobs:q", "thoonk.held:q", "thoonk.due:q", "feed.items:q"} {
			if f.redis.Exists(f.ctx, key).Val() > 0 {
				t.Errorf("%s is left behind", key)
			}
		}
	})
}

// A client that took items and vanished loses none.
func TestQueueLeaseEnds(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.queue("q", thoonk.JobConfig{})
		f.put("q", thoonk.NewQueued{ID: "a"}, thoonk.NewQueued{ID: "b"})
		got := f.wantGot("q", thoonk.GetItems{Count: 1, Confirm: true, Lease: thoonk.MinLease}, "a")
		f.restored("q")
		ends, err := f.AckItems(f.ctx, "q", []thoonk.AckItem{{ID: "a", Token: got.Lease.Token}})
		f.ok(err)
		if ends[0].Err == nil {
			t.Errorf("it was confirmed after its lease: %+v", ends)
		}
		f.wantGot("q", thoonk.GetItems{Count: 2}, "a", "b")
	})
}

// restored waits until no lease is left.
func (f *fixture) restored(queue thoonk.FeedName) {
	f.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for f.redis.Exists(f.ctx, "thoonk.expires:"+string(queue)).Val() > 0 {
		_, err := f.SweepQueue(f.ctx, queue)
		f.ok(err)
		if time.Now().After(deadline) {
			f.Fatal("a lease does not end")
		}
	}
}
