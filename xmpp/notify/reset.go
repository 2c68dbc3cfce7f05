package notify

import (
	"context"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// reset goes back to the histories of feeds where the log does not have our place any more, and tells those whose
// history does not reach back either that something is missing.
func (n *Notifier) reset(ctx context.Context, step stream.Step, place thoonk.Revision) error {
	b := n.newBatch()
	if step.Feed != "" {
		feed, err := b.feed(ctx, thoonk.Event{Feed: step.Feed})
		if err != nil {
			return err
		}
		if err := b.tellReset(ctx, feed, step.Revision); err != nil {
			return err
		}
		return b.flush(ctx)
	}
	if place != beforeAll { // else nothing was told ever, and nothing is missing
		n.o.Log.WarnContext(ctx, "xmpp: the log does not reach back to what was told last; the histories are asked", "domain", n.domain, "place", place)
	}
	n.purges = purges{}
	nodes, patterns := n.index.all()
	seen := make(map[thoonk.FeedName]bool)
	for _, node := range nodes {
		seen[node] = true
		if err := b.catchUp(ctx, node, place, step.Revision); err != nil {
			return err
		}
	}
	for _, p := range patterns {
		for after := thoonk.FeedName(""); ; {
			feeds, err := n.o.Store.Feeds(ctx, thoonk.FeedQuery{Match: p, After: after, Limit: subscribersPage})
			if err != nil {
				return err
			}
			for _, f := range feeds {
				if after = f.Name; !seen[f.Name] {
					seen[f.Name] = true
					if err := b.catchUp(ctx, f.Name, place, step.Revision); err != nil {
						return err
					}
				}
			}
			if len(feeds) < subscribersPage {
				break
			}
		}
	}
	return b.flush(ctx)
}

// catchUp tells what the history of a feed has between two moments, those of two places in the log. What was looked up for the feed
// before is forgotten: there may be many.
func (b *batch) catchUp(ctx context.Context, name thoonk.FeedName, from, to thoonk.Revision) error {
	clear(b.feeds)
	clear(b.readers)
	feed, err := b.o.Store.Feed(ctx, name)
	switch thoonk.KindOf(err) {
	case "":
		if ended := uint64(feed.Created.UnixMicro()) - 1; ended > from.Stamp { // subscriptions to a former feed of that name
			if err := b.change(ctx, thoonk.Event{Feed: name, Kind: thoonk.Delete, Revision: thoonk.Revision{Number: 1, Stamp: ended}}); err != nil {
				return err
			}
		}
	case thoonk.NotFound:
		return b.change(ctx, thoonk.Event{Feed: name, Kind: thoonk.Delete, Revision: to})
	default:
		return err
	}
	q := thoonk.ChangeQuery{Feed: name, Limit: 200}
	for first := true; ; first = false {
		page, err := b.o.Store.Changes(ctx, q)
		if err != nil {
			return err
		}
		if first && len(page.Changes) > 0 && page.Changes[0].Revision.Number > 1 && page.Changes[0].Revision.Stamp > from.Stamp {
			if err := b.tellReset(ctx, feed, to); err != nil {
				return err
			}
		}
		for _, ev := range page.Changes {
			if ev.Revision.Stamp > from.Stamp && ev.Revision.Stamp <= to.Stamp {
				if err := b.tell(ctx, ev); err != nil {
					return err
				}
			}
			q.After = ev.Revision
		}
		if len(page.Changes) == 0 {
			return nil
		}
	}
}

// tellReset tells the subscribers of a feed that they may have missed something.
func (b *batch) tellReset(ctx context.Context, feed thoonk.Feed, at thoonk.Revision) error {
	b.counts.resets.Add(1)
	b.feeds[feed.Name] = feed
	ev := thoonk.Event{Feed: feed.Name, Kind: thoonk.Publish, Revision: at}
	notice, err := b.render(feed, ev)
	if notice == nil || err != nil {
		return err
	}
	rest := stanza.New(stanza.NSPubsubEvent, "event").Add(stanza.New(stanza.NSPubsubEvent, "items").Set("node", string(feed.Name)))
	notice.rest = stanza.New(payload.NS, "reset").AppendXML(rest.AppendXML(nil, stanza.NSClient), stanza.NSClient)
	notice.text, notice.origin = "", ""
	for _, node := range b.index.matching(feed.Name) {
		if err := b.notify(ctx, node, ev, notice); err != nil {
			return err
		}
	}
	return nil
}
