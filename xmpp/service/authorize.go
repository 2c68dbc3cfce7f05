package service

import (
	"context"
	"slices"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Fields of a request for approval, XEP-0060 section 8.6.
const (
	fieldNode       = prefix + "node"
	fieldSubscriber = prefix + "subscriber_jid"
	fieldSubID      = prefix + "subid"
	fieldAllow      = prefix + "allow"
)

// owners returns the JIDs that own a node.
func (s *Service) owners(ctx context.Context, node thoonk.FeedName) ([]string, error) {
	all, err := s.o.Store.Affiliations(ctx, node)
	var owners []string
	for _, a := range all {
		if a.Affiliation == thoonk.Owner {
			owners = append(owners, a.JID)
		}
	}
	return owners, err
}

// askOwners asks the owners of a node to approve a subscription.
func (s *Service) askOwners(ctx context.Context, node thoonk.FeedName, sub thoonk.NodeSubscription) error {
	owners, err := s.owners(ctx, node)
	if err != nil {
		return err
	}
	return s.askFor(ctx, owners, sub)
}

// askFor sends one message for the subscription to each of these JIDs. Its id names the request, so that answers can be told
// apart by people who look at them; what counts is the form.
func (s *Service) askFor(ctx context.Context, to []string, sub thoonk.NodeSubscription) error {
	x := form.Form{
		Type: form.Ask, FormType: formAuthorize, Title: "A request for a subscription",
		Instructions: "Choose whether this address may subscribe to the node.",
		Fields: []form.Field{
			form.Line(fieldNode, "Node", string(sub.Node)),
			{Var: fieldSubscriber, Type: form.JIDSingle, Label: "Address", Values: []string{sub.JID}},
			form.Line(fieldSubID, "Subscription", sub.ID),
			form.Flag(fieldAllow, "Allow it?", false),
		},
	}.Element()
	for _, owner := range to {
		m := s.message(owner, "approve-"+sub.ID).Add(
			stanza.New(stanza.NSClient, "body").AddText(sub.JID+" asks to subscribe to "+string(sub.Node)+"."), x)
		if err := s.send(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) message(to, id string) *stanza.Element {
	return stanza.New(stanza.NSClient, "message").Set("from", s.o.Sender.Domain().String()).Set("to", to).Set("id", id)
}

func (s *Service) send(ctx context.Context, e *stanza.Element) error {
	return s.o.Sender.Send(ctx, e.AppendXML(nil, stanza.NSClient))
}

// tell sends a notice of the state of a subscription: section 12.19.
func (s *Service) tell(ctx context.Context, to string, sub thoonk.NodeSubscription, state string) error {
	e := subscriptionElement(stanza.NSPubsubEvent, sub, true).Set("subscription", state)
	return s.send(ctx, s.message(to, "subscription-"+sub.ID).Add(stanza.New(stanza.NSPubsubEvent, "event").Add(e)))
}

// tellOwners tells the owners of a node of a subscription, where the node is configured so.
func (s *Service) tellOwners(ctx context.Context, feed thoonk.Feed, sub thoonk.NodeSubscription, state string) error {
	if !feed.Config.Node.TellSubscribers {
		return nil
	}
	owners, err := s.owners(ctx, feed.Name)
	for _, owner := range owners {
		if owner != sub.Bare() && err == nil {
			err = s.tell(ctx, owner, sub, state)
		}
	}
	return err
}

// Message takes the answers of owners who were asked for approval. Whatever else a message is, it is none for us.
func (s *Service) Message(ctx context.Context, m *stanza.Stanza) {
	x := form.In(m.Element)
	if x == nil {
		return
	}
	f, err := form.Parse(x)
	if err != nil || f.FormType != formAuthorize || f.Type != form.Submit {
		return // one that is given up leaves the request as it is
	}
	if err := s.decide(ctx, m, f); err != nil {
		e := stanza.FromError(err)
		s.o.Log.DebugContext(ctx, "xmpp: an approval was refused", "from", m.From.Bare().String(), "error", err)
		if err := s.o.Sender.Send(ctx, stanza.AppendError(nil, m.Element, e)); err != nil {
			s.o.Log.WarnContext(ctx, "xmpp: an error could not be sent", "error", err)
		}
	}
}

// decide approves or denies the pending subscriptions that the form names.
func (s *Service) decide(ctx context.Context, m *stanza.Stanza, f form.Form) error {
	allow, _ := f.Field(fieldAllow)
	allowed, err := allow.Bool()
	if err != nil {
		return err
	}
	name, err := thoonk.ParseFeedName(f.Value(fieldNode))
	if err != nil {
		return stanza.Err(stanza.ItemNotFound)
	}
	subscriber, err := jid.Parse(f.Value(fieldSubscriber))
	if err != nil {
		return stanza.Pubsub(stanza.BadRequest, "invalid-jid")
	}
	st, err := s.standing(ctx, name, m.From.Bare().String())
	if err != nil {
		return err
	}
	if err := st.mayOwn(); err != nil {
		return err
	}
	own, err := s.o.Subscriptions.NodeSubscriptionsOf(ctx, subscriber.Bare().String(), thoonk.Pattern(name))
	if err != nil {
		return err
	}
	id := f.Value(fieldSubID)
	own = slices.DeleteFunc(own, func(sub thoonk.NodeSubscription) bool {
		return !sub.Pending || sub.JID != subscriber.String() || id != "" && sub.ID != id
	})
	if len(own) == 0 {
		return stanza.Pubsub(stanza.UnexpectedRequest, "not-subscribed")
	}
	return s.settle(ctx, st.feed, own, allowed)
}

// settle ends that subscriptions are pending, and tells the subscribers.
func (s *Service) settle(ctx context.Context, feed thoonk.Feed, pending []thoonk.NodeSubscription, allowed bool) error {
	for _, sub := range pending {
		if !allowed {
			if err := s.o.Subscriptions.DeleteNodeSubscription(ctx, sub); err != nil {
				return err
			}
			if err := s.tell(ctx, sub.JID, sub, "none"); err != nil {
				return err
			}
			continue
		}
		sub.Pending = false
		sub, err := s.o.Subscriptions.PutNodeSubscription(ctx, sub)
		if err != nil {
			return err
		}
		if err := s.tell(ctx, sub.JID, sub, "subscribed"); err != nil {
			return err
		}
		if err := s.tellOwners(ctx, feed, sub, "subscribed"); err != nil {
			return err
		}
		if !feed.Config.Node.NoLast && !sub.Options.NoDeliver && s.o.Last != nil {
			s.o.Last(ctx, sub)
		}
	}
	return nil
}

// settleSubscriptions follows on a change of an affiliation: an owner or a publisher needs no approval, and an outcast has no
// subscription: section 8.7.4 and table 4 of section 4.1.
func (s *Service) settleSubscriptions(ctx context.Context, st *standing, a thoonk.Affiliated) error {
	own, err := s.o.Subscriptions.NodeSubscriptionsOf(ctx, a.JID, thoonk.Pattern(st.feed.Name))
	if err != nil {
		return err
	}
	switch a.Affiliation {
	case thoonk.Outcast:
		return s.settle(ctx, st.feed, own, false)
	case thoonk.Owner, thoonk.Publisher, thoonk.Member:
		return s.settle(ctx, st.feed, slices.DeleteFunc(own, func(sub thoonk.NodeSubscription) bool { return !sub.Pending }), true)
	}
	return nil
}

// Bounce takes a message of type error; what it says of subscribers is for those who notify.
func (s *Service) Bounce(context.Context, *stanza.Stanza) {}
