package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	jobCallers = 50
	jobBulk    = 100 // jobs of a claim and of a finish in bulk
	jobBatch   = 1000
)

// jobPayload has 200 bytes.
var jobPayload = []byte(`{"text":"` + strings.Repeat("x", 189) + `"}`)

// jobSide is one way to put many jobs into a queue, or to do all that are in it. Both say how long it took.
type jobSide struct {
	name string
	put  func(ctx context.Context, n int) (time.Duration, error)
	work func(ctx context.Context, n int) (time.Duration, error)
}

// measureJobs compares queues of jobs that do nothing, on one Redis with an append-only file.
func measureJobs(ctx context.Context, s settings, t *table) (err error) {
	r, err := startRedis(ctx, "--appendonly", "yes", "--appendfsync", "everysec")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	st, err := store.Open(store.Options{URL: r.url()})
	if err != nil {
		return err
	}
	defer st.Close()
	defer start(ctx, st.Watch)()
	c, err := startChild(ctx, "full", r.url())
	if err != nil {
		return err
	}
	defer func() { _ = c.stop() }()
	bull, err := newBull(ctx, r)
	if err != nil {
		return err
	}
	n := max(jobBatch, int(s.time.Seconds()*20_000))

	ours := &ourJobs{store: st, queue: "q"}
	silent := &ourJobs{store: st, queue: "q", config: thoonk.JobConfig{Events: thoonk.NoJobEvents}}
	bare := newBareJobs(r)
	over := &restJobs{ourJobs: ours, url: "http://" + c.address}

	got, err := compareJobs(ctx, s, r, n, true, ours.side("ours", ours.bulk), silent.side("ours, no events", silent.bulk), bare.side(), bull.side())
	if err != nil {
		return err
	}
	t.rates(got, "jobs put in bulk", "ours", bull.name, "10 times")
	t.rates(got, "jobs put in bulk", "ours", bare.name, "")
	t.rates(got, "the same: with events or without", "ours", "ours, no events", "")
	got, err = compareJobs(ctx, s, r, n, false, ours.side("ours", ours.bulk), silent.side("ours, no events", silent.bulk), bare.side(), bull.side())
	if err != nil {
		return err
	}
	t.rates(got, "jobs claimed and finished in bulk", "ours", bull.name, "10 times")
	t.rates(got, "jobs claimed and finished in bulk", "ours", bare.name, "half")
	t.rates(got, "the same: with events or without", "ours", "ours, no events", "")
	asynq := newAsynq(r)
	got, err = compareJobs(ctx, s, r, n, false, ours.side("inside", ours.single), over.side("over REST", over.single), bull.side(), asynq.side())
	if err != nil {
		return err
	}
	t.rates(got, "jobs claimed and finished one by one, inside the process", "inside", bull.name, "4 times")
	t.rates(got, "jobs claimed and finished one by one, inside the process", "inside", asynq.name, "")
	t.rates(got, "jobs claimed and finished one by one, over REST", "over REST", bull.name, "2 times")
	t.rates(got, "jobs claimed and finished one by one, over REST", "over REST", asynq.name, "")
	return measurePickUp(ctx, s, r, over, t)
}

// compareJobs measures putting, or working, in turn. Before working the jobs are put, which is not measured.
func compareJobs(ctx context.Context, s settings, r *server, n int, put bool, sides ...jobSide) (results, error) {
	var all []side
	for _, j := range sides {
		all = append(all, side{j.name, func(ctx context.Context) (figures, error) {
			if err := r.clear(ctx); err != nil {
				return nil, err
			}
			took, err := j.put(ctx, n)
			if err == nil && !put {
				took, err = j.work(ctx, n)
			}
			return figures{rate: perSecond(n, took)}, err
		}})
	}
	return compare(ctx, s.rounds, all)
}

// ourJobs are those of the store, inside the process.
type ourJobs struct {
	store  *store.Store
	queue  thoonk.FeedName
	config thoonk.JobConfig
}

func (o *ourJobs) side(name string, work func(context.Context, int) (time.Duration, error)) jobSide {
	return jobSide{name, o.put, work}
}

func (o *ourJobs) put(ctx context.Context, n int) (time.Duration, error) {
	put := thoonk.PutFeed{Name: o.queue, Config: thoonk.Config{Type: thoonk.TypeJob, Job: o.config}}
	if _, _, err := o.store.PutFeed(ctx, put); err != nil {
		return 0, err
	}
	jobs := make([]thoonk.NewJob, jobBatch)
	for i := range jobs {
		jobs[i] = thoonk.NewJob{Form: thoonk.FormBody, Payload: jobPayload}
	}
	begun := time.Now()
	for ; n > 0; n -= jobBatch {
		if _, err := o.store.SubmitJobs(ctx, thoonk.SubmitJobs{Queue: o.queue, Jobs: jobs[:min(n, jobBatch)], Actor: "bench"}); err != nil {
			return 0, err
		}
	}
	return time.Since(begun), nil
}

// bulk claims and finishes many at once.
func (o *ourJobs) bulk(ctx context.Context, n int) (time.Duration, error) {
	return drain(ctx, n, 2, func(ctx context.Context) (int, error) {
		claimed, err := o.store.ClaimJobs(ctx, o.queue, []thoonk.ClaimJobs{{Count: jobBulk, Actor: "bench"}})
		if err != nil || len(claimed[0].Jobs) == 0 {
			return 0, err
		}
		return o.finish(ctx, claimed[0], o.store.FinishJobs)
	})
}

// single lets many callers claim and finish one by one.
func (o *ourJobs) single(ctx context.Context, n int) (time.Duration, error) {
	return drain(ctx, n, jobCallers, func(ctx context.Context) (int, error) {
		claimed, err := o.store.Claim(ctx, o.queue, thoonk.ClaimJobs{Count: 1, Actor: "bench"}, 0)
		if err != nil || len(claimed.Jobs) == 0 {
			return 0, err
		}
		return o.finish(ctx, claimed, o.store.Finish)
	})
}

func (o *ourJobs) finish(ctx context.Context, c thoonk.Claimed, finish func(context.Context, thoonk.FeedName, []thoonk.FinishJob) ([]thoonk.JobEnd, error)) (int, error) {
	ends := make([]thoonk.FinishJob, len(c.Jobs))
	for i, j := range c.Jobs {
		ends[i] = thoonk.FinishJob{ID: j.ID, Token: c.Lease.Token, Actor: "bench"}
	}
	done, err := finish(ctx, o.queue, ends)
	for _, d := range done {
		if d.Err != nil {
			return 0, d.Err
		}
	}
	return len(done), err
}

// drain lets callers work until n jobs are done.
func drain(ctx context.Context, n, callers int, step func(context.Context) (int, error)) (time.Duration, error) {
	var done atomic.Int64
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	finished := errors.New("all are done")
	begun := time.Now()
	_, took, err := hammer(ctx, callers, time.Minute, func(ctx context.Context) error {
		k, err := step(ctx)
		switch total := done.Add(int64(k)); {
		case err != nil:
			return err
		case total >= int64(n):
			return finished
		case k == 0:
			time.Sleep(time.Millisecond) // others have the last ones
		}
		return nil
	})
	if errors.Is(err, finished) {
		return time.Since(begun), nil
	}
	if err == nil {
		err = fmt.Errorf("%d of %d jobs were done in %v", done.Load(), n, took)
	}
	return 0, err
}
