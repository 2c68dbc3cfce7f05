package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// listed returns all jobs that a query finds, page by page.
func (f *fixture) listed(q thoonk.JobQuery) []string {
	f.Helper()
	var all []string
	for range 1000 {
		page, err := f.Jobs(f.ctx, q)
		f.ok(err)
		all = append(all, jobIDs(page.Jobs)...)
		if q.After = page.Next; q.After == "" {
			return all
		}
	}
	f.Fatal("the list has no end")
	return nil
}

func TestListJobs(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		var want []string
		for i := range 25 {
			id := fmt.Sprintf("job%02d", i)
			j := job(id, "")
			switch {
			case i >= 20:
				j.Delay = time.Duration(i) * time.Hour
			case i%2 == 0:
				j.Group = "even"
			}
			f.submit("q", j)
			want = append(want, id)
		}
		_, err := f.SubmitJobs(f.ctx, thoonk.SubmitJobs{Queue: "q", Actor: "another", Jobs: []thoonk.NewJob{{ID: "theirs", Form: thoonk.FormText}}})
		f.ok(err)
		c := f.claim("q", 6)
		for _, id := range []string{"job00", "job01", "job02"} {
			f.ok(f.stallJob("q", id, c.Lease.Token, ""))
		}
		for _, limit := range []int{1, 7, 1000} {
			for state, ids := range map[thoonk.JobState][]string{
				thoonk.JobQueued: append(slices.Clone(want[6:20]), "theirs"), thoonk.JobClaimed: want[3:6], thoonk.JobHeld: want[20:],
			} {
				if got := f.listed(thoonk.JobQuery{Queue: "q", State: state, Limit: limit}); !slices.Equal(got, ids) {
					t.Errorf("%s by %d: %v, want %v", state, limit, got, ids)
				}
			}
			got := f.listed(thoonk.JobQuery{Queue: "q", State: thoonk.JobStalled, Limit: limit})
			slices.Sort(got)
			if !slices.Equal(got, want[:3]) {
				t.Errorf("stalled: %v", got)
			}
			if got := f.listed(thoonk.JobQuery{Queue: "q", Submitter: "another", Limit: limit}); !slices.Equal(got, []string{"theirs"}) {
				t.Errorf("another's: %v", got)
			}
			got = f.listed(thoonk.JobQuery{Queue: "q", Limit: limit})
			slices.Sort(got)
			if !slices.Equal(got, append(slices.Clone(want), "theirs")) {
				t.Errorf("all: %v", got)
			}
			if got := f.listed(thoonk.JobQuery{Queue: "q", State: thoonk.JobQueued, Group: "even", Limit: limit}); len(got) != 7 {
				t.Errorf("of the group: %v", got)
			}
		}
		_, err = f.Jobs(f.ctx, thoonk.JobQuery{Queue: "q", State: thoonk.JobQueued, After: "x"})
		f.fails(err, thoonk.Invalid)
		_, err = f.Jobs(f.ctx, thoonk.JobQuery{Queue: "q", State: "odd"})
		f.fails(err, thoonk.Invalid)
		_, err = f.Jobs(f.ctx, thoonk.JobQuery{Queue: "x", State: thoonk.JobQueued})
		f.fails(err, thoonk.NotFound)

		// By filter, in pieces: every job is looked at once, although the places of those behind move up.
		for _, state := range []thoonk.JobState{thoonk.JobQueued, thoonk.JobHeld, thoonk.JobClaimed, thoonk.JobStalled} {
			filter := thoonk.JobFilter{State: state, Submitter: "submitter", Limit: 2}
			for range 100 {
				done, err := f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q", Filter: filter, Actor: "admin"})
				f.ok(err)
				if filter.After = done.Next; filter.After == "" {
					break
				}
			}
		}
		if got := f.listed(thoonk.JobQuery{Queue: "q", Limit: 10}); !slices.Equal(got, []string{"theirs"}) {
			t.Errorf("left are %v", got)
		}
		f.wantKeys("q", "theirs queued")
		f.noLeases("q")
	})
}

func TestRetryByFilter(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		f.submit("q", job("a", ""), job("b", ""), job("c", ""))
		c := f.claim("q", 3)
		for _, id := range []string{"a", "b", "c"} {
			f.ok(f.stallJob("q", id, c.Lease.Token, "no"))
		}
		done, err := f.RetryJobs(f.ctx, thoonk.RetryJobs{Queue: "q", Actor: "admin"})
		f.ok(err)
		if len(done.Jobs) != 3 || done.Next != "" {
			t.Errorf("retried %+v", done)
		}
		f.wantKeys("q", "a queued", "b queued", "c queued")
		_, err = f.RetryJobs(f.ctx, thoonk.RetryJobs{Queue: "q", Filter: thoonk.JobFilter{State: thoonk.JobQueued}})
		f.fails(err, thoonk.Invalid)
		_, err = f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q"}) // not everything by mistake
		f.fails(err, thoonk.Invalid)
	})
}

