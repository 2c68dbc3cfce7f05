package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Names of the events that are no changes. A change's name is its [thoonk.EventKind].
const (
	SnapshotItem = "item"  // an item of the snapshot
	Live         = "live"  // the snapshot is complete, changes follow
	Reset        = "reset" // changes are missing; Detail says more
)

// Event is what a stream tells.
type Event struct {
	Name string
	Raw  json.RawMessage // the document, as the server sent it
	// Cursor is where to go on after this event. An event that gives none has the one before it, or "".
	Cursor string

	Feed     thoonk.FeedName
	ItemID   thoonk.ItemID
	Revision thoonk.Revision
	At       time.Time // of an item of the snapshot: when it was updated
	Actor    string    // whom administrators see
	Restated bool
	Detail   string // of a reset; of a change of a job, why it was given back or stalled, or what it waits for
	Position thoonk.Position
	Body     Body
}

// Change reports whether the event is a change of a feed.
func (e Event) Change() bool {
	return e.Name != SnapshotItem && e.Name != Live && e.Name != Reset
}

type wireEvent struct {
	Feed     thoonk.FeedName `json:"feed"`
	ID       thoonk.ItemID   `json:"id"`
	Revision thoonk.Revision `json:"revision"`
	At       time.Time       `json:"at"`
	Updated  time.Time       `json:"updated"`
	Actor    string          `json:"actor"`
	Restated bool            `json:"restated"`
	Detail   string          `json:"detail"`
	Reason   string          `json:"reason"`
	Position struct {
		First  bool          `json:"first"`
		Last   bool          `json:"last"`
		Before thoonk.ItemID `json:"before"`
		After  thoonk.ItemID `json:"after"`
	} `json:"position"`
	wireBody
}

func parseEvent(m message, cursor string) (Event, error) {
	var w wireEvent
	if err := json.Unmarshal([]byte(m.data), &w); err != nil {
		return Event{}, fmt.Errorf("the stream's event %q is not thoonkd's: %w", m.name, err)
	}
	e := Event{
		Name: m.name, Raw: json.RawMessage(m.data), Cursor: cursor,
		Feed: w.Feed, ItemID: w.ID, Revision: w.Revision, At: w.At, Actor: w.Actor, Restated: w.Restated, Detail: cmp.Or(w.Detail, w.Reason),
		Position: thoonk.Position(w.Position), Body: w.body(),
	}
	if e.At.IsZero() {
		e.At = w.Updated
	}
	return e, nil
}
