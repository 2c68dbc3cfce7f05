package store

import (
	"context"
	"maps"
	"slices"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// ToldOrder returns the ids of a sorted feed's items as they stood after the feed's last change, and its revision. What another
// client changed and nobody told yet is not in it: it comes as a change. Errors: NotFound, Conflict (its type), Unavailable.
func (s *Store) ToldOrder(ctx context.Context, feed thoonk.FeedName) ([]thoonk.ItemID, thoonk.Revision, error) {
	a, err := s.run(ctx, "read the order", scriptOrder, feed, "")
	if err != nil {
		return nil, thoonk.Revision{}, err
	}
	listed, _ := a[1].([]any)
	ids := make([]thoonk.ItemID, 0, len(listed))
	for _, id := range listed {
		if text, ok := id.(string); ok {
			ids = append(ids, thoonk.ItemID(text))
		}
	}
	return ids, a.revision(0), nil
}

// strangers returns the ids of each list that the other one does not have.
func strangers(there, told []string) []string {
	known := make(map[string]bool, len(told))
	for _, id := range told {
		known[id] = true
	}
	var out []string
	for _, id := range there {
		if !known[id] {
			out = append(out, id)
		}
		delete(known, id)
	}
	return slices.AppendSeq(out, maps.Keys(known))
}

// misplaced returns the ids that have to be moved in the order told to make it the order there, as few as can be, in
// the order there. They are those outside a longest run of ids that stand in the same order in both.
func misplaced(there, told []string) []string {
	place := make(map[string]int, len(told))
	for i, id := range told {
		place[id] = i
	}
	// A longest increasing subsequence of places: tails[n] is the index in there where the best run of n+1 ids ends.
	var tails []int
	before := make([]int, len(there))
	for i, id := range there {
		p, ok := place[id]
		if !ok {
			continue
		}
		n, _ := slices.BinarySearchFunc(tails, p, func(t, p int) int { return place[there[t]] - p })
		before[i] = -1
		if n > 0 {
			before[i] = tails[n-1]
		}
		if n == len(tails) {
			tails = append(tails, i)
		} else {
			tails[n] = i
		}
	}
	stays := make(map[int]bool, len(tails))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = before[i] {
			stays[i] = true
		}
	}
	var moved []string
	for i, id := range there {
		if _, ok := place[id]; ok && !stays[i] {
			moved = append(moved, id)
		}
	}
	return moved
}