// A worker hears that its job is not wanted any more, and the job is over when it gives it back.
func TestAskToGiveUp(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		f.submit("q", job("a", ""), job("b", ""))
		c := f.claim("q", 2)
		for range 2 {
			done, err := f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q", Ask: true, Filter: thoonk.JobFilter{IDs: []thoonk.JobID{"a"}}, Actor: "submitter"})
			f.ok(err)
			if done.Jobs[0].State != thoonk.JobClaimed || done.Jobs[0].Err != nil {
				t.Errorf("the outcome is %+v", done)
			}
		}
		if j := f.wantState("q", "a", thoonk.JobClaimed); !j.CancelRequested {
			t.Errorf("it is %+v", j)
		}
		x, err := f.ExtendLease(f.ctx, thoonk.ExtendLease{Queue: "q", Token: c.Lease.Token})
		f.ok(err)
		if !slices.Equal(x.Cancelled, []thoonk.JobID{"a"}) {
			t.Errorf("asked to give up: %v", x.Cancelled)
		}
		f.ok(f.cancelJob("q", "a", c.Lease.Token, "as you like", thoonk.JobRetracted))
		f.wantState("q", "a", thoonk.JobRetracted)
		f.wantKeys("q", "b claimed")
		done, err := f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q", Filter: thoonk.JobFilter{IDs: []thoonk.JobID{"b", "b2"}}, Actor: "admin"})
		f.ok(err)
		if done.Jobs[0].State != thoonk.JobRetracted || done.Jobs[1].Err.Kind != thoonk.NotFound {
			t.Errorf("the outcome is %+v", done)
		}
		f.fails(f.finishJob("q", "b", c.Lease.Token, ""), thoonk.Conflict)
		f.wantToldJobs("q", "submit a", "submit b", "claim a", "claim b", "askcancel a", "retract a", "retract b")
		f.wantKeys("q")
		f.noLeases("q")
	})
}

func TestRefusedJobs(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		f.feed("feed", thoonk.Config{})
		f.feed("texts", thoonk.Config{Type: thoonk.TypeJob, Content: thoonk.XML})
		f.submit("q", job("a", ""))
		before := f.dump()
		long := strings.Repeat("x", 300)
		for what, c := range map[string]struct {
			queue thoonk.FeedName
			j     thoonk.NewJob
			kind  thoonk.Kind
		}{
			"no queue":        {"x", job("b", ""), thoonk.NotFound},
			"a feed":          {"feed", job("b", ""), thoonk.Conflict},
			"taken":           {"q", job("a", ""), thoonk.Conflict},
			"content":         {"texts", job("b", ""), thoonk.Unprocessable},
			"too long a key":  {"q", thoonk.NewJob{Unique: long}, thoonk.Invalid},
			"a control":       {"q", thoonk.NewJob{Group: "a\nb"}, thoonk.Invalid},
			"delay":           {"q", thoonk.NewJob{Delay: -1}, thoonk.Invalid},
			"both":            {"q", thoonk.NewJob{Delay: 1, At: time.Now()}, thoonk.Invalid},
			"attempts":        {"q", thoonk.NewJob{MaxAttempts: -2}, thoonk.Invalid},
			"unique for what": {"q", thoonk.NewJob{UniqueFor: 1}, thoonk.Invalid},
			"too large":       {"q", thoonk.NewJob{Payload: make([]byte, thoonk.MaxJobPayload+1)}, thoonk.TooLarge},
			"no id":           {"q", thoonk.NewJob{ID: "a\x00"}, thoonk.Invalid},
		} {
			_, err := f.trySubmit(c.queue, job("first", ""), c.j)
			if thoonk.KindOf(err) != c.kind {
				t.Errorf("%s: %v, want %s", what, err, c.kind)
			}
		}
		_, err := f.trySubmit("q", job("b", ""), job("b", ""))
		f.fails(err, thoonk.Conflict)
		if after := f.dump(); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("something was written:\n%v\nbefore\n%v", after, before)
		}

		c := f.claim("q", 1)
		done, err := f.FinishJobs(f.ctx, "q", []thoonk.FinishJob{{ID: "a", Token: c.Lease.Token, HasResult: true, Result: make([]byte, thoonk.MaxJobResult+1)}})
		f.ok(err)
		if done[0].Err == nil || done[0].Err.Kind != thoonk.TooLarge {
			t.Errorf("the outcome is %+v", done)
		}
		f.wantState("q", "a", thoonk.JobClaimed)
		_, err = f.ClaimJobs(f.ctx, "feed", []thoonk.ClaimJobs{{Count: 1}})
		f.fails(err, thoonk.Conflict)
		_, err = f.ClaimJobs(f.ctx, "q", []thoonk.ClaimJobs{{Count: 0}})
		f.fails(err, thoonk.Invalid)
		_, _, err = f.PutFeed(f.ctx, thoonk.PutFeed{Name: "bad", Config: thoonk.Config{Type: thoonk.TypeJob, Job: thoonk.JobConfig{Lease: time.Hour, MaxLease: time.Minute}}})
		f.fails(err, thoonk.Invalid)
	})
}

