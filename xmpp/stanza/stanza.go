package stanza

import (
	"context"
	"errors"

	"mellium.im/xmpp/jid"
)

// The kinds of stanza, which are also the names of their elements.
const (
	KindIQ       = "iq"
	KindMessage  = "message"
	KindPresence = "presence"
)

// Stanza is one stanza from the server, with a sender whose address is one.
type Stanza struct {
	*Element
	Kind string // KindIQ, KindMessage or KindPresence
	Type string // as it stands: "" of a message is normal, of a presence available
	ID   string
	From jid.JID
	To   jid.JID
}

// IQ is a request: an iq of type get or set with exactly one element in it.
type IQ struct {
	Stanza
	Payload *Element

	after []func(context.Context)
}

// Set reports whether the request is of type set, and not get.
func (q *IQ) Set() bool { return q.Type == "set" }

// AfterReply has f called once the answer is on its way: what f sends comes after it. It is not called after an error.
func (q *IQ) AfterReply(f func(context.Context)) { q.after = append(q.after, f) }

// Replied calls what AfterReply gathered.
func (q *IQ) Replied(ctx context.Context) {
	for _, f := range q.after {
		f(ctx)
	}
}

// Handler does what stanzas ask for. Its methods are called from several goroutines, and for the stanzas of one bare JID one
// after the other, in order. A context ends with the link.
type Handler interface {
	// IQ answers a request: with what belongs into the result, nil for an empty one, or with an error, which [FromError]
	// turns into a stanza error.
	IQ(context.Context, *IQ) (*Element, error)
	// Message takes a message of any type but error.
	Message(context.Context, *Stanza)
	// Presence takes a presence of any type.
	Presence(context.Context, *Stanza)
	// Bounce takes a message of type error: something that was sent did not arrive.
	Bounce(context.Context, *Stanza)
}

// Sender puts stanzas on their way. Its methods wait while the link is slow, until ctx ends.
type Sender interface {
	// Send sends whole stanzas, one or more. An error means that they were not, or perhaps not all, sent.
	Send(ctx context.Context, stanzas []byte) error
	// Request sends an iq of type get or set to an address, or to the server itself if it is zero, and returns the payload
	// of the result, which may be nil. An error of the other side's is an [Error].
	Request(ctx context.Context, to jid.JID, kind string, payload *Element) (*Element, error)
	// Domain is the address of the component.
	Domain() jid.JID
}

// ParseStanza makes a stanza of an element. The error is an [Error] with the condition that the sender deserves; it is
// jid-malformed where an address is none.
func ParseStanza(e *Element) (Stanza, error) {
	s := Stanza{Element: e, Kind: e.Name.Local, Type: e.Attr("type"), ID: e.Attr("id")}
	if e.Name.Space != NSClient || s.Kind != KindIQ && s.Kind != KindMessage && s.Kind != KindPresence {
		return s, Err(UnsupportedStanzaType)
	}
	var err1, err2 error
	s.From, err1 = parseJID(e.Attr("from"))
	s.To, err2 = parseJID(e.Attr("to"))
	if errors.Join(err1, err2) != nil {
		return s, Err(JIDMalformed)
	}
	return s, nil
}

// ParseIQ makes a request of an iq stanza of type get or set. RFC 6120 section 8.2.3 wants exactly one element in it, and an id.
func ParseIQ(s Stanza) (*IQ, error) {
	q := &IQ{Stanza: s}
	for c := range s.Children() {
		if q.Payload != nil {
			return nil, Err(BadRequest).WithText("an iq of type get or set has exactly one element in it")
		}
		q.Payload = c
	}
	if q.Payload == nil {
		return nil, Err(BadRequest).WithText("an iq of type get or set has exactly one element in it")
	}
	if q.ID == "" {
		return nil, Err(BadRequest).WithText("an iq has an id")
	}
	return q, nil
}

func parseJID(s string) (jid.JID, error) {
	const longest = 3*1023 + 2 // RFC 7622 section 3.1
	if len(s) > longest {
		return jid.JID{}, errors.New("longer than an address can be")
	}
	return jid.Parse(s)
}
