// Package service is the publish-subscribe service of XEP-0060 over feeds: one short file a verb. A node is a feed, and its
// id is the feed's name.
package service

import (
	"cmp"
	"context"
	"encoding/xml"
	"log/slog"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Store keeps the feeds, and what JIDs are to them.
type Store interface {
	Feed(context.Context, thoonk.FeedName) (thoonk.Feed, error)
	Feeds(context.Context, thoonk.FeedQuery) ([]thoonk.Feed, error)
	PutFeed(context.Context, thoonk.PutFeed) (thoonk.Feed, bool, error)
	DeleteFeed(context.Context, thoonk.DeleteFeed) error
	Purge(context.Context, thoonk.PurgeFeed) error

	Items(context.Context, thoonk.ItemQuery) (thoonk.ItemPage, error)
	ItemsByID(context.Context, thoonk.FeedName, []thoonk.ItemID) (thoonk.ItemPage, error)
	Publish(context.Context, thoonk.PublishItem) (thoonk.Published, error)
	Retract(context.Context, thoonk.RetractItem) error
	Change(context.Context, thoonk.FeedName, thoonk.Revision) (thoonk.Event, error)

	Affiliation(context.Context, thoonk.FeedName, string) (thoonk.Affiliation, error)
	Affiliations(context.Context, thoonk.FeedName) ([]thoonk.Affiliated, error)
	AffiliationsOf(context.Context, string) ([]thoonk.Affiliated, error)
	Affiliate(context.Context, thoonk.Affiliate) error
}

// Subscriptions keeps who is subscribed to what.
type Subscriptions interface {
	PutNodeSubscription(context.Context, thoonk.NodeSubscription) (thoonk.NodeSubscription, error)
	DeleteNodeSubscription(context.Context, thoonk.NodeSubscription) error
	NodeSubscriptionsOf(ctx context.Context, bare string, node thoonk.Pattern) ([]thoonk.NodeSubscription, error)
	NodeSubscriptionsTo(ctx context.Context, node thoonk.Pattern, after string, limit int) ([]thoonk.NodeSubscription, string, error)
	// PendingNodeSubscriptions returns those that wait for approval, with node, JID and ID.
	PendingNodeSubscriptions(ctx context.Context, node thoonk.Pattern) ([]thoonk.NodeSubscription, error)
	CountNodeSubscriptions(ctx context.Context, node thoonk.Pattern) (int, error)
}

// Rosters say whom owners of nodes know. Where a server lets nobody read them nobody is let in.
type Rosters interface {
	// Offered reports whether some host lets its rosters be read.
	Offered() bool
	// Admits reports whether the owners of a node know a bare JID as its access model wants it.
	Admits(ctx context.Context, node thoonk.Node, owners []string, bare string) (bool, error)
}

// Options are what a service works with.
type Options struct {
	Store         Store
	Subscriptions Subscriptions
	Jobs          Jobs
	JIDs          auth.JIDs     // grants of those who come over this link
	Sender        stanza.Sender // of this link
	// Last sends the last item of a node to a new subscriber.
	Last func(context.Context, thoonk.NodeSubscription)
	// Rosters are those of the users of this link's server; nil: they cannot be read.
	Rosters Rosters
	MAM     bool // whether the history of nodes can be asked for; somebody else answers
	Most    int  // bytes of an answer. 0: 480 KiB
	Version string
	Host    string // in the ids of Atom entries: that of the public URL
	Log     *slog.Logger
	Now     func() time.Time
}

// Service answers the requests that come over one link. It is safe for concurrent use.
type Service struct{ o Options }

// New returns a service.
func New(o Options) *Service {
	o.Most = cmp.Or(o.Most, 480<<10)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{o: o}
}

// request is a request and who makes it.
type request struct {
	*stanza.IQ
	verb *stanza.Element // what is asked for, in the payload
	bare string          // the sender without a resource
	who  auth.Principal
}

func (s *Service) newRequest(q *stanza.IQ) *request {
	bare := q.From.Bare().String()
	return &request{IQ: q, verb: q.Payload, bare: bare, who: s.o.JIDs.Principal(bare)}
}

// handler answers one kind of request.
type handler func(*Service, context.Context, *request) (*stanza.Element, error)

type name struct {
	space, local string
	set          bool
}

// others are the requests that are no publish-subscribe.
var others = map[name]handler{
	{nsDiscoInfo, "query", false}:  (*Service).discoInfo,
	{nsDiscoItems, "query", false}: (*Service).discoItems,
	{nsVersion, "query", false}:    (*Service).version,
	{stanza.NSPing, "ping", false}: (*Service).ping,
	{nsCommands, "command", true}:  (*Service).command,
}

// verbs are the requests of XEP-0060, by what stands in its pubsub element.
var verbs = map[name]handler{
	{stanza.NSPubsub, "create", true}:         (*Service).create,
	{stanza.NSPubsub, "publish", true}:        (*Service).publish,
	{stanza.NSPubsub, "retract", true}:        (*Service).retract,
	{stanza.NSPubsub, "items", false}:         (*Service).items,
	{stanza.NSPubsub, "subscribe", true}:      (*Service).subscribe,
	{stanza.NSPubsub, "unsubscribe", true}:    (*Service).unsubscribe,
	{stanza.NSPubsub, "options", false}:       (*Service).showOptions,
	{stanza.NSPubsub, "options", true}:        (*Service).setOptions,
	{stanza.NSPubsub, "default", false}:       (*Service).defaultOptions,
	{stanza.NSPubsub, "subscriptions", false}: (*Service).ownSubscriptions,
	{stanza.NSPubsub, "affiliations", false}:  (*Service).ownAffiliations,

	{stanza.NSPubsubOwner, "configure", false}:     (*Service).showConfig,
	{stanza.NSPubsubOwner, "configure", true}:      (*Service).configure,
	{stanza.NSPubsubOwner, "default", false}:       (*Service).defaultConfig,
	{stanza.NSPubsubOwner, "delete", true}:         (*Service).deleteNode,
	{stanza.NSPubsubOwner, "purge", true}:          (*Service).purge,
	{stanza.NSPubsubOwner, "affiliations", false}:  (*Service).showAffiliations,
	{stanza.NSPubsubOwner, "affiliations", true}:   (*Service).setAffiliations,
	{stanza.NSPubsubOwner, "subscriptions", false}: (*Service).showSubscriptions,
	{stanza.NSPubsubOwner, "subscriptions", true}:  (*Service).setSubscriptions,
}

// unsupported are the features of XEP-0060 and XEP-0248 that elements stand for which we do not know.
var unsupported = map[string]string{"associate": "collections", "disassociate": "collections", "collection": "collections"}

// companions are what may stand beside a verb, of the namespace of XEP-0060.
var companions = map[string]string{"create": "configure", "publish": "publish-options", "subscribe": "options"}

// alone returns an error if more is asked for than is done: nothing is left undone in silence. Of other namespaces whatever is not
// known may stand there, and nothing twice but orders, which say for themselves what is wrong with that.
func alone(pubsub *stanza.Element) error {
	verb := pubsub.First()
	seen := make(map[xml.Name]bool)
	for c := range pubsub.Children() {
		if seen[c.Name] && !isOrder(c) {
			return stanza.Err(stanza.BadRequest).WithText(c.Name.Local + " stands there twice")
		}
		if c != verb && c.Name.Space == verb.Name.Space && c.Name.Local != companions[verb.Name.Local] {
			return stanza.Err(stanza.BadRequest).WithText("one thing is asked for at a time: " + verb.Name.Local + ", and not " + c.Name.Local)
		}
		seen[c.Name] = true
	}
	return nil
}

// IQ answers a request. Errors are stanza errors, or [thoonk.Error]s.
func (s *Service) IQ(ctx context.Context, q *stanza.IQ) (*stanza.Element, error) {
	return s.answer(ctx, s.newRequest(q))
}

func (s *Service) answer(ctx context.Context, r *request) (*stanza.Element, error) {
	space, local := r.Payload.Name.Space, r.Payload.Name.Local
	if h, ok := others[name{space, local, r.Set()}]; ok {
		return h(s, ctx, r)
	}
	if local != "pubsub" || space != stanza.NSPubsub && space != stanza.NSPubsubOwner {
		return nil, stanza.Err(stanza.ServiceUnavailable) // RFC 6120 section 8.4
	}
	r.verb = r.Payload.First()
	if r.verb == nil {
		return nil, stanza.Err(stanza.BadRequest).WithText("an empty pubsub element asks for nothing")
	}
	if h, ok := verbs[name{space, r.verb.Name.Local, r.Set()}]; ok && r.verb.Name.Space == space {
		if err := alone(r.Payload); err != nil {
			return nil, err
		}
		return h(s, ctx, r)
	}
	if _, ok := verbs[name{space, r.verb.Name.Local, !r.Set()}]; ok && r.verb.Name.Space == space {
		return nil, stanza.Err(stanza.BadRequest).WithText("an iq of the other type, get or set, asks for this")
	}
	feature, ok := unsupported[r.verb.Name.Local]
	if !ok {
		feature = r.verb.Name.Local
	}
	return nil, stanza.Unsupported(feature)
}

// Presence takes no notice of presence: nothing depends on it.
func (s *Service) Presence(context.Context, *stanza.Stanza) {}

// ping is XEP-0199.
func (s *Service) ping(context.Context, *request) (*stanza.Element, error) { return nil, nil }

// version is XEP-0092.
func (s *Service) version(context.Context, *request) (*stanza.Element, error) {
	return stanza.New(nsVersion, "query").Add(
		stanza.New(nsVersion, "name").AddText("thoonkd"), stanza.New(nsVersion, "version").AddText(s.o.Version)), nil
}

const nsVersion = "jabber:iq:version"

// result wraps the answer to a request of XEP-0060.
func result(e ...*stanza.Element) *stanza.Element {
	return stanza.New(stanza.NSPubsub, "pubsub").Add(e...)
}

func ownerResult(e ...*stanza.Element) *stanza.Element {
	return stanza.New(stanza.NSPubsubOwner, "pubsub").Add(e...)
}

// sameBare reports whether an address is one of the sender's own.
func (r *request) sameBare(j jid.JID) bool { return j.Bare().String() == r.bare }
