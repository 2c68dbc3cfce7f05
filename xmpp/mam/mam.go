// Package mam answers requests for the history of nodes: message archive management (XEP-0313) for publish-subscribe nodes
// (XEP-0442). The archive of a node is the history of its feed, and the id of a change in it is its revision.
package mam

import (
	"context"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// NS is the namespace of archives.
const NS = "urn:xmpp:mam:2"

// Features are what disco says of a node with an archive, and of a service that has such nodes.
var Features = []string{NS, NS + "#extended"}

const nsForward = "urn:xmpp:forward:0" // XEP-0297

// Store has the histories.
type Store interface {
	Archive(context.Context, thoonk.ArchiveQuery) (thoonk.ArchivePage, error)
	Change(context.Context, thoonk.FeedName, thoonk.Revision) (thoonk.Event, error)
	Ends(context.Context, thoonk.FeedName) (thoonk.ArchiveEnds, error)
}

// Options are what an archive works with.
type Options struct {
	Store Store
	// Reader returns a node if a bare JID may read what is in it, and whose jobs it may see if not all, or the error that it
	// deserves.
	Reader func(ctx context.Context, node thoonk.FeedName, bare string) (thoonk.Feed, string, error)
	Sender stanza.Sender
	Host   string // in the ids of Atom entries: that of the public URL
	Most   int    // bytes of a stanza that is sent; a payload that does not fit is left out. 0: 480 KiB
}

// Archive answers requests for the histories of nodes. It is safe for concurrent use.
type Archive struct{ o Options }

// New returns an archive.
func New(o Options) *Archive {
	if o.Most == 0 {
		o.Most = 480 << 10
	}
	return &Archive{o: o}
}

// Handles reports whether a request is one for [Archive.IQ].
func Handles(q *stanza.IQ) bool { return q.Payload.Name.Space == NS }

// IQ answers a request. What is in a page is sent before IQ returns, and so before the answer.
func (a *Archive) IQ(ctx context.Context, q *stanza.IQ) (*stanza.Element, error) {
	switch name := q.Payload.Name.Local; {
	case name == "query" && !q.Set():
		return stanza.New(NS, "query").Set("node", q.Payload.Attr("node")).Add(fields().Element()), nil
	case name == "query":
		return a.query(ctx, q)
	case name == "metadata" && !q.Set():
		return a.metadata(ctx, q)
	}
	return nil, stanza.Err(stanza.FeatureNotImplemented)
}

// node is a node whose history somebody may read.
type node struct {
	source syndication.Source
	whose  string // the principal whose jobs it may see; empty: all
}

// open returns the node that a request names.
func (a *Archive) open(ctx context.Context, q *stanza.IQ) (node, error) {
	name := q.Payload.Attr("node")
	if name == "" {
		return node{}, stanza.Pubsub(stanza.BadRequest, "nodeid-required").WithText("nodes have archives here, and the service itself has none")
	}
	feed, err := thoonk.ParseFeedName(name)
	if err != nil {
		return node{}, stanza.Err(stanza.ItemNotFound)
	}
	n := node{source: syndication.Source{Host: a.o.Host}}
	n.source.Feed, n.whose, err = a.o.Reader(ctx, feed, q.From.Bare().String())
	return n, err
}

// metadata is XEP-0313 section 4.2: what the archive begins and ends with.
func (a *Archive) metadata(ctx context.Context, q *stanza.IQ) (*stanza.Element, error) {
	n, err := a.open(ctx, q)
	if err != nil {
		return nil, err
	}
	answer := stanza.New(NS, "metadata")
	ends, err := a.o.Store.Ends(ctx, n.source.Feed.Name)
	if err != nil || ends.Oldest.IsZero() {
		return answer, err
	}
	end := func(name string, r thoonk.Revision) *stanza.Element {
		return stanza.New(NS, name).Set("id", r.String()).Set("timestamp", stamp(r))
	}
	return answer.Add(end("start", ends.Oldest), end("end", ends.Newest)), nil
}

// stamp is the time of a change (XEP-0082).
func stamp(r thoonk.Revision) string { return r.Time().Format("2006-01-02T15:04:05.000000Z") }
