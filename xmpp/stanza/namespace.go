package stanza

// Namespaces that several parts of the component need.
const (
	NSClient    = "jabber:client" // of stanzas; the component's and the server's namespaces count as this one
	nsComponent = "jabber:component:accept"
	nsServer    = "jabber:server"

	NSStanzaErrors = "urn:ietf:params:xml:ns:xmpp-stanzas" // RFC 6120 section 8.3.3
	NSStreams      = "http://etherx.jabber.org/streams"

	NSPubsub       = "http://jabber.org/protocol/pubsub"
	NSPubsubOwner  = NSPubsub + "#owner"
	NSPubsubEvent  = NSPubsub + "#event"
	NSPubsubErrors = NSPubsub + "#errors"
	NSPing         = "urn:xmpp:ping"    // XEP-0199
	NSRoster       = "jabber:iq:roster" // RFC 6121 section 2

	nsXML = "http://www.w3.org/XML/1998/namespace"
)
