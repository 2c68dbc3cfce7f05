package store

import (
	"bytes"
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/schema"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// RetryJobs puts stalled jobs back into their queue. JobEnd.Err is Conflict for a job that is not stalled, and NotFound where one of
// the ids is unknown. Errors: NotFound (the queue), Invalid (the filter), Conflict, Unavailable.
func (s *Store) RetryJobs(ctx context.Context, r thoonk.RetryJobs) (thoonk.JobsDone, error) {
	if r.Filter.IDs == nil {
		if r.Filter.State != "" && r.Filter.State != thoonk.JobStalled {
			return thoonk.JobsDone{}, thoonk.E(thoonk.Invalid, "only stalled jobs are retried").In("state")
		}
		r.Filter.State = thoonk.JobStalled
	}
	return s.overJobs(ctx, "retry", scriptRetry, r.Queue, r.Filter, r.Actor, nil, func(end *thoonk.JobEnd) {
		if end.State == "retried" {
			end.State = thoonk.JobQueued
			return
		}
		end.Err = thoonk.E(thoonk.Conflict, "the job is %s, not stalled", end.State)
	})
}

// RetractJobs takes jobs back. JobEnd.Err is Conflict for a job that is finished, and NotFound where one of the ids is unknown. With Ask,
// the State of a claimed job stays claimed. Errors: NotFound (the queue), Invalid (the filter), Conflict, Unavailable.
func (s *Store) RetractJobs(ctx context.Context, r thoonk.RetractJobs) (thoonk.JobsDone, error) {
	ask := ""
	if r.Ask {
		ask = "1"
	}
	return s.overJobs(ctx, "retract", scriptRetract, r.Queue, r.Filter, r.Actor, []any{ask}, func(end *thoonk.JobEnd) {
		if end.State == thoonk.JobFinished {
			end.Err = thoonk.E(thoonk.Conflict, "the job is finished")
		}
	})
}

func (s *Store) overJobs(ctx context.Context, op string, script *redis.Script, queue thoonk.FeedName, f thoonk.JobFilter, actor string,
	before []any, judge func(*thoonk.JobEnd),
) (thoonk.JobsDone, error) {
	filter, err := filterArgs(f)
	if err != nil {
		return thoonk.JobsDone{}, err
	}
	args := append(append([]any{""}, before...), filter...)
	a, err := s.runKeys(ctx, op, script, jobKeys(queue, thoonk.Once{}), queue, escape(actor), args...)
	if err != nil {
		return thoonk.JobsDone{}, err
	}
	done := thoonk.JobsDone{Next: a.text(0)}
	found := make(map[thoonk.JobID]bool)
	for i := 1; i+1 < len(a); i += 2 {
		end := thoonk.JobEnd{ID: thoonk.JobID(a.text(i)), State: thoonk.JobState(a.text(i + 1))}
		judge(&end)
		found[end.ID] = true
		done.Jobs = append(done.Jobs, end)
	}
	for _, id := range f.IDs {
		if !found[id] {
			found[id] = true
			done.Jobs = append(done.Jobs, thoonk.JobEnd{ID: id, Err: noSuchJob(queue)})
		}
	}
	return done, nil
}

// EditJob replaces the payload of a stalled or held job, and returns the job. Stamps stay as they are. Errors: NotFound (queue or job), Conflict (the job is in
// another state), Stale (its payload is another than it was), Invalid and Unprocessable (the payload), TooLarge, Unavailable.
func (s *Store) EditJob(ctx context.Context, e thoonk.EditJob) (thoonk.Job, error) {
	if err := e.Form.Check(e.Payload); err != nil {
		return thoonk.Job{}, err
	}
	if len(e.Payload) > thoonk.MaxJobPayload {
		return thoonk.Job{}, thoonk.E(thoonk.TooLarge, "a payload has at most %d bytes", thoonk.MaxJobPayload).In("payload")
	}
	before, err := s.Job(ctx, e.Queue, e.ID)
	if err != nil {
		return before, err
	}
	edited := thoonk.E(thoonk.Stale, "the job was edited by somebody else")
	if e.Was != nil && !bytes.Equal(e.Was, before.Payload) {
		return before, edited
	}
	payload, was := e.Payload, digest(before.Payload)
	err = s.checked(ctx, e.Queue, func(checks *schema.Checks) error {
		if checks == nil {
			payload = e.Payload
			return nil
		}
		kept, err := checks.ApplyEdit(e.Form, e.Payload, before.Payload)
		if err != nil {
			return err
		}
		payload = kept
		return nil
	}, func(digest string) error {
		args := []any{"", string(e.ID), payload, contentsArg(e.Form.Contents(payload)), digest, was}
		_, err := s.runKeys(ctx, "edit job", scriptEditJob, jobKeys(e.Queue, thoonk.Once{}), e.Queue, escape(e.Actor), args...)
		return err
	})
	if thoonk.KindOf(err) == thoonk.Stale {
		err = edited
	}
	if err != nil {
		return thoonk.Job{}, err
	}
	return s.Job(ctx, e.Queue, e.ID)
}

// PauseQueue makes claims get nothing, or go on. Errors: NotFound, Conflict (its type; others configure it at the same time),
// Unavailable.
func (s *Store) PauseQueue(ctx context.Context, queue thoonk.FeedName, paused bool, actor string) (thoonk.Feed, error) {
	for range 10 {
		feed, err := s.Feed(ctx, queue)
		if err != nil || feed.Config.Job.Paused == paused {
			return feed, err
		}
		if !isQueue(feed.Config.Type) {
			return feed, refusal(queue, "conflict", "type", string(feed.Config.Type))
		}
		put := thoonk.PutFeed{Name: queue, Config: feed.Config, If: thoonk.Condition{Match: []thoonk.Revision{feed.Revision}}, Actor: actor}
		put.Config.Job.Paused = paused
		feed, _, err = s.PutFeed(ctx, put)
		if thoonk.KindOf(err) != thoonk.Stale {
			return feed, err
		}
	}
	return thoonk.Feed{}, thoonk.E(thoonk.Conflict, "others configure %q at the same time", queue)
}

func isNil(err error) bool { return errors.Is(err, redis.Nil) }
