package service

import (
	"context"
	"slices"
	"strconv"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Bounds of an answer with items. Servers cut connections for a stanza that is too large, so what does not fit is left to
// the next page; one item always fits.
const (
	pageItems = 100
	pageBytes = 200 << 10
)

// items retrieves items: XEP-0060 section 6.5. They come in the order of the feed, the oldest first, where max_items asks for
// the latest too; with an order (XEP-0413) the latest come first.
func (s *Service) items(ctx context.Context, r *request) (*stanza.Element, error) {
	st, err := s.node(ctx, r)
	if err != nil {
		return nil, err
	}
	if st.isQueue() {
		return s.jobs(ctx, r, st)
	}
	if err := st.mayRead(ctx); err != nil {
		return nil, err
	}
	if err := s.checkSubID(ctx, r, st); err != nil {
		return nil, err
	}
	page, set, err := s.itemPage(ctx, r, st.feed)
	if err != nil {
		return nil, err
	}
	list := stanza.New(stanza.NSPubsub, "items").Set("node", string(st.feed.Name))
	for _, item := range page.Items {
		list.Add(s.itemElement(st.feed, page.Content, item))
	}
	return result(list, set), nil
}

func (s *Service) itemElement(feed thoonk.Feed, content thoonk.Content, item thoonk.Item) *stanza.Element {
	return stanza.New(stanza.NSPubsub, "item").Set("id", string(item.ID)).Add(payload.Encode(syndication.Source{Feed: feed, Host: s.o.Host}, content, item))
}

// checkSubID wants the id of a subscription from those who have several: section 6.5.9.1.
func (s *Service) checkSubID(ctx context.Context, r *request, st *standing) error {
	id := r.verb.Attr("subid")
	own, err := s.o.Subscriptions.NodeSubscriptionsOf(ctx, r.bare, thoonk.Pattern(st.feed.Name))
	if err != nil {
		return err
	}
	own = slices.DeleteFunc(own, func(sub thoonk.NodeSubscription) bool { return sub.JID != r.bare && sub.JID != r.From.String() })
	switch {
	case len(own) > 1 && id == "":
		return stanza.Pubsub(stanza.BadRequest, "subid-required")
	case len(own) > 0 && id != "" && !slices.ContainsFunc(own, func(sub thoonk.NodeSubscription) bool { return sub.ID == id }):
		return stanza.Pubsub(stanza.NotAcceptable, "invalid-subid")
	}
	return nil
}

// itemPage returns the items that are asked for, and what the answer says of the whole list.
func (s *Service) itemPage(ctx context.Context, r *request, feed thoonk.Feed) (thoonk.ItemPage, *stanza.Element, error) {
	ids, err := wantedIDs(r.verb)
	if err != nil {
		return thoonk.ItemPage{}, nil, err
	}
	if ids != nil {
		page, err := s.o.Store.ItemsByID(ctx, feed.Name, ids)
		s.fit(feed, &page)
		return page, nil, err
	}
	paging, err := rsm.Parse(r.Payload)
	if err != nil {
		return thoonk.ItemPage{}, nil, err
	}
	order, err := orderOf(r.Payload)
	if err != nil {
		return thoonk.ItemPage{}, nil, err
	}
	if order.latestFirst && !order.creation && feed.Config.Type == thoonk.TypeSortedFeed {
		return thoonk.ItemPage{}, nil, stanza.Err(stanza.FeatureNotImplemented).WithText("who writes a sorted feed decides on its order")
	}
	if most := r.verb.Attr("max_items"); most != "" {
		if paging, err = withMaxItems(paging, most, order.latestFirst); err != nil {
			return thoonk.ItemPage{}, nil, err
		}
	}
	return s.pageOf(ctx, feed, paging, order)
}

// wantedIDs returns the ids of items that are asked for one by one, nil if none are.
func wantedIDs(e *stanza.Element) ([]thoonk.ItemID, error) {
	var ids []thoonk.ItemID
	asked := false
	for item := range e.Named(stanza.NSPubsub, "item") {
		asked = true
		if len(ids) == pageItems {
			return nil, stanza.Err(stanza.NotAcceptable).WithText("at most " + strconv.Itoa(pageItems) + " items are asked for by their ids")
		}
		if id, err := thoonk.ParseItemID(item.Attr("id")); err == nil && !slices.Contains(ids, id) {
			ids = append(ids, id) // another one cannot be there
		}
	}
	if asked && ids == nil {
		return nil, stanza.Pubsub(stanza.BadRequest, "item-required")
	}
	return ids, nil
}

// withMaxItems asks for the latest so many, of which a set may take pages.
func withMaxItems(q rsm.Query, most string, latestFirst bool) (rsm.Query, error) {
	n, err := strconv.Atoi(most)
	if err != nil || n < 1 {
		return q, stanza.Err(stanza.BadRequest).WithText("max_items is a whole number from 1")
	}
	if q.Asked {
		if q.Max < 0 || q.Max > n {
			q.Max = n
		}
		return q, nil
	}
	q.Max, q.Backward = n, !latestFirst
	return q, nil
}

// The namespaces of XEP-0413 that clients use.
const (
	nsOrder    = "urn:xmpp:order-by:1"
	nsOldOrder = "urn:xmpp:order-by:0"
)

// order is how items are asked for.
type order struct {
	latestFirst bool
	creation    bool // and not modification
}

// orderOf reads an order, if one is given: the latest come first then.
func orderOf(pubsub *stanza.Element) (o order, err error) {
	for c := range pubsub.Children() {
		if !c.Is(nsOrder, "order") && !c.Is(nsOldOrder, "order") {
			continue
		}
		by := c.Attr("by")
		if by == "" {
			by = c.Attr("field")
		}
		if o.latestFirst {
			return o, stanza.Err(stanza.FeatureNotImplemented).WithText("items are ordered by one thing at a time")
		}
		if by != "modification" && by != "creation" {
			return o, stanza.Err(stanza.BadRequest).WithText("items are ordered by creation or by modification")
		}
		o = order{latestFirst: true, creation: by == "creation"}
	}
	return o, nil
}

// pageOf reads a page from the store. Wherever the page goes backwards, the store reads the other way and the page is turned.
func (s *Service) pageOf(ctx context.Context, feed thoonk.Feed, paging rsm.Query, o order) (thoonk.ItemPage, *stanza.Element, error) {
	q := thoonk.ItemQuery{Feed: feed.Name, Limit: max(paging.Limit(pageItems), 1), ByCreation: o.creation}
	if o.latestFirst != paging.Backward {
		q.Order = thoonk.Backward
	}
	if id := paging.After + paging.Before; id != "" {
		var err error
		if q.AfterID, err = thoonk.ParseItemID(id); err != nil {
			return thoonk.ItemPage{}, nil, stanza.Err(stanza.ItemNotFound)
		}
	}
	q.Skip = max(paging.Index, 0)
	page, err := s.o.Store.Items(ctx, q)
	if err != nil {
		return page, nil, err
	}
	if paging.Max == 0 {
		page.Items = nil
	}
	s.fit(feed, &page)
	if paging.Backward {
		slices.Reverse(page.Items)
		page.First = page.Total - page.First - len(page.Items)
	}
	if !paging.Asked && len(page.Items) == page.Total {
		return page, nil, nil
	}
	r := rsm.Result{Index: page.First, Count: page.Total}
	if n := len(page.Items); n > 0 {
		r.First, r.Last = string(page.Items[0].ID), string(page.Items[n-1].ID)
	}
	return page, r.Element(), nil
}

// fit leaves out the items that make an answer too large.
func (s *Service) fit(feed thoonk.Feed, page *thoonk.ItemPage) {
	size := 0
	for i, item := range page.Items {
		size += len(s.itemElement(feed, page.Content, item).String())
		if size > pageBytes && i > 0 {
			page.Items = page.Items[:i]
			return
		}
	}
}
