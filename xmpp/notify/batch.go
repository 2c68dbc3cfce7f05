package notify

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

const (
	subscribersPage = 1000
	sendSize        = 32 << 10 // bytes that are handed to the link at once
)

// batch is what is told together. What it has looked up holds for all of it.
type batch struct {
	*Notifier
	out     []byte
	feeds   map[thoonk.FeedName]thoonk.Feed
	readers map[thoonk.FeedName]readers
	now     time.Time
}

func (n *Notifier) newBatch() *batch {
	return &batch{Notifier: n, feeds: make(map[thoonk.FeedName]thoonk.Feed), readers: make(map[thoonk.FeedName]readers), now: time.Now()}
}

// tell tells of one change. Purges come item by item, and are told as one when they are complete.
func (b *batch) tell(ctx context.Context, ev thoonk.Event) error {
	switch ev.Purge {
	case thoonk.Purging:
		b.purges.hold(ev, b.now)
		return nil
	case thoonk.Purged:
		b.purges.take(ev.Feed)
	default:
		if err := b.stopped(ctx, ev.Feed); err != nil {
			return err
		}
	}
	return b.change(ctx, ev)
}

func (b *batch) change(ctx context.Context, ev thoonk.Event) error {
	feed, err := b.feed(ctx, ev)
	if err != nil {
		return err
	}
	notice, err := b.render(feed, ev)
	if err != nil {
		return err
	}
	if notice != nil {
		for _, node := range b.index.matching(ev.Feed) {
			if err := b.notify(ctx, node, ev, notice); err != nil {
				return err
			}
		}
	}
	if ev.Kind == thoonk.Delete {
		return b.forget(ctx, ev)
	}
	return nil
}

// feed returns the feed of a change as it is, or as it was last seen if it is not there any more.
func (b *batch) feed(ctx context.Context, ev thoonk.Event) (thoonk.Feed, error) {
	if ev.Kind == thoonk.Delete || ev.Kind == thoonk.Configure {
		delete(b.feeds, ev.Feed)
	}
	if f, ok := b.feeds[ev.Feed]; ok {
		return f, nil
	}
	f, err := b.o.Store.Feed(ctx, ev.Feed)
	switch thoonk.KindOf(err) {
	case "":
		if len(b.configs) > maxConfigs {
			clear(b.configs)
		}
		if last, ok := b.configs[ev.Feed]; ok && ev.Kind == thoonk.Delete {
			f = last
		} else {
			b.configs[ev.Feed] = f
		}
	case thoonk.NotFound, thoonk.Conflict: // a feed that another client is just making has no config yet
		f = b.configs[ev.Feed]
		f.Name = ev.Feed
	default:
		return f, err
	}
	b.feeds[ev.Feed] = f
	return f, nil
}

// maxConfigs bounds what is remembered of feeds.
const maxConfigs = 10_000

// notify tells the subscribers to one node or pattern. Those of one JID stand one after the other, and get one message.
func (b *batch) notify(ctx context.Context, node thoonk.Pattern, ev thoonk.Event, notice *notice) error {
	who, err := b.whoReads(ctx, ev.Feed)
	if err != nil {
		return err
	}
	var same []thoonk.NodeSubscription
	for after := ""; ; {
		page, next, err := b.o.Store.NodeSubscribers(ctx, node, after, subscribersPage)
		if err != nil {
			return err
		}
		for _, sub := range page {
			if len(same) > 0 && same[0].JID != sub.JID {
				if err := b.message(ctx, same, notice); err != nil {
					return err
				}
				same = same[:0]
			}
			if !b.wants(sub, ev) {
				continue
			}
			told, err := b.may(ctx, who, sub, ev)
			if err != nil {
				return err
			}
			if told {
				same = append(same, sub)
			}
		}
		if after = next; after == "" {
			break
		}
	}
	if len(same) > 0 {
		return b.message(ctx, same, notice)
	}
	return nil
}

