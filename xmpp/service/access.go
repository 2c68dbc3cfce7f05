package service

import (
	"context"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// standing is what a JID is to a node. Outcasts may nothing; anybody else may what a grant allows, or the affiliation and
// the models of the node.
type standing struct {
	s           *Service
	feed        thoonk.Feed
	bare        string
	who         auth.Principal
	affiliation thoonk.Affiliation
}

// node returns the node that an element names, and what the sender is to it. Errors: those of a missing or impossible node
// id, item-not-found, and forbidden for an outcast.
func (s *Service) node(ctx context.Context, r *request) (*standing, error) {
	name, err := nodeID(r.verb)
	if err != nil {
		return nil, err
	}
	return s.standing(ctx, name, r.bare)
}

// standing returns what a JID is to a node. Errors: item-not-found, and forbidden for an outcast.
func (s *Service) standing(ctx context.Context, name thoonk.FeedName, bare string) (*standing, error) {
	st := &standing{s: s, bare: bare, who: s.o.JIDs.Principal(bare)}
	var err error
	if st.feed, err = s.o.Store.Feed(ctx, name); err != nil {
		return nil, err
	}
	if st.affiliation, err = s.o.Store.Affiliation(ctx, name, bare); err != nil {
		return nil, err
	}
	if st.affiliation == thoonk.Outcast {
		return nil, stanza.Err(stanza.Forbidden)
	}
	return st, nil
}

// nodeID reads the attribute node.
func nodeID(e *stanza.Element) (thoonk.FeedName, error) {
	node := e.Attr("node")
	if node == "" {
		return "", stanza.Pubsub(stanza.BadRequest, "nodeid-required")
	}
	name, err := thoonk.ParseFeedName(node)
	if err != nil {
		return "", stanza.Err(stanza.ItemNotFound).WithText(stanza.FromError(err).Text) // no such node can be
	}
	return name, nil
}

func (st *standing) is(affiliations ...thoonk.Affiliation) bool {
	for _, a := range affiliations {
		if st.affiliation == a {
			return true
		}
	}
	return false
}

func (st *standing) granted(v auth.Verb) bool { return st.who.Can(v, st.feed.Name) }

// subscribed reports whether the JID has a subscription that is not pending.
func (st *standing) subscribed(ctx context.Context) (bool, error) {
	subscriptions, err := st.s.o.Subscriptions.NodeSubscriptionsOf(ctx, st.bare, thoonk.Pattern(st.feed.Name))
	for _, sub := range subscriptions {
		if !sub.Pending {
			return true, err
		}
	}
	return false, err
}

// reads reports whether the JID may subscribe and read without being asked who it is, or having to be approved.
func (st *standing) reads() bool {
	return st.granted(auth.Read) || st.is(thoonk.Owner, thoonk.Publisher, thoonk.Member) ||
		st.feed.Config.Node.Access == thoonk.Open && !st.is(thoonk.PublishOnly)
}

// mayRead returns nil, or why items may not be retrieved: XEP-0060 sections 6.5.1 and 6.5.9.
func (st *standing) mayRead(ctx context.Context) error {
	if st.reads() {
		return nil
	}
	if st.is(thoonk.PublishOnly) {
		return stanza.Err(stanza.Forbidden)
	}
	if st.feed.Config.Node.Access.ByRoster() {
		return st.known(ctx)
	}
	subscribed, err := st.subscribed(ctx)
	switch {
	case err != nil:
		return err
	case subscribed:
		return nil
	case st.feed.Config.Node.Access == thoonk.Authorize:
		return stanza.Pubsub(stanza.NotAuthorized, "not-subscribed")
	}
	return stanza.Pubsub(stanza.NotAllowed, "closed-node")
}

// sees reports whether the JID may know of the node.
func (st *standing) sees() bool {
	return st.reads() || st.is(thoonk.PublishOnly) || st.feed.Config.Node.Access != thoonk.Whitelist || len(st.who.Grants) > 0 && st.grantedAny()
}

func (st *standing) grantedAny() bool {
	for _, v := range []auth.Verb{auth.Publish, auth.Retract, auth.Configure, auth.Submit, auth.Work} {
		if st.granted(v) {
			return true
		}
	}
	return false
}

// mayPublish returns nil, or why nothing may be published: section 7.1.3.1.
func (st *standing) mayPublish(ctx context.Context) error {
	if st.granted(auth.Publish) || st.is(thoonk.Owner, thoonk.Publisher, thoonk.PublishOnly) || st.feed.Config.Node.Publishers == thoonk.ByAnybody {
		return nil
	}
	if st.feed.Config.Node.Publishers == thoonk.BySubscribers {
		if st.feed.Config.Node.Access.ByRoster() && !st.reads() {
			if err := st.known(ctx); err != nil {
				return err
			}
		}
		if subscribed, err := st.subscribed(ctx); subscribed || err != nil {
			return err
		}
	}
	return stanza.Err(stanza.Forbidden)
}

// mayOwn returns nil if the JID may do what owners may.
func (st *standing) mayOwn() error {
	if st.is(thoonk.Owner) || st.granted(auth.Configure) {
		return nil
	}
	return stanza.Err(stanza.Forbidden)
}

// Reader returns nil if a bare JID may read a node, or the error that it deserves.
func (s *Service) Reader(ctx context.Context, node thoonk.FeedName, bare string) (thoonk.Feed, error) {
	st, err := s.standing(ctx, node, bare)
	if err != nil {
		return thoonk.Feed{}, err
	}
	return st.feed, st.mayRead(ctx)
}

// Replayer returns a node if a bare JID may ask for what happened on it, and the principal whose jobs it may see, "" for all;
// or the error that it deserves.
func (s *Service) Replayer(ctx context.Context, node thoonk.FeedName, bare string) (thoonk.Feed, string, error) {
	st, err := s.standing(ctx, node, bare)
	if err != nil {
		return thoonk.Feed{}, "", err
	}
	if st.isQueue() {
		whose, err := st.whose(ctx)
		return st.feed, whose, err
	}
	return st.feed, "", st.mayRead(ctx)
}
