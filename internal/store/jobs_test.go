package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func (f *fixture) jobs(name thoonk.FeedName, c thoonk.JobConfig) {
	f.Helper()
	f.feed(name, thoonk.Config{Type: thoonk.TypeJob, Job: c})
}

func job(id, payload string) thoonk.NewJob {
	return thoonk.NewJob{ID: thoonk.JobID(id), Form: thoonk.FormText, Payload: []byte(payload)}
}

func (f *fixture) trySubmit(queue thoonk.FeedName, jobs ...thoonk.NewJob) ([]thoonk.Submitted, error) {
	for i := range jobs {
		jobs[i].Form = thoonk.FormText
	}
	return f.SubmitJobs(f.ctx, thoonk.SubmitJobs{Queue: queue, Jobs: jobs, Actor: "submitter"})
}

func (f *fixture) submit(queue thoonk.FeedName, jobs ...thoonk.NewJob) []thoonk.Submitted {
	f.Helper()
	done, err := f.trySubmit(queue, jobs...)
	f.ok(err)
	return done
}

// claim takes up to n jobs.
func (f *fixture) claim(queue thoonk.FeedName, n int, lease ...time.Duration) thoonk.Claimed {
	f.Helper()
	c := thoonk.ClaimJobs{Count: n, Actor: "worker"}
	if len(lease) > 0 {
		c.Lease = lease[0]
	}
	claimed, err := f.ClaimJobs(f.ctx, queue, []thoonk.ClaimJobs{c})
	f.ok(err)
	return claimed[0]
}

func jobIDs(jobs []thoonk.Job) []string {
	var out []string
	for _, j := range jobs {
		out = append(out, string(j.ID))
	}
	return out
}

func (f *fixture) wantClaim(queue thoonk.FeedName, n int, want ...string) thoonk.Claimed {
	f.Helper()
	c := f.claim(queue, n)
	if got := jobIDs(c.Jobs); !slices.Equal(got, want) {
		f.Fatalf("claimed %v, want %v", got, want)
	}
	return c
}

func (f *fixture) finishJob(queue thoonk.FeedName, id, token, result string) error {
	f.Helper()
	done, err := f.FinishJobs(f.ctx, queue, []thoonk.FinishJob{{ID: thoonk.JobID(id), Token: token, Result: []byte(result), HasResult: result != "", Actor: "worker"}})
	return endOf(f, done, err, thoonk.JobFinished)
}

func (f *fixture) cancelJob(queue thoonk.FeedName, id, token, why string, state thoonk.JobState) error {
	f.Helper()
	done, err := f.CancelJobs(f.ctx, queue, []thoonk.CancelJob{{ID: thoonk.JobID(id), Token: token, Error: why, Actor: "worker"}})
	return endOf(f, done, err, state)
}

func (f *fixture) stallJob(queue thoonk.FeedName, id, token, why string) error {
	f.Helper()
	done, err := f.StallJobs(f.ctx, queue, []thoonk.StallJob{{ID: thoonk.JobID(id), Token: token, Error: why, Actor: "worker"}})
	return endOf(f, done, err, thoonk.JobStalled)
}

func endOf(f *fixture, done []thoonk.JobEnd, err error, state thoonk.JobState) error {
	f.Helper()
	switch {
	case err != nil:
		return err
	case done[0].Err != nil:
		return done[0].Err
	case done[0].State != state:
		f.Fatalf("the job is %s now, want %s", done[0].State, state)
	}
	return nil
}

func (f *fixture) job(queue thoonk.FeedName, id string) thoonk.Job {
	f.Helper()
	j, err := f.Job(f.ctx, queue, thoonk.JobID(id))
	f.ok(err)
	return j
}

func (f *fixture) wantState(queue thoonk.FeedName, id string, want thoonk.JobState) thoonk.Job {
	f.Helper()
	j := f.job(queue, id)
	if j.State != want {
		f.Fatalf("%s is %s, want %s", id, j.State, want)
	}
	return j
}

func (f *fixture) wantKeys(queue thoonk.FeedName, want ...string) {
	f.Helper()
	where, err := thoonktest.JobKeys(f.ctx, f.redis, string(queue))
	f.ok(err)
	var got []string
	for id, state := range where {
		got = append(got, id+" "+state)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.Fatalf("the contract's keys say %q, want %q", got, want)
	}
}

