package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func TestPause(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{Lease: time.Minute})
		f.submit("q", job("a", "A"))
		before, err := f.Feed(f.ctx, "q")
		f.ok(err)
		paused, err := f.PauseQueue(f.ctx, "q", true, "admin")
		f.ok(err)
		if !paused.Config.Job.Paused || paused.Config.Job.Lease != time.Minute {
			t.Errorf("the config is %+v", paused.Config)
		}
		f.submit("q", job("b", "B"))
		if c := f.wantClaim("q", 1); c.Wait != thoonk.WaitPaused {
			t.Errorf("it waits for %q", c.Wait)
		}
		after, err := f.PauseQueue(f.ctx, "q", false, "admin")
		f.ok(err)
		if fmt.Sprint(after.Config) != fmt.Sprint(before.Config) {
			t.Errorf("the config was %+v and is %+v", before.Config, after.Config)
		}
		f.wantClaim("q", 2, "a", "b")
		_, err = f.PauseQueue(f.ctx, "x", true, "")
		f.fails(err, thoonk.NotFound)
	})
}

func TestConcurrencyOfAQueue(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{Running: 2})
		f.submit("q", job("a", ""), job("b", ""), job("c", ""), job("d", ""))
		other := f.foreign()
		taken, _ := other.GetJob("q") // which counts, but is not bound
		c := f.wantClaim("q", 3, "b")
		if taken.ID != "a" || c.Wait != thoonk.WaitRunning {
			t.Errorf("%v was taken, and it waits for %q", taken, c.Wait)
		}
		if d := f.wantClaim("q", 3); d.Wait != thoonk.WaitRunning {
			t.Errorf("it waits for %q", d.Wait)
		}
		f.ok(f.finishJob("q", "b", c.Lease.Token, ""))
		f.wantClaim("q", 3, "c")
	})
}

func TestRateOfAQueue(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{Rate: thoonk.Rate{Count: 2, Per: time.Hour}})
		f.submit("q", job("a", ""), job("b", ""), job("c", ""))
		now, err := f.redis.Time(f.ctx).Result()
		f.ok(err)
		c := f.wantClaim("q", 3, "a", "b")
		wait := c.Until.Sub(now)
		if c.Wait != thoonk.WaitRate || wait < 29*time.Minute || wait > 31*time.Minute {
			t.Errorf("it waits %v for %q", wait, c.Wait)
		}
		if c = f.wantClaim("q", 1); c.Wait != thoonk.WaitRate {
			t.Errorf("it waits for %q", c.Wait)
		}
		f.ok(f.redis.ZIncrBy(f.ctx, "thoonk.rates:q", float64(-31*time.Minute/time.Microsecond), "").Err())
		f.wantClaim("q", 3, "c")
	})
}

func grouped(id, group string) thoonk.NewJob {
	j := job(id, "payload of "+id)
	j.Group = group
	return j
}

func TestConcurrencyOfAGroup(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{GroupRunning: 1})
		f.submit("q", grouped("a1", "a"), grouped("a2", "a"), grouped("a3", "a"), grouped("b1", "b"), job("none", ""), grouped("b2", "b"))
		other := f.foreign()
		c := f.wantClaim("q", 10, "a1", "b1", "none")
		if c.Wait != thoonk.WaitEmpty {
			t.Errorf("it waits for %q", c.Wait)
		}
		j := f.wantState("q", "a2", thoonk.JobHeld)
		if j.Hold != thoonk.HeldGroup || j.Group != "a" || string(j.Payload) != "payload of a2" || !j.Due.IsZero() {
			t.Errorf("it is %+v", j)
		}
		other.MaintainJobs("q", time.Hour)
		f.wantKeys("q", "a1 claimed", "b1 claimed", "none claimed")

		f.ok(f.finishJob("q", "a1", c.Lease.Token, ""))
		f.wantKeys("q", "a2 queued", "b1 claimed", "none claimed")
		f.submit("q", thoonk.NewJob{ID: "a0", Group: "a", High: true}) // overtakes its group
		d := f.wantClaim("q", 10, "a0")
		f.ok(f.cancelJob("q", "a0", d.Lease.Token, "", thoonk.JobQueued))
		f.wantKeys("q", "a0 queued 1", "a3 queued", "b1 claimed", "none claimed")
		d = f.wantClaim("q", 1, "a3") // it waited longest
		f.ok(f.stallJob("q", "a3", d.Lease.Token, "no"))
		f.wantClaim("q", 10, "a2")

		// Another client ends the one of b that is running: nobody tells us, and yet b2 comes to its turn.
		if !other.FinishJob("q", "b1", nil) {
			t.Fatal("it is not claimed")
		}
		f.submit("q", grouped("b3", "b"))
		f.wantClaim("q", 1, "b3")
		done, err := f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q", Filter: thoonk.JobFilter{State: thoonk.JobHeld}})
		f.ok(err)
		var gone []string
		for _, e := range done.Jobs {
			gone = append(gone, string(e.ID))
		}
		slices.Sort(gone)
		if !slices.Equal(gone, []string{"a0", "b2"}) {
			t.Errorf("retracted %v", gone)
		}
		for _, member := range f.redis.ZRange(f.ctx, "thoonk.groups:q", 0, -1).Val() {
			if member[0] == 'p' {
				t.Errorf("%q still waits", member)
			}
		}
	})
}

