package store

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/thoonkd/thoonkd/internal/calendar"
	"github.com/thoonkd/thoonkd/internal/schema"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// scheduleDoc is what of a schedule is kept beside its recurrence.
type scheduleDoc struct {
	Job    thoonk.NewJob
	Alone  bool
	Paused bool
	Owner  string
}

// scheduleKeys are the KEYS of the scripts of schedules.
func scheduleKeys(queue thoonk.FeedName) []string {
	return append(jobKeys(queue, thoonk.Once{}), ofQueue("schedules", queue), keyRecurring)
}

// PutSchedule declares a schedule, whose owner is the actor, and reports whether it is new. Errors: Unprocessable (a recurrence that
// cannot be read, or never comes; a payload against the queue's schema), Invalid, TooLarge, Limited (too many), NotFound (the queue), Conflict
// (its type), Unavailable.
func (s *Store) PutSchedule(ctx context.Context, p thoonk.PutSchedule) (thoonk.Schedule, bool, error) {
	sc := p.Schedule
	sc.Owner = p.Actor
	when, err := checkSchedule(sc)
	if err != nil {
		return sc, false, err
	}
	next := ""
	if !sc.Paused {
		now, err := s.redis.Time(ctx).Result()
		if err != nil {
			return sc, false, failure("put schedule", err)
		}
		next = strconv.FormatInt(when.First(now).UnixMilli(), 10)
	}
	doc, err := json.Marshal(scheduleDoc{Job: templateOf(sc.Job), Alone: sc.Alone, Paused: sc.Paused, Owner: sc.Owner})
	if err != nil {
		return sc, false, thoonk.E(thoonk.Internal, "internal error").Because(err)
	}
	recurrence, err := json.Marshal(sc.Recurrence)
	if err != nil {
		return sc, false, thoonk.E(thoonk.Internal, "internal error").Because(err)
	}
	var a answer
	err = s.checked(ctx, sc.Queue, func(checks *schema.Checks) error {
		_, err := heldTo(checks, thoonk.SubmitJobs{Queue: sc.Queue, Actor: sc.Owner, Jobs: []thoonk.NewJob{sc.Job}})
		if refused, ok := errors.AsType[*thoonk.BatchError](err); ok {
			return refused.Reason
		}
		return err
	}, func(digest string) (err error) {
		a, err = s.runKeys(ctx, "put schedule", scriptPutSchedule, scheduleKeys(sc.Queue), sc.Queue, escape(p.Actor),
			"", string(sc.Name), recurrence, doc, next, thoonk.MaxSchedules, digest)
		return err
	})
	if err != nil {
		return sc, false, err
	}
	sc.Next = milliTime(a.text(1))
	return sc, a.number(0) == 1, nil
}

func checkSchedule(sc thoonk.Schedule) (*calendar.Calendar, error) {
	if _, err := thoonk.ParseItemID(string(sc.Name)); err != nil || len(sc.Name) > thoonk.MaxScheduleName {
		return nil, thoonk.E(thoonk.Invalid, "a name has 1 to %d bytes of UTF-8 without control characters", thoonk.MaxScheduleName).In("name")
	}
	if err := checkNewJob(templateOf(sc.Job)); err != nil {
		return nil, err
	}
	return calendar.Parse(sc.Recurrence)
}

// templateOf leaves of a job what a schedule uses of it.
func templateOf(j thoonk.NewJob) thoonk.NewJob {
	return thoonk.NewJob{Form: j.Form, Payload: j.Payload, High: j.High, MaxAttempts: j.MaxAttempts, Group: j.Group}
}

// Schedule returns one schedule. Errors: NotFound (the queue, or the schedule), Conflict, Unavailable.
func (s *Store) Schedule(ctx context.Context, queue thoonk.FeedName, name thoonk.ItemID) (thoonk.Schedule, error) {
	all, err := s.readSchedules(ctx, queue, "read", name)
	if err != nil {
		return thoonk.Schedule{}, err
	}
	return all[0], nil
}

// Schedules returns the schedules of a queue in the order of their names. Errors: NotFound, Conflict, Unavailable.
func (s *Store) Schedules(ctx context.Context, queue thoonk.FeedName) ([]thoonk.Schedule, error) {
	return s.readSchedules(ctx, queue, "read", "")
}

// DeleteSchedule removes a schedule; the jobs that it put stay. Errors: NotFound (the queue, or the schedule), Conflict, Unavailable.
func (s *Store) DeleteSchedule(ctx context.Context, d thoonk.DeleteSchedule) error {
	_, err := s.readSchedules(ctx, d.Queue, "remove", d.Name)
	return err
}

func (s *Store) readSchedules(ctx context.Context, queue thoonk.FeedName, verb string, name thoonk.ItemID) ([]thoonk.Schedule, error) {
	a, err := s.runKeys(ctx, "read schedules", scriptSchedules, scheduleKeys(queue), queue, "", "", verb, string(name))
	if err != nil {
		return nil, err
	}
	all := make([]thoonk.Schedule, 0, len(a)/5)
	for part := range slices.Chunk(a, 5) {
		sc, err := parseSchedule(queue, part)
		if err != nil {
			return nil, thoonk.E(thoonk.Internal, "internal error").Because(err)
		}
		all = append(all, sc)
	}
	return all, nil
}

func parseSchedule(queue thoonk.FeedName, a answer) (thoonk.Schedule, error) {
	sc := thoonk.Schedule{Queue: queue, Name: thoonk.ItemID(a.text(0)), Runs: a.number(3), Next: milliTime(a.text(4))}
	recurrence, rest, _ := strings.Cut(a.text(1), "\n")
	if err := json.Unmarshal([]byte(recurrence), &sc.Recurrence); err != nil {
		return sc, err
	}
	var doc scheduleDoc
	if err := json.Unmarshal([]byte(rest), &doc); err != nil {
		return sc, err
	}
	sc.Job, sc.Alone, sc.Paused, sc.Owner = doc.Job, doc.Alone, doc.Paused, doc.Owner
	if run := strings.SplitN(a.text(2), "\n", 3); len(run) == 3 {
		sc.Last = thoonk.ScheduleRun{Due: milliTime(run[0]), Job: thoonk.JobID(run[1]), Error: run[2]}
	}
	return sc, nil
}
