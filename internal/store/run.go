package store

import (
	"strconv"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// A run is an entry of the log, or of a history, that stands for several changes of jobs: of one kind, at one moment, with
// contiguous numbers. The entry's id is that of the last of them. Nobody outside of this package sees runs.

// maxRun is how many changes a run stands for at most: RUN in lua/joblib.lua.
const maxRun = 100

// parseEvents reads the changes that an entry stands for, in their order.
func parseEvents(values map[string]any) []thoonk.Event {
	if runOf(values) == 0 {
		return []thoonk.Event{parseEvent(values)}
	}
	ids := strings.Split(value(values, "ids"), "\n")
	owners := strings.Split(value(values, "owner"), "\n")
	events := make([]thoonk.Event, len(ids))
	for i, id := range ids {
		owner := owners[0]
		if len(owners) == len(ids) {
			owner = owners[i]
		}
		events[i] = thoonk.Event{
			Job:       true,
			Kind:      thoonk.EventKind(value(values, "kind")),
			ItemID:    thoonk.ItemID(id),
			Actor:     unescape(value(values, "actor")),
			Submitter: unescape(owner),
			Reason:    value(values, "reason"),
		}
	}
	return events
}

// runOf returns how many changes of jobs an entry stands for, 0 for an entry that is a single change of something else.
func runOf(values map[string]any) uint64 {
	n, _ := strconv.ParseUint(value(values, "run"), 10, 16)
	return n
}

// inRun returns the revision, or place, of the i-th change of an entry whose last one is given.
func inRun(last thoonk.Revision, values map[string]any, i int) thoonk.Revision {
	if n := runOf(values); n > 0 {
		last.Number -= n - 1 - uint64(i)
	}
	return last
}

// covers reports whether one of the changes of a run has this revision, or place.
func covers(last thoonk.Revision, values map[string]any, r thoonk.Revision) bool {
	n := runOf(values)
	return n > 0 && r.Stamp == last.Stamp && r.Number <= last.Number && r.Number > last.Number-n
}
