package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// ward is a server that a room of a test asks: lists of numbers, of which each caller wants one.
type ward struct {
	t     *testing.T
	room  *room[thoonk.FeedName, int, []int]
	delay func() // at each point where something else may come in between

	mu      sync.Mutex
	lists   map[thoonk.FeedName][]int
	rule    thoonk.Wait // what refuses, if anything does
	until   time.Time
	err     error
	trying  map[thoonk.FeedName]int
	tries   int
	at      int // tries at once, at most
	back    int // numbers that came back
	largest int // wants of one try
}

func newWard(t *testing.T) *ward {
	w := &ward{t: t, lists: map[thoonk.FeedName][]int{}, trying: map[thoonk.FeedName]int{}, delay: func() { time.Sleep(time.Millisecond) }}
	w.room = newRoom(counter[thoonk.FeedName, int, []int]{
		try: w.try,
		back: func(_ context.Context, q thoonk.FeedName, given []int) {
			w.mu.Lock()
			w.lists[q] = append(w.lists[q], given...)
			w.back += len(given)
			w.mu.Unlock()
		},
		judge: func(got []int) verdict {
			v := verdict{given: len(got) > 0}
			w.mu.Lock()
			defer w.mu.Unlock()
			if !v.given {
				v.wait, v.until = thoonk.WaitEmpty, w.until
				if w.rule != "" {
					v.wait = w.rule
				}
			}
			return v
		},
		nothing: func(thoonk.Wait, time.Time) []int { return nil },
		weight:  func(int) int { return 1 },
	})
	return w
}

func (w *ward) try(_ context.Context, q thoonk.FeedName, wants []int) ([][]int, error) {
	w.mu.Lock()
	w.tries++
	w.trying[q]++
	if w.trying[q] > 1 {
		w.t.Errorf("%d tries at once for %s", w.trying[q], q)
	}
	all := 0
	for _, n := range w.trying {
		all += n
	}
	w.at, w.largest = max(w.at, all), max(w.largest, len(wants))
	w.mu.Unlock()
	w.delay()
	w.mu.Lock()
	each := make([][]int, len(wants))
	for i := range wants {
		if list := w.lists[q]; len(list) > 0 && w.rule == "" {
			each[i], w.lists[q] = list[:1:1], list[1:]
		}
	}
	err := w.err
	w.mu.Unlock()
	w.delay()
	w.mu.Lock()
	w.trying[q]--
	w.mu.Unlock()
	return each, err
}

// put adds a number, and tells of it a moment later, as the server's pushes come.
func (w *ward) put(q thoonk.FeedName, n int) {
	w.mu.Lock()
	w.lists[q] = append(w.lists[q], n)
	w.mu.Unlock()
	w.delay()
	w.room.hear(q, newsWork)
}

func (w *ward) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// given is how many numbers waiters got.
func (g *got) given() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.numbers)
}

func (w *ward) lines() int {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	return len(w.room.lines)
}

func (w *ward) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries
}

// got is what waiters were given, in the order of their answers.
type got struct {
	mu      sync.Mutex
	numbers []int
	order   []int // of the waiters
	errs    []error
}

func (w *ward) wait(ctx context.Context, g *got, q thoonk.FeedName, who int, patience time.Duration) {
	numbers, err := w.room.wait(ctx, q, who, patience)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.numbers = append(g.numbers, numbers...)
	if len(numbers) > 0 {
		g.order = append(g.order, who)
	}
	g.errs = append(g.errs, err)
}

