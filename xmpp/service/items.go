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
	pageBytes = rsm.MaxBytes
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
	items, set, err := s.itemPage(ctx, r, st.feed)
	if err != nil {
		return nil, err
	}
	return result(stanza.New(stanza.NSPubsub, "items").Set("node", string(st.feed.Name)).Add(items...), set), nil
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
func (s *Service) itemPage(ctx context.Context, r *request, feed thoonk.Feed) (items []*stanza.Element, set *stanza.Element, err error) {
	ids, err := wantedIDs(r.verb)
	if err != nil {
		return nil, nil, err
	}
	if ids != nil {
		page, err := s.o.Store.ItemsByID(ctx, feed.Name, ids)
		if err != nil {
			return nil, nil, err
		}
		for _, item := range page.Items {
			items = append(items, s.itemElement(feed, page.Content, item))
		}
		return fit(items), nil, nil
	}
	paging, err := rsm.Parse(r.Payload)
	if err != nil {
		return nil, nil, err
	}
	order, err := orderOf(r.Payload)
	if err != nil {
		return nil, nil, err
	}
	if order.latestFirst && !order.creation && feed.Config.Type == thoonk.TypeSortedFeed {
		return nil, nil, stanza.Err(stanza.FeatureNotImplemented).WithText("who writes a sorted feed decides on its order")
	}
	if most := r.verb.Attr("max_items"); most != "" {
		if paging, err = withMaxItems(paging, most, order.latestFirst); err != nil {
			return nil, nil, err
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
		if !isOrder(c) {
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

func isOrder(e *stanza.Element) bool { return e.Is(nsOrder, "order") || e.Is(nsOldOrder, "order") }

// pageOf reads a page from the store. Wherever the page goes backwards, the store reads the other way and the page is turned.
func (s *Service) pageOf(ctx context.Context, feed thoonk.Feed, paging rsm.Query, o order) (items []*stanza.Element, set *stanza.Element, err error) {
	q := thoonk.ItemQuery{Feed: feed.Name, Limit: max(paging.Limit(pageItems), 1), ByCreation: o.creation}
	if o.latestFirst != paging.Backward {
		q.Order = thoonk.Backward
	}
	if id := paging.After + paging.Before; id != "" {
		if q.AfterID, err = thoonk.ParseItemID(id); err != nil {
			return nil, nil, stanza.Err(stanza.ItemNotFound)
		}
	}
	q.Skip = max(paging.Index, 0)
	page, err := s.o.Store.Items(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	if paging.Max == 0 {
		page.Items = nil
	}
	for _, item := range page.Items {
		items = append(items, s.listed(s.itemElement(feed, page.Content, item)))
	}
	items = fit(items)
	if paging.Backward {
		slices.Reverse(items)
		page.First = page.Total - page.First - len(items)
	}
	if !paging.Asked && len(items) == page.Total {
		return items, nil, nil
	}
	r := rsm.Result{Index: page.First, Count: page.Total}
	if n := len(items); n > 0 {
		r.First, r.Last = items[0].Attr("id"), items[n-1].Attr("id")
	}
	return items, r.Element(), nil
}

// fit leaves out, at the end, what makes an answer too large.
func fit(list []*stanza.Element) []*stanza.Element {
	size := 0
	for i, e := range list {
		if size += len(e.String()); size > pageBytes && i > 0 {
			return list[:i]
		}
	}
	return list
}

// listed returns an entry of a list without what is in it if no answer can hold it: else one item would keep everybody from those
// after it. Who asks for it by its id is told that it is too large.
func (s *Service) listed(e *stanza.Element) *stanza.Element {
	const rest = 16 << 10 // of the answer
	if len(e.String()) > s.o.Most-rest {
		return &stanza.Element{Name: e.Name, Attrs: e.Attrs}
	}
	return e
}
