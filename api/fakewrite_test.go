package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

type fakeOutcome struct {
	hash  string
	value any
}

// once does a write, or returns what came of it when it was done before.
func once[T any](s *fakeStore, o thoonk.Once, write func() (T, error)) (T, error) {
	if done, ok := s.done[o.Key]; ok {
		value, _ := done.value.(T)
		if done.hash != o.Hash {
			return value, thoonk.E(thoonk.Unprocessable, "the key stands for another request").In("Idempotency-Key")
		}
		return value, nil
	}
	value, err := write()
	if err == nil && o.Key != "" {
		s.done[o.Key] = fakeOutcome{o.Hash, value}
	}
	return value, err
}

// operation is the only one of the last write.
func (s *fakeStore) operation() thoonk.Operation { return s.wrote.Operations[0] }

// happen lets something happen right before a write.
func (s *fakeStore) happen() {
	if s.changes != nil {
		s.changes()
	}
}

func (s *fakeStore) Publish(ctx context.Context, p thoonk.PublishItem) (thoonk.Published, error) {
	return s.writeOne(ctx, thoonk.Batch{Feed: p.Feed, Once: p.Once, Actor: p.Actor, Operations: []thoonk.Operation{
		{Kind: thoonk.Publish, ID: p.ID, Form: p.Form, Body: p.Body, Position: p.Position, If: p.If},
	}})
}

func (s *fakeStore) Retract(ctx context.Context, r thoonk.RetractItem) error {
	_, err := s.writeOne(ctx, thoonk.Batch{Feed: r.Feed, Once: r.Once, Actor: r.Actor, Operations: []thoonk.Operation{
		{Kind: thoonk.Retract, ID: r.ID, If: r.If},
	}})
	return err
}

func (s *fakeStore) Move(ctx context.Context, m thoonk.MoveItem) (thoonk.Item, error) {
	done, err := s.writeOne(ctx, thoonk.Batch{Feed: m.Feed, Once: m.Once, Actor: m.Actor, Operations: []thoonk.Operation{
		{Kind: thoonk.Moved, ID: m.ID, Position: m.Position, If: m.If},
	}})
	return done.Item, err
}

func (s *fakeStore) writeOne(ctx context.Context, b thoonk.Batch) (thoonk.Published, error) {
	done, err := s.Batch(ctx, b)
	if refused, ok := errors.AsType[*thoonk.BatchError](err); ok {
		return thoonk.Published{}, refused.Reason
	}
	if err != nil {
		return thoonk.Published{}, err
	}
	return done[0], nil
}

func (s *fakeStore) Batch(ctx context.Context, b thoonk.Batch) ([]thoonk.Published, error) {
	defer s.mu.Unlock()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	s.happen()
	return once(s, b.Once, func() ([]thoonk.Published, error) {
		f, err := s.find(b.Feed)
		if err != nil {
			return nil, err
		}
		before, number := slices.Clone(f.items), f.number
		var done []thoonk.Published
		for i, op := range b.Operations {
			p, err := s.write(f, op)
			if err != nil {
				f.items, f.number = before, number
				e, _ := errors.AsType[*thoonk.Error](err)
				return nil, &thoonk.BatchError{Index: i, Reason: e}
			}
			p.Item.Body = nil
			done = append(done, p)
		}
		s.wrote = b
		return done, nil
	})
}

