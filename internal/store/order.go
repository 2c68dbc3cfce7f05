package store

import "slices"

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