// toldJobs returns the events of a queue's jobs, as in "submit a by submitter".
func (f *fixture) toldJobs(queue thoonk.FeedName) []string {
	f.Helper()
	var told []string
	for _, e := range f.logged() {
		if e.Feed == queue && e.Job {
			told = append(told, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Kind, e.ItemID, e.Reason)))
		}
	}
	return told
}

func (f *fixture) wantToldJobs(queue thoonk.FeedName, want ...string) {
	f.Helper()
	if got := f.toldJobs(queue); !slices.Equal(got, want) {
		f.Fatalf("told:\n%q\nwant:\n%q", got, want)
	}
}

func TestSubmitClaimFinish(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		heard := thoonktest.Listen(f, f.redis, "q")
		f.submit("q", job("a", "A"), job("b", "B"), thoonk.NewJob{ID: "c", Payload: []byte("C"), High: true})
		f.wantKeys("q", "a queued", "b queued", "c queued")

		c := f.wantClaim("q", 2, "c", "a")
		if string(c.Jobs[0].Payload) != "C" || c.Jobs[0].Attempt != 1 || c.Jobs[0].Submitter != "submitter" || c.Lease.Token == "" {
			t.Errorf("claimed %+v", c)
		}
		f.wantKeys("q", "a claimed", "b queued", "c claimed")
		j := f.wantState("q", "a", thoonk.JobClaimed)
		if j.Worker != "worker" || !j.Expires.Equal(c.Lease.Expires) || j.Claimed.IsZero() || j.Submitted.IsZero() {
			t.Errorf("the job is %+v", j)
		}
		f.fails(f.finishJob("q", "a", "1.x", ""), thoonk.Conflict)
		f.fails(f.finishJob("q", "b", c.Lease.Token, ""), thoonk.Conflict)
		claim, _, _ := strings.Cut(c.Lease.Token, ".") // which others can see
		f.fails(f.finishJob("q", "c", claim+".guessed", ""), thoonk.Conflict)
		f.fails(f.cancelJob("q", "c", claim+".guessed", "", ""), thoonk.Conflict)
		_, err := f.ExtendLease(f.ctx, thoonk.ExtendLease{Queue: "q", Token: claim + ".guessed"})
		f.fails(err, thoonk.Conflict)
		f.ok(f.finishJob("q", "c", c.Lease.Token, ""))
		f.ok(f.finishJob("q", "a", c.Lease.Token, "done"))
		f.ok(f.finishJob("q", "a", c.Lease.Token, "done")) // the answer was lost, and it is sent again
		f.wantKeys("q", "b queued")
		if m := thoonktest.Next(f, heard); m.Channel != "job.finish:q" || m.Payload != "a\x00done" {
			t.Errorf("heard %q", m)
		}
		j = f.wantState("q", "a", thoonk.JobFinished)
		if string(j.Result) != "done" || j.Submitter != "submitter" || j.Attempt != 1 || j.Unknown {
			t.Errorf("the job was %+v", j)
		}
		counts, err := f.CountJobs(f.ctx, "q")
		f.ok(err)
		if want := (thoonk.JobCounts{Queued: 1, Submits: 3, Finishes: 2}); counts != want {
			t.Errorf("the counts are %+v, want %+v", counts, want)
		}
		f.wantToldJobs("q", "submit a", "submit b", "submit c", "claim c", "claim a", "finish c", "finish a")
		f.noLeases("q")

		c = f.wantClaim("q", 5, "b")
		if c.Wait != thoonk.WaitEmpty {
			t.Errorf("it waits for %q", c.Wait)
		}
		if c = f.wantClaim("q", 1); c.Lease.Token != "" {
			t.Errorf("nothing was claimed with the lease %v", c.Lease)
		}
	})
}

// noLeases fails the test if there is a lease although no job is claimed.
func (f *fixture) noLeases(queue string) {
	f.Helper()
	for _, key := range []string{"leases", "expires"} {
		if n := f.redis.Exists(f.ctx, "thoonk."+key+":"+queue).Val(); n > 0 {
			f.Errorf("thoonk.%s is there", key)
		}
	}
}

