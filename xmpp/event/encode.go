package event

import (
	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Parts are what a message has in it that tells of a change.
type Parts struct {
	Event    *stanza.Element
	Position *stanza.Element // beside the event, in a sorted feed
	Origin   string          // for the header Origin; empty for a change that was made here
}

// Encode returns a change of a feed as a message tells of it: items published or retracted, one in each, or a new configuration of
// the node, or its end. What was moved is an item without a payload, with its position beside the event; so is, without
// a position, what came without a payload. Bodies has to be false for nodes that deliver none.
func Encode(source syndication.Source, ev thoonk.Event, bodies bool) Parts {
	node := string(ev.Feed)
	p := Parts{Event: stanza.New(stanza.NSPubsubEvent, "event"), Position: payload.EncodePosition(ev.Position)}
	if o, ok := mirrored(ev); ok {
		p.Origin = o.String()
	}
	switch ev.Kind {
	case thoonk.Create, thoonk.Configure:
		p.Event.Add(stanza.New(stanza.NSPubsubEvent, "configuration").Set("node", node))
	case thoonk.Delete:
		p.Event.Add(stanza.New(stanza.NSPubsubEvent, "delete").Set("node", node))
	case thoonk.Retract:
		p.Event.Add(items(node, stanza.New(stanza.NSPubsubEvent, "retract").Set("id", string(ev.ItemID))))
	default:
		item := stanza.New(stanza.NSPubsubEvent, "item").Set("id", string(ev.ItemID))
		if bodies {
			item.Add(content(source, ev))
		}
		p.Event.Add(items(node, item))
	}
	return p
}

func items(node string, entry *stanza.Element) *stanza.Element {
	return stanza.New(stanza.NSPubsubEvent, "items").Set("node", node).Add(entry)
}

// content returns the payload of an item. A text that is empty has one too: an item without a payload is one whose payload was
// left out.
func content(source syndication.Source, ev thoonk.Event) *stanza.Element {
	if ev.Job {
		return payload.EncodeJobEvent(ev)
	}
	if !ev.HasBody() {
		return nil
	}
	item := thoonk.Item{ID: ev.ItemID, Body: ev.Body, Revision: ev.Revision, Updated: ev.Revision.Time(), Published: ev.Revision.Time()}
	if e := payload.Encode(source, ev.Content, item); e != nil {
		return e
	}
	return stanza.New(payload.NS, "text")
}

// Headers returns headers (XEP-0131), given as names and values in turn. Those without a value are left out; it is nil if that
// is all of them.
func Headers(pairs ...string) *stanza.Element {
	headers := stanza.New(NSShim, "headers")
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			headers.Add(stanza.New(NSShim, "header").Set("name", pairs[i]).AddText(pairs[i+1]))
		}
	}
	if headers.First() == nil {
		return nil
	}
	return headers
}

// ArchiveID returns the element that tells by what id a service's archive has a message (XEP-0313 section 5): a subscriber asks
// for what came after the last one that it saw.
func ArchiveID(service string, revision thoonk.Revision) *stanza.Element {
	return stanza.New(NSStable, "stanza-id").Set("by", service).Set("id", revision.String())
}
