package store_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func (f *fixture) schedule(queue thoonk.FeedName, name string, r thoonk.Recurrence) thoonk.Schedule {
	f.Helper()
	sc, _, err := f.PutSchedule(f.ctx, thoonk.PutSchedule{Actor: "owner", Schedule: thoonk.Schedule{
		Queue: queue, Name: thoonk.ItemID(name), Recurrence: r, Job: thoonk.NewJob{Form: thoonk.FormText, Payload: []byte(name)},
	}})
	f.ok(err)
	return sc
}

// Three processes, ten days, and a change of the clock in each direction: one run for each time that is due.
func TestRecurringOverChangesOfTheClock(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]time.Time{
		"spring": time.Date(2026, 3, 24, 0, 0, 30, 0, berlin),
		"autumn": time.Date(2026, 10, 20, 0, 0, 30, 0, berlin),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := thoonktest.Mini(t)
			server.SetTime(from)
			f := newFixture(t, server)
			if now := f.redis.Eval(f.ctx, "return redis.call('TIME')[1]", nil).Val(); now != fmt.Sprint(from.Unix()) {
				t.Fatalf("the clock of scripts shows %v, want %d", now, from.Unix())
			}
			f.jobs("q", thoonk.JobConfig{Results: thoonk.ResultBounds{Keep: -1}})
			f.schedule("q", "night", thoonk.Recurrence{Cron: "30 2 * * *", Zone: "Europe/Berlin"})
			f.schedule("q", "hour", thoonk.Recurrence{Cron: "15 * * * *", Zone: "Europe/Berlin"})
			f.schedule("q", "period", thoonk.Recurrence{Every: 7 * time.Hour})
			stores := []*store.Store{f.Store, f.another(), f.another()}
			submitted := map[string]int{}
			var mu sync.Mutex
			work := func(s *store.Store) {
				if _, err := s.RunSchedules(f.ctx); err != nil {
					t.Error(err)
				}
				claimed, err := s.ClaimJobs(f.ctx, "q", []thoonk.ClaimJobs{{Count: 10}})
				if err != nil {
					t.Error(err)
					return
				}
				for _, j := range claimed[0].Jobs { // done at once, so that its id is free for another run
					if _, err := s.FinishJobs(f.ctx, "q", []thoonk.FinishJob{{ID: j.ID, Token: claimed[0].Lease.Token}}); err != nil {
						t.Error(err)
					}
					mu.Lock()
					submitted[string(j.ID)]++
					mu.Unlock()
				}
			}
			for at := from; !at.After(from.Add(10 * 24 * time.Hour)); at = at.Add(time.Hour) {
				server.SetTime(at)
				var all sync.WaitGroup
				for _, s := range stores {
					all.Go(func() { work(s) })
				}
				all.Wait()
			}
			work(f.Store)
			want := map[string]int{}
			for day := range 10 {
				at := time.Date(from.Year(), from.Month(), from.Day()+day, 2, 30, 0, 0, berlin)
				if name == "spring" && at.Hour() != 2 { // the clock leaps from 2 to 3
					at = time.Date(2026, 3, 29, 3, 0, 0, 0, berlin)
				}
				if name == "autumn" && at.Day() == 25 {
					at = time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // the first of two
				}
				want["night@"+at.UTC().Format(time.RFC3339)] = 1
			}
			for h := range 240 {
				want["hour@"+from.Truncate(time.Hour).Add(time.Duration(h)*time.Hour+15*time.Minute).UTC().Format(time.RFC3339)] = 1
			}
			for n := 1; n <= 240/7; n++ {
				want["period@"+from.Add(time.Duration(n)*7*time.Hour).UTC().Format(time.RFC3339)] = 1
			}
			if !maps.Equal(submitted, want) {
				for _, id := range slices.Sorted(maps.Keys(want)) {
					if submitted[id] != 1 {
						t.Errorf("%s ran %d times", id, submitted[id])
					}
				}
				for id := range submitted {
					if want[id] == 0 {
						t.Errorf("%s was not due", id)
					}
				}
			}
		})
	}
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	server := thoonktest.Mini(t)
	start := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	server.SetTime(start)
	f := newFixture(t, server)
	run := func(at time.Time) {
		t.Helper()
		server.SetTime(at)
		_, err := f.RunSchedules(f.ctx)
		f.ok(err)
	}
	read := func(name string) thoonk.Schedule {
		t.Helper()
		sc, err := f.Schedule(f.ctx, "q", thoonk.ItemID(name))
		f.ok(err)
		return sc
	}
	f.jobs("q", thoonk.JobConfig{})

	sc := f.schedule("q", "a", thoonk.Recurrence{Every: time.Hour})
	if !sc.Next.Equal(start.Add(time.Hour)) {
		t.Errorf("next at %v", sc.Next)
	}
	run(start.Add(59 * time.Minute))
	if n := f.redis.LLen(f.ctx, "feed.ids:q").Val(); n != 0 {
		t.Errorf("%d jobs too early", n)
	}
	run(start.Add(time.Hour))
	run(start.Add(time.Hour))
	if sc := read("a"); sc.Runs != 1 || sc.Last.Job != "a@2026-06-01T13:00:00Z" || !sc.Next.Equal(start.Add(2*time.Hour)) || string(sc.Job.Payload) != "a" {
		t.Errorf("%+v", sc)
	}
	if j, err := f.Job(f.ctx, "q", "a@2026-06-01T13:00:00Z"); err != nil || j.Submitter != "owner" || string(j.Payload) != "a" {
		t.Errorf("%+v, %v", j, err)
	}
	// Nobody was there for days: the last one is made up for.
	run(start.Add(50*time.Hour + time.Minute))
	if sc := read("a"); sc.Runs != 2 || !sc.Last.Due.Equal(start.Add(50*time.Hour)) || !sc.Next.Equal(start.Add(51*time.Hour)) {
		t.Errorf("%+v", sc)
	}
	// The same recurrence keeps its time, another does not; a pause has none.
	server.SetTime(start.Add(50*time.Hour + 30*time.Minute))
	if sc := f.schedule("q", "a", thoonk.Recurrence{Every: time.Hour}); !sc.Next.Equal(start.Add(51 * time.Hour)) {
		t.Errorf("declared again: %v", sc.Next)
	}
	if sc := f.schedule("q", "a", thoonk.Recurrence{Cron: "@hourly"}); !sc.Next.Equal(start.Add(51 * time.Hour)) {
		t.Errorf("declared otherwise: %v", sc.Next)
	}
	_, _, err := f.PutSchedule(f.ctx, thoonk.PutSchedule{Schedule: thoonk.Schedule{Queue: "q", Name: "a", Recurrence: thoonk.Recurrence{Cron: "@hourly"}, Paused: true, Job: job("", "a")}})
	f.ok(err)
	run(start.Add(60 * time.Hour))
	if sc := read("a"); sc.Runs != 2 || !sc.Next.IsZero() || !sc.Paused {
		t.Errorf("paused: %+v", sc)
	}

	// No run beside another.
	_, _, err = f.PutSchedule(f.ctx, thoonk.PutSchedule{Schedule: thoonk.Schedule{Queue: "q", Name: "alone", Recurrence: thoonk.Recurrence{Every: time.Minute}, Alone: true, Job: job("", "x")}})
	f.ok(err)
	run(start.Add(60*time.Hour + time.Minute))
	run(start.Add(60*time.Hour + 2*time.Minute))
	if sc := read("alone"); sc.Runs != 1 || sc.Last.Job != "" || sc.Last.Error == "" || !sc.Next.Equal(start.Add(60*time.Hour+3*time.Minute)) {
		t.Errorf("%+v", sc)
	}
	_, err = f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: "q", Filter: thoonk.JobFilter{IDs: []thoonk.JobID{"alone@2026-06-04T00:01:00Z"}}})
	f.ok(err)
	run(start.Add(60*time.Hour + 3*time.Minute))
	if sc := read("alone"); sc.Runs != 2 || sc.Last.Error != "" {
		t.Errorf("%+v", sc)
	}

	if all, err := f.Schedules(f.ctx, "q"); err != nil || len(all) != 2 || all[0].Name != "a" || all[1].Name != "alone" {
		t.Errorf("%+v, %v", all, err)
	}
	f.ok(f.DeleteSchedule(f.ctx, thoonk.DeleteSchedule{Queue: "q", Name: "alone"}))
	f.fails(f.DeleteSchedule(f.ctx, thoonk.DeleteSchedule{Queue: "q", Name: "alone"}), thoonk.NotFound)
	run(start.Add(100 * time.Hour))

	// What the queue does not admit any more is said, and the time goes on.
	f.schedule("q", "b", thoonk.Recurrence{Every: time.Hour})
	f.feed("q", thoonk.Config{Type: thoonk.TypeJob, Content: thoonk.JSON})
	run(start.Add(101 * time.Hour))
	if sc := read("b"); sc.Runs != 0 || sc.Last.Error == "" || !sc.Next.Equal(start.Add(102*time.Hour)) {
		t.Errorf("%+v", sc)
	}

	// The queue goes, and comes again without them.
	f.foreign().Delete("q")
	f.jobs("q", thoonk.JobConfig{})
	if all, err := f.Schedules(f.ctx, "q"); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	run(start.Add(200 * time.Hour))
	if n := f.redis.ZCard(f.ctx, "thoonk.recurring").Val(); n != 0 {
		t.Errorf("%d are still due", n)
	}
	for field, sc := range map[string]thoonk.Schedule{
		"cron": {Name: "x", Recurrence: thoonk.Recurrence{Cron: "0 0 30 2 *"}},
		"name": {Name: "a\nb", Recurrence: thoonk.Recurrence{Every: time.Hour}},
	} {
		sc.Queue, sc.Job = "q", job("", "x")
		_, _, err := f.PutSchedule(f.ctx, thoonk.PutSchedule{Schedule: sc})
		if e, ok := err.(*thoonk.Error); !ok || e.Field != field { //nolint:errorlint // never wrapped
			t.Errorf("%s: %v", field, err)
		}
	}
	_, _, err = f.PutSchedule(f.ctx, thoonk.PutSchedule{Schedule: thoonk.Schedule{Queue: "none", Name: "x", Recurrence: thoonk.Recurrence{Every: time.Hour}, Job: job("", "x")}})
	f.fails(err, thoonk.NotFound)
}
