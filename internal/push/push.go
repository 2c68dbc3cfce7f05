// Package push works queues that have a webhook: their jobs are POSTed to it, and its answer says what became of them.
//
// Every process pushes. Each claims as any worker does, so no job goes out twice at once, and nobody has to lead; its
// leases are bound to the process, so the jobs of one that dies are given back with its heartbeat.
package push

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// lookEvery is between two looks for queues that have got a webhook, or another one.
const lookEvery = time.Second

// Store keeps the queues.
type Store interface {
	Process() string
	Webhooks(context.Context) (map[thoonk.FeedName]thoonk.Config, error)
	Claim(ctx context.Context, queue thoonk.FeedName, c thoonk.ClaimJobs, wait time.Duration) (thoonk.Claimed, error)
	Finish(context.Context, thoonk.FeedName, []thoonk.FinishJob) ([]thoonk.JobEnd, error)
	CancelJobs(context.Context, thoonk.FeedName, []thoonk.CancelJob) ([]thoonk.JobEnd, error)
	StallJobs(context.Context, thoonk.FeedName, []thoonk.StallJob) ([]thoonk.JobEnd, error)
	ExtendLease(context.Context, thoonk.ExtendLease) (thoonk.Extended, error)
	ReleaseHolder(context.Context, thoonk.Holder) error
}

// Sender sends requests to strangers' addresses. Its errors are of type [outbound.Error].
type Sender interface {
	Do(context.Context, outbound.Request) (*outbound.Response, error)
}

// Options are what a [Pusher] is made of.
type Options struct {
	Store  Store
	Sender Sender
	Log    *slog.Logger
	Pushed func(outcome string) // is told of each push: finish, cancel, stall or lost; nil: nobody is told
}

// Pusher works the queues that have a webhook.
type Pusher struct {
	o       Options
	workers map[thoonk.FeedName]*worker
	running sync.WaitGroup
}

// New returns a pusher, which does nothing before Run.
func New(o Options) *Pusher {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Pushed == nil {
		o.Pushed = func(string) {}
	}
	return &Pusher{o: o, workers: make(map[thoonk.FeedName]*worker)}
}

// Run pushes until ctx ends. What is under way then is given up, and given back.
func (p *Pusher) Run(ctx context.Context) {
	defer p.running.Wait()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		queues, err := p.o.Store.Webhooks(ctx)
		if err == nil {
			p.follow(ctx, queues)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// follow starts and stops workers as the queues declare it now.
func (p *Pusher) follow(ctx context.Context, queues map[thoonk.FeedName]thoonk.Config) {
	for _, queue := range slices.Sorted(maps.Keys(p.workers)) {
		if w := p.workers[queue]; !w.does(queues[queue]) {
			w.stopClaiming()
			delete(p.workers, queue)
		}
	}
	for queue, cfg := range queues {
		if p.workers[queue] != nil {
			continue
		}
		w, err := newWorker(p, queue, cfg)
		if err != nil {
			p.o.Log.WarnContext(ctx, "a webhook cannot be used", "queue", queue, "error", err)
			continue
		}
		p.workers[queue] = w
		claiming, stop := context.WithCancel(ctx)
		w.stopClaiming = stop
		p.running.Go(func() { w.run(ctx, claiming) })
	}
}
