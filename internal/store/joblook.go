package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Job returns one job, or what is kept of it once it is over. Errors: NotFound (queue or job), Conflict, Unavailable.
func (s *Store) Job(ctx context.Context, queue thoonk.FeedName, id thoonk.JobID) (thoonk.Job, error) {
	jobs, err := s.JobsByID(ctx, queue, []thoonk.JobID{id})
	if err != nil {
		return thoonk.Job{}, err
	}
	if len(jobs) == 0 {
		return thoonk.Job{}, noSuchJob(queue)
	}
	return jobs[0], nil
}

func noSuchJob(queue thoonk.FeedName) *thoonk.Error {
	return thoonk.E(thoonk.NotFound, "no such job in queue %q", queue)
}

// JobsByID returns those of the jobs that are there, or were and are remembered. One that another client finished a moment ago is in
// neither place: it is settled then and there. Errors: NotFound (the queue), Invalid (too many), Conflict, Unavailable.
func (s *Store) JobsByID(ctx context.Context, queue thoonk.FeedName, ids []thoonk.JobID) ([]thoonk.Job, error) {
	filter := thoonk.JobFilter{IDs: ids}
	page, err := s.chosenJobs(ctx, queue, filter)
	if err != nil || len(page.Jobs) >= len(ids) {
		return page.Jobs, err
	}
	found := make(map[thoonk.JobID]bool, len(page.Jobs))
	for _, j := range page.Jobs {
		found[j.ID] = true
	}
	missing := slices.DeleteFunc(slices.Clone(ids), func(id thoonk.JobID) bool { return found[id] })
	if _, err := s.SettleJobs(ctx, queue, missing); err != nil {
		return nil, err
	}
	page, err = s.chosenJobs(ctx, queue, filter)
	return page.Jobs, err
}

// Jobs returns a page of jobs: queued ones next first, held ones by their time, claimed ones oldest claim first, those that are over
// newest first. Errors: NotFound, Invalid (After), Conflict, Unavailable.
func (s *Store) Jobs(ctx context.Context, q thoonk.JobQuery) (thoonk.JobPage, error) {
	if q.State != "" {
		return s.chosenJobs(ctx, q.Queue, thoonk.JobFilter{State: q.State, Submitter: q.Submitter, Group: q.Group, Limit: q.Limit, After: q.After})
	}
	state, after, _ := strings.Cut(q.After, " ")
	states := []thoonk.JobState{thoonk.JobClaimed, thoonk.JobQueued, thoonk.JobHeld, thoonk.JobStalled}
	for i, st := range states {
		if state != "" && state != string(st) {
			continue
		}
		page, err := s.chosenJobs(ctx, q.Queue, thoonk.JobFilter{State: st, Submitter: q.Submitter, Group: q.Group, Limit: q.Limit, After: after})
		switch {
		case err != nil:
			return page, err
		case page.Next != "":
			page.Next = string(st) + " " + page.Next
			return page, nil
		case i == len(states)-1:
			return page, nil
		case len(page.Jobs) > 0:
			page.Next = string(states[i+1]) + " "
			return page, nil
		}
		state, after = "", ""
	}
	return thoonk.JobPage{}, notACursor()
}

func notACursor() *thoonk.Error {
	return thoonk.E(thoonk.Invalid, "the cursor is not one of this list").In("cursor")
}

func (s *Store) chosenJobs(ctx context.Context, queue thoonk.FeedName, f thoonk.JobFilter) (thoonk.JobPage, error) {
	args, err := filterArgs(f)
	if err != nil {
		return thoonk.JobPage{}, err
	}
	a, err := s.runKeys(ctx, "read jobs", scriptJobs, jobKeys(queue, thoonk.Once{}), queue, "", append([]any{""}, args...)...)
	if err != nil {
		return thoonk.JobPage{}, err
	}
	content, attempts, page := contentOf(a.text(0)), int(a.number(1)), thoonk.JobPage{Next: a.text(2)}
	for a = a[3:]; len(a) >= 10; a = a[10:] {
		j, err := parseJob(a)
		if err != nil {
			continue // only another client can have written it, and no edge could name it
		}
		j.Queue, j.Content = queue, content
		if j.MaxAttempts == 0 {
			j.MaxAttempts = attempts
		}
		page.Jobs = append(page.Jobs, j)
	}
	return page, nil
}

