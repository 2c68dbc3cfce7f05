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

var everything = thoonk.HubWants{Due: 100, Later: 100, Intents: 100, Origins: 100}

func hubSub(id string, feed thoonk.FeedName) thoonk.HubSubscription {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return thoonk.HubSubscription{
		ID: id, Topic: "https://hub.test/feeds/" + string(feed) + ".atom", Feed: feed, Format: "atom", Callback: "https://sub.test/" + id,
		Secret: "s", Algorithm: "sha256", Principal: "jwt:a|b", Holder: []byte(`{"name":"b"}`), Created: now, Expires: now.Add(time.Hour),
	}
}

func (f *fixture) subscribed(sub thoonk.HubSubscription) {
	f.Helper()
	_, err := f.PutHubSubscription(f.ctx, sub, time.Time{}, thoonk.HubIntent{})
	f.ok(err)
}

// asWorker runs test as a worker, with a lease of its own.
func (f *fixture) asWorker(name string, test func(thoonk.Fence)) {
	f.Helper()
	held, err := f.Hold(f.ctx, name, func(ctx context.Context, fence thoonk.Fence) error {
		f.ok(f.HubWorker(ctx, fence))
		test(fence)
		return nil
	})
	f.ok(err)
	if !held {
		f.Fatal("the lease is another's")
	}
}

func (f *fixture) take(fence thoonk.Fence) thoonk.HubWork {
	f.Helper()
	work, err := f.TakeHub(f.ctx, fence, everything)
	f.ok(err)
	return work
}

func (f *fixture) finish(fence thoonk.Fence, o thoonk.HubOutcome) []string {
	f.Helper()
	lost, err := f.FinishHub(f.ctx, fence, []thoonk.HubOutcome{o})
	f.ok(err)
	return lost
}

func ids(list []thoonk.HubDelivery) (found []string) {
	for _, d := range list {
		found = append(found, d.Subscription.ID)
	}
	slices.Sort(found)
	return found
}

func (f *fixture) wantTaken(fence thoonk.Fence, want ...string) thoonk.HubWork {
	f.Helper()
	work := f.take(fence)
	if got := ids(work.Due); !slices.Equal(got, want) {
		f.Fatalf("taken: %v, want %v", got, want)
	}
	return work
}

func TestHubWorkGoesRound(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		first := f.publish("a", "x", "1")
		f.subscribed(hubSub("one", "a"))
		f.asWorker("w", func(fence thoonk.Fence) {
			work := f.wantTaken(fence, "one") // what is new is looked at
			d := work.Due[0]
			if want := hubSub("one", "a"); d.Subscription.Callback != want.Callback || string(d.Subscription.Holder) != string(want.Holder) {
				t.Fatalf("%+v", d.Subscription)
			}
			if d.State.Cursor != first || d.State.Generation != 1 {
				t.Fatalf("%+v, want the cursor %v", d.State, first)
			}
			f.wantTaken(fence)
			// What becomes due while it is taken is not given to another, and not forgotten.
			_, err := f.MarkHub(f.ctx, fence, []thoonk.FeedName{"a"}, first)
			f.ok(err)
			f.wantTaken(fence)
			d.State.Delivered, d.State.Error, d.State.Status = 7, "what went wrong: spaces  too", 500
			if lost := f.finish(fence, thoonk.HubOutcome{ID: "one", State: d.State, Verdict: thoonk.HubIdle}); len(lost) > 0 {
				t.Fatal(lost)
			}
			work = f.wantTaken(fence, "one")
			if got := work.Due[0].State; got != d.State {
				t.Fatalf("%+v, want %+v", got, d.State)
			}
			f.finish(fence, thoonk.HubOutcome{ID: "one", State: d.State, Verdict: thoonk.HubIdle})
			f.wantTaken(fence)
			// One that waits for a retry is not hurried by what is new.
			_, err = f.MarkHub(f.ctx, fence, []thoonk.FeedName{"b", "a"}, first)
			f.ok(err)
			f.wantTaken(fence, "one")
			f.finish(fence, thoonk.HubOutcome{ID: "one", State: d.State, Verdict: thoonk.HubLater, At: time.Now().Add(time.Hour)})
			_, err = f.MarkHub(f.ctx, fence, []thoonk.FeedName{"a"}, first)
			f.ok(err)
			if work = f.wantTaken(fence); len(work.Later) > 0 || work.Next < 50*time.Minute {
				t.Fatalf("%+v", work)
			}
			place, err := f.HubPlace(f.ctx)
			if err != nil || place != first {
				t.Fatalf("the place is %v: %v", place, err)
			}
			// Who renews is there again.
			f.subscribed(hubSub("one", "a"))
			f.wantTaken(fence, "one")
		})
	})
}

