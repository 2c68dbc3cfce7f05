package thoonk

// EventKind says what a change did.
type EventKind string

// The kinds of change to a feed.
const (
	Create    EventKind = "create"    // the feed
	Configure EventKind = "configure" // the feed
	Delete    EventKind = "delete"    // the feed
	Publish   EventKind = "publish"   // an item that was not there
	Edit      EventKind = "edit"      // an item that was there
	Retract   EventKind = "retract"   // an item
	Moved     EventKind = "position"  // an item of a sorted feed
)

// The kinds of change to a job, and, with Edit (its payload) and Retract, to an item of a queue. None carries a body.
const (
	Submit    EventKind = "submit"    // put into its queue, queued or held
	Release   EventKind = "release"   // held before, and queued now
	Claim     EventKind = "claim"     // taken by a worker
	Finish    EventKind = "finish"    // done
	Cancel    EventKind = "cancel"    // given back, queued or held now
	Stall     EventKind = "stall"     // put aside
	Retry     EventKind = "retry"     // put back into its queue
	AskCancel EventKind = "askcancel" // its worker is asked to give up
)

// Event is one change of one feed, as its history and the log tell it.
type Event struct {
	Feed     FeedName
	Revision Revision // Revision.Time is when it happened
	Kind     EventKind
	ItemID   ItemID // of publish, edit, retract and position
	Body     []byte // of publish and edit; nil where BodySize says that the log left it out
	BodySize int
	Content  Content  // what the feed declared when it happened
	Position Position // in a sorted feed: of publish and position
	Actor    string   // who did it; empty for a client of Redis itself
	// Restated marks a word that was told before: a late message of another client had come in between.
	Restated bool
	// Job says that this is a change of a job or of a queue's item.
	Job bool
	// Submitter is the principal whose job it is; empty for a client of Redis itself.
	Submitter string
	// Reason says more of a change of a job: what a held one waits for, why it was given back or stalled.
	Reason string
	Purge  PurgePart // of retract
	Notify bool      // of retract: subscribers are told whatever the node says
}

// PurgePart says that an item was retracted because the whole feed was emptied.
type PurgePart string

// The parts of a purge. One that began and had to stop has no end.
const (
	Purging PurgePart = "purging" // others follow
	Purged  PurgePart = "purged"  // the last one
)

// HasBody reports whether the event is of a kind that carries a body.
func (e Event) HasBody() bool { return !e.Job && (e.Kind == Publish || e.Kind == Edit) }

// Complete reports whether the event carries all of its body.
func (e Event) Complete() bool { return !e.HasBody() || len(e.Body) == e.BodySize }

// LogEntry is an event at its place in the log. The numbers of places are contiguous.
type LogEntry struct {
	Place Revision
	Event Event
}
