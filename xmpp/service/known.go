package service

import (
	"context"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

func (s *Service) offersRosters() bool { return s.o.Rosters != nil && s.o.Rosters.Offered() }

// known returns nil if the owners of a node with an access model by rosters know the JID, or why it may neither subscribe nor
// read: XEP-0060 sections 6.1.3.2 and 6.1.3.3. A subscription does not help: who was taken out of a roster has one still.
func (st *standing) known(ctx context.Context) error {
	node, known := st.feed.Config.Node, false
	if st.s.o.Rosters != nil {
		owners, err := st.s.owners(ctx, st.feed.Name)
		if err != nil {
			return err
		}
		if known, err = st.s.o.Rosters.Admits(ctx, node, owners, st.bare); err != nil {
			return err
		}
	}
	switch {
	case known:
		return nil
	case node.Access == thoonk.Presence:
		return stanza.Pubsub(stanza.NotAuthorized, "presence-subscription-required")
	}
	return stanza.Pubsub(stanza.NotAuthorized, "not-in-roster-group")
}