// Jobs that wait for their group go on when its limit is raised, or another client made room.
func TestGroupsGetRoom(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{GroupRunning: 1})
		f.submit("q", grouped("a1", "a"), grouped("a2", "a"), grouped("a3", "a"), grouped("b1", "b"), grouped("b2", "b"), grouped("b3", "b"))
		f.wantClaim("q", 10, "a1", "b1")
		f.foreign().StallJob("q", "b1") // of which nobody tells us
		_, err := f.SweepQueue(f.ctx, "q")
		f.ok(err)
		f.wantKeys("q", "a1 claimed", "b1 stalled", "b2 queued")
		f.jobs("q", thoonk.JobConfig{GroupRunning: 2})
		_, err = f.SweepQueue(f.ctx, "q")
		f.ok(err)
		f.wantClaim("q", 10, "b3", "a2", "b2") // what comes back comes to the head
		f.submit("q", grouped("a4", "a"))
		f.wantClaim("q", 10)
		f.jobs("q", thoonk.JobConfig{})
		next, err := f.SweepQueue(f.ctx, "q")
		f.ok(err)
		f.wantClaim("q", 10, "a3", "a4")
		if next.IsZero() {
			t.Error("the maintenance will not look again")
		}
	})
}

// Unique keys that hold no more do not pile up.
func TestUniqueKeysAreBounded(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		other := f.foreign()
		f.submit("q", unique("kept", "kept", 0), unique("timed", "timed", time.Hour))
		for i := range 100 {
			id := fmt.Sprint("job", i)
			f.submit("q", unique(id, id, 0), unique(id+"t", id+"t", time.Millisecond))
			other.RetractJob("q", id)
		}
		f.nextMillisecond()
		f.nextMillisecond()
		for range 20 {
			_, err := f.SweepQueue(f.ctx, "q")
			f.ok(err)
		}
		keys := f.redis.HKeys(f.ctx, "thoonk.unique:q").Val()
		slices.Sort(keys)
		if !slices.Equal(keys, []string{"kept", "timed"}) {
			t.Errorf("%d keys are kept: %q", len(keys), keys)
		}
	})
}

func TestRateOfAGroup(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{GroupRate: thoonk.Rate{Count: 1, Per: time.Hour}})
		f.submit("q", grouped("a1", "a"), grouped("a2", "a"), grouped("b1", "b"))
		c := f.wantClaim("q", 10, "a1", "b1")
		j := f.wantState("q", "a2", thoonk.JobHeld)
		if j.Due.IsZero() || c.Wait != thoonk.WaitEmpty || !c.Until.Equal(j.Due) {
			t.Errorf("it is due at %v, the claim waits until %v", j.Due, c.Until)
		}
		f.ok(f.finishJob("q", "a1", c.Lease.Token, ""))
		f.wantState("q", "a2", thoonk.JobHeld)
		f.ok(f.redis.ZRem(f.ctx, "thoonk.rates:q", "a").Err())
		f.letDue("q", "a2")
		f.wantClaim("q", 1, "a2")
	})
}

func unique(id, key string, kept time.Duration) thoonk.NewJob {
	j := job(id, "")
	j.Unique, j.UniqueFor = key, kept
	return j
}

func (f *fixture) wantExisting(queue thoonk.FeedName, j thoonk.NewJob, existing string) {
	f.Helper()
	got := f.submit(queue, j)[0]
	if want := existing != ""; got.Existing != want || want && string(got.ID) != existing {
		f.Fatalf("%s has the outcome %+v, want %q", j.ID, got, existing)
	}
}

