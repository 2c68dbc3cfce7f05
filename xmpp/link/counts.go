package link

import "sync/atomic"

// Stats count since the link was made, over all its connections.
type Stats struct {
	Attached  bool
	Connects  int64
	Received  int64 // stanzas
	Sent      int64 // bytes
	Errors    int64 // stanza errors that were answered
	Malformed int64 // stanzas that are none: bad XML, bad addresses, too long
	Refused   int64 // stanzas of senders who sent too many
	Spoofed   int64 // answers that nobody waits for
}

type counts struct {
	connects, received, sent, errors, malformed, refused, spoofed atomic.Int64
}

// Stats returns the counts.
func (l *Link) Stats() Stats {
	c := &l.counts
	return Stats{
		Attached: l.session.Load() != nil, Connects: c.connects.Load(), Received: c.received.Load(), Sent: c.sent.Load(),
		Errors: c.errors.Load(), Malformed: c.malformed.Load(), Refused: c.refused.Load(), Spoofed: c.spoofed.Load(),
	}
}
