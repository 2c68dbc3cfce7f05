package stream

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Readers who are behind each hold what they were just given, as long as their connection takes to carry it away. All of
// them together hold at most readAll; who finds no room waits.
const (
	readAll  = 256 << 20
	readMost = 2 << 20 // what one read may bring: a page of the history, of items or of the log
)

// holding is what one reader holds.
type holding struct {
	budget *semaphore.Weighted
	bytes  int64
}

// take makes room for a read.
func (h *holding) take(ctx context.Context) error {
	if err := h.budget.Acquire(ctx, readMost); err != nil {
		return err
	}
	h.bytes = readMost
	return nil
}

// keep gives back what a read did not need.
func (h *holding) keep(step Step) {
	n := int64(0)
	for _, item := range step.Items {
		n += int64(len(item.Body))
	}
	for _, c := range step.Changes {
		n += int64(len(c.Body))
	}
	if n < h.bytes {
		h.budget.Release(h.bytes - n)
		h.bytes = n
	}
}

// free gives all back: the reader is done with what it was given.
func (h *holding) free() {
	if h.bytes > 0 {
		h.budget.Release(h.bytes)
		h.bytes = 0
	}
}

// read makes a move that reads from the source, within the budget.
func (h *holding) read(ctx context.Context, move func(context.Context) (Step, bool, error)) (Step, bool, error) {
	if err := h.take(ctx); err != nil {
		return Step{}, false, err
	}
	step, done, err := move(ctx)
	h.keep(step)
	return step, done, err
}

func newBudget() *semaphore.Weighted { return semaphore.NewWeighted(readAll) }

// room is how many bytes of bodies a step may gather.
type room int

// fits reports whether an event still has a place in the step, and takes it. The first always has.
func (r *room) fits(e thoonk.Event, first bool) bool {
	*r -= room(e.BodySize)
	return first || *r >= 0
}