// Whatever comes in between of what, nobody sleeps while there is something to be had, and nothing gets lost or is
// given twice.
func TestRoomLosesNoWakeUp(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) { roomRun(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func roomRun(t *testing.T, seed uint64) {
	const queues, numbers, waiters = 3, 60, 90
	w := newWard(t)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 7))
	upTo := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	w.delay = func() { time.Sleep(time.Duration(upTo(4)) * time.Microsecond) }
	var g got
	ctx, end := context.WithCancel(t.Context())
	var waiting, all sync.WaitGroup
	for i := range waiters {
		waiting.Go(func() {
			time.Sleep(time.Duration(upTo(300)) * time.Microsecond)
			ctx, patience := ctx, time.Hour
			switch upTo(4) {
			case 0: // goes away, maybe just when something is being fetched for it
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Duration(upTo(200))*time.Microsecond)
				defer cancel()
			case 1:
				patience = time.Duration(upTo(200)) * time.Microsecond
			}
			w.wait(ctx, &g, queueName(i%queues), i, patience)
		})
	}
	for i := range numbers {
		all.Go(func() {
			time.Sleep(time.Duration(upTo(400)) * time.Microsecond)
			w.put(queueName(upTo(queues)), i)
		})
	}
	for range 5 {
		all.Go(func() {
			time.Sleep(time.Duration(upTo(400)) * time.Microsecond)
			w.set(func() { w.rule = thoonk.WaitPaused })
			time.Sleep(time.Duration(upTo(50)) * time.Microsecond)
			w.set(func() { w.rule = "" })
			w.delay()
			w.room.hearAll()
		})
	}
	all.Wait()
	time.Sleep(time.Second) // far more than all delays together
	synctest.Wait()
	w.room.mu.Lock()
	w.mu.Lock()
	for q, l := range w.room.lines {
		if l.waiters.Len() > 0 && len(w.lists[q]) > 0 {
			t.Errorf("%d wait in %s, where %v are to be had", l.waiters.Len(), q, w.lists[q])
		}
	}
	w.mu.Unlock()
	w.room.mu.Unlock()
	end()
	waiting.Wait()
	synctest.Wait()
	for _, left := range w.lists {
		g.numbers = append(g.numbers, left...)
	}
	slices.Sort(g.numbers)
	for i := range numbers {
		if i >= len(g.numbers) || g.numbers[i] != i {
			t.Fatalf("given or left: %v", g.numbers)
		}
	}
	if w.lines() != 0 {
		t.Errorf("%d lines are left", w.lines())
	}
}

func queueName(i int) thoonk.FeedName { return thoonk.FeedName(fmt.Sprintf("q%d", i)) }

func TestRoomFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t)
		var g got
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() { w.wait(t.Context(), &g, "q", i, time.Hour) })
			synctest.Wait()
		}
		for i := range 200 {
			w.put("q", i)
			synctest.Wait()
		}
		all.Wait()
		if !slices.Equal(g.order, g.numbers) || len(g.order) != 200 {
			t.Errorf("waiters %v got %v", g.order, g.numbers)
		}
	})
}

// 10,000 waiters on 1,000 queues: as many tries as news, and not as many as waiters.
func TestRoomOfMany(t *testing.T) {
	t.Parallel()
	const queues, each = 1000, 10
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t)
		var g got
		var all sync.WaitGroup
		for i := range queues * each {
			all.Go(func() { w.wait(t.Context(), &g, queueName(i%queues), i, time.Hour) })
		}
		time.Sleep(time.Minute)
		if n := w.count(); n < queues || n > 2*queues {
			t.Errorf("%d tries for the coming of waiters to %d queues", n, queues)
		}
		before := w.count()
		w.room.hearAll() // a new connection
		time.Sleep(time.Minute)
		if n := w.count() - before; n != queues {
			t.Errorf("%d tries after one word about %d queues", n, queues)
		}
		before = w.count()
		for i := range queues {
			w.put(queueName(i), i)
		}
		time.Sleep(time.Minute)
		// One that finds it, and one that finds nothing more.
		if n := w.count() - before; n > 2*queues || g.given() != queues {
			t.Errorf("%d tries brought %d", n, g.given())
		}
		for i := range queues * (each - 1) {
			w.set(func() { w.lists[queueName(i%queues)] = append(w.lists[queueName(i%queues)], i) })
		}
		w.room.hearAll()
		all.Wait()
		if w.at > roomTries {
			t.Errorf("%d tries at once", w.at)
		}
		synctest.Wait()
		if g.given() != queues*each || w.lines() != 0 {
			t.Errorf("%d given, %d lines left", g.given(), w.lines())
		}
	})
}

// Callers who do not wait share tries too: that is what makes many of them cheap.
func TestRoomSharesTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t)
		for i := range 640 {
			w.lists["q"] = append(w.lists["q"], i)
		}
		var g got
		var all sync.WaitGroup
		for i := range 650 {
			all.Go(func() { w.wait(t.Context(), &g, "q", i, 0) })
		}
		all.Wait()
		if len(g.numbers) != 640 || w.largest != roomWants || w.tries > 7 {
			t.Errorf("%d tries of up to %d gave %d", w.tries, w.largest, len(g.numbers))
		}
	})
}

