package store_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// many submits n jobs at once, from two principals in turn.
func (f *fixture) many(queue thoonk.FeedName, n int) {
	f.Helper()
	var jobs []thoonk.NewJob
	for i := range n {
		jobs = append(jobs, job(fmt.Sprintf("job%03d", i), ""))
	}
	f.submit(queue, jobs...)
}

// Many changes at once are few entries, and yet each is told, can be found, and can be gone on from.
func TestRuns(t *testing.T) {
	onBoth(t, func(f *fixture) {
		const n = 250
		f.jobs("q", thoonk.JobConfig{})
		f.feed("before", thoonk.Config{})
		f.many("q", n)
		c := f.claim("q", n)
		f.feed("after", thoonk.Config{})
		if entries := f.redis.XLen(f.ctx, "thoonk.log").Val(); entries != 3+2*3 {
			t.Errorf("the log has %d entries", entries)
		}
		f.contiguous("q")

		entries, err := f.ReadLog(f.ctx, thoonk.Revision{}, 10_000, time.Millisecond)
		f.ok(err)
		if len(entries) != 3+2*n || len(c.Jobs) != n {
			t.Fatalf("the log tells %d changes, and %d jobs were claimed", len(entries), len(c.Jobs))
		}
		for i, e := range entries {
			has, err := f.LogHas(f.ctx, e.Place)
			f.ok(err)
			if !has {
				t.Fatalf("the log does not have %v", e.Place)
			}
			off := e.Place
			off.Stamp--
			if has, err = f.LogHas(f.ctx, off); has || err != nil {
				t.Fatalf("the log has %v: %v", off, err)
			}
			if i%37 == 0 {
				rest, err := f.ReadLog(f.ctx, e.Place, 5, time.Millisecond)
				f.ok(err)
				if want := min(5, len(entries)-i-1); len(rest) != want || want > 0 && rest[0].Place != entries[i+1].Place {
					t.Fatalf("after %v come %v", e.Place, rest)
				}
			}
			if e.Event.Feed != "q" {
				continue
			}
			one, err := f.Change(f.ctx, "q", e.Event.Revision)
			f.ok(err)
			if !sameEvent(one, e.Event) || one.Submitter != e.Event.Submitter {
				t.Fatalf("the change is %+v and %+v", one, e.Event)
			}
			later, err := f.History(f.ctx, "q", e.Event.Revision, 3)
			f.ok(err)
			if want := min(3, 2*n+1-int(e.Event.Revision.Number)); len(later) != want || want > 0 && later[0].Revision.Number != e.Event.Revision.Number+1 {
				t.Fatalf("after %v come %v", e.Event.Revision, later)
			}
			strange := e.Event.Revision
			strange.Stamp--
			if _, err := f.History(f.ctx, "q", strange, 3); thoonk.KindOf(err) != thoonk.Gone {
				t.Fatalf("the history has %v: %v", strange, err)
			}
			if _, err := f.Change(f.ctx, "q", strange); thoonk.KindOf(err) != thoonk.Gone {
				t.Fatalf("the history has %v: %v", strange, err)
			}
		}
		page, err := f.Changes(f.ctx, thoonk.ChangeQuery{Feed: "q", Limit: 7})
		f.ok(err)
		if len(page.Changes) != 7 {
			t.Errorf("the page has %d changes", len(page.Changes))
		}
	})
}