func TestHubFences(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		f.subscribed(hubSub("one", "a"))
		f.ok(f.PutHubIntent(f.ctx, thoonk.HubIntent{ID: "i", Nonce: "n", Mode: thoonk.HubSubscribe, Subscription: hubSub("two", "a")}))
		var dead thoonk.Fence
		var had thoonk.HubWork
		f.asWorker("w1", func(fence thoonk.Fence) {
			dead, had = fence, f.take(fence)
			f.ok(f.ReapHub(f.ctx))
			f.asWorker("w2", func(other thoonk.Fence) { f.wantTaken(other) }) // the first one lives
		})
		f.asWorker("w3", func(fence thoonk.Fence) {
			f.ok(f.ReapHub(f.ctx))
			work := f.wantTaken(fence, "one")
			if len(work.Intents) != 1 || work.Intents[0].Nonce != "n" || work.Intents[0].Subscription.ID != "two" {
				t.Fatalf("%+v", work.Intents)
			}
			state := had.Due[0].State
			state.Delivered = 99
			if lost := f.finish(dead, thoonk.HubOutcome{ID: "one", State: state, Verdict: thoonk.HubIdle}); !slices.Equal(lost, []string{"one"}) {
				t.Fatal("a dead worker wrote:", lost)
			}
			f.fails(f.EndHubIntent(f.ctx, dead, had.Intents[0]), thoonk.Unavailable)
			_, s, err := f.HubSubscription(f.ctx, "one")
			if err != nil || s.Delivered != 0 {
				t.Fatalf("%+v %v", s, err)
			}
		})
		_, err := f.TakeHub(f.ctx, dead, everything)
		f.fails(err, thoonk.Unavailable)
		_, err = f.MarkHub(f.ctx, dead, nil, thoonk.Revision{Number: 1, Stamp: 1})
		f.fails(err, thoonk.Unavailable)
	})
}

func TestHubOwnersAndIntents(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		f.subscribed(hubSub("one", "a"))
		other := hubSub("one", "a")
		other.Principal = "anonymous"
		_, err := f.PutHubSubscription(f.ctx, other, time.Time{}, thoonk.HubIntent{})
		f.fails(err, thoonk.Forbidden)
		f.fails(f.RemoveHubSubscription(f.ctx, other, other.Principal, thoonk.HubIntent{}), thoonk.Forbidden)

		// A later request takes the place of an earlier one, also while that is under way.
		old := thoonk.HubIntent{ID: "i", Nonce: "old", Mode: thoonk.HubUnsubscribe, Subscription: hubSub("one", "a")}
		f.ok(f.PutHubIntent(f.ctx, old))
		f.asWorker("w", func(fence thoonk.Fence) {
			f.take(fence)
			late := old
			late.Nonce = "late"
			f.ok(f.PutHubIntent(f.ctx, late))
			f.fails(f.RemoveHubSubscription(f.ctx, old.Subscription, "", old), thoonk.Stale)
			_, err := f.PutHubSubscription(f.ctx, old.Subscription, time.Time{}, old)
			f.fails(err, thoonk.Stale)
			f.ok(f.EndHubIntent(f.ctx, fence, old))
			work := f.take(fence)
			if len(work.Intents) != 1 || work.Intents[0].Nonce != "late" {
				t.Fatalf("%+v", work.Intents)
			}
			late.Tries = 3
			f.ok(f.RetryHubIntent(f.ctx, fence, late, time.Now().Add(-time.Second)))
			if work = f.take(fence); len(work.Intents) != 1 || work.Intents[0].Tries != 3 {
				t.Fatalf("%+v", work.Intents)
			}
			f.ok(f.RemoveHubSubscription(f.ctx, late.Subscription, late.Subscription.Principal, late))
			f.ok(f.EndHubIntent(f.ctx, fence, late))
			if work = f.take(fence); len(work.Intents) != 0 {
				t.Fatalf("%+v", work.Intents)
			}
		})
		f.fails(f.RemoveHubSubscription(f.ctx, old.Subscription, "", thoonk.HubIntent{}), thoonk.NotFound)
		for _, key := range f.redis.Keys(f.ctx, "thoonk.hub.*").Val() {
			if key != "thoonk.hub.workers" {
				t.Errorf("%s is left", key)
			}
		}
	})
}

