package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// beside runs something beside the test until it ends.
func (f *fixture) beside(run func(context.Context)) {
	ctx, cancel := context.WithCancel(f.ctx)
	var running sync.WaitGroup
	running.Go(func() { run(ctx) })
	f.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// another returns a store of another process.
func (f *fixture) another() *store.Store {
	f.Helper()
	s, err := store.Open(store.Options{URL: f.server.URL(), LogEntries: 10_000_000})
	f.ok(err)
	f.Cleanup(func() { _ = s.Close() })
	return s
}

func (f *fixture) claimWaiting(queue thoonk.FeedName, n int, wait time.Duration) <-chan thoonk.Claimed {
	out := make(chan thoonk.Claimed, 1)
	go func() {
		c, err := f.Claim(f.ctx, queue, thoonk.ClaimJobs{Count: n, Actor: "worker"}, wait)
		if err != nil {
			f.Errorf("claim: %v", err)
		}
		out <- c
	}()
	return out
}

func TestClaimWaits(t *testing.T) {
	onBoth(t, func(f *fixture) {
		other := f.another()
		f.beside(f.Watch)
		f.beside(f.NewMaintenance().Run)
		f.jobs("q", thoonk.JobConfig{})
		for name, put := range map[string]func(){
			"this process": func() { f.submit("q", job("", "x")) },
			"another": func() {
				_, err := other.SubmitJobs(f.ctx, thoonk.SubmitJobs{Queue: "q", Jobs: []thoonk.NewJob{job("", "x")}})
				f.ok(err)
			},
			"another client": func() { f.foreign().PutJob("q", "x", false) },
			"what is due":    func() { f.submit("q", thoonk.NewJob{Payload: []byte("x"), Delay: 300 * time.Millisecond}) },
		} {
			c := f.claimWaiting("q", 5, time.Minute)
			put()
			if got := thoonktest.Next(f, c); len(got.Jobs) != 1 || got.Lease.Token == "" {
				f.Errorf("%s: %+v", name, got)
			}
		}
		if c, err := f.Claim(f.ctx, "q", thoonk.ClaimJobs{Count: 1}, 20*time.Millisecond); err != nil || len(c.Jobs) > 0 || c.Wait != thoonk.WaitEmpty {
			f.Errorf("of an empty queue: %+v, %v", c, err)
		}
		_, err := f.Claim(f.ctx, "nowhere", thoonk.ClaimJobs{Count: 1}, time.Minute)
		f.fails(err, thoonk.NotFound)
		_, err = f.Claim(f.ctx, "q", thoonk.ClaimJobs{Count: 1, Lease: 2 * time.Hour}, time.Minute)
		f.fails(err, thoonk.Invalid)
		_, err = f.Claim(f.ctx, "q", thoonk.ClaimJobs{}, time.Minute)
		f.fails(err, thoonk.Invalid)
	})
}

func TestClaimWaitsForRules(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.jobs("q", thoonk.JobConfig{Paused: true})
		f.submit("q", job("a", "x"), job("b", "x"))
		c := f.claimWaiting("q", 1, time.Minute)
		if got, err := f.Claim(f.ctx, "q", thoonk.ClaimJobs{Count: 1}, 0); err != nil || got.Wait != thoonk.WaitPaused {
			f.Fatalf("while it is paused: %+v, %v", got, err)
		}
		f.jobs("q", thoonk.JobConfig{Running: 1})
		first := thoonktest.Next(f, c)
		second := f.claimWaiting("q", 1, time.Minute)
		if got, err := f.Claim(f.ctx, "q", thoonk.ClaimJobs{Count: 1}, 0); err != nil || got.Wait != thoonk.WaitRunning {
			f.Fatalf("with one claimed: %+v, %v", got, err)
		}
		f.ok(f.finishJob("q", "a", first.Lease.Token, ""))
		if got := thoonktest.Next(f, second); len(got.Jobs) != 1 || got.Jobs[0].ID != "b" {
			f.Fatalf("after the finish: %+v", got)
		}
	})
}

