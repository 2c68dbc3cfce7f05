package service

import (
	"context"
	"encoding/hex"

	"github.com/google/uuid"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// create makes a node, with a configuration or without: XEP-0060 section 8.1.
func (s *Service) create(ctx context.Context, r *request) (*stanza.Element, error) {
	name, instant, err := newNode(r.verb)
	if err != nil {
		return nil, err
	}
	config := newConfig()
	if c := r.Payload.Child(stanza.NSPubsub, "configure"); c != nil {
		if err := s.configureOnCreate(&config, c); err != nil {
			return nil, err
		}
	}
	if err := s.make(ctx, r, name, config); err != nil {
		return nil, err
	}
	if !instant {
		return nil, nil
	}
	return result(stanza.New(stanza.NSPubsub, "create").Set("node", string(name))), nil
}

// newNode returns the id that a node is to have; an instant node gets one of ours.
func newNode(e *stanza.Element) (name thoonk.FeedName, instant bool, err error) {
	node := e.Attr("node")
	if node == "" {
		id := uuid.New()
		return thoonk.FeedName(hex.EncodeToString(id[:])), true, nil
	}
	name, err = thoonk.ParseFeedName(node)
	if err != nil {
		err = stanza.Err(stanza.NotAcceptable).WithText(stanza.FromError(err).Text)
	}
	return name, false, err
}

func (s *Service) configureOnCreate(config *thoonk.Config, e *stanza.Element) error {
	if _, named := e.LookupAttr("node"); named {
		return stanza.Err(stanza.BadRequest).WithText("configure beside create has no node") // section 8.1.3
	}
	if form.In(e) == nil {
		return nil // the default, as some clients say it
	}
	f, err := submitted(e, formConfig)
	if err != nil || f.Type == form.Cancel {
		return err
	}
	return s.apply(config, f)
}

// make makes a node whose owner is the sender.
func (s *Service) make(ctx context.Context, r *request, name thoonk.FeedName, config thoonk.Config) error {
	if !r.who.Can(auth.Configure, name) {
		return stanza.Err(stanza.Forbidden)
	}
	_, _, err := s.o.Store.PutFeed(ctx, thoonk.PutFeed{
		Name: name, Config: config, Owner: r.bare, Actor: r.who.Name, If: thoonk.Condition{NoneAny: true},
	})
	if thoonk.KindOf(err) == thoonk.Stale {
		return stanza.Err(stanza.ConflictCondition).WithText("there is a node with this id")
	}
	return err
}
