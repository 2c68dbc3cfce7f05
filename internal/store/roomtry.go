package store

import (
	"cmp"
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// tryUntilDone tries for a line until there is no news of it and nothing more to be had.
func (r *room[K, W, G]) tryUntilDone(l *line[K, W, G]) {
	for r.tryOnce(l) {
	}
}

// tryOnce waits for its turn among the lines, and tries. It reports false if the line may rest.
func (r *room[K, W, G]) tryOnce(l *line[K, W, G]) bool {
	r.slots <- struct{}{}
	defer func() { <-r.slots }()
	asked, came := r.begin(l)
	if len(asked) == 0 {
		return false
	}
	wants := make([]W, len(asked))
	for i, w := range asked {
		wants[i] = w.want
	}
	ctx, cancel := context.WithTimeout(context.Background(), roomTry)
	defer cancel()
	each, err := r.try(ctx, l.queue, wants)
	for _, left := range r.finish(l, asked, came, each, err) {
		r.back(ctx, l.queue, left)
		r.hear(l.queue, newsWork) // where the server does not tell of it
	}
	return true
}

// begin returns those to try for, none if the line may rest, and the number of the last who came before the try.
func (r *room[K, W, G]) begin(l *line[K, W, G]) (asked []*waiter[W, G], came uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.waiters.Len() == 0 || r.closed || !l.pressing() {
		l.trying = false
		r.dropEmpty(l)
		return nil, 0
	}
	l.stopTimer()
	l.news = 0
	weight := 0
	for e := l.waiters.Front(); e != nil && len(asked) < roomWants; e = e.Next() {
		w := e.Value.(*waiter[W, G])
		if weight += r.weight(w.want); weight > roomWeight && len(asked) > 0 {
			break
		}
		w.asked = true
		asked = append(asked, w)
	}
	return asked, l.came
}

// finish hands out what a try brought, and returns what was for waiters who are gone.
func (r *room[K, W, G]) finish(l *line[K, W, G], asked []*waiter[W, G], came uint64, each []G, err error) (left []G) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.last, l.failed = verdict{}, err
	given := false
	for i, w := range asked {
		w.asked = false
		if i >= len(each) {
			continue
		}
		l.last = r.judge(each[i])
		given = given || l.last.given
		switch {
		case !l.last.given:
		case w.place == nil:
			left = append(left, each[i])
		default:
			r.answer(l, w, reply[G]{got: each[i]})
		}
	}
	switch {
	case err != nil:
		r.fail(l, came)
	case given && l.last.wait == thoonk.WaitNothing:
		l.pause = 0
		l.news |= newsWork // there may be more
	default:
		l.pause = 0
		r.dismiss(l, came, func(w *waiter[W, G]) bool { return w.once })
		if !l.last.until.IsZero() {
			r.startTimer(l, max(time.Until(l.last.until), roomSoonest))
		}
	}
	return left
}

// fail answers those who do not wait, and all if it is no use to try again.
func (r *room[K, W, G]) fail(l *line[K, W, G], came uint64) {
	passes := thoonk.KindOf(l.failed) == thoonk.Unavailable
	r.dismiss(l, came, func(w *waiter[W, G]) bool { return w.once || !passes })
	l.pause = max(roomShortest, min(2*l.pause, roomLongest))
	r.startTimer(l, l.pause)
}

// dismiss answers those who came before a try and are to go without anything.
func (r *room[K, W, G]) dismiss(l *line[K, W, G], came uint64, goes func(*waiter[W, G]) bool) {
	for e := l.waiters.Front(); e != nil; {
		w := e.Value.(*waiter[W, G])
		e = e.Next()
		if w.number > came {
			return
		}
		if goes(w) {
			r.answer(l, w, r.without(l))
		}
	}
}

// without is the answer to who goes without anything.
func (r *room[K, W, G]) without(l *line[K, W, G]) reply[G] {
	return reply[G]{got: r.nothing(cmp.Or(l.last.wait, thoonk.WaitEmpty), l.last.until), err: l.failed}
}

// answer answers a waiter, who is not in the line after that.
func (r *room[K, W, G]) answer(l *line[K, W, G], w *waiter[W, G], a reply[G]) {
	l.waiters.Remove(w.place)
	w.place = nil
	w.answer <- a
}

// expire answers a waiter whose patience has ended, or makes the try under way its last.
func (r *room[K, W, G]) expire(l *line[K, W, G], w *waiter[W, G]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.once = true
	if w.place != nil && !w.asked {
		r.answer(l, w, r.without(l))
		r.dropEmpty(l)
	}
}

// leave takes a waiter out of the line, unless it was answered.
func (r *room[K, W, G]) leave(l *line[K, W, G], w *waiter[W, G]) (a reply[G], answered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.place == nil {
		return <-w.answer, true
	}
	l.waiters.Remove(w.place)
	w.place = nil
	r.dropEmpty(l)
	return a, false
}

func (r *room[K, W, G]) dropEmpty(l *line[K, W, G]) {
	if l.waiters.Len() == 0 && !l.trying {
		l.stopTimer()
		delete(r.lines, l.queue)
	}
}

func (r *room[K, W, G]) startTimer(l *line[K, W, G], d time.Duration) {
	l.stopTimer()
	l.timer = time.AfterFunc(d, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.lines[l.queue] == l {
			r.tell(l, newsWork|newsRules)
		}
	})
}

func (l *line[K, W, G]) stopTimer() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

// close answers all who wait, and returns when no try is under way.
func (r *room[K, W, G]) close() {
	r.mu.Lock()
	r.closed = true
	for _, l := range r.lines {
		l.failed = errRoomClosed()
		r.dismiss(l, l.came, func(*waiter[W, G]) bool { return true })
		l.stopTimer()
	}
	r.mu.Unlock()
	r.tries.Wait()
}
