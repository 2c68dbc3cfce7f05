package stream

import "sync"

// Bounds of what a topic keeps for readers who are a little behind. Those who are farther behind read the history, or
// the log.
const (
	topicChanges = 512
	topicBytes   = 1 << 20
	wideChanges  = 4096
	wideBytes    = 8 << 20
)

// topic holds the last changes of a feed, or of all, once for all who follow. A reader is a cursor: the number of the change
// that it wants next, counted from the making of the topic.
type topic struct {
	readers              int // guarded by the broker
	maxChanges, maxBytes int

	mu      sync.Mutex
	changes []*Change
	first   uint64 // the number of changes[0]
	bytes   int
	wake    chan struct{} // closed when there is more, and made anew
}

func newTopic(maxChanges, maxBytes int) *topic {
	return &topic{maxChanges: maxChanges, maxBytes: maxBytes, wake: make(chan struct{})}
}

// next is the number that the next change will get.
func (t *topic) next() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first + uint64(len(t.changes))
}

func (t *topic) add(c *Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes = append(t.changes, c)
	t.bytes += len(c.Body)
	for len(t.changes) > t.maxChanges || t.bytes > t.maxBytes && len(t.changes) > 1 {
		t.bytes -= len(t.changes[0].Body)
		t.changes = t.changes[1:] // what readers hold of it stays as it is
		t.first++
	}
	t.announce()
}

// lose makes every reader find that it missed something.
func (t *topic) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.first += uint64(len(t.changes)) + 1
	t.changes, t.bytes = nil, 0
	t.announce()
}

func (t *topic) announce() {
	close(t.wake)
	t.wake = make(chan struct{})
}

// from returns the changes from a cursor on and the cursor after them. kept is false if some of them are not here any
// more. If there are none yet, wake is closed when there is something.
func (t *topic) from(cursor uint64) (changes []*Change, next uint64, kept bool, wake <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next = t.first + uint64(len(t.changes))
	if cursor < t.first {
		return nil, next, false, nil
	}
	return t.changes[cursor-t.first:], next, true, t.wake
}
