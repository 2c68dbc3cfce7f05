package service

import (
	"context"
	"slices"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// ownSubscriptions lists the sender's subscriptions, to one node or all: XEP-0060 section 5.6.
func (s *Service) ownSubscriptions(ctx context.Context, r *request) (*stanza.Element, error) {
	node := thoonk.Pattern(r.verb.Attr("node"))
	if node != "" {
		var err error
		if node, err = s.subscribedNode(ctx, r); err != nil {
			return nil, err
		}
	}
	own, err := s.o.Subscriptions.NodeSubscriptionsOf(ctx, r.bare, node)
	if err != nil {
		return nil, err
	}
	paging, err := rsm.Parse(r.Payload)
	if err != nil {
		return nil, err
	}
	entry := func(sub thoonk.NodeSubscription) *stanza.Element {
		return subscriptionElement(stanza.NSPubsub, sub, true)
	}
	page, set, err := pageOf(paging, own, func(sub thoonk.NodeSubscription) string { return sub.ID }, entry)
	if err != nil {
		return nil, err
	}
	return result(stanza.New(stanza.NSPubsub, "subscriptions").Set("node", string(node)).Add(page...), set), nil
}

// showSubscriptions lists the subscriptions to a node, for its owners: section 8.8.1. Those that are pending are not among
// them.
func (s *Service) showSubscriptions(ctx context.Context, r *request) (*stanza.Element, error) {
	st, err := s.owned(ctx, r)
	if err != nil {
		return nil, err
	}
	paging, err := rsm.Parse(r.Payload)
	if err != nil {
		return nil, err
	}
	if paging.Backward || paging.Index >= 0 {
		return nil, stanza.Err(stanza.FeatureNotImplemented).WithText("subscriptions are listed forwards only")
	}
	node := thoonk.Pattern(st.feed.Name)
	limit, after := paging.Limit(listMost), paging.After
	var listed []thoonk.NodeSubscription
	more := limit > 0
	for more && len(listed) < limit {
		var page []thoonk.NodeSubscription
		if page, after, err = s.o.Subscriptions.NodeSubscriptionsTo(ctx, node, after, limit-len(listed)); err != nil {
			return nil, err
		}
		listed = append(listed, slices.DeleteFunc(page, func(sub thoonk.NodeSubscription) bool { return sub.Pending })...)
		more = after != ""
	}
	var entries []*stanza.Element
	for _, sub := range listed {
		entries = append(entries, subscriptionElement(stanza.NSPubsubOwner, sub, false))
	}
	fitting := fit(entries)
	list := stanza.New(stanza.NSPubsubOwner, "subscriptions").Set("node", string(node)).Add(fitting...)
	if !paging.Asked && !more && len(fitting) == len(entries) {
		return ownerResult(list), nil
	}
	set := rsm.Result{Index: -1}
	if n := len(fitting); n > 0 {
		set.First, set.Last = placeOf(listed[0]), placeOf(listed[n-1])
	}
	if set.Count, err = s.o.Subscriptions.CountNodeSubscriptions(ctx, node); err != nil {
		return nil, err
	}
	return ownerResult(list, set.Element()), nil
}

// placeOf names a subscription in the list of a node, as [Subscriptions] has it.
func placeOf(sub thoonk.NodeSubscription) string { return sub.JID + " " + sub.ID }

// setSubscriptions adds, approves and removes subscribers: section 8.8.2. What is wrong with the request is found before
// anything is done.
func (s *Service) setSubscriptions(ctx context.Context, r *request) (*stanza.Element, error) {
	st, err := s.owned(ctx, r)
	if err != nil {
		return nil, err
	}
	changes, err := s.subscriptionChanges(ctx, r, st)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if err := s.changeSubscription(ctx, st, c); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// subscriptionChange is what an owner wants of one subscriber.
type subscriptionChange struct {
	sub   thoonk.NodeSubscription
	have  []thoonk.NodeSubscription // those that are meant
	state string                    // subscribed or none
}

func (s *Service) subscriptionChanges(ctx context.Context, r *request, st *standing) ([]subscriptionChange, error) {
	var changes []subscriptionChange
	seen := make(map[[2]string]bool)
	for e := range r.verb.Named(stanza.NSPubsubOwner, "subscription") {
		if e.Attr("subscription") == "" {
			continue // it stays
		}
		if len(changes) == listMost {
			return nil, stanza.Err(stanza.NotAcceptable).WithText("too many at once")
		}
		c, err := s.subscriptionChange(ctx, e, st)
		if err != nil {
			return nil, err
		}
		one := [2]string{c.sub.JID, e.Attr("subid")}
		if seen[one] {
			return nil, stanza.Err(stanza.NotAcceptable).WithText("a subscription twice")
		}
		seen[one] = true
		changes = append(changes, c)
	}
	return changes, nil
}

func (s *Service) subscriptionChange(ctx context.Context, e *stanza.Element, st *standing) (subscriptionChange, error) {
	c := subscriptionChange{state: e.Attr("subscription")}
	j, err := jid.Parse(e.Attr("jid"))
	if err != nil {
		return c, stanza.Err(stanza.NotAcceptable).WithText("a subscription needs a jid that is one")
	}
	if c.state != "subscribed" && c.state != "none" {
		return c, stanza.Err(stanza.NotAcceptable).WithText("a subscription is made subscribed or none")
	}
	c.sub = thoonk.NodeSubscription{Node: thoonk.Pattern(st.feed.Name), JID: j.String(), Domain: s.o.Sender.Domain().String()}
	own, err := s.o.Subscriptions.NodeSubscriptionsOf(ctx, c.sub.Bare(), c.sub.Node)
	if err != nil {
		return c, err
	}
	id := e.Attr("subid")
	c.have = slices.DeleteFunc(own, func(sub thoonk.NodeSubscription) bool {
		return sub.JID != c.sub.JID || id != "" && sub.ID != id
	})
	switch {
	case id != "" && len(c.have) == 0:
		return c, stanza.Pubsub(stanza.NotAcceptable, "invalid-subid")
	case c.state == "none" && len(c.have) == 0:
		return c, stanza.Pubsub(stanza.NotAcceptable, "not-subscribed")
	case c.state == "subscribed" && len(c.have) == 0:
		affiliation, err := s.o.Store.Affiliation(ctx, st.feed.Name, c.sub.Bare())
		if err != nil {
			return c, err
		}
		if affiliation == thoonk.Outcast || affiliation == thoonk.PublishOnly {
			return c, stanza.Err(stanza.NotAcceptable).WithText("this JID may not subscribe: it is " + affiliation.String())
		}
	}
	return c, nil
}

func (s *Service) changeSubscription(ctx context.Context, st *standing, c subscriptionChange) error {
	if c.state == "none" {
		return s.settle(ctx, st.feed, c.have, false)
	}
	if len(c.have) == 0 {
		return s.settle(ctx, st.feed, []thoonk.NodeSubscription{c.sub}, true)
	}
	return s.settle(ctx, st.feed, slices.DeleteFunc(c.have, func(sub thoonk.NodeSubscription) bool { return !sub.Pending }), true)
}