// A caller that goes away while it waits takes nothing, and what is being fetched for it goes back uncounted.
func TestClaimOfOneWhoLeaves(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.jobs("q", thoonk.JobConfig{MaxAttempts: 1})
		var all sync.WaitGroup
		for i := range 200 {
			ctx, cancel := context.WithTimeout(f.ctx, time.Duration(i%20)*time.Millisecond/4)
			all.Go(func() {
				defer cancel()
				c, err := f.Claim(ctx, "q", thoonk.ClaimJobs{Count: 1, Actor: "worker"}, time.Minute)
				if err == nil {
					for _, j := range c.Jobs {
						if err := f.finishJob("q", string(j.ID), c.Lease.Token, ""); err != nil {
							f.Error(err)
						}
					}
				} else if thoonk.KindOf(err) != thoonk.Unavailable {
					f.Error(err)
				}
			})
			f.submit("q", job("", "x"))
		}
		all.Wait()
		f.ok(f.Close()) // waits for what goes back
		finished, _ := f.redis.Get(f.ctx, "feed.finishes:q").Int()
		queued, stalled := f.redis.LLen(f.ctx, "feed.ids:q").Val(), f.redis.SCard(f.ctx, "feed.stalled:q").Val()
		if finished+int(queued) != 200 || stalled != 0 || f.redis.HLen(f.ctx, "feed.cancelled:q").Val() != 0 || f.redis.ZCard(f.ctx, "feed.claimed:q").Val() != 0 {
			f.Errorf("%d finished, %d queued, %d stalled", finished, queued, stalled)
		}
	})
}

// Callers share scripts, and each is answered for itself.
func TestCallersShareScripts(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.jobs("q", thoonk.JobConfig{})
		f.feed("q2", thoonk.Config{Type: thoonk.TypeJob, Content: thoonk.JSON})
		f.submit("q", job("taken", "x"))
		const n = 300
		var all sync.WaitGroup
		var mu sync.Mutex
		finished := map[string]bool{}
		before := f.calls()
		for i := range n {
			all.Go(func() {
				id := fmt.Sprint(i)
				if i%100 == 0 {
					id = "taken"
				}
				s, err := f.Submit(f.ctx, thoonk.SubmitJobs{Queue: "q", Actor: "a", Jobs: []thoonk.NewJob{job(id, "x")}})
				if i%100 == 0 {
					if refused, ok := errors.AsType[*thoonk.BatchError](err); !ok || refused.Index != 0 || thoonk.KindOf(err) != thoonk.Conflict {
						f.Errorf("%d: %v", i, err)
					}
				} else if err != nil || s[0].ID != thoonk.JobID(id) {
					f.Errorf("%d: %v, %v", i, s, err)
				}
			})
		}
		all.Wait()
		for range n - 2 {
			all.Go(func() {
				c, err := f.Claim(f.ctx, "q", thoonk.ClaimJobs{Count: 1}, time.Minute)
				if err != nil || len(c.Jobs) != 1 {
					f.Errorf("%+v, %v", c, err)
					return
				}
				ends, err := f.Finish(f.ctx, "q", []thoonk.FinishJob{{ID: c.Jobs[0].ID, Token: c.Lease.Token}, {ID: "nothing", Token: c.Lease.Token}})
				if err != nil || ends[0].Err != nil || ends[0].ID != c.Jobs[0].ID || ends[1].Err == nil || ends[1].Err.Kind != thoonk.Conflict {
					f.Errorf("%+v, %v", ends, err)
				}
				mu.Lock()
				defer mu.Unlock()
				finished[string(c.Jobs[0].ID)] = true
			})
		}
		all.Wait()
		if len(finished) != n-2 {
			f.Errorf("%d jobs were finished", len(finished))
		}
		if calls := f.calls() - before; calls > 2*n {
			f.Errorf("%d script calls for %d operations", calls, 3*n)
		}
		_, err := f.Submit(f.ctx, thoonk.SubmitJobs{Queue: "q2", Jobs: []thoonk.NewJob{job("", "no json")}})
		f.fails(err, thoonk.Unprocessable)
		_, err = f.Finish(f.ctx, "nowhere", []thoonk.FinishJob{{ID: "a", Token: "b"}})
		f.fails(err, thoonk.NotFound)
	})
}

// calls is how many scripts Redis has run; 0 where it does not count.
func (f *fixture) calls() int {
	var n int
	for line := range strings.Lines(f.redis.Info(f.ctx, "commandstats").Val()) {
		if _, err := fmt.Sscanf(line, "cmdstat_evalsha:calls=%d", &n); err == nil {
			return n
		}
	}
	return 0
}

func (f *fixture) await(queue thoonk.FeedName, id thoonk.JobID) <-chan thoonk.Job {
	out := make(chan thoonk.Job, 1)
	go func() {
		j, err := f.AwaitJob(f.ctx, queue, id, time.Minute)
		if err != nil {
			f.Errorf("await %s: %v", id, err)
		}
		out <- j
	}()
	return out
}