// A submit with an idempotency key is done once, and is answered alike the second time.
func TestSubmitOnce(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		submit := thoonk.SubmitJobs{Queue: "q", Jobs: []thoonk.NewJob{{Form: thoonk.FormText}, {Form: thoonk.FormText, Delay: time.Hour}}, Once: thoonk.Once{Key: "k", Hash: "h"}}
		first, err := f.SubmitJobs(f.ctx, submit)
		f.ok(err)
		second, err := f.SubmitJobs(f.ctx, submit)
		f.ok(err)
		if !slices.Equal(first, second) || first[0].ID == "" || first[1].State != thoonk.JobHeld {
			t.Errorf("answered %+v and then %+v", first, second)
		}
		submit.Once.Hash = "other"
		_, err = f.SubmitJobs(f.ctx, submit)
		f.fails(err, thoonk.Unprocessable)
		counts, err := f.CountJobs(f.ctx, "q")
		f.ok(err)
		if counts.Queued != 1 || counts.Held != 1 {
			t.Errorf("there are %+v", counts)
		}
	})
}

// What an old client left in a queue that breaks our rules stays there for the old clients.
func TestForeignIDsThatAreNone(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		fine := []string{"a", "ünï", "日本", "a b", "x\u00a0y", "🙂"}
		for _, id := range append([]string{"bad\x01", "\xff\xfe", "c1\u0085", "\xed\xa0\x80", "\uffff", strings.Repeat("y", 513)}, fine...) {
			f.ok(f.redis.LPush(f.ctx, "feed.ids:q", id).Err())
			f.ok(f.redis.HSet(f.ctx, "feed.items:q", id, "body").Err())
		}
		for range 3 {
			c := f.claim("q", 3)
			for _, id := range jobIDs(c.Jobs) {
				i := slices.Index(fine, id)
				if i < 0 {
					t.Fatalf("claimed %q", id)
				}
				fine = slices.Delete(fine, i, i+1)
			}
		}
		if len(fine) > 0 {
			t.Errorf("not claimed: %q", fine)
		}
		if n := f.redis.LLen(f.ctx, "feed.ids:q").Val(); n != 6 {
			t.Errorf("%d ids are left", n)
		}
	})
}

// A queue that was deleted and made again, by whomever, has nothing of its earlier life.
func TestLivesOfAQueue(t *testing.T) {
	onBoth(t, func(f *fixture) {
		other := f.foreign()
		fill := func() {
			f.submit("q", job("a", ""), unique("b", "key", time.Hour), thoonk.NewJob{ID: "later", Delay: time.Hour, Group: "g"})
			f.ok(f.finishJob("q", "a", f.claim("q", 1).Lease.Token, "result"))
			f.claim("q", 1)
		}
		f.jobs("q", thoonk.JobConfig{})
		fill()
		f.ok(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "q"}))
		for key, value := range f.dump() {
			if strings.HasSuffix(key, ":q") {
				t.Errorf("%s is left behind: %v", key, value)
			}
		}
		f.jobs("q", thoonk.JobConfig{})
		fill()
		other.Delete("q")
		other.Create("q", map[string]string{"type": "job"})
		_, err := f.Job(f.ctx, "q", "a")
		f.fails(err, thoonk.NotFound)
		f.submit("q", unique("c", "key", 0))
		f.wantKeys("q", "c queued")
		if got := f.listed(thoonk.JobQuery{Queue: "q", Limit: 10}); !slices.Equal(got, []string{"c"}) {
			t.Errorf("there are %v", got)
		}
	})
}
