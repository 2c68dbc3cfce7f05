package api

import (
	"context"
	"crypto/rand"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	maxStreamJobs = 1000                   // that one stream has at once
	lookAround    = 500 * time.Millisecond // between two looks at jobs that may have ended by way of another process
)

// claimants are the streams of this process that claim jobs, by queue: a job that ends by way of this process makes room
// on one of them at once.
type claimants struct {
	mu sync.Mutex
	by map[thoonk.FeedName]map[*claimant]struct{}
}

func (cs *claimants) join(c *claimant) (leave func()) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.by == nil {
		cs.by = make(map[thoonk.FeedName]map[*claimant]struct{})
	}
	if cs.by[c.queue] == nil {
		cs.by[c.queue] = make(map[*claimant]struct{})
	}
	cs.by[c.queue][c] = struct{}{}
	return func() {
		cs.mu.Lock()
		defer cs.mu.Unlock()
		delete(cs.by[c.queue], c)
		if len(cs.by[c.queue]) == 0 {
			delete(cs.by, c.queue)
		}
	}
}

// freed says that a job of the queue has ended.
func (cs *claimants) freed(queue thoonk.FeedName) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.by[queue] {
		select {
		case c.freed <- struct{}{}:
		default: // it knows already
		}
	}
}

// streamClaims is a worker that gets its jobs on a stream.
//
// @Summary     Work on a stream
// @Description `event: job` brings a job with its lease, up to `concurrency` at once: more come as these are finished, cancelled or stalled, by POST. The leases are bound to the stream: they last as long as it does, and when it closes, or the server dies, its jobs are given back at once. `event: cancel` names a job that somebody wants to be given up, `event: lost` one whose lease is lost.
// @ID          streamClaims
// @Tags        Workers
// @Param       feed        path  string true  "name"
// @Param       concurrency query int    false "jobs at once"
// @Param       lease       query string false "lease"
// @Success     200 "The jobs, as they come."
// @Failure     400,401,403,404,406,409,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/claims [get]
func (s *Server) streamClaims(c *call) error {
	queue, err := c.feed(auth.Work)
	if err != nil {
		return err
	}
	if err := c.wantsStream("jobs"); err != nil {
		return err
	}
	q, err := c.query("concurrency", "lease")
	if err != nil {
		return err
	}
	cl := &claimant{
		s: s, queue: queue, holder: thoonk.Holder{Process: s.o.Jobs.Process(), Stream: rand.Text()}, actor: c.who.Name,
		held: make(map[thoonk.JobID]heldJob), freed: make(chan struct{}, 1),
	}
	if err := cl.options(q); err != nil {
		return err
	}
	feed, err := s.queueOf(c, thoonk.TypeJob, queue)
	if err != nil {
		return err
	}
	if bound := feed.Config.Job.MaxLease; cl.lease > 0 && cl.lease > max(bound, 0) && bound > 0 {
		return inQuery(thoonk.E(thoonk.Invalid, "the queue's leases last at most %v", bound), "lease")
	}
	cl.renew = leaseOf(cl.lease, feed.Config.Job) / 3
	if c.Request().Method == "HEAD" {
		return c.headStream()
	}
	done, err := s.takeStream()
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := s.streamContext(c)
	defer cancel()
	cl.w = &eventWriter{w: c.Response(), feed: queue}
	if cl.w.open() == nil {
		cl.run(ctx)
	}
	return nil
}

func leaseOf(asked time.Duration, cfg thoonk.JobConfig) time.Duration {
	switch {
	case asked > 0:
		return asked
	case cfg.Lease > 0:
		return cfg.Lease
	}
	return thoonk.DefaultLease
}

// claimant is one stream of claims.
type claimant struct {
	s           *Server
	queue       thoonk.FeedName
	holder      thoonk.Holder
	actor       string
	concurrency int
	lease       time.Duration // asked for; 0: the queue's
	renew       time.Duration // so often
	w           *eventWriter

	held  map[thoonk.JobID]heldJob
	freed chan struct{} // a job of the queue has ended
}

// heldJob is a job that the stream has.
type heldJob struct {
	token   string
	claimed time.Time
	asked   bool // its worker was asked to give it up
}

func (cl *claimant) options(q url.Values) (err error) {
	cl.concurrency = 1
	if q.Has("concurrency") {
		n, err := strconv.Atoi(q.Get("concurrency"))
		if err != nil || n < 1 || n > maxStreamJobs {
			return inQuery(thoonk.E(thoonk.Invalid, "concurrency is a whole number from 1 to %d", maxStreamJobs), "concurrency")
		}
		cl.concurrency = n
	}
	if q.Has("lease") {
		if cl.lease, err = time.ParseDuration(q.Get("lease")); err != nil || cl.lease < thoonk.MinLease {
			return inQuery(thoonk.E(thoonk.Invalid, `lease is a duration of at least %v, as in "30s"`, thoonk.MinLease), "lease")
		}
	}
	return nil
}