func (s *fakeStore) write(f *fakeFeed, op thoonk.Operation) (thoonk.Published, error) {
	var p thoonk.Published
	at := f.index(op.ID)
	if at >= 0 {
		p.Item = f.items[at]
	}
	if err := holds(op.If, p.Item.Revision); err != nil {
		return p, err
	}
	if at < 0 && op.Kind != thoonk.Publish {
		return p, thoonk.E(thoonk.NotFound, "there is no such item")
	}
	if !op.Position.IsZero() && f.feed.Config.Type != thoonk.TypeSortedFeed {
		return p, thoonk.E(thoonk.Conflict, "not a sorted feed").In("position")
	}
	if ref := op.Position.Before + op.Position.After; ref != "" && f.index(ref) < 0 {
		return p, thoonk.E(thoonk.NotFound, "the position refers to %q, which is not there", ref).In("position")
	}
	if op.Kind == thoonk.Publish || op.Kind == thoonk.Edit {
		if err := op.Form.Check(op.Body); err != nil {
			return p, err
		}
		if c := f.feed.Config.Content; c != "" && !slices.Contains(op.Form.Contents(op.Body), c) {
			return p, c.Refusal()
		}
		p.Item.Body = op.Body
	}
	if op.ID == "" {
		op.ID = thoonk.ItemID(fmt.Sprintf("made%d", f.number+1))
	}
	p.Item.ID, p.Item.Revision, p.Created = op.ID, s.next(f), at < 0
	p.Item.Updated = p.Item.Revision.Time()
	if at < 0 {
		p.Item.Published = p.Item.Updated
	}
	f.put(p.Item, at, op)
	return p, nil
}

// put puts an item where an operation wants it.
func (f *fakeFeed) put(item thoonk.Item, at int, op thoonk.Operation) {
	if at >= 0 && op.Kind != thoonk.Retract && op.Position.IsZero() {
		f.items[at] = item
		return
	}
	if at >= 0 {
		f.items = slices.Delete(f.items, at, at+1)
	}
	if op.Kind == thoonk.Retract {
		return
	}
	to := len(f.items)
	switch p := op.Position; {
	case p.First:
		to = 0
	case p.Before != "":
		to = f.index(p.Before)
	case p.After != "":
		to = f.index(p.After) + 1
	}
	f.items = slices.Insert(f.items, to, item)
}

func (s *fakeStore) ItemsByID(ctx context.Context, feed thoonk.FeedName, ids []thoonk.ItemID) (thoonk.ItemPage, error) {
	page, err := s.Items(ctx, thoonk.ItemQuery{Feed: feed, Limit: 1 << 20})
	var found []thoonk.Item
	for _, id := range ids {
		i := slices.IndexFunc(page.Items, func(i thoonk.Item) bool { return i.ID == id })
		if i >= 0 && s.large > 0 && len(found) == s.large {
			page.Next = "more"
			break
		}
		if i >= 0 {
			found = append(found, page.Items[i])
		}
	}
	page.Items = found
	return page, err
}

func (s *fakeStore) Changes(ctx context.Context, q thoonk.ChangeQuery) (thoonk.ChangePage, error) {
	defer s.mu.Unlock()
	var page thoonk.ChangePage
	if err := s.begin(ctx); err != nil {
		return page, err
	}
	s.asked = q
	f, err := s.find(q.Feed)
	if err != nil {
		return page, err
	}
	page.Changes, page.Revision = s.history[q.Feed], rev(f.number)
	if !q.After.IsZero() {
		at := slices.IndexFunc(page.Changes, func(e thoonk.Event) bool { return e.Revision == q.After })
		if at < 0 {
			return page, thoonk.E(thoonk.Gone, "it is not in the history")
		}
		page.Changes = page.Changes[at+1:]
	}
	page.Changes = page.Changes[:min(len(page.Changes), q.Limit)]
	return page, nil
}

func (s *fakeStore) PutTicket(ctx context.Context, id string, doc []byte, ttl time.Duration) error {
	defer s.mu.Unlock()
	if err := s.begin(ctx); err != nil {
		return err
	}
	s.tickets[id], s.ttl = doc, ttl
	return nil
}

func (s *fakeStore) Ticket(ctx context.Context, id string) ([]byte, error) {
	defer s.mu.Unlock()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	doc, ok := s.tickets[id]
	if !ok {
		return nil, thoonk.E(thoonk.NotFound, "there is no such ticket")
	}
	return doc, nil
}
