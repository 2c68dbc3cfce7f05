package thoonk

import (
	"slices"
	"time"
)

// Type is what kind of live object a feed is.
type Type string

// The types of the contract. An absent type means feed.
const (
	TypeFeed       Type = "feed"
	TypeSortedFeed Type = "sorted_feed"
	TypeQueue      Type = "queue"
	TypeJob        Type = "job"
	TypePyQueue    Type = "pyqueue" // of the Python client only; its items are opaque
)

// Bounds on the history of a feed where its config says nothing.
const (
	DefaultHistoryCount = 1000
	DefaultHistoryBytes = 16 << 20
)

// Config is what a feed declares of itself.
type Config struct {
	Type      Type
	MaxLength int     // at most so many items are kept; 0: no bound
	Content   Content // what the bodies are
	History   HistoryBounds
	Job       JobConfig // of a queue, of type job or queue
	Webhook   Webhook   // of a queue of type job
	Node      Node      // how it behaves as a node of XEP-0060
	// Syndication is how it shows in documents for feed readers.
	Syndication Syndication
	// Schema is a JSON Schema of bodies in JSON, as it was written; empty: none. Each body has to fit when it is written
	// by way of us.
	Schema string
	// Stamp are the members of bodies that say who wrote them, whatever was sent: a name, and what it is: sub or principal.
	Stamp map[string]string
	// Extra are the fields of feed.config that are none of the above: other clients' own, kept as they are.
	Extra map[string]string
}

// HistoryBounds say how much of a feed's history is kept at least. The newest entry always is.
type HistoryBounds struct {
	Count int // entries; 0: DefaultHistoryCount
	Bytes int // bytes; 0: DefaultHistoryBytes
}

// Feed is a feed's declaration and when it was last declared.
type Feed struct {
	Name     FeedName
	Config   Config
	Revision Revision // of the last create or configure
	Created  time.Time
}

// Item is one item of a feed.
type Item struct {
	ID        ItemID
	Body      []byte
	Revision  Revision // of its last change
	Published time.Time
	Updated   time.Time
}

// Condition is a precondition on a revision (RFC 9110 section 13.1), checked inside the write. The zero value is none.
type Condition struct {
	Match     []Revision // If-Match: the present revision is one of these
	MatchAny  bool       // If-Match: *
	NoneMatch []Revision // If-None-Match: the present revision is none of these
	NoneAny   bool       // If-None-Match: *
}

// Holds reports whether the condition holds for something at a revision or, if it is not there, for nothing.
func (c Condition) Holds(present Revision, there bool) bool {
	switch {
	case c.MatchAny && !there, c.Match != nil && !(there && slices.Contains(c.Match, present)):
		return false
	case c.NoneAny && there, there && slices.Contains(c.NoneMatch, present):
		return false
	}
	return true
}

// Order is the direction in which items are listed.
type Order int

// Items are ordered as their feed orders them, or the other way round.
const (
	Forward Order = iota
	Backward
)
