// Package event writes the changes of feeds as the messages of XEP-0060 tell of them, and reads such messages. What is told
// live and what is replayed from the history (XEP-0442) is the same.
package event

// The namespaces of what stands beside an event.
const (
	NSDelay  = "urn:xmpp:delay"                  // XEP-0203
	NSShim   = "http://jabber.org/protocol/shim" // XEP-0131
	NSStable = "urn:xmpp:sid:0"                  // XEP-0359
)

// The names of headers.
const (
	HeaderCollection = "Collection" // the pattern that a subscription is to
	HeaderOrigin     = "Origin"     // where a mirrored change was made first: see [Origin]
	HeaderSubID      = "SubID"      // of the subscription that a notification is for
)
