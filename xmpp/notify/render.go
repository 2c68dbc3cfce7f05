package notify

import (
	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// notice is a change as the messages tell of it, encoded once for all subscribers but for what differs between them.
type notice struct {
	start  []byte // of the message, up to its attributes
	text   string // a body for people, for those who want it
	rest   []byte // what is in the message
	origin string
}

// render encodes a change, or returns nil if the node is configured to tell nobody of it.
func (n *Notifier) render(feed thoonk.Feed, ev thoonk.Event) (*notice, error) {
	node := feed.Config.Node
	switch {
	case node.NoNotifications && ev.Kind != thoonk.Delete && ev.Kind != thoonk.Configure,
		ev.Kind == thoonk.Create,
		ev.Kind == thoonk.Configure && !node.TellConfig,
		ev.Kind == thoonk.Delete && node.NoDeletes,
		ev.Kind == thoonk.Retract && node.NoRetracts && !ev.Notify:
		return nil, nil
	}
	kind := "headline"
	if node.MessageType != "" {
		kind = node.MessageType
	}
	start := stanza.AppendAttr([]byte("<message"), "from", n.domain)
	if kind != thoonk.MessageNormal {
		start = stanza.AppendAttr(start, "type", kind)
	}
	parts := n.parts(feed, ev, !node.NoPayloads)
	rest := n.inside(parts, ev)
	if len(rest) > n.o.Link.MaxSend()-maxAddresses && ev.HasBody() { // the server would close the link: it can be asked for
		parts = n.parts(feed, ev, false)
		rest = n.inside(parts, ev)
	}
	return &notice{start: start, rest: rest, origin: parts.Origin, text: textFor(ev.Feed, ev)}, nil
}

// maxAddresses is what a message has at most beside what is rendered once.
const maxAddresses = 16 << 10

func (n *Notifier) parts(feed thoonk.Feed, ev thoonk.Event, bodies bool) event.Parts {
	parts := event.Encode(syndication.Source{Feed: feed, Host: n.o.Host}, ev, bodies)
	switch {
	case ev.Purge == thoonk.Purged:
		parts.Event = stanza.New(stanza.NSPubsubEvent, "event").Add(stanza.New(stanza.NSPubsubEvent, "purge").Set("node", string(ev.Feed)))
	case ev.Kind == thoonk.Configure && bodies && n.o.Config != nil:
		parts.Event.First().Add(n.o.Config(feed.Config))
	}
	return parts
}

// inside returns what stands in a message. The id of the archive is the revision, which who was away asks from.
func (n *Notifier) inside(parts event.Parts, ev thoonk.Event) []byte {
	b := parts.Event.AppendXML(nil, stanza.NSClient)
	if parts.Position != nil {
		b = parts.Position.AppendXML(b, stanza.NSClient)
	}
	if ev.Kind == thoonk.Delete {
		return b
	}
	return event.ArchiveID(n.domain, ev.Revision).AppendXML(b, stanza.NSClient)
}
