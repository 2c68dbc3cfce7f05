package service

import (
	"context"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// purge retracts all items of a node: XEP-0060 section 8.5.
func (s *Service) purge(ctx context.Context, r *request) (*stanza.Element, error) {
	st, err := s.node(ctx, r)
	if err != nil {
		return nil, err
	}
	if !st.is(thoonk.Owner) && !st.granted(auth.Retract) {
		return nil, stanza.Err(stanza.Forbidden)
	}
	if st.isQueue() {
		return nil, stanza.Unsupported("purge-nodes")
	}
	return nil, s.o.Store.Purge(ctx, thoonk.PurgeFeed{Name: st.feed.Name, Actor: r.who.Name})
}

// isQueue reports whether the node is one of jobs or of a queue's items.
func (st *standing) isQueue() bool {
	t := st.feed.Config.Type
	return t == thoonk.TypeJob || t == thoonk.TypeQueue || t == thoonk.TypePyQueue
}
