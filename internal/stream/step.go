// Package stream follows the log once for the whole process and lets any number of readers follow feeds: with a
// snapshot, from a revision, without gaps and without repeats.
package stream

import (
	"sync"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// StepKind says what a [Step] tells its reader.
type StepKind int

// The kinds of step.
const (
	Items   StepKind = iota // a part of the snapshot
	Live                    // the snapshot, if there was one, is complete; changes after Revision follow
	Changes                 // changes, in order
	Reset                   // what came after the reader's revision is not known any more; it goes on after Revision
)

// Step is what a [Follower] yields: each kind fills the fields beside it.
type Step struct {
	Kind     StepKind
	Feed     thoonk.FeedName // Items and Reset, where several feeds are followed; a Reset without it concerns all
	Items    []thoonk.Item   // Items; one without a revision was removed while the snapshot was read: a change tells that
	Content  thoonk.Content  // Items: what the feed declares
	Changes  []*Change       // Changes
	Revision thoonk.Revision // Live, Reset
}

// Change is one event, shared by all its readers: they must not write to it.
type Change struct {
	thoonk.Event
	Place thoonk.Revision // in the log; zero if it was read from the history

	once    sync.Once
	encoded any
}

// Encoded returns what encode makes of the event. It is called once a change, by whichever reader comes first; so all
// the readers of a process must pass the same function.
func (c *Change) Encoded(encode func(thoonk.Event) any) any {
	c.once.Do(func() { c.encoded = encode(c.Event) })
	return c.encoded
}
