package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/calendar"
	"github.com/thoonkd/thoonkd/internal/schema"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	recurBatch = 100
	recurEvery = time.Second // at most, between two looks at what is due
)

// recur runs schedules until ctx ends. Every process does so: a run is the process's whose script comes first.
func (s *Store) recur(ctx context.Context) {
	for {
		wait, err := s.RunSchedules(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.DebugContext(ctx, "jobs: schedules wait", "error", err)
		}
		if err != nil {
			wait = recurEvery
		}
		if !sleep(ctx, min(max(wait, time.Millisecond), recurEvery)) {
			return
		}
	}
}

// RunSchedules puts the jobs of the schedules that are due, by the clock of Redis, and returns how long it is until the next one is; an hour
// if none is known. Errors: Unavailable.
func (s *Store) RunSchedules(ctx context.Context) (time.Duration, error) {
	var clock *redis.TimeCmd
	var first *redis.ZSliceCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		clock = p.Time(ctx)
		first = p.ZRangeWithScores(ctx, keyRecurring, 0, recurBatch-1)
		return nil
	})
	if err != nil {
		return 0, failure("run schedules", err)
	}
	now := clock.Val()
	for _, due := range first.Val() {
		at := time.UnixMilli(int64(due.Score))
		if at.After(now) {
			return at.Sub(now), nil
		}
		member, _ := due.Member.(string)
		queue, name, _ := strings.Cut(member, "\n")
		err := s.runSchedule(ctx, thoonk.FeedName(queue), thoonk.ItemID(name), at, now)
		switch {
		case thoonk.KindOf(err) == thoonk.Unavailable:
			return 0, err
		case err != nil:
			s.log.WarnContext(ctx, "jobs: a schedule does not run", "queue", queue, "schedule", name, "error", err)
			if err := s.postpone(ctx, member, due.Score, now); err != nil {
				return 0, err
			}
		}
	}
	if len(first.Val()) == recurBatch {
		return 0, nil
	}
	return time.Hour, nil
}

// postpone keeps a schedule that cannot be run from being tried all the time.
func (s *Store) postpone(ctx context.Context, member string, score float64, now time.Time) error {
	again := redis.Z{Score: max(score, float64(now.Add(time.Minute).UnixMilli())), Member: member}
	if err := s.redis.ZAddXX(ctx, keyRecurring, again).Err(); err != nil {
		return failure("run schedules", err)
	}
	return nil
}

// runSchedule puts the job of a schedule that is due, for the last of the due times that were missed.
func (s *Store) runSchedule(ctx context.Context, queue thoonk.FeedName, name thoonk.ItemID, due, now time.Time) error {
	sc, err := s.Schedule(ctx, queue, name)
	if passes(err) { // the queue or the schedule is gone
		return s.fire(ctx, scriptSkip, thoonk.Schedule{Queue: queue, Name: name}, firing{awaited: due}, nil)
	}
	if err != nil {
		return err
	}
	when, err := calendar.Parse(sc.Recurrence)
	if err != nil {
		return err
	}
	f := firing{awaited: due}
	f.run, f.next = when.Missed(due, now)
	f.job = runID(name, f.run)
	job := sc.Job
	job.ID = f.job
	if sc.Alone {
		job.Unique = "schedule:" + string(name)
	}
	sub := thoonk.SubmitJobs{Queue: queue, Jobs: []thoonk.NewJob{job}, Actor: sc.Owner}
	err = s.checked(ctx, queue, func(checks *schema.Checks) (err error) {
		sub, err = heldTo(checks, thoonk.SubmitJobs{Queue: queue, Jobs: []thoonk.NewJob{job}, Actor: sc.Owner})
		return err
	}, func(digest string) error {
		args, err := submitArgs(sub, digest)
		if err != nil {
			return err
		}
		return s.fire(ctx, scriptFire, sc, f, args)
	})
	if refused, ok := errors.AsType[*thoonk.BatchError](err); ok {
		f.job, f.fault = "", refused.Reason.Public
		return s.fire(ctx, scriptSkip, sc, f, nil)
	}
	return err
}

// runID names the job of a run: it shows when it was due.
func runID(name thoonk.ItemID, due time.Time) thoonk.JobID {
	return thoonk.JobID(string(name) + "@" + due.UTC().Format("2006-01-02T15:04:05.999Z07:00"))
}

// firing is one run of a schedule.
type firing struct {
	awaited time.Time // as thoonk.recurring has it
	run     time.Time // zero: none
	next    time.Time // zero: never again
	job     thoonk.JobID
	fault   string
	uncount string
}

// fire calls a script that has lua/fire.lua in front. That another process was faster is no error.
func (s *Store) fire(ctx context.Context, script *redis.Script, sc thoonk.Schedule, f firing, args []any) error {
	if args == nil {
		args = []any{""}
	}
	args = append(args, string(sc.Name), millisOf(f.awaited), millisOf(f.run), millisOf(f.next), string(f.job), f.fault, f.uncount)
	reply, err := script.Run(ctx, s.redis, scheduleKeys(sc.Queue), s.argv(sc.Queue, escape(sc.Owner), args)...).Slice()
	if err != nil {
		return failure("run schedule", err)
	}
	a := answer(reply)
	if a.text(0) == "early" || a.text(0) == "passed" {
		return nil
	}
	a, err = parseAnswer("run schedule", sc.Queue, reply)
	if script == scriptSkip && passes(err) {
		return nil // and so it was removed
	}
	if err != nil {
		return err
	}
	s.told(sc.Queue)
	if script == scriptFire && a.text(3) == "1" {
		// The job of the run before is not over: this one put none.
		f.awaited, f.job, f.fault, f.uncount = f.next, "", "the job of the run before is not over", "1"
		return s.fire(ctx, scriptSkip, sc, f, nil)
	}
	return nil
}

func millisOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}