// run claims and tells until ctx ends, and then gives back what is left.
func (cl *claimant) run(ctx context.Context) {
	defer cl.s.claimants.join(cl)()
	ctx, cancel := context.WithCancel(ctx)
	claims := make(chan thoonk.Claimed)
	asking := false
	var claiming sync.WaitGroup
	defer cl.release()
	defer claiming.Wait() // what it still gets is the stream's, and given back
	defer cancel()

	renewal, look, beat := time.NewTicker(cl.renew), time.NewTicker(lookAround), time.NewTicker(cl.s.o.Heartbeat)
	defer renewal.Stop()
	defer look.Stop()
	defer beat.Stop()
	for {
		if free := cl.concurrency - len(cl.held); free > 0 && !asking {
			asking = true
			claiming.Go(func() { cl.claim(ctx, free, claims) })
		}
		var err error
		select {
		case <-ctx.Done():
			return
		case got := <-claims:
			asking = false
			err = cl.tell(got)
		case <-cl.freed:
			err = cl.look(ctx)
		case <-look.C:
			if len(cl.held) == cl.concurrency {
				err = cl.look(ctx)
			}
		case <-renewal.C:
			err = cl.extend(ctx)
		case <-beat.C:
			err = cl.w.heartbeat()
		}
		if err != nil {
			return
		}
	}
}

// claim asks for jobs once and hands over the answer.
func (cl *claimant) claim(ctx context.Context, count int, claims chan<- thoonk.Claimed) {
	got, err := cl.s.o.Jobs.Claim(ctx, cl.queue, thoonk.ClaimJobs{Count: count, Lease: cl.lease, Holder: cl.holder, Actor: cl.actor}, maxWait)
	if err != nil && ctx.Err() == nil {
		cl.s.o.Log.WarnContext(ctx, "a stream of claims", "queue", cl.queue, "error", err)
		pause(ctx)
	}
	select {
	case claims <- got:
	case <-ctx.Done():
	}
}

func (cl *claimant) tell(got thoonk.Claimed) error {
	if len(got.Jobs) == 0 {
		return nil
	}
	return cl.w.flush(func() error {
		for _, j := range got.Jobs {
			cl.held[j.ID] = heldJob{token: got.Lease.Token, claimed: j.Claimed}
			if err := cl.w.put(appendFrame(nil, "job", appendClaim(nil, j, got.Lease))); err != nil {
				return err
			}
		}
		return nil
	})
}

// look finds out which of the stream's jobs have ended.
func (cl *claimant) look(ctx context.Context) error {
	ids := make([]thoonk.JobID, 0, len(cl.held))
	for id := range cl.held {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	jobs, err := cl.s.o.Jobs.JobsByID(ctx, cl.queue, ids)
	if err != nil {
		return nil // it is looked again
	}
	there := make(map[thoonk.JobID]thoonk.Job, len(jobs))
	for _, j := range jobs {
		there[j.ID] = j
	}
	for id, mine := range cl.held {
		j, known := there[id]
		if !known || j.State != thoonk.JobClaimed || !mine.claimed.IsZero() && !j.Claimed.Equal(mine.claimed) {
			delete(cl.held, id)
		}
	}
	return nil
}

// extend keeps the stream's leases, and tells what is heard of them.
func (cl *claimant) extend(ctx context.Context) error {
	tokens := make(map[string]bool)
	for _, mine := range cl.held {
		tokens[mine.token] = true
	}
	for token := range tokens {
		done, err := cl.s.o.Jobs.ExtendLease(ctx, thoonk.ExtendLease{Queue: cl.queue, Token: token, Lease: cl.lease, Actor: cl.actor})
		switch kindOf(err) {
		case "":
			err = cl.asked(done.Cancelled)
		case thoonk.Conflict, thoonk.NotFound:
			err = cl.lost(ctx, token)
		default: // Redis is away; the lease lasts for two more attempts
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// asked tells of jobs that somebody wants to be given up, once.
func (cl *claimant) asked(ids []thoonk.JobID) error {
	for _, id := range ids {
		mine, held := cl.held[id]
		if !held || mine.asked {
			continue
		}
		mine.asked = true
		cl.held[id] = mine
		if err := cl.event("cancel", id); err != nil {
			return err
		}
	}
	return nil
}

// lost tells of the jobs of a lease that is no more, but for those that have ended.
func (cl *claimant) lost(ctx context.Context, token string) error {
	before := make(map[thoonk.JobID]bool)
	for id, mine := range cl.held {
		before[id] = mine.token == token
	}
	_ = cl.look(ctx)
	for id, mine := range cl.held {
		if mine.token != token || !before[id] {
			continue
		}
		delete(cl.held, id)
		if err := cl.event("lost", id); err != nil {
			return err
		}
	}
	return nil
}

func (cl *claimant) event(name string, id thoonk.JobID) error {
	data := append(appendMember([]byte{'{'}, "id", string(id)), '}')
	return cl.w.flush(func() error { return cl.w.put(appendFrame(nil, name, data)) })
}

// release gives back what the stream still has. The client has left, and that is no reason not to.
func (cl *claimant) release() {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	if err := cl.s.o.Jobs.ReleaseHolder(ctx, cl.holder); err != nil {
		cl.s.o.Log.Warn("a stream's jobs wait for the end of their leases", "queue", cl.queue, "error", err)
	}
}