func TestHubInterventions(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", thoonk.Config{})
		head := f.publish("a", "x", "1")
		f.subscribed(hubSub("one", "a"))
		state := func() thoonk.HubState {
			t.Helper()
			_, s, err := f.HubSubscription(f.ctx, "one")
			f.ok(err)
			return s
		}
		f.asWorker("w", func(fence thoonk.Fence) {
			d := f.wantTaken(fence, "one").Due[0]
			f.ok(f.InterveneHub(f.ctx, "one", thoonk.HubPause, thoonk.Revision{}))
			d.State.Failures, d.State.Delivered, d.State.Cursor.Number = 5, 3, 77
			if lost := f.finish(fence, thoonk.HubOutcome{ID: "one", State: d.State, Verdict: thoonk.HubHold}); !slices.Equal(lost, []string{"one"}) {
				t.Fatal("the worker wrote over it:", lost)
			}
			f.finish(fence, thoonk.HubOutcome{ID: "one", State: d.State, Verdict: thoonk.HubIdle})
			if s := state(); !s.Paused || s.Failures != 0 || s.Generation != 2 || s.Delivered != 3 || s.Cursor.Number != 77 {
				t.Fatalf("%+v", s)
			}
			d = f.wantTaken(fence, "one").Due[0] // it is looked at, and found to be paused
			d.State.Stalled, d.State.Failures = true, 8
			f.finish(fence, thoonk.HubOutcome{ID: "one", State: d.State, Verdict: thoonk.HubLater, At: time.Now().Add(time.Hour)})
			f.ok(f.InterveneHub(f.ctx, "one", thoonk.HubRedeliver, thoonk.Revision{}))
			if s := state(); !s.Paused || s.Stalled || s.Failures != 0 {
				t.Fatalf("%+v", s)
			}
			f.ok(f.InterveneHub(f.ctx, "one", thoonk.HubReplay, thoonk.Revision{Number: 1, Stamp: head.Stamp}))
			if s := state(); s.Paused || s.Cursor.Number != 1 {
				t.Fatalf("%+v", s)
			}
			d = f.wantTaken(fence, "one").Due[0]
			f.ok(f.InterveneHub(f.ctx, "one", thoonk.HubReplay, thoonk.Revision{Number: 2, Stamp: head.Stamp}))
			f.finish(fence, thoonk.HubOutcome{ID: "one", State: d.State, Verdict: thoonk.HubIdle})
			if s := state(); s.Cursor.Number != 2 {
				t.Fatalf("the worker's cursor took the replay's place: %+v", s)
			}
			f.wantTaken(fence, "one")
		})
		f.fails(f.InterveneHub(f.ctx, "two", thoonk.HubPause, thoonk.Revision{}), thoonk.NotFound)
	})
}

func TestHubMarksPatternsAndEnds(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("team:1", thoonk.Config{})
		for i := range 3 {
			f.subscribed(hubSub(fmt.Sprint("f", i), "team:1"))
		}
		wide := hubSub("wide", "")
		wide.Match = "team:*"
		f.subscribed(wide)
		f.asWorker("w", func(fence thoonk.Fence) {
			for _, d := range f.wantTaken(fence, "f0", "f1", "f2", "wide").Due {
				f.finish(fence, thoonk.HubOutcome{ID: d.Subscription.ID, State: d.State, Verdict: thoonk.HubIdle})
			}
			at := thoonk.Revision{Number: 5, Stamp: 5}
			marked, err := f.MarkHub(f.ctx, fence, []thoonk.FeedName{"team:2", "other"}, at)
			if err != nil || marked != 1 {
				t.Fatal(marked, err)
			}
			f.wantTaken(fence, "wide")
			f.ok(f.MarkAllHub(f.ctx, fence, at))
			f.wantTaken(fence, "f0", "f1", "f2")
		})
		page, err := f.HubSubscriptions(f.ctx, thoonk.HubQuery{Limit: 3})
		if err != nil || len(page.Subscriptions) != 3 || page.Next == "" {
			t.Fatalf("%+v %v", page, err)
		}
		rest, err := f.HubSubscriptions(f.ctx, thoonk.HubQuery{Limit: 3, After: page.Next})
		if err != nil || rest.Next != "" || !slices.Equal(ids(slices.Concat(page.Subscriptions, rest.Subscriptions)), []string{"f0", "f1", "f2", "wide"}) {
			t.Fatalf("%+v %v", rest, err)
		}
		stats, err := f.HubStats(f.ctx)
		if err != nil || stats.Subscriptions != 4 || stats.Lapsing != 4 {
			t.Fatalf("%+v %v", stats, err)
		}
		n, err := f.LapseHub(f.ctx, time.Now(), 10)
		if err != nil || n != 0 {
			t.Fatal(n, err)
		}
		n, err = f.LapseHub(f.ctx, time.Now().Add(2*time.Hour), 10)
		if err != nil || n != 4 {
			t.Fatal(n, err)
		}
		if n := f.redis.Exists(f.ctx, "thoonk.hub.subs", "thoonk.hub.states", "thoonk.hub.patterns", "thoonk.hub.ends").Val(); n != 0 {
			t.Fatal(n, "keys are left")
		}
	})
}

func TestHubAttempts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	for i := range 30 {
		f.ok(f.NoteHubAttempts(f.ctx, map[string][]thoonk.HubAttempt{"one": {{Delivery: fmt.Sprint(i), Status: 500, Error: "e", At: time.UnixMilli(5).UTC()}}}))
	}
	attempts, err := f.HubAttempts(f.ctx, "one")
	if err != nil || len(attempts) != 20 || attempts[0].Delivery != "29" || attempts[0].Status != 500 {
		t.Fatalf("%+v %v", attempts, err)
	}
}