func TestAwaitJob(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.jobs("q", thoonk.JobConfig{Events: thoonk.NoJobEvents})
		f.submit("q", job("a", "x"), job("b", "x"), job("c", "x"), job("d", "x"), job("e", "x"))
		got := map[thoonk.JobID]<-chan thoonk.Job{}
		for _, id := range []thoonk.JobID{"a", "b", "c", "d"} {
			got[id] = f.await("q", id)
		}
		c := f.claim("q", 1)
		f.ok(f.finishJob("q", "a", c.Lease.Token, "done"))
		if j := thoonktest.Next(f, got["a"]); j.State != thoonk.JobFinished || string(j.Result) != "done" {
			f.Errorf("%+v", j)
		}
		_, err := f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q", Filter: thoonk.JobFilter{IDs: []thoonk.JobID{"b"}}})
		f.ok(err)
		if j := thoonktest.Next(f, got["b"]); j.State != thoonk.JobRetracted {
			f.Errorf("%+v", j)
		}
		// Another client finishes, and nobody adopts what it says of that.
		result := "theirs"
		for _, r := range []*string{&result, nil} {
			taken, _ := f.foreign().GetJob("q")
			f.foreign().FinishJob("q", taken.ID, r)
			if j := thoonktest.Next(f, got[thoonk.JobID(taken.ID)]); j.State != thoonk.JobFinished || !j.Unknown {
				f.Errorf("%+v", j)
			}
		}
		f.submit("q", job("f", "x"))
		stalled := f.await("q", "f")
		f.wantClaim("q", 1, "e")
		c = f.wantClaim("q", 1, "f")
		f.ok(f.stallJob("q", "f", c.Lease.Token, "why"))
		if j := thoonktest.Next(f, stalled); j.State != thoonk.JobStalled {
			f.Errorf("%+v", j)
		}
		if j, err := f.AwaitJob(f.ctx, "q", "e", 20*time.Millisecond); err != nil || j.State != thoonk.JobClaimed {
			f.Errorf("%+v, %v", j, err)
		}
		_, err = f.AwaitJob(f.ctx, "q", "nothing", time.Minute)
		f.fails(err, thoonk.NotFound)
	})
}

// Where no results are kept, who awaits a job hears of its end all the same, also in a second call.
func TestAwaitJobWithoutResults(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.jobs("q", thoonk.JobConfig{Events: thoonk.NoJobEvents, Results: thoonk.ResultBounds{Keep: -1}})
		f.submit("q", job("a", "x"), job("b", "x"), job("c", "x"))
		a, b, c := f.await("q", "a"), f.await("q", "b"), f.await("q", "c")
		f.ok(f.finishJob("q", "a", f.claim("q", 1).Lease.Token, "done"))
		if j := thoonktest.Next(f, a); j.State != thoonk.JobFinished || string(j.Result) != "done" {
			f.Errorf("%+v", j)
		}
		if j := thoonktest.Next(f, f.await("q", "a")); j.State != thoonk.JobFinished || string(j.Result) != "done" {
			f.Errorf("asked again: %+v", j)
		}
		_, err := f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q", Filter: thoonk.JobFilter{IDs: []thoonk.JobID{"b"}}})
		f.ok(err)
		if j := thoonktest.Next(f, b); j.State != thoonk.JobRetracted {
			f.Errorf("%+v", j)
		}
		taken, _ := f.foreign().GetJob("q")
		f.foreign().FinishJob("q", taken.ID, nil)
		if j := thoonktest.Next(f, c); j.State != thoonk.JobFinished || !j.Unknown {
			f.Errorf("%+v", j)
		}
	})
}

// What is kept for those who wait is gone ten seconds later.
func TestResultsAreKeptBriefly(t *testing.T) {
	t.Parallel()
	server := thoonktest.Mini(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	server.SetTime(now)
	f := newFixture(t, server)
	f.jobs("q", thoonk.JobConfig{Results: thoonk.ResultBounds{Keep: -1}})
	f.submit("q", job("a", "x"))
	f.ok(f.finishJob("q", "a", f.claim("q", 1).Lease.Token, "done"))
	server.SetTime(now.Add(9 * time.Second))
	f.wantState("q", "a", thoonk.JobFinished)
	server.SetTime(now.Add(11 * time.Second))
	_, err := f.Job(f.ctx, "q", "a")
	f.fails(err, thoonk.NotFound)
	for _, later := range []time.Duration{11 * time.Second, 22 * time.Second} {
		server.SetTime(now.Add(later))
		_, err := f.SweepQueue(f.ctx, "q")
		f.ok(err)
	}
	if n := f.redis.Exists(f.ctx, "thoonk.ended:q", "thoonk.older:q").Val(); n != 0 {
		t.Errorf("%d of the two hashes are left", n)
	}
}

func TestGetWaits(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.feed("q", thoonk.Config{Type: thoonk.TypeQueue})
		for name, g := range map[string]thoonk.GetItems{"taken": {Queue: "q", Count: 1}, "leased": {Queue: "q", Count: 1, Confirm: true}} {
			out := make(chan thoonk.Got, 2)
			for range 2 {
				go func() {
					got, err := f.Get(f.ctx, g, time.Minute)
					if err != nil {
						f.Errorf("%s: %v", name, err)
					}
					out <- got
				}()
			}
			f.foreign().Put("q", "theirs", false)
			if got := thoonktest.Next(f, out); len(got.Items) != 1 || string(got.Items[0].Body) != "theirs" || (got.Lease.Token != "") != g.Confirm {
				f.Errorf("%s: %+v", name, got)
			}
			_, err := f.PutItems(f.ctx, thoonk.PutItems{Queue: "q", Items: []thoonk.NewQueued{{Form: thoonk.FormText, Body: []byte("ours")}}})
			f.ok(err)
			if got := thoonktest.Next(f, out); len(got.Items) != 1 || string(got.Items[0].Body) != "ours" {
				f.Errorf("%s: %+v", name, got)
			}
		}
		if got, err := f.Get(f.ctx, thoonk.GetItems{Queue: "q", Count: 1}, 0); err != nil || got.Wait != thoonk.WaitEmpty {
			f.Errorf("%+v, %v", got, err)
		}
		_, err := f.Get(f.ctx, thoonk.GetItems{Queue: "nowhere", Count: 1}, time.Minute)
		f.fails(err, thoonk.NotFound)
		_, err = f.Get(f.ctx, thoonk.GetItems{Queue: "q", Count: 1, Confirm: true, Lease: 2 * time.Hour}, time.Minute)
		f.fails(err, thoonk.Invalid)
	})
}

