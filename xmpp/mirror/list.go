package mirror

import (
	"context"
	"errors"
	"strconv"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Bounds of a list.
const (
	listPage = 50
	mostList = 100_000
)

func asError(err error) (*stanza.Error, bool) { return errors.AsType[*stanza.Error](err) }

// listAll takes in all items of the node. Its history is read on from before the list was asked for.
func (s *session) listAll(ctx context.Context) error {
	last := ""
	if s.f.replays.Load() {
		page, err := s.replay(ctx, set(1, "before", ""))
		if err != nil {
			return err
		}
		last = page.last
	}
	if err := s.list(ctx); err != nil {
		return err
	}
	s.state.Node.Last, s.state.Node.Synced = last, true
	if err := s.save(ctx); err != nil || last == "" {
		return err
	}
	return s.readOn(ctx)
}

// list takes in the items that the node has, and retracts those that it had and has no more. A list does not say when its items
// were written: what was written here by somebody else stays.
func (s *session) list(ctx context.Context) error {
	there := make(map[thoonk.ItemID]bool)
	var before thoonk.ItemID // in the order of the node
	after, most := "", listPage
	for {
		items, next, err := s.page(ctx, after, most)
		if e, ok := asError(err); ok && e.Condition == stanza.NotAcceptable && most > 1 { // they are too long for one answer
			most /= 2
			continue
		}
		if err != nil {
			return err
		}
		changes := make([]event.Change, 0, len(items))
		for _, item := range items {
			id, err := thoonk.ParseItemID(item.Attr("id"))
			if err != nil || there[id] {
				continue
			}
			there[id] = true
			c := event.Change{Kind: event.Published, Node: s.f.node, ItemID: string(id), Payload: item.First()}
			if before != "" && s.f.replays.Load() {
				c.Position = thoonk.Position{After: before}
			}
			before = id
			changes = append(changes, c)
		}
		if err := s.applyListed(ctx, changes); err != nil {
			return err
		}
		if err := s.save(ctx); err != nil {
			return err
		}
		if next == "" || next == after || len(items) == 0 {
			return s.dropMissing(ctx, there)
		}
		if after = next; len(there) > mostList {
			return thoonk.E(thoonk.TooLarge, "the node has more than %d items", mostList)
		}
	}
}

// page asks for some items after one, and returns where to go on; empty: these were all.
func (s *session) page(ctx context.Context, after string, most int) (items []*stanza.Element, next string, err error) {
	where := ""
	if after != "" {
		where = "after"
	}
	ask := pubsub(stanza.New(stanza.NSPubsub, "items").Set("node", s.f.node)).Add(set(most, where, after))
	answer, err := s.ask(ctx, "get", ask)
	if err != nil {
		return nil, "", err
	}
	for item := range answer.Child(stanza.NSPubsub, "items").Named(stanza.NSPubsub, "item") {
		items = append(items, item)
	}
	r := answer.Child(rsm.NS, "set")
	if n, err := strconv.Atoi(r.Child(rsm.NS, "count").Text()); err == nil && after == "" && n == len(items) {
		return items, "", nil
	}
	return items, r.Child(rsm.NS, "last").Text(), nil
}

// fetch asks for one item, whose payload was left out. It returns nil if it is not there any more.
func (s *session) fetch(ctx context.Context, id thoonk.ItemID) (*stanza.Element, error) {
	list := stanza.New(stanza.NSPubsub, "items").Set("node", s.f.node).Add(stanza.New(stanza.NSPubsub, "item").Set("id", string(id)))
	answer, err := s.ask(ctx, "get", pubsub(list))
	if e, ok := asError(err); ok && e.Condition == stanza.ItemNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for item := range answer.Child(stanza.NSPubsub, "items").Named(stanza.NSPubsub, "item") {
		if item.Attr("id") == string(id) {
			return item, nil
		}
	}
	return nil, nil
}
