package service

import (
	"context"
	"slices"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// unsubscribe is XEP-0060 section 6.2.
func (s *Service) unsubscribe(ctx context.Context, r *request) (*stanza.Element, error) {
	sub, err := s.subscription(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := s.o.Subscriptions.DeleteNodeSubscription(ctx, sub); err != nil {
		return nil, err
	}
	if sub.Node.Literal() && !sub.Pending {
		feed, err := s.o.Store.Feed(ctx, thoonk.FeedName(sub.Node))
		if err != nil {
			return nil, nil //nolint:nilerr // it is done, and there is nobody to tell
		}
		r.AfterReply(func(ctx context.Context) {
			if err := s.tellOwners(ctx, feed, sub, "none"); err != nil {
				s.o.Log.WarnContext(ctx, "xmpp: owners were not told of a subscriber who left", "node", feed.Name, "error", err)
			}
		})
	}
	return nil, nil
}

// subscription returns the one of the sender's subscriptions that a request names by node, jid and subid: sections 6.2.3 and
// 6.3.4.
func (s *Service) subscription(ctx context.Context, r *request) (thoonk.NodeSubscription, error) {
	var none thoonk.NodeSubscription
	if r.verb.Attr("jid") == "" {
		return none, stanza.Pubsub(stanza.BadRequest, "jid-required")
	}
	j, err := jid.Parse(r.verb.Attr("jid"))
	if err != nil {
		return none, stanza.Pubsub(stanza.BadRequest, "invalid-jid")
	}
	if !r.sameBare(j) {
		return none, stanza.Err(stanza.Forbidden)
	}
	node, err := s.subscribedNode(ctx, r)
	if err != nil {
		return none, err
	}
	own, err := s.o.Subscriptions.NodeSubscriptionsOf(ctx, r.bare, node)
	if err != nil {
		return none, err
	}
	own = slices.DeleteFunc(own, func(sub thoonk.NodeSubscription) bool { return sub.JID != j.String() })
	id := r.verb.Attr("subid")
	switch {
	case len(own) == 0:
		return none, stanza.Pubsub(stanza.UnexpectedRequest, "not-subscribed")
	case id == "" && len(own) > 1:
		return none, stanza.Pubsub(stanza.BadRequest, "subid-required")
	case id == "":
		return own[0], nil
	}
	for _, sub := range own {
		if sub.ID == id {
			return sub, nil
		}
	}
	return none, stanza.Pubsub(stanza.NotAcceptable, "invalid-subid")
}

// subscribedNode returns the node, or pattern, that a request names. A node has to be there.
func (s *Service) subscribedNode(ctx context.Context, r *request) (thoonk.Pattern, error) {
	if r.verb.Attr("node") == "" {
		return "", stanza.Pubsub(stanza.BadRequest, "nodeid-required")
	}
	node, err := thoonk.ParsePattern(r.verb.Attr("node"))
	if err != nil {
		return "", stanza.Err(stanza.ItemNotFound)
	}
	if node.Literal() {
		name, err := nodeID(r.verb)
		if err != nil {
			return "", err
		}
		_, err = s.o.Store.Feed(ctx, name)
		return node, err
	}
	return node, nil
}