// Nothing of what was taken for callers who went away gets lost.
func TestGetOfOneWhoLeaves(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.beside(f.Watch)
		f.feed("q", thoonk.Config{Type: thoonk.TypeQueue})
		var all sync.WaitGroup
		var mu sync.Mutex
		taken := 0
		for i := range 200 {
			ctx, cancel := context.WithTimeout(f.ctx, time.Duration(i%20)*time.Millisecond/4)
			all.Go(func() {
				defer cancel()
				got, err := f.Get(ctx, thoonk.GetItems{Queue: "q", Count: 1, Confirm: i%2 == 0}, time.Minute)
				if err != nil {
					return
				}
				mu.Lock()
				taken += len(got.Items)
				mu.Unlock()
			})
			_, err := f.PutItems(f.ctx, thoonk.PutItems{Queue: "q", Items: []thoonk.NewQueued{{Form: thoonk.FormText, Body: []byte("x")}}})
			f.ok(err)
		}
		all.Wait()
		f.ok(f.Close())
		if left := int(f.redis.LLen(f.ctx, "feed.ids:q").Val()); left+taken != 200 {
			f.Errorf("%d were taken, %d are left", taken, left)
		}
	})
}

// Many waiters on many queues: each new job wakes one, in few scripts.
func TestManyWait(t *testing.T) {
	t.Parallel()
	queues, each := 100, 10
	if os.Getenv("THOONKD_TEST_SOAK") == "1" {
		queues = 1000
	}
	f := newFixture(t, thoonktest.Redis(t))
	f.beside(f.Watch)
	name := func(i int) thoonk.FeedName { return thoonk.FeedName(fmt.Sprintf("q%d", i%queues)) }
	for i := range queues {
		f.jobs(name(i), thoonk.JobConfig{})
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[thoonk.JobID]int{}
	for i := range queues * each {
		all.Go(func() {
			c, err := f.Claim(f.ctx, name(i), thoonk.ClaimJobs{Count: 1}, time.Minute)
			if err != nil || len(c.Jobs) != 1 {
				f.Errorf("%+v, %v", c, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got[c.Jobs[0].ID]++
		})
	}
	thoonktest.Eventually(f, "all have tried", func() bool { return f.calls() >= 2*queues })
	before := f.calls()
	for i := range queues * each {
		f.submit(name(i), job("", "x"))
	}
	all.Wait()
	for id, n := range got {
		if n != 1 {
			f.Errorf("%s was claimed %d times", id, n)
		}
	}
	// A submit, a try that finds its job, and one that finds no more.
	if n := f.calls() - before; len(got) != queues*each || n > 4*queues*each {
		f.Errorf("%d jobs in %d script calls", len(got), n)
	}
}

// A claim brings no more payloads than fit into an answer; the others stay where they were.
func TestClaimIsBounded(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		big := strings.Repeat("x", thoonk.MaxJobPayload)
		var want []string
		for i := range 7 {
			id := fmt.Sprint(i)
			want = append(want, id)
			f.submit("q", job(id, big))
		}
		c := f.claim("q", 100)
		if got := jobIDs(c.Jobs); !slices.Equal(got, want[:4]) || c.Wait != thoonk.WaitNothing {
			f.Errorf("claimed %v, %q", got, c.Wait)
		}
		f.wantClaim("q", 100, want[4:]...)
	})
}