// filterArgs writes a filter as choose in lua/joblook.lua reads it.
func filterArgs(f thoonk.JobFilter) ([]any, error) {
	if len(f.IDs) > thoonk.MaxBatch {
		return nil, thoonk.E(thoonk.Invalid, "at most %d jobs at once", thoonk.MaxBatch).In("ids")
	}
	if f.Limit <= 0 || f.Limit > thoonk.MaxBatch {
		f.Limit = thoonk.MaxBatch
	}
	if f.IDs != nil {
		args := []any{"ids", "", escape(f.Submitter), f.Group, f.Limit, ""}
		for _, id := range f.IDs {
			args = append(args, string(id))
		}
		return args, nil
	}
	switch f.State {
	case thoonk.JobQueued, thoonk.JobHeld, thoonk.JobClaimed, thoonk.JobStalled, thoonk.JobFinished, thoonk.JobRetracted:
	default:
		return nil, thoonk.E(thoonk.Invalid, "a state is queued, held, claimed, stalled, finished or retracted").In("state")
	}
	if _, err := strconv.ParseUint(f.After, 10, 64); f.After != "" && err != nil {
		return nil, notACursor()
	}
	return []any{"state", string(f.State), escape(f.Submitter), f.Group, f.Limit, f.After}, nil
}

// parseJob reads what lua/jobs.lua answers for one job.
func parseJob(a answer) (thoonk.Job, error) {
	id, err := thoonk.ParseItemID(a.text(0))
	j := thoonk.Job{ID: id, State: thoonk.JobState(a.text(1)), Submitted: scoreTime(a.text(5))}
	if j.State.Ended() {
		noteOutcome(&j, a.text(9))
		return j, err
	}
	j.Payload = []byte(a.text(2))
	j.Attempt = int(a.number(4)) + 1
	noteRecord(&j, a.text(3))
	switch j.State {
	case thoonk.JobClaimed:
		j.Claimed = scoreTime(a.text(6))
		if lease := strings.SplitN(a.text(7), " ", 4); len(lease) == 4 {
			j.Expires, j.Worker = milliTime(lease[1]), unescape(lease[3])
		}
	case thoonk.JobHeld:
		if due, err := strconv.ParseFloat(a.text(8), 64); err == nil && due < 9e15 {
			j.Due = micros(strconv.FormatFloat(due, 'f', 0, 64))
		}
	}
	return j, err
}

// CountJobs returns how many jobs a queue has. Errors: NotFound, Conflict (its type), Unavailable.
func (s *Store) CountJobs(ctx context.Context, queue thoonk.FeedName) (thoonk.JobCounts, error) {
	feed, err := s.Feed(ctx, queue)
	if err != nil {
		return thoonk.JobCounts{}, err
	}
	if !isQueue(feed.Config.Type) {
		return thoonk.JobCounts{}, refusal(queue, "conflict", "type", string(feed.Config.Type))
	}
	p := s.redis.TxPipeline()
	further := furtherKeys(queue)
	queued, held, due := p.LLen(ctx, keyIDs(queue)), p.HLen(ctx, ofQueue("held", queue)), p.ZCard(ctx, further[2])
	stalled, submits, finishes := p.SCard(ctx, further[4]), p.Get(ctx, "feed.publishes:"+string(queue)), p.Get(ctx, further[5])
	if _, err := p.Exec(ctx); err != nil && !isNil(err) {
		return thoonk.JobCounts{}, failure("count jobs", err)
	}
	c := thoonk.JobCounts{Queued: queued.Val(), Held: held.Val(), Claimed: due.Val(), Stalled: stalled.Val()}
	c.Submits, _ = submits.Int64()
	c.Finishes, _ = finishes.Int64()
	if feed.Config.Type == thoonk.TypeQueue { // what is held is leased
		c.Claimed, c.Held = c.Held, 0
	}
	return c, nil
}
