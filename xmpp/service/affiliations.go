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
	paging, err := rsm.Parse(r.Payload)
	if err != nil {
		return nil, err
	}
	held, err := s.heldAffiliations(ctx, r)
	if err != nil {
		return nil, err
	}
	page, set, err := pageOf(paging, held, func(a thoonk.Affiliated) string { return string(a.Feed) }, func(a thoonk.Affiliated) *stanza.Element {
		return stanza.New(stanza.NSPubsub, "affiliation").Set("node", string(a.Feed)).Set("affiliation", a.Affiliation.String())
	})
	if err != nil {
		return nil, err
	}
	return result(stanza.New(stanza.NSPubsub, "affiliations").Set("node", r.verb.Attr("node")).Add(page...), set), nil
}

// heldAffiliations are those of the sender, to one node or to all.
func (s *Service) heldAffiliations(ctx context.Context, r *request) ([]thoonk.Affiliated, error) {
	if r.verb.Attr("node") == "" {
		return s.o.Store.AffiliationsOf(ctx, r.bare)
	}
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

// pageOf returns the entries of a page of a list, and what the answer says of the whole: nothing, where all of it is in the answer and
// nobody asked.
func pageOf[T any](q rsm.Query, list []T, key func(T) string, entry func(T) *stanza.Element) (entries []*stanza.Element, set *stanza.Element, err error) {
	page, r, err := rsm.Page(q, list, listMost, key, func(v T) int { return len(entry(v).String()) })
	if err != nil {
		return nil, nil, err
	}
	for _, v := range page {
		entries = append(entries, entry(v))
	}
	if !q.Asked && len(page) == len(list) {
		return entries, nil, nil
	}
	return entries, r.Element(), nil
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
	page, set, err := pageOf(paging, all, func(a thoonk.Affiliated) string { return a.JID }, func(a thoonk.Affiliated) *stanza.Element {
		return stanza.New(stanza.NSPubsubOwner, "affiliation").Set("jid", a.JID).Set("affiliation", a.Affiliation.String())
	})
	if err != nil {
		return nil, err
	}
	return ownerResult(stanza.New(stanza.NSPubsubOwner, "affiliations").Set("node", string(st.feed.Name)).Add(page...), set), nil
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
