package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// tally counts how often each job was done.
type tally struct {
	mu   sync.Mutex
	done map[string]int
}

func (c *tally) note(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[id]++
}

func (c *tally) all(want int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.done) >= want
}

// Old clients and ours put and do the jobs of one queue, while an old client's maintenance runs all the time. No job is lost, and what is
// held is touched by nobody.
func TestQueueSharedWithOldClients(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	f, g := newFixture(t, server), newFixture(t, server)
	f.feed("q", thoonk.Config{Type: thoonk.TypeJob, History: thoonk.HistoryBounds{Count: 100_000}, Job: thoonk.JobConfig{MaxAttempts: -1}})
	f.maintaining()
	const each, heldJobs = 150, 20
	for i := range heldJobs {
		f.submit("q", thoonk.NewJob{ID: thoonk.JobID(fmt.Sprint("held", i)), Payload: []byte("h"), Delay: time.Hour})
	}
	count := &tally{done: map[string]int{}}
	ctx, cancel := context.WithCancel(f.ctx)
	var producers, workers sync.WaitGroup
	for _, other := range []*thoonktest.Foreign{f.foreign(), f.foreign().Python()} {
		producers.Go(func() {
			for i := range each {
				other.PutJob("q", fmt.Sprint(i), i%10 == 0)
			}
		})
		workers.Go(func() { // which fails at every fifth
			for i := 0; ctx.Err() == nil; i++ {
				taken, ok := other.GetJob("q")
				switch {
				case !ok:
					time.Sleep(time.Millisecond)
				case i%5 == 0:
					other.CancelJob("q", taken.ID)
				case other.FinishJob("q", taken.ID, &taken.Body) && taken.Body != "":
					count.note(taken.ID)
				}
			}
		})
	}
	for _, own := range []*fixture{f, g} {
		producers.Go(func() {
			for i := range each / 5 {
				jobs := make([]thoonk.NewJob, 5)
				for k := range jobs {
					jobs[k] = thoonk.NewJob{Payload: fmt.Append(nil, i), High: i%10 == 0}
				}
				if _, err := own.trySubmit("q", jobs...); err != nil {
					t.Error(err)
				}
			}
		})
		workers.Go(func() { // which fails at every fifth too, or forgets
			for i := 0; ctx.Err() == nil; i++ {
				claimed, err := own.ClaimJobs(f.ctx, "q", []thoonk.ClaimJobs{{Count: 3, Lease: thoonk.MinLease * 3}})
				if err != nil {
					t.Error(err)
					return
				}
				if len(claimed[0].Jobs) == 0 {
					time.Sleep(time.Millisecond)
				}
				for k, j := range claimed[0].Jobs {
					token := claimed[0].Lease.Token
					switch {
					case (i+k)%5 == 0:
						_, err = own.CancelJobs(f.ctx, "q", []thoonk.CancelJob{{ID: j.ID, Token: token}})
					case (i+k)%11 == 0: // its lease ends
					default:
						var ends []thoonk.JobEnd
						ends, err = own.FinishJobs(f.ctx, "q", []thoonk.FinishJob{{ID: j.ID, Token: token}})
						if err == nil && ends[0].Err == nil {
							count.note(string(j.ID))
						}
					}
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	workers.Go(func() {
		old := f.foreign()
		for ctx.Err() == nil {
			old.MaintainJobs("q", time.Hour)
			time.Sleep(time.Millisecond)
		}
	})
	producers.Wait()
	thoonktest.Eventually(t, "all jobs are done", func() bool { return count.all(4 * each) })
	cancel()
	workers.Wait()

	counts, err := f.CountJobs(f.ctx, "q")
	f.ok(err)
	if counts.Held != heldJobs {
		t.Errorf("%d jobs are held, of %d", counts.Held, heldJobs)
	}
	if n := f.redis.HLen(f.ctx, "feed.items:q").Val(); n != 0 {
		t.Errorf("%d jobs are left: %v", n, f.redis.HGetAll(f.ctx, "feed.items:q").Val())
	}
	count.mu.Lock()
	defer count.mu.Unlock()
	for id, n := range count.done {
		if n != 1 {
			t.Errorf("%s was finished %d times", id, n)
		}
	}
	if len(count.done) != 4*each {
		t.Errorf("%d jobs were done, of %d", len(count.done), 4*each)
	}
	f.contiguous("q")
}

// A script that cannot do all of its work does none of it: keys of another type, and a Redis that takes nothing more.
func TestJobScriptsAreWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	prepare := func() thoonk.Claimed {
		f.ok(f.redis.FlushAll(f.ctx).Err())
		f.jobs("q", thoonk.JobConfig{})
		f.submit("q", job("a", "A"), job("b", "B"), job("c", "C"))
		return f.claim("q", 2)
	}
	verbs := map[string]func(token string) error{
		"submit": func(string) error { _, err := f.trySubmit("q", job("d", "")); return err },
		"claim":  func(string) error { _, err := f.ClaimJobs(f.ctx, "q", []thoonk.ClaimJobs{{Count: 1}}); return err },
		"finish": func(token string) error {
			_, err := f.FinishJobs(f.ctx, "q", []thoonk.FinishJob{{ID: "a", Token: token}})
			return err
		},
		"cancel": func(token string) error {
			_, err := f.CancelJobs(f.ctx, "q", []thoonk.CancelJob{{ID: "a", Token: token}})
			return err
		},
		"retract": func(string) error {
			_, err := f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q", Filter: thoonk.JobFilter{IDs: []thoonk.JobID{"c"}}})
			return err
		},
	}
	for _, key := range []string{"feed.ids:q", "feed.items:q", "feed.published:q", "feed.claimed:q", "feed.cancelled:q", "feed.stalled:q", "feed.finishes:q", "feed.publishes:q"} {
		for verb, do := range verbs {
			c := prepare()
			f.ok(f.redis.Del(f.ctx, key).Err())
			f.ok(f.redis.Set(f.ctx, key, "no number", 0).Err())
			before := fmt.Sprint(f.dump())
			f.fails(do(c.Lease.Token), thoonk.Conflict)
			if after := fmt.Sprint(f.dump()); after != before {
				t.Fatalf("%s with a strange %s wrote:\n%s\nbefore\n%s", verb, key, after, before)
			}
		}
	}
	for verb, do := range verbs {
		c := prepare()
		f.ok(f.redis.ConfigSet(f.ctx, "maxmemory", "1").Err())
		before := fmt.Sprint(f.dump())
		err := do(c.Lease.Token)
		after := fmt.Sprint(f.dump())
		f.ok(f.redis.ConfigSet(f.ctx, "maxmemory", "0").Err())
		f.fails(err, thoonk.Unavailable)
		if after != before {
			t.Fatalf("%s on a full Redis wrote:\n%s\nbefore\n%s", verb, after, before)
		}
	}
}
