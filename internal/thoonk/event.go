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
}

// HasBody reports whether the event is of a kind that carries a body.
func (e Event) HasBody() bool { return e.Kind == Publish || e.Kind == Edit }

// Complete reports whether the event carries all of its body.
func (e Event) Complete() bool { return !e.HasBody() || len(e.Body) == e.BodySize }

// LogEntry is an event at its place in the log. The numbers of places are contiguous.
type LogEntry struct {
	Place Revision
	Event Event
}
