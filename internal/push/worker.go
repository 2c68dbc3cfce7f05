package push

import (
	"cmp"
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	claimWait = 30 * time.Second
	pause     = time.Second // after a claim that failed
	actor     = "webhook"
)

// worker pushes the jobs of one queue to one webhook.
type worker struct {
	p       *Pusher
	queue   thoonk.FeedName
	hook    thoonk.Webhook
	secret  outbound.Secret
	lease   time.Duration
	backoff bool // the queue has one of its own
	holder  thoonk.Holder
	slots   chan struct{} // one for each push under way, or asked for

	stopClaiming context.CancelFunc
}

func newWorker(p *Pusher, queue thoonk.FeedName, cfg thoonk.Config) (*worker, error) {
	secret, err := outbound.ParseSecret(cfg.Webhook.Secret)
	if err != nil {
		return nil, err
	}
	return &worker{
		p: p, queue: queue, hook: cfg.Webhook, secret: secret, lease: leaseOf(cfg), backoff: cfg.Job.Backoff != thoonk.Backoff{},
		holder: thoonk.Holder{Process: p.o.Store.Process(), Stream: "push-" + rand.Text()},
		slots:  make(chan struct{}, cmp.Or(cfg.Webhook.Running, thoonk.DefaultPushRunning)),
	}, nil
}

func leaseOf(cfg thoonk.Config) time.Duration { return cmp.Or(cfg.Job.Lease, thoonk.DefaultLease) }

// does reports whether the worker does what a queue declares.
func (w *worker) does(cfg thoonk.Config) bool {
	return w.hook == cfg.Webhook && w.lease == leaseOf(cfg) && w.backoff == (cfg.Job.Backoff != thoonk.Backoff{})
}

// run claims until claiming ends, and works until what is under way is done, or ctx ends.
func (w *worker) run(ctx, claiming context.Context) {
	var pushing sync.WaitGroup
	defer w.release()
	defer pushing.Wait()
	for {
		free := w.free(claiming)
		if free == 0 {
			return
		}
		got, err := w.p.o.Store.Claim(claiming, w.queue, thoonk.ClaimJobs{Count: free, Lease: w.lease, Holder: w.holder, Actor: actor}, claimWait)
		if err != nil && claiming.Err() == nil {
			w.p.o.Log.DebugContext(ctx, "push: no claim", "queue", w.queue, "error", err)
			sleep(claiming, pause)
		}
		for range free - len(got.Jobs) {
			<-w.slots
		}
		for _, job := range got.Jobs {
			pushing.Go(func() {
				defer func() { <-w.slots }()
				w.push(ctx, job, got.Lease.Token)
			})
		}
	}
}

// free waits for a slot, and takes all that are free. It returns 0 when there is to be no further claim.
func (w *worker) free(claiming context.Context) int {
	select {
	case w.slots <- struct{}{}:
	case <-claiming.Done():
		return 0
	}
	for n := 1; ; n++ {
		select {
		case w.slots <- struct{}{}:
		default:
			return n
		}
	}
}

// release gives back what was given up when the process ends.
func (w *worker) release() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.p.o.Store.ReleaseHolder(ctx, w.holder); err != nil {
		w.p.o.Log.Warn("push: jobs wait for the end of their leases", "queue", w.queue, "error", err)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