func TestUniqueJobs(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		other := f.foreign()
		f.wantExisting("q", unique("a", "key", 0), "")
		f.wantExisting("q", unique("b", "key", 0), "a")
		f.wantExisting("q", unique("c", "other key", 0), "")
		c := f.wantClaim("q", 1, "a")
		f.wantExisting("q", unique("b", "key", 0), "a")
		f.ok(f.cancelJob("q", "a", c.Lease.Token, "", thoonk.JobQueued))
		f.wantExisting("q", unique("b", "key", 0), "a")
		c = f.wantClaim("q", 2, "c", "a")
		f.ok(f.finishJob("q", "a", c.Lease.Token, ""))
		f.wantExisting("q", unique("b", "key", 0), "")
		other.RetractJob("q", "b")
		f.wantExisting("q", unique("d", "key", 0), "")
		done, err := f.trySubmit("q", unique("e", "k", 0), unique("f", "k", 0))
		f.ok(err)
		if done[0].Existing || !done[1].Existing || done[1].ID != "e" {
			t.Errorf("the outcomes are %+v", done)
		}

		f.wantExisting("q", unique("g", "for a time", time.Hour), "")
		_, err = f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q", Filter: thoonk.JobFilter{IDs: []thoonk.JobID{"g"}}})
		f.ok(err)
		f.wantExisting("q", unique("h", "for a time", time.Hour), "g")
		f.wantExisting("q", unique("i", "short", time.Millisecond), "")
		f.nextMillisecond()
		f.nextMillisecond()
		f.wantExisting("q", unique("j", "short", time.Hour), "")
	})
}

func after(id string, others ...thoonk.JobID) thoonk.NewJob {
	j := job(id, "payload of "+id)
	j.After = others
	return j
}

func TestDependencies(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		f.submit("q", job("a", ""), job("b", ""))
		f.submit("q", after("both", "a", "b"), after("chain", "both"))
		for what, j := range map[string]thoonk.NewJob{"unknown": after("x", "nobody"), "itself": after("x", "x")} {
			_, err := f.trySubmit("q", j)
			f.fails(err, thoonk.Unprocessable)
			if _, err := f.Job(f.ctx, "q", "x"); thoonk.KindOf(err) != thoonk.NotFound {
				t.Errorf("%s: it was put: %v", what, err)
			}
		}
		_, err := f.trySubmit("q", after("x", "y"), after("y", "z"), after("z", "x"))
		f.fails(err, thoonk.Unprocessable)
		f.submit("q", after("w", "v"), job("v", "")) // in one submit the order is free

		c := f.wantClaim("q", 2, "a", "b")
		f.ok(f.finishJob("q", "a", c.Lease.Token, ""))
		if j := f.wantState("q", "both", thoonk.JobHeld); len(j.After) != 1 || j.After[0] != "b" {
			t.Errorf("it waits for %v", j.After)
		}
		f.submit("q", after("late", "a", "b"))
		f.ok(f.finishJob("q", "b", c.Lease.Token, ""))
		f.wantKeys("q", "both queued", "late queued", "v queued")
		f.submit("q", after("later", "a"))
		f.wantKeys("q", "both queued", "late queued", "v queued", "later queued")

		_, err = f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q", Filter: thoonk.JobFilter{IDs: []thoonk.JobID{"both"}}})
		f.ok(err)
		if j := f.wantState("q", "chain", thoonk.JobStalled); j.Error == "" || string(j.Payload) != "payload of chain" {
			t.Errorf("it is %+v", j)
		}
		_, err = f.trySubmit("q", after("x", "both"))
		f.fails(err, thoonk.Unprocessable)
		f.wantKeys("q", "late queued", "v queued", "later queued", "chain stalled")

		c = f.wantClaim("q", 1, "v")
		delayed := after("delayed", "v")
		delayed.Delay = time.Hour
		f.submit("q", delayed)
		f.ok(f.finishJob("q", "v", c.Lease.Token, ""))
		if j := f.wantState("q", "delayed", thoonk.JobHeld); j.Hold != thoonk.HeldDelay || j.Due.IsZero() {
			t.Errorf("it is %+v", j)
		}
		f.wantState("q", "w", thoonk.JobQueued)
		if n := f.redis.Exists(f.ctx, "thoonk.waits:q").Val(); n > 0 {
			t.Error("somebody still waits")
		}
	})
}

// Many may wait for one job, but not without end.
func TestDependentsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	f.jobs("q", thoonk.JobConfig{})
	f.submit("q", job("a", ""))
	n := 0
	for {
		var jobs []thoonk.NewJob
		for range 500 {
			n++
			jobs = append(jobs, after(fmt.Sprintf("waits%032d", n), "a"))
		}
		if _, err := f.trySubmit("q", jobs...); err != nil {
			f.fails(err, thoonk.Limited)
			n -= 500
			break
		}
		if n > 10_000 {
			t.Fatal("there is no bound")
		}
	}
	c := f.wantClaim("q", 1, "a")
	f.ok(f.finishJob("q", "a", c.Lease.Token, ""))
	counts, err := f.CountJobs(f.ctx, "q")
	f.ok(err)
	if counts.Queued != int64(n) || counts.Held != 0 {
		t.Errorf("of %d that waited, %+v", n, counts)
	}
}