// Of many who edit what they read, no edit of another's is lost.
func TestJobEditedByMany(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		for round := range 5 {
			id := fmt.Sprint("j", round)
			f.submit("q", thoonk.NewJob{ID: thoonk.JobID(id), Form: thoonk.FormText, Payload: []byte("A"), Delay: time.Hour})
			const many = 4
			won := make(chan bool, many)
			for i := range many {
				go func() {
					_, err := f.EditJob(f.ctx, thoonk.EditJob{Queue: "q", ID: thoonk.JobID(id), Form: thoonk.FormText, Payload: fmt.Append(nil, i), Was: []byte("A")})
					if err != nil && thoonk.KindOf(err) != thoonk.Stale {
						t.Error(err)
					}
					won <- err == nil
				}()
			}
			winners := 0
			for range many {
				if <-won {
					winners++
				}
			}
			if winners != 1 {
				t.Errorf("%d of %d have edited it", winners, many)
			}
		}
	})
}

func TestCancelAndStall(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{MaxAttempts: 3})
		f.submit("q", job("a", "A"))
		for attempt := 1; attempt <= 3; attempt++ {
			c := f.wantClaim("q", 1, "a")
			if c.Jobs[0].Attempt != attempt {
				t.Errorf("attempt %d is told as %d", attempt, c.Jobs[0].Attempt)
			}
			state := thoonk.JobQueued
			if attempt == 3 {
				state = thoonk.JobStalled
			}
			f.ok(f.cancelJob("q", "a", c.Lease.Token, fmt.Sprint("failure ", attempt), state))
			f.fails(f.cancelJob("q", "a", c.Lease.Token, "", state), thoonk.Conflict)
		}
		f.wantKeys("q", "a stalled")
		j := f.wantState("q", "a", thoonk.JobStalled)
		if j.Error != "failure 3" || j.Attempt != 3 || string(j.Payload) != "A" {
			t.Errorf("the job is %+v", j)
		}

		edited, err := f.EditJob(f.ctx, thoonk.EditJob{Queue: "q", ID: "a", Form: thoonk.FormText, Payload: []byte("better"), Actor: "admin"})
		f.ok(err)
		if string(edited.Payload) != "better" {
			t.Errorf("the payload is %s", edited.Payload)
		}
		_, err = f.EditJob(f.ctx, thoonk.EditJob{Queue: "q", ID: "a", Form: thoonk.FormText, Payload: []byte("worse"), Was: []byte("A")})
		f.fails(err, thoonk.Stale)
		_, err = f.EditJob(f.ctx, thoonk.EditJob{Queue: "q", ID: "a", Form: thoonk.FormText, Payload: []byte("better"), Was: []byte("better")})
		f.ok(err)
		done, err := f.RetryJobs(f.ctx, thoonk.RetryJobs{Queue: "q", Filter: thoonk.JobFilter{IDs: []thoonk.JobID{"a", "x"}}, Actor: "admin"})
		f.ok(err)
		if len(done.Jobs) != 2 || done.Jobs[0].Err != nil || done.Jobs[0].State != thoonk.JobQueued || done.Jobs[1].Err.Kind != thoonk.NotFound {
			t.Errorf("retried: %+v", done)
		}
		done, err = f.RetryJobs(f.ctx, thoonk.RetryJobs{Queue: "q", Filter: thoonk.JobFilter{IDs: []thoonk.JobID{"a"}}})
		f.ok(err)
		if done.Jobs[0].Err == nil || done.Jobs[0].Err.Kind != thoonk.Conflict {
			t.Errorf("retried what is not stalled: %+v", done)
		}
		c := f.wantClaim("q", 1, "a")
		if c.Jobs[0].Attempt != 1 || string(c.Jobs[0].Payload) != "better" {
			t.Errorf("claimed %+v", c.Jobs[0])
		}
		_, err = f.EditJob(f.ctx, thoonk.EditJob{Queue: "q", ID: "a", Form: thoonk.FormText, Payload: []byte("no")})
		f.fails(err, thoonk.Conflict)
		f.ok(f.stallJob("q", "a", c.Lease.Token, "it will never work"))
		if j := f.wantState("q", "a", thoonk.JobStalled); j.Error != "it will never work" {
			t.Errorf("the error is %q", j.Error)
		}
		f.noLeases("q")
		f.wantToldJobs("q", "submit a", "claim a", "cancel a", "claim a", "cancel a", "claim a", "stall a attempts", "edit a", "edit a", "retry a", "claim a", "stall a")
	})
}

