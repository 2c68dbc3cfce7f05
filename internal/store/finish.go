package store

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// FinishJobs ends claimed jobs as done, each for itself: JobEnd.Err is Conflict where the lease is lost, and TooLarge where the
// result is, and then the job stays claimed. Errors: NotFound (the queue), Conflict (its type), Unavailable.
func (s *Store) FinishJobs(ctx context.Context, queue thoonk.FeedName, jobs []thoonk.FinishJob) ([]thoonk.JobEnd, error) {
	c := newEnds(len(jobs))
	size, many := 0, 0 // place of the number of the run's jobs in c.args
	var before thoonk.FinishJob
	for i, j := range jobs {
		size += len(j.Result)
		if len(j.Result) > thoonk.MaxJobResult || size > thoonk.MaxBatchBytes {
			err := thoonk.E(thoonk.TooLarge, "a result has at most %d bytes, those of a call %d together", thoonk.MaxJobResult, thoonk.MaxBatchBytes)
			c.refuse(j.ID, err.In("result"))
			size -= len(j.Result)
			continue
		}
		if i == 0 || many == 0 || j.Token != before.Token || j.Actor != before.Actor || j.HasResult != before.HasResult {
			sign := "-"
			if j.HasResult {
				sign = "+"
			}
			c.args = append(c.args, j.Token, escape(j.Actor), sign, 0)
			many = len(c.args) - 1
		}
		before = j
		n, _ := c.args[many].(int)
		c.args[many] = n + 1
		c.add(j.ID, string(j.ID))
		if j.HasResult {
			c.args = append(c.args, j.Result)
		}
	}
	if err := c.fits(); err != nil || len(c.sent) == 0 {
		return c.done, err
	}
	a, err := s.runKeys(ctx, "finish", scriptFinish, jobKeys(queue, thoonk.Once{}), queue, "", c.args...)
	if err != nil {
		return nil, err
	}
	for k, i := range c.sent {
		if a.text(k) == "lost" {
			c.done[i].Err = leaseLost()
		} else {
			c.done[i].State = thoonk.JobFinished
		}
	}
	return c.done, nil
}

// CancelJobs gives claimed jobs back, each for itself: JobEnd.Err is Conflict where the lease is lost. State says where the job is
// now: queued, held until Due, stalled after its last attempt, or retracted if that was asked for. Errors: NotFound (the
// queue), Conflict (its type), Unavailable.
func (s *Store) CancelJobs(ctx context.Context, queue thoonk.FeedName, jobs []thoonk.CancelJob) ([]thoonk.JobEnd, error) {
	c := newEnds(len(jobs))
	for _, j := range jobs {
		delay := ""
		if j.HasDelay {
			if j.Delay < 0 || j.Delay > thoonk.MaxHold {
				c.refuse(j.ID, thoonk.E(thoonk.Invalid, "a delay is 0 to ten years").In("delay"))
				continue
			}
			delay = strconv.FormatInt(j.Delay.Milliseconds(), 10)
		}
		c.add(j.ID, "cancel", string(j.ID), j.Token, escape(cut(j.Error, thoonk.MaxJobError)), delay, escape(j.Actor))
	}
	return c.run(ctx, s, "cancel", scriptGiveBack, queue)
}

// StallJobs puts claimed jobs aside, each for itself: JobEnd.Err is Conflict where the lease is lost. Errors: NotFound (the
// queue), Conflict (its type), Unavailable.
func (s *Store) StallJobs(ctx context.Context, queue thoonk.FeedName, jobs []thoonk.StallJob) ([]thoonk.JobEnd, error) {
	c := newEnds(len(jobs))
	for _, j := range jobs {
		c.add(j.ID, "stall", string(j.ID), j.Token, escape(cut(j.Error, thoonk.MaxJobError)), "", escape(j.Actor))
	}
	return c.run(ctx, s, "stall", scriptGiveBack, queue)
}

// ExtendLease sets a new end for a lease. Errors: NotFound (the queue), Conflict (the lease is lost), Invalid (over the queue's
// limit), TooLarge (the progress), Unavailable.
func (s *Store) ExtendLease(ctx context.Context, e thoonk.ExtendLease) (thoonk.Extended, error) {
	if err := checkLease(e.Lease); err != nil {
		return thoonk.Extended{}, err
	}
	progress := ""
	if e.Progress != nil {
		switch {
		case e.ID == "":
			return thoonk.Extended{}, thoonk.E(thoonk.Invalid, "progress is that of one job").In("id")
		case len(e.Progress) > thoonk.MaxJobProgress:
			return thoonk.Extended{}, thoonk.E(thoonk.TooLarge, "progress has at most %d bytes", thoonk.MaxJobProgress).In("progress")
		case !json.Valid(e.Progress):
			return thoonk.Extended{}, thoonk.E(thoonk.Invalid, "not valid JSON").In("progress")
		}
		progress = escape(string(e.Progress))
	}
	args := []any{"", e.Token, millisArg(e.Lease), string(e.ID), progress}
	a, err := s.runKeys(ctx, "extend", scriptExtend, jobKeys(e.Queue, thoonk.Once{}), e.Queue, escape(e.Actor), args...)
	if err != nil {
		return thoonk.Extended{}, err
	}
	x := thoonk.Extended{Lease: thoonk.Lease{Token: e.Token, Expires: milliTime(a.text(0))}}
	for i := 1; i < len(a); i++ {
		x.Cancelled = append(x.Cancelled, thoonk.JobID(a.text(i)))
	}
	return x, nil
}

func leaseLost() *thoonk.Error {
	return thoonk.E(thoonk.Conflict, "the job is not claimed by this lease, or not any more").In("lease")
}