// A reader follows jobs as it follows items, from the middle of a run too.
func TestRunsInAStream(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	f.jobs("q", thoonk.JobConfig{})
	f.many("q", 150)
	broker := stream.NewBroker(f.Store, slog.New(slog.DiscardHandler))
	var running sync.WaitGroup
	running.Go(func() { broker.Run(f.ctx) })
	t.Cleanup(running.Wait)
	thoonktest.Eventually(t, "the log is read", func() bool { return broker.Ready() == nil })
	history, err := f.Changes(f.ctx, thoonk.ChangeQuery{Feed: "q", Limit: 100})
	f.ok(err)
	since := history.Changes[70].Revision // of the 70th job

	follower, err := broker.Follow(f.ctx, stream.Options{Feed: "q", Since: since})
	f.ok(err)
	defer follower.Close()
	var told []string
	c := f.claim("q", 120)
	for len(told) < 80+120+1 {
		step, err := follower.Next(f.ctx)
		f.ok(err)
		if step.Kind == stream.Reset {
			t.Fatal("the reader was reset")
		}
		for _, e := range step.Changes {
			told = append(told, string(e.Kind)+" "+string(e.ItemID))
		}
		if len(told) == 80+120 {
			f.ok(f.finishJob("q", string(c.Jobs[0].ID), c.Lease.Token, ""))
		}
	}
	want := []string{}
	for i := 70; i < 150; i++ {
		want = append(want, fmt.Sprintf("submit job%03d", i))
	}
	for i := range 120 {
		want = append(want, fmt.Sprintf("claim job%03d", i))
	}
	want = append(want, "finish job000")
	if strings.Join(told, ",") != strings.Join(want, ",") {
		t.Errorf("told %v", told)
	}
}

// Each principal's jobs are told as its own, in whatever company they come.
func TestSubmittersInRuns(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.jobs("q", thoonk.JobConfig{})
		for i, who := range []string{"a", "b\nc", "50%", "a"} {
			_, err := f.SubmitJobs(f.ctx, thoonk.SubmitJobs{Queue: "q", Actor: who, Jobs: []thoonk.NewJob{job(fmt.Sprint(i), "")}})
			f.ok(err)
		}
		c := f.claim("q", 4)
		f.ok(f.finishJob("q", "1", c.Lease.Token, "r"))
		var told []string
		for _, e := range f.logged() {
			if e.Job {
				told = append(told, fmt.Sprintf("%s %s %q by %q", e.Kind, e.ItemID, e.Submitter, e.Actor))
			}
		}
		want := `submit 0 "a" by "a"|submit 1 "b\nc" by "b\nc"|submit 2 "50%" by "50%"|submit 3 "a" by "a"|` +
			`claim 0 "a" by "worker"|claim 1 "b\nc" by "worker"|claim 2 "50%" by "worker"|claim 3 "a" by "worker"|finish 1 "b\nc" by "worker"`
		if got := strings.Join(told, "|"); got != want {
			t.Errorf("told %s", got)
		}
		if j := f.wantState("q", "1", thoonk.JobFinished); j.Submitter != "b\nc" || j.Worker != "worker" {
			t.Errorf("it is %+v", j)
		}
		if got := f.listed(thoonk.JobQuery{Queue: "q", Submitter: "50%", Limit: 5}); len(got) != 1 || got[0] != "2" {
			t.Errorf("its jobs are %v", got)
		}
	})
}

// A queue may tell of stalled jobs only, or of nothing.
func TestEventsOff(t *testing.T) {
	onBoth(t, func(f *fixture) {
		for events, want := range map[thoonk.JobEvents][]string{thoonk.NoJobEvents: nil, thoonk.StalledJobEvents: {"stall a", "stall b"}} {
			queue := thoonk.FeedName("q-" + events)
			f.jobs(queue, thoonk.JobConfig{Events: events})
			before := f.redis.Exists(f.ctx, "thoonk.place").Val()
			f.submit(queue, job("a", ""), job("b", ""), job("c", ""))
			c := f.claim(queue, 3)
			f.ok(f.stallJob(queue, "a", c.Lease.Token, ""))
			f.ok(f.stallJob(queue, "b", c.Lease.Token, ""))
			f.ok(f.finishJob(queue, "c", c.Lease.Token, "result"))
			f.wantToldJobs(queue, want...)
			f.contiguous(queue)
			if j := f.wantState(queue, "c", thoonk.JobFinished); string(j.Result) != "result" || before == 0 {
				t.Errorf("it is %+v", j)
			}
		}
	})
}
