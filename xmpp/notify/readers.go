package notify

import (
	"context"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// readers are bare JIDs by what their affiliation with a feed makes of them.
type readers struct {
	excluded map[string]bool // may not read, whatever else they have
	included map[string]bool // may read, whatever the access model
	owners   []string
}

func (b *batch) whoReads(ctx context.Context, feed thoonk.FeedName) (readers, error) {
	if known, ok := b.readers[feed]; ok {
		return known, nil
	}
	all, err := b.o.Store.Affiliations(ctx, feed)
	if err != nil {
		return readers{}, err
	}
	r := readers{excluded: make(map[string]bool), included: make(map[string]bool)}
	for _, a := range all {
		switch a.Affiliation {
		case thoonk.Outcast, thoonk.PublishOnly:
			r.excluded[a.JID] = true
		case thoonk.Owner:
			r.owners = append(r.owners, a.JID)
			r.included[a.JID] = true
		case thoonk.Publisher, thoonk.Member:
			r.included[a.JID] = true
		}
	}
	b.readers[feed] = r
	return r, nil
}

// may reports whether a subscriber may be told of a change: who was let in by a roster has to stand in it still. That a node is
// gone is no secret, and nobody owns it any more.
func (b *batch) may(ctx context.Context, who readers, sub thoonk.NodeSubscription, ev thoonk.Event) (bool, error) {
	bare, node := sub.Bare(), b.feeds[ev.Feed].Config.Node
	switch {
	case who.excluded[bare]:
		return false, nil
	case !node.Access.ByRoster(), ev.Kind == thoonk.Delete, ev.Job, !sub.Node.Literal(), // of the last two, [batch.wants] has seen to it
		who.included[bare], b.o.JIDs.Principal(bare).Can(auth.Read, ev.Feed):
		return true, nil
	case b.o.Admits == nil:
		return false, nil
	}
	return b.o.Admits(ctx, node, who.owners, bare)
}