func TestBackoff(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{Backoff: thoonk.Backoff{First: time.Hour, Factor: 3, Max: 2 * time.Hour, Jitter: 0.5}})
		f.submit("q", job("a", "A"))
		for attempt, longest := range []time.Duration{time.Hour, 2 * time.Hour} {
			c := f.wantClaim("q", 1, "a")
			now, err := f.redis.Time(f.ctx).Result()
			f.ok(err)
			f.ok(f.cancelJob("q", "a", c.Lease.Token, "later", thoonk.JobHeld))
			f.wantKeys("q")
			j := f.wantState("q", "a", thoonk.JobHeld)
			if wait := j.Due.Sub(now); j.Hold != thoonk.HeldBackoff || wait < longest/2 || wait > longest+time.Minute || j.Attempt != attempt+2 || j.Error != "later" {
				t.Errorf("after %d failures it waits for %v: %+v", attempt+1, wait, j)
			}
			f.letDue("q", "a")
		}
		if c := f.wantClaim("q", 1, "a"); c.Jobs[0].Attempt != 3 {
			t.Errorf("the attempt is %d", c.Jobs[0].Attempt)
		}
	})
}

// letDue makes a held job due now, and lets the maintenance see it.
func (f *fixture) letDue(queue thoonk.FeedName, id string) {
	f.Helper()
	n, err := f.redis.Exists(f.ctx, "thoonk.due:"+string(queue)).Result()
	f.ok(err)
	if n == 0 {
		f.Fatalf("nothing is held in %s", queue)
	}
	f.ok(f.redis.ZAddXX(f.ctx, "thoonk.due:"+string(queue), redis.Z{Score: 1, Member: id}).Err())
	_, err = f.SweepQueue(f.ctx, queue)
	f.ok(err)
}

func TestHeldJobs(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		other := f.foreign()
		done := f.submit("q", thoonk.NewJob{ID: "delayed", Payload: []byte("D"), Delay: time.Hour}, job("now", "N"),
			thoonk.NewJob{ID: "after", Payload: []byte("A"), After: []thoonk.JobID{"now"}, High: true},
			thoonk.NewJob{ID: "at", Payload: []byte("T"), At: time.Now().Add(-time.Hour)})
		if done[0].State != thoonk.JobHeld || done[0].Due.IsZero() || done[1].State != thoonk.JobQueued || done[2].State != thoonk.JobHeld || done[3].State != thoonk.JobQueued {
			t.Errorf("submitted %+v", done)
		}
		for range 3 {
			other.MaintainJobs("q", time.Hour)
		}
		f.wantKeys("q", "now queued", "at queued")
		if j := f.wantState("q", "after", thoonk.JobHeld); j.Hold != thoonk.HeldAfter || len(j.After) != 1 || j.After[0] != "now" || string(j.Payload) != "A" {
			t.Errorf("it is %+v", j)
		}
		c := f.wantClaim("q", 1, "now")
		f.ok(f.finishJob("q", "now", c.Lease.Token, ""))
		f.wantKeys("q", "after queued", "at queued")
		f.wantClaim("q", 1, "after")
		f.letDue("q", "delayed")
		f.wantKeys("q", "after claimed", "at queued", "delayed queued")
		if j := f.wantState("q", "delayed", thoonk.JobQueued); j.Hold != "" || j.Attempt != 1 || j.Submitter != "submitter" {
			t.Errorf("it is %+v", j)
		}
		f.wantToldJobs("q", "submit delayed delay", "submit now", "submit at", "submit after after", "claim now", "finish now", "release after", "claim after", "release delayed")
	})
}

// Finished jobs are remembered until there are too many of them or they are too old, and then no longer.
func TestOutcomesAreBounded(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{Results: thoonk.ResultBounds{Count: 10}})
		for i := range 35 {
			id := fmt.Sprint("job", i)
			f.submit("q", job(id, ""))
			f.ok(f.finishJob("q", id, f.claim("q", 1).Lease.Token, "result"))
		}
		f.wantState("q", "job34", thoonk.JobFinished)
		f.wantState("q", "job25", thoonk.JobFinished)
		_, err := f.Job(f.ctx, "q", "job14")
		f.fails(err, thoonk.NotFound)
		seen := map[string]bool{}
		q := thoonk.JobQuery{Queue: "q", State: thoonk.JobFinished, Limit: 3}
		for pages := 0; ; pages++ {
			page, err := f.Jobs(f.ctx, q)
			f.ok(err)
			for _, j := range page.Jobs {
				seen[string(j.ID)] = true
			}
			if q.After = page.Next; q.After == "" || pages > 50 {
				break
			}
		}
		if len(seen) < 10 || len(seen) > 20 || !seen["job34"] {
			t.Errorf("listed %v", seen)
		}

		large := strings.Repeat("x", thoonk.MaxJobResult)
		for range 150 { // as many bytes as are kept, twice and more
			f.submit("q", job("large", ""))
			f.ok(f.finishJob("q", "large", f.claim("q", 1).Lease.Token, large))
			if bytes := f.redis.HGet(f.ctx, "thoonk.meta:q", "results_bytes").Val(); len(bytes) > len("67108864") || bytes > "67108864" && len(bytes) == 8 {
				t.Fatalf("%s bytes are kept", bytes)
			}
		}
		f.jobs("q", thoonk.JobConfig{Results: thoonk.ResultBounds{Keep: time.Millisecond}})
		thoonktest.Eventually(f, "it is forgotten", func() bool {
			_, err := f.Job(f.ctx, "q", "job34")
			return thoonk.KindOf(err) == thoonk.NotFound
		})
		thoonktest.Eventually(f, "and removed", func() bool {
			_, err := f.SweepQueue(f.ctx, "q")
			f.ok(err)
			return f.redis.Exists(f.ctx, "thoonk.ended:q", "thoonk.older:q").Val() == 0
		})
	})
}