// wants reports whether a change is for a subscription.
func (b *batch) wants(sub thoonk.NodeSubscription, ev thoonk.Event) bool {
	switch {
	case sub.Domain != b.domain, sub.Pending, sub.Options.NoDeliver:
		return false
	case sub.Created.UnixMicro() > int64(ev.Revision.Stamp): // it was there before the subscription
		return false
	case !sub.Expires.IsZero() && !sub.Expires.After(b.now):
		return false
	case ev.Job && ev.Submitter == "xmpp:"+sub.Bare():
		return true
	case ev.Job, !sub.Node.Literal(): // a grant may have been taken away since
		return b.o.JIDs.Principal(sub.Bare()).Can(auth.Read, ev.Feed)
	}
	return true
}

// message puts one message for the subscriptions of one JID into the batch.
func (b *batch) message(ctx context.Context, subs []thoonk.NodeSubscription, notice *notice) error {
	b.out = append(b.out, notice.start...)
	b.out = stanza.AppendAttr(b.out, "to", subs[0].JID)
	b.out = append(b.out, " id='n"...)
	b.out = strconv.AppendUint(b.out, b.ids.Add(1), 36)
	b.out = append(b.out, '\'', '>')
	if notice.text != "" && wantsBody(subs) {
		b.out = append(b.out, notice.text...)
	}
	b.out = append(b.out, notice.rest...)
	b.out = b.headers(subs, notice)
	b.out = append(b.out, "</message>"...)
	b.counts.sent.Add(1)
	if len(b.out) >= sendSize {
		return b.flush(ctx)
	}
	return nil
}

func wantsBody(subs []thoonk.NodeSubscription) bool {
	for _, s := range subs {
		if s.Options.IncludeBody {
			return true
		}
	}
	return false
}

// headers tell which subscriptions a message is for, if the subscriber cannot know: XEP-0060 section 12.4 and XEP-0248.
func (b *batch) headers(subs []thoonk.NodeSubscription, notice *notice) []byte {
	pattern := !subs[0].Node.Literal()
	if len(subs) == 1 && !pattern && notice.origin == "" {
		return b.out
	}
	pairs := []string{event.HeaderOrigin, notice.origin}
	if pattern {
		pairs = append(pairs, event.HeaderCollection, string(subs[0].Node))
	}
	if len(subs) > 1 || pattern {
		for _, s := range subs {
			pairs = append(pairs, event.HeaderSubID, s.ID)
		}
	}
	return event.Headers(pairs...).AppendXML(b.out, stanza.NSClient)
}

func (b *batch) flush(ctx context.Context) error {
	if len(b.out) == 0 {
		return nil
	}
	err := b.o.Link.Send(ctx, b.out)
	b.out = b.out[:0]
	return err
}

// forget removes the subscriptions to a node that has ended, once those who had them are told.
func (b *batch) forget(ctx context.Context, ev thoonk.Event) error {
	if err := b.flush(ctx); err != nil {
		return err
	}
	node := thoonk.Pattern(ev.Feed)
	for after := ""; ; {
		page, next, err := b.o.Store.NodeSubscribers(ctx, node, after, subscribersPage)
		if err != nil {
			return err
		}
		var over []thoonk.NodeSubscription
		for _, sub := range page {
			if sub.Domain == b.domain && sub.Created.UnixMicro() <= int64(ev.Revision.Stamp) {
				over = append(over, sub)
			}
		}
		if err := b.o.Store.DeleteNodeSubscriptions(ctx, over); err != nil {
			return err
		}
		if after = next; after == "" {
			return nil
		}
	}
}

// bodyText is what people who read notifications as text get at most.
const bodyText = 1000

func textFor(feed thoonk.FeedName, ev thoonk.Event) string {
	if !ev.HasBody() {
		return ""
	}
	text := strings.ToValidUTF8(string(ev.Body[:min(len(ev.Body), bodyText)]), "")
	return string(stanza.New(stanza.NSClient, "body").AddText(string(feed)+": "+text).AppendXML(nil, stanza.NSClient))
}
