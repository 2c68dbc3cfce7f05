package main

import (
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// countedJobs counts what is done with jobs, by clients and by pushes alike.
type countedJobs struct {
	*store.Store
	count func(what string, n int)
}

func (c countedJobs) Submit(ctx context.Context, s thoonk.SubmitJobs) ([]thoonk.Submitted, error) {
	done, err := c.Store.Submit(ctx, s)
	fresh := 0
	for _, d := range done {
		if !d.Existing {
			fresh++
		}
	}
	c.count("submit", fresh)
	return done, err
}

func (c countedJobs) Claim(ctx context.Context, queue thoonk.FeedName, r thoonk.ClaimJobs, wait time.Duration) (thoonk.Claimed, error) {
	got, err := c.Store.Claim(ctx, queue, r, wait)
	c.count("claim", len(got.Jobs))
	return got, err
}

func (c countedJobs) Finish(ctx context.Context, queue thoonk.FeedName, jobs []thoonk.FinishJob) ([]thoonk.JobEnd, error) {
	ends, err := c.Store.Finish(ctx, queue, jobs)
	c.ended("finish", ends)
	return ends, err
}

func (c countedJobs) CancelJobs(ctx context.Context, queue thoonk.FeedName, jobs []thoonk.CancelJob) ([]thoonk.JobEnd, error) {
	ends, err := c.Store.CancelJobs(ctx, queue, jobs)
	c.ended("cancel", ends)
	return ends, err
}

func (c countedJobs) StallJobs(ctx context.Context, queue thoonk.FeedName, jobs []thoonk.StallJob) ([]thoonk.JobEnd, error) {
	ends, err := c.Store.StallJobs(ctx, queue, jobs)
	c.ended("stall", ends)
	return ends, err
}

func (c countedJobs) ended(what string, ends []thoonk.JobEnd) {
	done, lost := 0, 0
	for _, e := range ends {
		switch {
		case e.Err == nil:
			done++
		case e.Err.Kind == thoonk.Conflict:
			lost++
		}
	}
	c.count(what, done)
	c.count("lost", lost)
}
