package service

import (
	"context"
	"errors"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// retract removes an item: XEP-0060 section 7.2. Publishers may remove each other's (delete-any). Subscribers are told if
// the node's configuration says so, and if the publisher wants it.
func (s *Service) retract(ctx context.Context, r *request) (*stanza.Element, error) {
	st, err := s.node(ctx, r)
	if err != nil {
		return nil, err
	}
	item := r.verb.Child(stanza.NSPubsub, "item")
	switch {
	case item.Attr("id") == "":
		return nil, stanza.Pubsub(stanza.BadRequest, "item-required")
	case several(r.verb):
		return nil, stanza.Err(stanza.BadRequest).WithText("one item is retracted at a time")
	}
	id, err := thoonk.ParseItemID(item.Attr("id"))
	if err != nil {
		return nil, stanza.Err(stanza.ItemNotFound)
	}
	if st.isQueue() {
		return nil, s.retractJob(ctx, r, st, id)
	}
	if err := s.mayRetract(ctx, r, st, id); err != nil {
		return nil, err
	}
	notify := r.verb.Attr("notify")
	return nil, s.o.Store.Retract(ctx, thoonk.RetractItem{
		Feed: st.feed.Name, ID: id, Actor: r.who.Name, Notify: notify == "1" || notify == "true",
	})
}

// mayRetract lets somebody who may publish without being a publisher remove what the history knows to be their own.
func (s *Service) mayRetract(ctx context.Context, r *request, st *standing, id thoonk.ItemID) error {
	if st.granted(auth.Retract) || st.is(thoonk.Owner, thoonk.Publisher, thoonk.PublishOnly) {
		return nil
	}
	if err := st.mayPublish(ctx); err != nil {
		if _, refused := errors.AsType[*stanza.Error](err); refused {
			return stanza.Err(stanza.Forbidden)
		}
		return err
	}
	page, err := s.o.Store.ItemsByID(ctx, st.feed.Name, []thoonk.ItemID{id})
	if err != nil {
		return err
	}
	if len(page.Items) == 0 {
		return stanza.Err(stanza.ItemNotFound)
	}
	change, err := s.o.Store.Change(ctx, st.feed.Name, page.Items[0].Revision)
	switch kind := thoonk.KindOf(err); {
	case kind == thoonk.NotFound, kind == thoonk.Gone, err == nil && change.Actor != r.who.Name:
		return stanza.Err(stanza.Forbidden)
	}
	return err
}
