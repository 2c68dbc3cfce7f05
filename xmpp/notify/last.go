package notify

import (
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Last sends the last item of a node to a subscriber: XEP-0060 section 6.1.7.
func (n *Notifier) Last(ctx context.Context, sub thoonk.NodeSubscription) {
	if err := n.last(ctx, sub); err != nil {
		n.o.Log.WarnContext(ctx, "xmpp: the last item was not sent", "node", sub.Node, "error", err)
	}
}

func (n *Notifier) last(ctx context.Context, sub thoonk.NodeSubscription) error {
	if !sub.Node.Literal() {
		return nil
	}
	feed, err := n.o.Store.Feed(ctx, thoonk.FeedName(sub.Node))
	if err != nil || feed.Config.Type != thoonk.TypeFeed && feed.Config.Type != thoonk.TypeSortedFeed {
		return err
	}
	page, err := n.o.Store.Items(ctx, thoonk.ItemQuery{Feed: feed.Name, Order: thoonk.Backward, Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return err
	}
	item := page.Items[0]
	ev := thoonk.Event{Feed: feed.Name, Kind: thoonk.Publish, ItemID: item.ID, Body: item.Body, BodySize: len(item.Body), Content: page.Content, Revision: item.Revision}
	notice, err := n.render(feed, ev)
	if notice == nil || err != nil {
		return err
	}
	delay := stanza.New(event.NSDelay, "delay").Set("stamp", item.Updated.UTC().Format(time.RFC3339))
	notice.rest = delay.AppendXML(notice.rest, stanza.NSClient)
	b := &batch{Notifier: n}
	if err := b.message(ctx, []thoonk.NodeSubscription{sub}, notice); err != nil {
		return err
	}
	return b.flush(ctx)
}
