package store_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// jobEvents are the changes of one job that the log tells: kind, and reason if there is one.
func (f *fixture) jobEvents(queue thoonk.FeedName, id string) string {
	f.Helper()
	var told []string
	for _, e := range f.logged() {
		if e.Feed == queue && e.Job && string(e.ItemID) == id {
			told = append(told, strings.TrimSuffix(string(e.Kind)+"/"+e.Reason, "/"))
		}
	}
	return strings.Join(told, " ")
}

func (f *fixture) eventuallyTold(queue thoonk.FeedName, id, want string) {
	f.Helper()
	last := ""
	defer func() {
		if f.Failed() {
			f.Logf("of %s was told: %s", id, last)
		}
	}()
	thoonktest.Eventually(f, "of "+id+" is told: "+want, func() bool {
		last = f.jobEvents(queue, id)
		return last == want
	})
}

func TestTellsWhatOtherClientsDoToJobs(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.adopting()
		other := f.foreign()
		other.Create("q", map[string]string{"type": "job"})
		id := other.PutJob("q", "payload", false)
		f.eventuallyTold("q", id, "submit")
		taken, _ := other.GetJob("q")
		f.eventuallyTold("q", id, "submit claim")
		other.CancelJob("q", taken.ID)
		f.eventuallyTold("q", id, "submit claim cancel")
		other.GetJob("q")
		f.eventuallyTold("q", id, "submit claim cancel claim")
		other.StallJob("q", id)
		f.eventuallyTold("q", id, "submit claim cancel claim stall")
		other.RetryJob("q", id)
		f.eventuallyTold("q", id, "submit claim cancel claim stall retry")
		other.GetJob("q")
		f.eventuallyTold("q", id, "submit claim cancel claim stall retry claim")
		result := "done"
		other.FinishJob("q", id, &result)
		f.eventuallyTold("q", id, "submit claim cancel claim stall retry claim finish")
		thoonktest.Eventually(f, "the result is known", func() bool {
			j, err := f.Job(f.ctx, "q", thoonk.JobID(id))
			f.ok(err)
			return j.State == thoonk.JobFinished && string(j.Result) == "done" && !j.Unknown
		})

		// At once, with nobody looking in between; and without a result.
		id = other.PutJob("q", "payload", false)
		other.GetJob("q")
		other.FinishJob("q", id, nil)
		ours := f.submit("q", job("ours", "x"))[0]
		other.GetJob("q")
		other.FinishJob("q", string(ours.ID), nil)
		f.eventuallyTold("q", "ours", "submit finish/unknown")
		if told := f.jobEvents("q", id); told != "" && told != "submit" && told != "submit finish/unknown" {
			f.Errorf("of what came and went at once: %s", told)
		}

		// Ours of theirs.
		id = other.PutJob("q", "payload", false)
		c := f.wantClaim("q", 1, id)
		f.ok(f.finishJob("q", id, c.Lease.Token, ""))
		f.eventuallyTold("q", id, "submit claim finish")
		if n := f.redis.HLen(f.ctx, "thoonk.jobs:q").Val(); n != 0 {
			f.Errorf("%d records are left", n)
		}
	})
}

// Between the moment that another client finishes a job and that somebody settles it, it is in no key of the contract.
func TestLooksForWhatOtherClientsFinished(t *testing.T) {
	onBoth(t, func(f *fixture) {
		other := f.foreign()
		f.jobs("q", thoonk.JobConfig{})
		f.submit("q", job("a", "x"), job("b", "x"), job("c", "x"))
		for range 2 {
			taken, _ := other.GetJob("q")
			other.FinishJob("q", taken.ID, nil)
		}
		if j, err := f.Job(f.ctx, "q", "a"); err != nil || j.State != thoonk.JobFinished || !j.Unknown {
			f.Errorf("%+v, %v", j, err)
		}
		jobs, err := f.JobsByID(f.ctx, "q", []thoonk.JobID{"nobody", "c", "b"})
		f.ok(err)
		if len(jobs) != 2 || jobs[0].State != thoonk.JobQueued || jobs[1].State != thoonk.JobFinished {
			f.Errorf("%+v", jobs)
		}
		_, err = f.Job(f.ctx, "q", "nobody")
		f.fails(err, thoonk.NotFound)
	})
}

