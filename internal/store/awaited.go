package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	awaitedPage = 1000
	settleEvery = 400 * time.Millisecond // of what other clients may have ended
)

// awaited is where callers wait for jobs to be over. Redis tells that some of a queue ended; which ones, of those that somebody
// waits for, is looked up for all of them at once. Looking takes at most a tenth of the time of Redis, however many there are.
type awaited struct {
	store *Store
	mu    sync.Mutex
	lines map[thoonk.FeedName]*awaitedLine
	looks sync.WaitGroup
}

// awaitedLine is who waits for jobs of one queue. As in a room: whatever is heard during a look makes another one follow.
type awaitedLine struct {
	waiters map[thoonk.JobID][]chan struct{}
	looking bool
	news    bool
	foreign bool      // a claim ended, and whether it was one of ours nobody says
	settled time.Time // when those of other clients were looked for last
}

func newAwaited(s *Store) *awaited {
	return &awaited{store: s, lines: make(map[thoonk.FeedName]*awaitedLine)}
}

// resultComes is how long after another client finished a job its result is still waited for: it is announced after the job has ended.
const resultComes = 300 * time.Millisecond

// AwaitJob returns a job once it is over or stalled, or as it is when wait ends. Errors: as Job.
func (s *Store) AwaitJob(ctx context.Context, queue thoonk.FeedName, id thoonk.JobID, wait time.Duration) (thoonk.Job, error) {
	over := s.waiting.awaited.enter(queue, id)
	defer s.waiting.awaited.leave(queue, id, over)
	end := time.Now().Add(wait)
	j, err := s.Job(ctx, queue, id) // after enter: nothing ends unheard
	if err != nil || wait <= 0 {
		return j, err
	}
	if !j.State.Ended() && j.State != thoonk.JobStalled {
		timer := time.NewTimer(time.Until(end))
		defer timer.Stop()
		select {
		case <-over:
		case <-timer.C:
		case <-ctx.Done():
			return thoonk.Job{}, failure("await", ctx.Err())
		}
		if j, err = s.Job(ctx, queue, id); err != nil {
			return j, err
		}
	}
	coming := min(resultComes-time.Since(j.Ended), resultComes, time.Until(end))
	if !j.Unknown || coming <= 0 {
		return j, nil
	}
	if !sleep(ctx, coming) {
		return thoonk.Job{}, failure("await", ctx.Err())
	}
	return s.Job(ctx, queue, id)
}

func (e *awaited) enter(queue thoonk.FeedName, id thoonk.JobID) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.lines[queue]
	if l == nil {
		l = &awaitedLine{waiters: make(map[thoonk.JobID][]chan struct{})}
		e.lines[queue] = l
	}
	over := make(chan struct{})
	l.waiters[id] = append(l.waiters[id], over)
	return over
}

func (e *awaited) leave(queue thoonk.FeedName, id thoonk.JobID, over chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.lines[queue]
	if l == nil {
		return
	}
	l.waiters[id] = slices.DeleteFunc(l.waiters[id], func(c chan struct{}) bool { return c == over })
	if len(l.waiters[id]) == 0 {
		delete(l.waiters, id)
	}
	if len(l.waiters) == 0 && !l.looking {
		delete(e.lines, queue)
	}
}

// hear says that jobs of a queue may be over; claimed says that it is a claim that ended, maybe by another client's hand.
func (e *awaited) hear(queue thoonk.FeedName, claimed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.lines[queue]; l != nil {
		e.tell(queue, l, claimed)
	}
}

func (e *awaited) hearAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for queue, l := range e.lines {
		e.tell(queue, l, true)
	}
}

func (e *awaited) tell(queue thoonk.FeedName, l *awaitedLine, claimed bool) {
	l.news, l.foreign = true, l.foreign || claimed
	if !l.looking && len(l.waiters) > 0 {
		l.looking = true
		e.looks.Go(func() { e.lookUntilDone(queue, l) })
	}
}

func (e *awaited) lookUntilDone(queue thoonk.FeedName, l *awaitedLine) {
	for {
		ids, settle := e.begin(queue, l)
		if len(ids) == 0 {
			return
		}
		started := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), roomTry)
		err := e.look(ctx, queue, l, ids, settle)
		cancel()
		pause := 9 * time.Since(started)
		if err != nil {
			pause = roomShortest
			e.hear(queue, true) // it is not known yet
		}
		time.Sleep(min(pause, roomLongest))
	}
}

// begin returns the jobs to look for, none if the line may rest, and whether to look for what other clients ended.
func (e *awaited) begin(queue thoonk.FeedName, l *awaitedLine) (ids []thoonk.JobID, settle bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !l.news || len(l.waiters) == 0 {
		l.looking = false
		if len(l.waiters) == 0 {
			delete(e.lines, queue)
		}
		return nil, false
	}
	for id := range l.waiters {
		ids = append(ids, id)
	}
	l.news = false
	if wait := settleEvery - time.Since(l.settled); l.foreign && wait <= 0 {
		settle, l.foreign, l.settled = true, false, time.Now()
	} else if l.foreign {
		time.AfterFunc(wait, func() { e.hear(queue, true) })
	}
	return ids, settle
}

// look wakes those whose jobs are over.
func (e *awaited) look(ctx context.Context, queue thoonk.FeedName, l *awaitedLine, ids []thoonk.JobID, settle bool) error {
	for page := range slices.Chunk(ids, awaitedPage) {
		if settle {
			if _, err := e.store.SettleJobs(ctx, queue, page); err != nil && !passes(err) {
				return err
			}
		}
		over, err := e.over(ctx, queue, page)
		if err != nil {
			return err
		}
		e.wake(l, over)
	}
	return nil
}

// over returns those of the jobs of which an outcome is kept, or that are stalled.
func (e *awaited) over(ctx context.Context, queue thoonk.FeedName, ids []thoonk.JobID) ([]thoonk.JobID, error) {
	kept := make([][3]*redis.BoolCmd, len(ids))
	_, err := e.store.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			kept[i] = [3]*redis.BoolCmd{
				p.HExists(ctx, ofQueue("ended", queue), string(id)), p.HExists(ctx, ofQueue("older", queue), string(id)),
				p.SIsMember(ctx, "feed.stalled:"+string(queue), string(id)),
			}
		}
		return nil
	})
	if err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
		return nil, err
	}
	var over []thoonk.JobID
	for i, id := range ids {
		if kept[i][0].Val() || kept[i][1].Val() || kept[i][2].Val() {
			over = append(over, id)
		}
	}
	return over, nil
}

func (e *awaited) wake(l *awaitedLine, over []thoonk.JobID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range over {
		for _, waiting := range l.waiters[id] {
			close(waiting)
		}
		delete(l.waiters, id)
	}
}

// close wakes all who wait, and returns when nothing is looked for any more.
func (e *awaited) close() {
	e.mu.Lock()
	for _, l := range e.lines {
		for id, all := range l.waiters {
			for _, over := range all {
				close(over)
			}
			delete(l.waiters, id)
		}
	}
	e.mu.Unlock()
	e.looks.Wait()
}