// While a queue is paused more work wakes nobody; what lifts the refusal does, and so does its time.
func TestRoomSleepsThroughARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t)
		w.rule = thoonk.WaitPaused
		var g got
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() { w.wait(t.Context(), &g, "q", i, time.Hour) })
		}
		synctest.Wait()
		time.Sleep(time.Second)
		before := w.count()
		for i := range 100 {
			w.put("q", i)
		}
		synctest.Wait()
		if n := w.count() - before; n != 0 {
			t.Errorf("%d tries while it is paused", n)
		}
		w.wait(t.Context(), &got{}, "q", 9, 0) // returns, though nothing lifts the refusal
		before = w.count()
		w.set(func() { w.rule, w.until = thoonk.WaitRate, time.Now().Add(time.Minute) })
		w.room.hear("q", newsRules)
		time.Sleep(59 * time.Second)
		if n := w.count() - before; n != 1 {
			t.Errorf("%d tries before the time that was named", n)
		}
		w.set(func() { w.rule = "" })
		time.Sleep(2 * time.Second)
		all.Wait()
		if len(g.numbers) != 3 {
			t.Errorf("given %v", g.numbers)
		}
	})
}

func TestRoomWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t)
		w.err = thoonk.E(thoonk.Unavailable, "away")
		var patient, impatient, short got
		var all sync.WaitGroup
		all.Go(func() { w.wait(t.Context(), &patient, "q", 1, time.Hour) })
		all.Go(func() { w.wait(t.Context(), &short, "q", 2, 10*time.Second) })
		synctest.Wait()
		w.wait(t.Context(), &impatient, "q", 3, 0)
		time.Sleep(time.Minute)
		synctest.Wait()
		if thoonk.KindOf(impatient.errs[0]) != thoonk.Unavailable || thoonk.KindOf(short.errs[0]) != thoonk.Unavailable {
			t.Errorf("who does not wait got %v, who waited for 10 s %v", impatient.errs, short.errs)
		}
		if n := w.count(); n > 60 {
			t.Errorf("%d tries in a minute without Redis", n)
		}
		w.set(func() { w.err, w.lists["q"] = nil, []int{7} })
		all.Wait()
		if !slices.Equal(patient.numbers, []int{7}) {
			t.Errorf("who waited got %v, %v", patient.numbers, patient.errs)
		}
	})
}

func TestRoomTellsAllOfWhatDoesNotPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t)
		var g got
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() { w.wait(t.Context(), &g, "q", i, time.Hour) })
		}
		synctest.Wait()
		time.Sleep(time.Second)
		w.set(func() { w.err = thoonk.E(thoonk.NotFound, "deleted") })
		w.room.hear("q", newsRules)
		all.Wait()
		for _, err := range g.errs {
			if thoonk.KindOf(err) != thoonk.NotFound {
				t.Errorf("%v", err)
			}
		}
	})
}

// A waiter whose patience ends while something is being fetched for it gets that.
func TestRoomPatienceEndsDuringATry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t)
		w.delay = func() { time.Sleep(time.Second) }
		w.lists["q"] = []int{5}
		var g got
		w.wait(t.Context(), &g, "q", 1, 1500*time.Millisecond)
		if !slices.Equal(g.numbers, []int{5}) || w.back != 0 {
			t.Errorf("got %v; %d went back", g.numbers, w.back)
		}
	})
}

func TestRoomGivesBackWhatNobodyStayedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t)
		w.delay = func() { time.Sleep(time.Second) }
		w.lists["q"] = []int{5}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		var gone, stays got
		var all sync.WaitGroup
		all.Go(func() { w.wait(ctx, &gone, "q", 1, time.Hour) })
		synctest.Wait()
		time.Sleep(100 * time.Millisecond)
		all.Go(func() { w.wait(t.Context(), &stays, "q", 2, time.Hour) })
		all.Wait()
		if !errors.Is(gone.errs[0], context.DeadlineExceeded) || w.back != 1 || !slices.Equal(stays.numbers, []int{5}) {
			t.Errorf("who left got %v, %v; %d went back; the next got %v", gone.numbers, gone.errs, w.back, stays.numbers)
		}
	})
}

func TestRoomCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t)
		var g got
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() { w.wait(t.Context(), &g, queueName(i%2), i, time.Hour) })
		}
		synctest.Wait() // all of them in a try
		w.room.close()
		all.Wait()
		w.wait(t.Context(), &g, "q", 9, time.Hour)
		for _, err := range g.errs {
			if thoonk.KindOf(err) != thoonk.Unavailable {
				t.Errorf("%v", err)
			}
		}
		if len(g.errs) != 6 {
			t.Errorf("%d answers", len(g.errs))
		}
	})
}