// Whoever settles first, those who wait get the result that another client announces.
func TestAwaitsResultsOfOtherClients(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.adopting()
		other := f.foreign()
		f.jobs("q", thoonk.JobConfig{})
		for i := range 20 {
			id := thoonk.JobID(strconv.Itoa(i))
			f.submit("q", job(string(id), "x"))
			waited := f.await("q", id)
			other.GetJob("q")
			result := "theirs"
			other.FinishJob("q", string(id), &result)
			if j := thoonktest.Next(f, waited); string(j.Result) != result || j.Unknown {
				f.Errorf("%+v", j)
			}
		}
	})
}

// Nothing waits for ever for a job that another client ended.
func TestSettlesWhatOtherClientsEnded(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.adopting()
		other := f.foreign()
		f.jobs("q", thoonk.JobConfig{GroupRunning: 1})
		f.submit("q", thoonk.NewJob{ID: "first", Unique: "key", Group: "g"}, thoonk.NewJob{ID: "second", After: []thoonk.JobID{"first"}})
		c := f.claim("q", 1)
		if len(c.Jobs) != 1 {
			f.Fatalf("%+v", c)
		}
		f.submit("q", thoonk.NewJob{ID: "of the group", Group: "g"})
		f.wantClaim("q", 1) // it is held for its group
		other.FinishJob("q", "first", nil)
		thoonktest.Eventually(f, "what waited is queued", func() bool {
			n, err := f.CountJobs(f.ctx, "q")
			f.ok(err)
			return n.Queued == 2 && n.Held == 0
		})
		if s := f.submit("q", thoonk.NewJob{ID: "third", Unique: "key"}); s[0].Existing {
			f.Error("the unique key is still taken")
		}
		f.fails(f.finishJob("q", "first", c.Lease.Token, "late"), thoonk.Conflict)
	})
}

// A claim of another client lasts from when we saw it.
func TestForeignLease(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.beside(f.NewMaintenance().Run)
		f.adopting()
		f.jobs("q", thoonk.JobConfig{ForeignLease: 200 * time.Millisecond})
		f.submit("q", job("a", "x"))
		f.foreign().GetJob("q")
		f.eventuallyTold("q", "a", "submit claim cancel/the lease ended")
		f.wantClaim("q", 1, "a")
	})
}

// A job in no state is restored at the second sighting, and not one that is on its way into a state.
func TestRestoresWhatIsInNoState(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		other := f.foreign()
		f.submit("q", job("lost", "x"), job("slow", "x"), job("stays", "x"))
		for _, want := range []string{"lost", "slow"} {
			if id, ok := other.PopJob("q"); !ok || id != want {
				f.Fatalf("popped %q", id)
			}
		}
		f.ok(store.RestoreLost(f.Store, f.ctx, "q", 0))
		queued := f.redis.LRange(f.ctx, "feed.ids:q", 0, -1).Val()
		if !slices.Equal(queued, []string{"stays"}) {
			f.Fatalf("after the first sighting: %v", queued)
		}
		other.ClaimPopped("q", "slow")
		f.ok(store.RestoreLost(f.Store, f.ctx, "q", time.Hour))
		if queued := f.redis.LRange(f.ctx, "feed.ids:q", 0, -1).Val(); !slices.Equal(queued, []string{"stays"}) {
			f.Fatalf("too early: %v", queued)
		}
		f.ok(store.RestoreLost(f.Store, f.ctx, "q", 0))
		f.wantClaim("q", 3, "lost", "stays")
		if told := f.jobEvents("q", "lost"); told != "submit cancel/lost claim" {
			f.Errorf("told: %s", told)
		}
		if n := f.redis.ZCard(f.ctx, "thoonk.seen:q").Val(); n != 0 {
			f.Errorf("%d sightings are left", n)
		}
	})
}
