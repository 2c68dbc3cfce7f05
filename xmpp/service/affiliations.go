package service

import (
	"context"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// listMost bounds a list of affiliations or subscriptions in one answer; a set gets the others.
const listMost = 1000

// ownAffiliations lists what the sender is to nodes: XEP-0060 section 5.7.
func (s *Service) ownAffiliations(ctx context.Context, r *request) (*stanza.Element, error) {
	list := stanza.New(stanza.NSPubsub, "affiliations").Set("node", r.verb.Attr("node"))
	held, err := s.o.Store.AffiliationsOf(ctx, r.bare)
	if err != nil {
		return nil, err
	}
	if r.verb.Attr("node") != "" {
		held, err = s.ownAffiliation(ctx, r)
		if err != nil {
			return nil, err
		}
	}
	paging, err := rsm.Parse(r.Payload)
	if err != nil {
		return nil, err
	}
	page, set, err := rsm.Page(paging, held, listMost, func(a thoonk.Affiliated) string { return string(a.Feed) })
	if err != nil {
		return nil, err
	}
	for _, a := range page {
		list.Add(stanza.New(stanza.NSPubsub, "affiliation").Set("node", string(a.Feed)).Set("affiliation", a.Affiliation.String()))
	}
	return result(list, setOf(paging, set, len(held))), nil
}

func (s *Service) ownAffiliation(ctx context.Context, r *request) ([]thoonk.Affiliated, error) {
	name, err := nodeID(r.verb)
	if err != nil {
		return nil, err
	}
	if _, err := s.o.Store.Feed(ctx, name); err != nil {
		return nil, err
	}
	a, err := s.o.Store.Affiliation(ctx, name, r.bare)
	if a == thoonk.NoAffiliation {
		return nil, err
	}
	return []thoonk.Affiliated{{Feed: name, JID: r.bare, Affiliation: a}}, err
}

// setOf returns what an answer says of a list: nothing, where all of it is in the answer and nobody asked.
func setOf(q rsm.Query, set rsm.Result, whole int) *stanza.Element {
	if !q.Asked && whole <= listMost {
		return nil
	}
	return set.Element()
}

// showAffiliations lists who is what to a node, for its owners: section 8.9.1.
func (s *Service) showAffiliations(ctx context.Context, r *request) (*stanza.Element, error) {
	st, err := s.owned(ctx, r)
	if err != nil {
		return nil, err
	}
	all, err := s.o.Store.Affiliations(ctx, st.feed.Name)
	if err != nil {
		return nil, err
	}
	paging, err := rsm.Parse(r.Payload)
	if err != nil {
		return nil, err
	}
	page, set, err := rsm.Page(paging, all, listMost, func(a thoonk.Affiliated) string { return a.JID })
	if err != nil {
		return nil, err
	}
	list := stanza.New(stanza.NSPubsubOwner, "affiliations").Set("node", string(st.feed.Name))
	for _, a := range page {
		list.Add(stanza.New(stanza.NSPubsubOwner, "affiliation").Set("jid", a.JID).Set("affiliation", a.Affiliation.String()))
	}
	return ownerResult(list, setOf(paging, set, len(all))), nil
}

// setAffiliations changes who is what to a node, all or none: section 8.9.2. Pending requests follow: section 8.7.4.
func (s *Service) setAffiliations(ctx context.Context, r *request) (*stanza.Element, error) {
	st, err := s.owned(ctx, r)
	if err != nil {
		return nil, err
	}
	changes, err := affiliationChanges(r.verb)
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	err = s.o.Store.Affiliate(ctx, thoonk.Affiliate{Feed: st.feed.Name, Changes: changes, Actor: r.who.Name})
	switch thoonk.KindOf(err) {
	case thoonk.Conflict, thoonk.TooLarge:
		return nil, stanza.Err(stanza.NotAcceptable).WithText(stanza.FromError(err).Text)
	}
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if err := s.settleSubscriptions(ctx, st, c); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func affiliationChanges(e *stanza.Element) ([]thoonk.Affiliated, error) {
	var changes []thoonk.Affiliated
	seen := map[string]bool{}
	for c := range e.Named(stanza.NSPubsubOwner, "affiliation") {
		j, err := jid.Parse(c.Attr("jid"))
		if err != nil {
			return nil, stanza.Err(stanza.NotAcceptable).WithText("an affiliation needs a jid that is one")
		}
		a, err := thoonk.ParseAffiliation(c.Attr("affiliation"))
		if err != nil {
			return nil, stanza.Err(stanza.NotAcceptable).WithText(stanza.FromError(err).Text)
		}
		bare := j.Bare().String()
		if seen[bare] || len(changes) == thoonk.MaxAffiliateBatch {
			return nil, stanza.Err(stanza.NotAcceptable).WithText("a JID twice, or too many at once")
		}
		seen[bare] = true
		changes = append(changes, thoonk.Affiliated{JID: bare, Affiliation: a})
	}
	return changes, nil
}
