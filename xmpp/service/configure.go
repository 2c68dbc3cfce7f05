package service

import (
	"context"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// showConfig returns a node's configuration, to be changed: XEP-0060 section 8.2.1.
func (s *Service) showConfig(ctx context.Context, r *request) (*stanza.Element, error) {
	st, err := s.owned(ctx, r)
	if err != nil {
		return nil, err
	}
	return ownerResult(stanza.New(stanza.NSPubsubOwner, "configure").Set("node", string(st.feed.Name)).
		Add(s.config(st.feed.Config).Element())), nil
}

// configure changes a node's configuration: section 8.2.4. What the form does not name stays.
func (s *Service) configure(ctx context.Context, r *request) (*stanza.Element, error) {
	st, err := s.owned(ctx, r)
	if err != nil {
		return nil, err
	}
	f, err := submitted(r.verb, formConfig)
	if err != nil || f.Type == form.Cancel {
		return nil, err
	}
	for {
		config := st.feed.Config
		if err := s.apply(&config, f); err != nil {
			return nil, err
		}
		if config.Type != st.feed.Config.Type {
			return nil, stanza.Err(stanza.NotAcceptable).WithText("the type of a feed stays")
		}
		_, _, err = s.o.Store.PutFeed(ctx, thoonk.PutFeed{
			Name: st.feed.Name, Config: config, Actor: r.who.Name, If: thoonk.Condition{Match: []thoonk.Revision{st.feed.Revision}},
		})
		if thoonk.KindOf(err) != thoonk.Stale {
			return nil, err
		}
		if st, err = s.owned(ctx, r); err != nil { // somebody else changed it meanwhile
			return nil, err
		}
	}
}

// owned returns the node that a request is about, if the sender may do what owners may.
func (s *Service) owned(ctx context.Context, r *request) (*standing, error) {
	st, err := s.node(ctx, r)
	if err != nil {
		return nil, err
	}
	return st, st.mayOwn()
}

// defaultConfig returns what a new node has: section 8.3.
func (s *Service) defaultConfig(context.Context, *request) (*stanza.Element, error) {
	return ownerResult(stanza.New(stanza.NSPubsubOwner, "default").Add(s.config(newConfig()).Element())), nil
}