func TestLeaseEnds(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{MaxLease: time.Minute, Backoff: thoonk.Backoff{First: time.Hour}})
		f.submit("q", job("a", "A"), job("b", "B"))
		_, err := f.ClaimJobs(f.ctx, "q", []thoonk.ClaimJobs{{Count: 1, Lease: time.Hour}})
		f.fails(err, thoonk.Invalid)
		c := f.claim("q", 1, thoonk.MinLease)
		kept := f.claim("q", 1, thoonk.MinLease)
		x, err := f.ExtendLease(f.ctx, thoonk.ExtendLease{Queue: "q", Token: kept.Lease.Token, Lease: time.Minute, ID: "b", Progress: []byte(`{"done":50}`)})
		f.ok(err)
		if x.Lease.Expires.Before(kept.Lease.Expires.Add(50*time.Second)) || len(x.Cancelled) > 0 {
			t.Errorf("extended to %+v", x)
		}
		_, err = f.ExtendLease(f.ctx, thoonk.ExtendLease{Queue: "q", Token: kept.Lease.Token, Lease: time.Hour})
		f.fails(err, thoonk.Invalid)
		_, err = f.ExtendLease(f.ctx, thoonk.ExtendLease{Queue: "q", Token: kept.Lease.Token, ID: "a"})
		f.fails(err, thoonk.Conflict)
		_, err = f.ExtendLease(f.ctx, thoonk.ExtendLease{Queue: "q", Token: kept.Lease.Token + "x"})
		f.fails(err, thoonk.Conflict)

		thoonktest.Eventually(f, "the lease ends", func() bool {
			_, err := f.SweepQueue(f.ctx, "q")
			f.ok(err)
			return f.job("q", "a").State == thoonk.JobQueued
		})
		j := f.wantState("q", "b", thoonk.JobClaimed)
		if string(j.Progress) != `{"done":50}` {
			t.Errorf("its progress is %s", j.Progress)
		}
		f.fails(f.finishJob("q", "a", c.Lease.Token, ""), thoonk.Conflict)
		f.ok(f.finishJob("q", "b", kept.Lease.Token, ""))
		if c = f.wantClaim("q", 1, "a"); c.Jobs[0].Attempt != 2 {
			t.Errorf("the attempt is %d", c.Jobs[0].Attempt)
		}
		f.wantToldJobs("q", "submit a", "submit b", "claim a", "claim b", "cancel a the lease ended", "finish b", "claim a")
	})
}

// A job that an old client gave back and another one claimed is not the first worker's any more, nor is one that it got again itself.
func TestLeaseIsOfOneClaim(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		other := f.foreign()
		f.submit("q", job("a", "A"))
		first := f.wantClaim("q", 1, "a")
		if !other.CancelJob("q", "a") {
			t.Fatal("the foreign client could not give it back")
		}
		f.fails(f.finishJob("q", "a", first.Lease.Token, ""), thoonk.Conflict)
		second := f.wantClaim("q", 1, "a")
		if second.Jobs[0].Attempt != 2 {
			t.Errorf("the attempt is %d", second.Jobs[0].Attempt)
		}
		f.fails(f.finishJob("q", "a", first.Lease.Token, ""), thoonk.Conflict)
		f.fails(f.cancelJob("q", "a", first.Lease.Token, "", ""), thoonk.Conflict)
		f.ok(f.cancelJob("q", "a", second.Lease.Token, "", thoonk.JobQueued))
		if _, ok := other.GetJob("q"); !ok {
			t.Fatal("the foreign client got nothing")
		}
		f.fails(f.finishJob("q", "a", second.Lease.Token, ""), thoonk.Conflict)
		f.wantKeys("q", "a claimed 2")
	})
}

