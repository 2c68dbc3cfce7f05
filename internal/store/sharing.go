package store

import (
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// part is what one of several callers got who shared a script.
type part[A any] struct {
	answers []A
	err     error
}

// newSharing returns a room in which nobody waits for work: what many callers ask for while a script is under way goes into the next
// one together. bulk does many at once, and answers each; size is how many bytes one has.
func newSharing[K comparable, Q, A any](bulk func(context.Context, K, []Q) ([]A, error), size func(Q) int) *room[K, []Q, part[A]] {
	return newRoom(counter[K, []Q, part[A]]{
		try: func(ctx context.Context, key K, callers [][]Q) ([]part[A], error) {
			return share(ctx, key, callers, bulk)
		},
		// What a caller asked for who did not stay is done all the same.
		back:    func(context.Context, K, part[A]) {},
		judge:   func(part[A]) verdict { return verdict{given: true} },
		nothing: func(thoonk.Wait, time.Time) part[A] { return part[A]{} },
		weight: func(questions []Q) int { // thoonk.MaxBatchBytes make a script, or so many small ones
			bytes := 0
			for _, q := range questions {
				bytes += size(q)
			}
			return max(len(questions), bytes/(thoonk.MaxBatchBytes/roomWeight))
		},
	})
}

// share does what all callers ask for at once. If that is refused nothing was done, and each goes alone: so that one caller's fault
// is none of the others'.
func share[K comparable, Q, A any](ctx context.Context, key K, callers [][]Q, bulk func(context.Context, K, []Q) ([]A, error)) ([]part[A], error) {
	var all []Q
	for _, c := range callers {
		all = append(all, c...)
	}
	parts := make([]part[A], len(callers))
	answers, err := bulk(ctx, key, all)
	switch {
	case err != nil && (len(callers) == 1 || thoonk.KindOf(err) == thoonk.Unavailable):
		return nil, err
	case err != nil:
		for i, c := range callers {
			parts[i].answers, parts[i].err = bulk(ctx, key, c)
		}
		return parts, nil
	}
	for i, c := range callers {
		n := min(len(c), len(answers))
		parts[i].answers, answers = answers[:n:n], answers[n:]
	}
	return parts, nil
}
