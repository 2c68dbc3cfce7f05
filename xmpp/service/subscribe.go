package service

import (
	"context"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// subscribe is XEP-0060 section 6.1. A JID that subscribes again with other options has two subscriptions, told apart by
// their ids; with the same ones it gets the one that it has, so that a client may subscribe whenever it starts.
func (s *Service) subscribe(ctx context.Context, r *request) (*stanza.Element, error) {
	sub, err := s.wanted(r)
	if err != nil {
		return nil, err
	}
	asked := r.Payload.Child(stanza.NSPubsub, "options")
	if asked != nil {
		if err := s.optionsBeside(&sub, asked); err != nil {
			return nil, err
		}
	}
	st, err := s.subscribable(ctx, r, &sub)
	if err != nil {
		return nil, err
	}
	own, err := s.o.Subscriptions.NodeSubscriptionsOf(ctx, r.bare, sub.Node)
	if err != nil {
		return nil, err
	}
	for _, have := range own {
		if have.JID != sub.JID {
			continue
		}
		if have.Pending && sub.Pending {
			return nil, stanza.Pubsub(stanza.NotAuthorized, "pending-subscription")
		}
		if asked == nil || have.Options == sub.Options {
			sub.ID, sub.Created, sub.Options = have.ID, have.Created, have.Options
			if asked == nil {
				sub.Expires = have.Expires
			}
			break
		}
	}
	made, err := s.o.Subscriptions.PutNodeSubscription(ctx, sub)
	if thoonk.KindOf(err) == thoonk.Limited {
		return nil, stanza.Pubsub(stanza.PolicyViolation, "too-many-subscriptions").OfType(stanza.Wait)
	}
	if err != nil {
		return nil, err
	}
	r.AfterReply(func(ctx context.Context) { s.subscribed(ctx, st, made, sub.ID == "") })
	answer := result(subscriptionElement(stanza.NSPubsub, made, true).Add(
		stanza.New(stanza.NSPubsub, "subscribe-options")))
	if asked != nil {
		answer.Add(stanza.New(stanza.NSPubsub, "options").Add(optionsForm(form.Result, made).Element()))
	}
	return answer, nil
}

// wanted returns the subscription that a request is about, as far as the request alone says it.
func (s *Service) wanted(r *request) (thoonk.NodeSubscription, error) {
	sub := thoonk.NodeSubscription{Domain: s.o.Sender.Domain().String()}
	j, err := jid.Parse(r.verb.Attr("jid"))
	if err != nil || !r.sameBare(j) {
		return sub, stanza.Pubsub(stanza.BadRequest, "invalid-jid")
	}
	sub.JID = j.String()
	if r.verb.Attr("node") == "" {
		return sub, stanza.Pubsub(stanza.BadRequest, "nodeid-required")
	}
	sub.Node, err = thoonk.ParsePattern(r.verb.Attr("node"))
	if err != nil {
		return sub, stanza.Err(stanza.ItemNotFound)
	}
	return sub, nil
}

// optionsBeside reads the options beside a subscribe: section 6.3.7.
func (s *Service) optionsBeside(sub *thoonk.NodeSubscription, e *stanza.Element) error {
	_, node := e.LookupAttr("node")
	_, j := e.LookupAttr("jid")
	if node || j {
		return stanza.Err(stanza.BadRequest).WithText("options beside subscribe have neither node nor jid")
	}
	if form.In(e) == nil {
		return nil
	}
	f, err := submitted(e, formSubscribe)
	if err != nil || f.Type == form.Cancel {
		return err
	}
	return s.applyOptions(sub, f)
}

// subscribable returns the node, or nil for a pattern, if the sender may subscribe; the subscription may have to be
// approved.
func (s *Service) subscribable(ctx context.Context, r *request, sub *thoonk.NodeSubscription) (*standing, error) {
	if !sub.Node.Literal() {
		return nil, mayFollow(r.who, sub.Node)
	}
	st, err := s.node(ctx, r)
	if err != nil {
		return nil, err
	}
	switch n := st.feed.Config.Node; {
	case n.NoSubscribe:
		return nil, stanza.Unsupported("subscribe")
	case st.reads(), st.isQueue() && st.granted(auth.Submit):
		return st, nil
	case st.is(thoonk.PublishOnly):
		return nil, stanza.Err(stanza.Forbidden)
	case n.Access.ByRoster():
		return st, st.known(ctx)
	case n.Access == thoonk.Authorize:
		approved, err := st.subscribed(ctx)
		sub.Pending = !approved
		return st, err
	}
	if approved, err := st.subscribed(ctx); approved || err != nil { // by an owner, who manages subscriptions
		return st, err
	}
	return nil, stanza.Pubsub(stanza.NotAllowed, "closed-node")
}

// mayFollow lets subscribe to a pattern whom a grant lets read all that it may match: a grant that matches the pattern, taken
// as a name, matches every name that the pattern does.
func mayFollow(who auth.Principal, p thoonk.Pattern) error {
	if who.Can(auth.Read, thoonk.FeedName(p)) {
		return nil
	}
	return stanza.Pubsub(stanza.NotAllowed, "closed-node")
}

// subscriptionElement describes a subscription. The node is left out in lists that say it themselves.
func subscriptionElement(space string, sub thoonk.NodeSubscription, node bool) *stanza.Element {
	e := stanza.New(space, "subscription")
	if node {
		e.Set("node", string(sub.Node))
	}
	e.Set("jid", sub.JID).Set("subid", sub.ID).Set("subscription", state(sub))
	if !sub.Expires.IsZero() {
		e.Set("expiry", sub.Expires.UTC().Format(time.RFC3339))
	}
	return e
}

func state(sub thoonk.NodeSubscription) string {
	if sub.Pending {
		return "pending"
	}
	return "subscribed"
}

// subscribed does what follows on a subscription, once the subscriber knows of it.
func (s *Service) subscribed(ctx context.Context, st *standing, sub thoonk.NodeSubscription, made bool) {
	if st == nil {
		return
	}
	var err error
	if sub.Pending {
		err = s.askOwners(ctx, st.feed.Name, sub)
	} else {
		if made {
			err = s.tellOwners(ctx, st.feed, sub, state(sub))
		}
		if !st.feed.Config.Node.NoLast && !sub.Options.NoDeliver && !st.isQueue() && s.o.Last != nil {
			s.o.Last(ctx, sub)
		}
	}
	if err != nil {
		s.o.Log.WarnContext(ctx, "xmpp: owners were not told of a subscription", "node", st.feed.Name, "error", err)
	}
}
