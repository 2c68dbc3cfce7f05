package service

import (
	"context"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// deleteNode removes a node with all its items: XEP-0060 section 8.4. A new address cannot be left behind, which a service
// may decline.
func (s *Service) deleteNode(ctx context.Context, r *request) (*stanza.Element, error) {
	st, err := s.owned(ctx, r)
	if err != nil {
		return nil, err
	}
	if r.verb.Child(stanza.NSPubsubOwner, "redirect") != nil {
		return nil, stanza.Err(stanza.FeatureNotImplemented).WithText("redirects are not kept")
	}
	return nil, s.o.Store.DeleteFeed(ctx, thoonk.DeleteFeed{Name: st.feed.Name, Actor: r.who.Name})
}
