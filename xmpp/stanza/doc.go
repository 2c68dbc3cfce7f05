// Package stanza has the XML of XMPP as the component reads and writes it: elements, stanzas and their errors. What is
// read comes from strangers, so all of it is bounded.
package stanza
