package thoonk

import "time"

// PutItems puts items into a queue of type queue, all or none.
type PutItems struct {
	Queue FeedName
	Items []NewQueued
	Once  Once
	Actor string
}

// NewQueued is one item of a [PutItems].
type NewQueued struct {
	ID   ItemID // empty: one is made
	Form Form
	Body []byte
	High bool // in front of the others
}

// GetItems takes up to Count items out of a queue. Without Confirm they are gone at once, as for every client of the
// contract. With it they are leased: what is not confirmed until the lease ends goes back to where it was taken.
type GetItems struct {
	Queue   FeedName
	Count   int
	Confirm bool
	Lease   time.Duration // 0: the queue's
	Holder  Holder
	Actor   string
}

// Got is the outcome of a [GetItems].
type Got struct {
	Items []QueueItem
	Lease Lease // zero unless Confirm
	Wait  Wait  // empty or paused, if there are fewer than it may have
}

// QueueItem is one item of a queue.
type QueueItem struct {
	ID      ItemID
	Body    []byte
	Content Content
}

// AckItem confirms one item, or gives it back at once.
type AckItem struct {
	ID    ItemID
	Token string
	Back  bool
	Actor string
}

// PeekItems is what stands at the head of a queue, next first.
type PeekItems struct {
	Items  []QueueItem
	Length int64 // items that may be taken
	Leased int64 // items that wait for their confirmation
}
