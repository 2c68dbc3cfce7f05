package service

import (
	"context"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// publish writes an item: XEP-0060 section 7.1. Where there is no node one is made, with the publish options for its
// configuration.
func (s *Service) publish(ctx context.Context, r *request) (*stanza.Element, error) {
	name, err := nodeID(r.verb)
	if err != nil {
		return nil, err
	}
	options, err := publishOptions(r.Payload)
	if err != nil {
		return nil, err
	}
	for {
		answer, err := s.publishOn(ctx, r, name, options)
		if !options.read || thoonk.KindOf(err) != thoonk.Stale {
			return answer, err
		} // the node was configured between the look at it and the write
	}
}

func (s *Service) publishOn(ctx context.Context, r *request, name thoonk.FeedName, options options) (*stanza.Element, error) {
	st, err := s.standing(ctx, name, r.bare)
	if thoonk.KindOf(err) == thoonk.NotFound && r.who.Can(auth.Configure, name) {
		st, err = s.autoCreate(ctx, r, name, options)
	}
	if err != nil {
		return nil, err
	}
	if st.isQueue() {
		return s.submit(ctx, r, st, options)
	}
	if err := st.mayPublish(ctx); err != nil {
		return nil, err
	}
	if !options.met(st.feed.Config) {
		return nil, stanza.Pubsub(stanza.ConflictCondition, "precondition-not-met")
	}
	item, err := readItem(r.verb, st.feed.Config)
	if err != nil {
		return nil, err
	}
	item.Feed, item.Declared, item.Actor = name, options.declared(st.feed), r.who.Name
	if item.Position, err = payload.DecodePosition(r.Payload); err != nil {
		return nil, err
	}
	done, err := s.o.Store.Publish(ctx, item)
	if err != nil {
		return nil, unfit(err)
	}
	return published(name, done.Item.ID), nil
}

// unfit returns what the publisher is told of the error of a write: what the feed's declaration, its schema too, says against the body
// is section 7.1.3.5.
func unfit(err error) error {
	if thoonk.KindOf(err) == thoonk.Unprocessable {
		return stanza.Pubsub(stanza.BadRequest, "invalid-payload").WithText(stanza.FromError(err).Text)
	}
	return err
}

func published(node thoonk.FeedName, id thoonk.ItemID) *stanza.Element {
	return result(stanza.New(stanza.NSPubsub, "publish").Set("node", string(node)).
		Add(stanza.New(stanza.NSPubsub, "item").Set("id", string(id))))
}

// options are publish options, or none: each is a precondition, and part of the configuration of a node that is made.
type options struct {
	form form.Form
	read bool
}

func publishOptions(pubsub *stanza.Element) (options, error) {
	e := pubsub.Child(stanza.NSPubsub, "publish-options")
	if e == nil || form.In(e) == nil {
		return options{}, nil
	}
	f, err := submitted(e, formPublish)
	return options{form: f, read: true}, err
}

// met reports whether a node is as the options want it: they would change nothing.
func (o options) met(config thoonk.Config) bool {
	if !o.read {
		return true
	}
	wanted := config
	return applyForm(&wanted, o.form) == nil && same(wanted, config)
}

// declared is the revision of the declaration by which the options were met, which the write holds the feed to: so they are met at
// the moment of the write.
func (o options) declared(feed thoonk.Feed) thoonk.Revision {
	if !o.read {
		return thoonk.Revision{}
	}
	return feed.Revision
}

// autoCreate makes the node that is published on: sections 7.1.4 and 7.1.5.
func (s *Service) autoCreate(ctx context.Context, r *request, name thoonk.FeedName, o options) (*standing, error) {
	config := newConfig()
	if err := s.apply(&config, o.form); err != nil {
		return nil, err
	}
	if config.Type == thoonk.TypeFeed || config.Type == thoonk.TypeSortedFeed {
		if _, err := readItem(r.verb, config); err != nil { // no node for what could not stand in it
			return nil, err
		}
	}
	if err := s.make(ctx, r, name, config); err != nil && stanza.FromError(err).Condition != stanza.ConflictCondition {
		return nil, err
	}
	return s.standing(ctx, name, r.bare)
}

// readItem reads what is to be published: section 7.1.3.
func readItem(e *stanza.Element, config thoonk.Config) (thoonk.PublishItem, error) {
	var p thoonk.PublishItem
	item := e.Child(stanza.NSPubsub, "item")
	switch {
	case item == nil:
		return p, stanza.Pubsub(stanza.BadRequest, "item-required")
	case several(e):
		return p, stanza.Err(stanza.BadRequest).WithText("one item is published at a time")
	}
	if id := item.Attr("id"); id != "" {
		var err error
		if p.ID, err = thoonk.ParseItemID(id); err != nil {
			return p, err
		}
	}
	var content *stanza.Element
	for c := range item.Children() {
		if content != nil {
			return p, stanza.Pubsub(stanza.BadRequest, "invalid-payload").WithText("an item has one payload")
		}
		content = c
	}
	var err error
	p.Form, p.Body, err = readPayload(content, config)
	return p, err
}

// several reports whether there is more than one element in e.
func several(e *stanza.Element) bool {
	n := 0
	for range e.Children() {
		n++
	}
	return n > 1
}

func readPayload(e *stanza.Element, config thoonk.Config) (thoonk.Form, []byte, error) {
	n := config.Node
	switch {
	case e == nil && !n.NoPayloads:
		return "", nil, stanza.Pubsub(stanza.BadRequest, "payload-required")
	case e != nil && n.PayloadType != "" && e.Name.Space != n.PayloadType:
		return "", nil, stanza.Pubsub(stanza.BadRequest, "invalid-payload").WithText("payloads here have the namespace " + n.PayloadType)
	}
	f, body, err := payload.Decode(config.Content, e)
	if err == nil && len(body) > n.PayloadBound() {
		err = stanza.Pubsub(stanza.NotAcceptable, "payload-too-big")
	}
	return f, body, err
}