// What a stream had claimed is given back when it ends, and what a process's streams had when that process is gone.
func TestHolders(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		f.submit("q", job("a", "A"), job("b", "B"), job("c", "C"))
		dead := newFixture(t, f.server)
		bound := func(s *fixture, stream string) thoonk.Claimed {
			claimed, err := s.ClaimJobs(f.ctx, "q", []thoonk.ClaimJobs{{Count: 1, Lease: time.Hour, Holder: thoonk.Holder{Process: s.Process(), Stream: stream}}})
			f.ok(err)
			return claimed[0]
		}
		bound(f, "s1")
		two := bound(f, "s2")
		bound(dead, "s1")
		f.wantKeys("q", "a claimed", "b claimed", "c claimed")
		f.ok(f.ReleaseHolder(f.ctx, thoonk.Holder{Process: f.Process(), Stream: "s1"}))
		f.wantKeys("q", "a queued 1", "b claimed", "c claimed")

		ctx, cancel := context.WithCancel(f.ctx)
		var running sync.WaitGroup
		running.Go(func() { dead.NewMaintenance().Run(ctx) })
		thoonktest.Eventually(f, "the other process is known", func() bool { return f.redis.ZCard(f.ctx, "thoonk.holders").Val() == 1 })
		f.maintaining()
		cancel()
		running.Wait()
		thoonktest.Eventually(f, "what it had is given back", func() bool { return f.job("q", "c").State == thoonk.JobQueued })
		f.wantKeys("q", "a queued 1", "b claimed", "c queued 1")
		thoonktest.Eventually(f, "it is forgotten", func() bool {
			return f.redis.ZCard(f.ctx, "thoonk.holders").Val() == 1 && f.redis.Exists(f.ctx, "thoonk.holding:"+dead.Process()).Val() == 0
		})
		f.ok(f.finishJob("q", "b", two.Lease.Token, ""))
	})
}

// maintaining runs the maintenance until the test ends.
func (f *fixture) maintaining() {
	f.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { f.NewMaintenance().Run(ctx) })
	f.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// The maintenance gives jobs back and lets due ones go without being told which queue it is about.
func TestMaintenance(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.maintaining()
		f.jobs("q", thoonk.JobConfig{})
		f.jobs("r", thoonk.JobConfig{})
		f.submit("q", job("a", "A"))
		f.submit("r", thoonk.NewJob{ID: "later", Delay: 20 * time.Millisecond})
		f.claim("q", 1, thoonk.MinLease)
		thoonktest.Eventually(f, "the lease ends", func() bool { return f.job("q", "a").State == thoonk.JobQueued })
		thoonktest.Eventually(f, "the job is due", func() bool { return f.job("r", "later").State == thoonk.JobQueued })
		f.ok(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "q"}))
		f.submit("r", thoonk.NewJob{ID: "later2", Delay: 20 * time.Millisecond})
		thoonktest.Eventually(f, "the job is due", func() bool { return f.job("r", "later2").State == thoonk.JobQueued })
	})
}

// What an old client's maintenance put into the list although it is claimed, or twice, is claimed once.
func TestClaimedOnce(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		f.submit("q", job("a", "A"), job("b", "B"), job("c", "C"))
		first := f.wantClaim("q", 1, "a")
		f.ok(f.redis.LPush(f.ctx, "feed.ids:q", "a", "b", "gone").Err())
		second := f.wantClaim("q", 10, "b", "c")
		if second.Wait != thoonk.WaitEmpty {
			t.Errorf("it waits for %q", second.Wait)
		}
		f.wantKeys("q", "a claimed", "b claimed", "c claimed")
		f.ok(f.redis.LPush(f.ctx, "feed.ids:q", "a").Err())
		if third := f.wantClaim("q", 1); third.Lease.Token != "" {
			t.Errorf("nothing was claimed with the lease %v", third.Lease)
		}
		f.ok(f.finishJob("q", "a", first.Lease.Token, ""))
		f.ok(f.finishJob("q", "b", second.Lease.Token, ""))
		f.ok(f.finishJob("q", "c", second.Lease.Token, ""))
		f.noLeases("q")
	})
}
