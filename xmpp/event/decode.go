package event

import (
	"errors"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Kind says what a message of a service tells.
type Kind int

// What messages tell.
const (
	Published Kind = iota + 1 // an item
	Retracted                 // an item
	Purged                    // all items of a node
	Deleted                   // a node
	Other                     // nothing about items
)

// Change is one thing that a message tells of a node. Nothing in it is to be trusted more than who sent the message.
type Change struct {
	Kind    Kind
	Node    string
	ItemID  string
	Payload *stanza.Element // of Published; nil if it was left out
	// Redirect is where a deleted node has gone to; usually empty.
	Redirect  string
	Position  thoonk.Position
	Origin    Origin    // zero if it is not told
	ArchiveID string    // by the service's own word; may be empty
	Delayed   time.Time // when it happened, of a message that was kept; may be zero
}

// maxChanges bounds the items in one message.
const maxChanges = 1000

// Decode reads what a message tells, which may be nothing. The service is whose ids of archives count.
func Decode(message *stanza.Element, service string) ([]Change, error) {
	e := message.Child(stanza.NSPubsubEvent, "event")
	if e == nil {
		return nil, nil
	}
	about, err := beside(message, service)
	if err != nil {
		return nil, err
	}
	what := e.First()
	about.Node, about.Kind = what.Attr("node"), Other
	switch {
	case what.Is(stanza.NSPubsubEvent, "purge"):
		about.Kind = Purged
	case what.Is(stanza.NSPubsubEvent, "delete"):
		about.Kind, about.Redirect = Deleted, what.Child(stanza.NSPubsubEvent, "redirect").Attr("uri")
	case what.Is(stanza.NSPubsubEvent, "items"):
		return decodeItems(what, about)
	}
	return []Change{about}, nil
}

// beside reads what stands in a message beside the event.
func beside(message *stanza.Element, service string) (c Change, err error) {
	if c.Position, err = payload.DecodePosition(message); err != nil {
		return c, err
	}
	for h := range message.Child(NSShim, "headers").Named(NSShim, "header") {
		if h.Attr("name") == HeaderOrigin {
			c.Origin, _ = ParseOrigin(h.Text())
		}
	}
	for id := range message.Named(NSStable, "stanza-id") {
		if id.Attr("by") == service {
			c.ArchiveID = id.Attr("id")
		}
	}
	if d := message.Child(NSDelay, "delay"); d != nil {
		c.Delayed, _ = time.Parse(time.RFC3339Nano, d.Attr("stamp"))
	}
	return c, nil
}

func decodeItems(list *stanza.Element, about Change) ([]Change, error) {
	var changes []Change
	for item := range list.Children() {
		c := about
		c.ItemID = item.Attr("id")
		switch {
		case item.Is(stanza.NSPubsubEvent, "item"):
			c.Kind, c.Payload = Published, item.First()
		case item.Is(stanza.NSPubsubEvent, "retract"):
			c.Kind = Retracted
		default:
			continue
		}
		if c.ItemID == "" {
			return nil, errors.New("an item without an id")
		}
		if len(changes) == maxChanges {
			return nil, errors.New("too many items in one message")
		}
		changes = append(changes, c)
	}
	return changes, nil
}
