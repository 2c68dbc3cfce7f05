package store

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Bounds of a room.
const (
	roomWants    = 128  // callers that one try asks for at most
	roomWeight   = 1000 // of their wants together, unless the first has more
	roomTries    = 16   // tries under way at once, of all queues
	roomTry      = 15 * time.Second
	roomSoonest  = 5 * time.Millisecond   // after a try that named a time to try again: clocks differ
	roomShortest = 250 * time.Millisecond // after a try that failed
	roomLongest  = 2 * time.Second
)

// verdict is what an answer to one want says of its queue.
type verdict struct {
	given bool        // it brought something
	wait  thoonk.Wait // why it brought no more
	until time.Time   // when it is worth trying again though no news comes; zero: never
}

// refused reports whether the queue's rules allow nothing to be had, whatever is in it.
func (v verdict) refused() bool { return v.wait != thoonk.WaitNothing && v.wait != thoonk.WaitEmpty }

// counter is what is given out in a room, and how.
type counter[K comparable, W, G any] struct {
	// try asks for several at once; it answers each, in their order.
	try func(ctx context.Context, queue K, wants []W) ([]G, error)
	// back takes back what a waiter did not stay for.
	back    func(ctx context.Context, queue K, given G)
	judge   func(G) verdict
	nothing func(thoonk.Wait, time.Time) G // the answer that brings nothing
	weight  func(W) int                    // of a want, see roomWeight
}

// news says what may have changed, and so why a queue is tried.
type news int

const (
	newsWork  news = 1 << iota // there may be work
	newsRules                  // a refusal may not stand any more; also that somebody came who was not refused yet
	newsSlots                  // there may be fewer claims: news where too many were the refusal
)

// room is where callers of this process wait for something of a queue: jobs to claim, items to get. For each queue there is
// one line, first come first served, and at most one try under way, which asks for several waiters at once: what comes
// meanwhile goes with the next. So many callers share few script calls, and one caller on a quiet queue waits for nothing.
//
// No wake-up is lost, because of this invariant: of a line with waiters, either a try is under way, and whatever was heard since it
// began stands in line.news, so that another follows; or none is, and the last one began after the last news and
// found nothing to give, or was refused, and then the next news, or line.timer, starts one. A waiter is in the line before
// it is tried for, and its coming is news. News of a queue without waiters is nobody's: who comes later tries first.
type room[K comparable, W, G any] struct {
	counter[K, W, G]
	slots chan struct{} // one for each try under way
	tries sync.WaitGroup

	mu     sync.Mutex
	closed bool
	lines  map[K]*line[K, W, G]
}

// line is the waiters of one queue. It is there as long as there are any, or a try is under way.
type line[K comparable, W, G any] struct {
	queue   K
	waiters list.List // of *waiter
	came    uint64    // waiters so far
	trying  bool
	news    news
	last    verdict       // of the last try
	failed  error         // of the last try
	pause   time.Duration // after it, if it failed
	timer   *time.Timer
}

type waiter[W, G any] struct {
	want   W
	once   bool // does not wait: the first try that could have given it something ends it
	number uint64
	asked  bool // by the try under way
	place  *list.Element
	answer chan reply[G] // has room for the one that comes
}

type reply[G any] struct {
	got G
	err error
}

func newRoom[K comparable, W, G any](c counter[K, W, G]) *room[K, W, G] {
	return &room[K, W, G]{counter: c, slots: make(chan struct{}, roomTries), lines: make(map[K]*line[K, W, G])}
}

// wait returns what a caller is given, at the latest after patience, and then with nothing. Errors: those of the try, and of ctx.
func (r *room[K, W, G]) wait(ctx context.Context, queue K, want W, patience time.Duration) (got G, err error) {
	w := &waiter[W, G]{want: want, once: patience <= 0, answer: make(chan reply[G], 1)}
	l, err := r.enter(queue, w)
	if err != nil {
		return got, err
	}
	var patienceEnds <-chan time.Time
	if !w.once {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		patienceEnds = timer.C
	}
	for {
		select {
		case a := <-w.answer:
			return a.got, a.err
		case <-patienceEnds:
			r.expire(l, w)
		case <-ctx.Done():
			if a, answered := r.leave(l, w); answered {
				return a.got, a.err
			}
			return got, ctx.Err()
		}
	}
}

func (r *room[K, W, G]) enter(queue K, w *waiter[W, G]) (*line[K, W, G], error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errRoomClosed()
	}
	l := r.lines[queue]
	if l == nil {
		l = &line[K, W, G]{queue: queue}
		r.lines[queue] = l
	}
	l.came++
	w.number = l.came
	w.place = l.waiters.PushBack(w)
	r.tell(l, newsWork|newsRules)
	return l, nil
}

func errRoomClosed() error {
	return thoonk.E(thoonk.Unavailable, "the server is shutting down")
}

// hear says that something may have changed about a queue.
func (r *room[K, W, G]) hear(queue K, n news) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.lines[queue]; l != nil {
		r.tell(l, n)
	}
}

// hearAll says that anything may have changed about any queue.
func (r *room[K, W, G]) hearAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lines {
		r.tell(l, newsWork|newsRules)
	}
}

// tell notes news, and starts a try if it is to the point and none is under way. r.mu is held, as in all that follow.
func (r *room[K, W, G]) tell(l *line[K, W, G], n news) {
	l.news |= n
	if !l.trying && l.pressing() && !r.closed {
		l.trying = true
		r.tries.Go(func() { r.tryUntilDone(l) })
	}
}

// pressing reports whether the news are a reason to try: where the queue's rules refused, more work is none.
func (l *line[K, W, G]) pressing() bool {
	reasons := newsRules | newsWork
	switch {
	case l.last.wait == thoonk.WaitRunning:
		reasons = newsRules | newsSlots
	case l.last.refused():
		reasons = newsRules
	}
	return l.news&reasons != 0
}
