package store

import (
	"context"
	"errors"
	"slices"

	"github.com/thoonkd/thoonkd/internal/schema"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// PutItems puts items into a queue of type queue, all or none, and returns their ids. Errors: NotFound (the queue), Conflict (its
// type), Invalid, TooLarge, Unprocessable (a reused idempotency key), Unavailable, and a [thoonk.BatchError] where one item is refused:
// Conflict (its id is taken), Unprocessable (its body against the queue's content or schema).
func (s *Store) PutItems(ctx context.Context, p thoonk.PutItems) ([]thoonk.ItemID, error) {
	if err := checkPut(p.Items); err != nil {
		return nil, err
	}
	var ids []thoonk.ItemID
	items := p.Items
	err := s.checked(ctx, p.Queue, func(checks *schema.Checks) error {
		if checks == nil {
			items = p.Items
			return nil
		}
		items = slices.Clone(p.Items)
		for i, item := range items {
			body, err := checks.Apply(item.Form, item.Body, p.Actor)
			if err != nil {
				return &thoonk.BatchError{Index: i, Reason: err}
			}
			items[i].Body = body
		}
		return nil
	}, func(digest string) error {
		args, err := putArgs(p, items, digest)
		if err != nil {
			return err
		}
		a, err := s.runKeys(ctx, "put", scriptPutItems, jobKeys(p.Queue, p.Once), p.Queue, escape(p.Actor), args...)
		for i := range a {
			ids = append(ids, thoonk.ItemID(a.text(i)))
		}
		return err
	})
	return ids, err
}

func checkPut(items []thoonk.NewQueued) error {
	if len(items) == 0 || len(items) > thoonk.MaxBatch {
		return thoonk.E(thoonk.Invalid, "1 to %d items are put at once", thoonk.MaxBatch)
	}
	for i, item := range items {
		err := item.Form.Check(item.Body)
		if err == nil && item.ID != "" {
			_, err = thoonk.ParseItemID(string(item.ID))
		}
		if e, ok := errors.AsType[*thoonk.Error](err); ok {
			return &thoonk.BatchError{Index: i, Reason: e}
		}
	}
	return nil
}

func putArgs(p thoonk.PutItems, items []thoonk.NewQueued, checks string) ([]any, error) {
	size := 0
	args := make([]any, 0, 2+6*len(items))
	args = append(args, p.Once.Hash, checks)
	for _, item := range items {
		if size += len(item.Body); size > thoonk.MaxBatchBytes {
			return nil, thoonk.E(thoonk.TooLarge, "the bodies have more than %d bytes together", thoonk.MaxBatchBytes)
		}
		id, own := string(item.ID), "1"
		if item.ID == "" {
			id, own = newID(), ""
		}
		args = append(args, id, own, item.Body, contentsArg(item.Form.Contents(item.Body)), flag(item.High), escape(p.Actor))
	}
	return args, nil
}

// GetItems takes items out of a queue of type queue. Errors: NotFound (the queue), Conflict (its type), Invalid (the count; a lease over the
// queue's limit), Unavailable.
func (s *Store) GetItems(ctx context.Context, g thoonk.GetItems) (thoonk.Got, error) {
	if g.Count < 1 || g.Count > thoonk.MaxClaim {
		return thoonk.Got{}, thoonk.E(thoonk.Invalid, "1 to %d items are taken at once", thoonk.MaxClaim).In("count")
	}
	if err := checkLease(g.Lease); err != nil {
		return thoonk.Got{}, err
	}
	holder, err := s.holderArg(ctx, g.Queue, g.Holder)
	if err != nil {
		return thoonk.Got{}, err
	}
	args := []any{"", g.Count, flag(g.Confirm), millisArg(g.Lease), newID(), holder}
	a, err := s.runKeys(ctx, "get", scriptGetItems, jobKeys(g.Queue, thoonk.Once{}), g.Queue, escape(g.Actor), args...)
	if err != nil {
		return thoonk.Got{}, err
	}
	content := contentOf(a.text(0))
	got := thoonk.Got{Lease: thoonk.Lease{Token: a.text(1), Expires: milliTime(a.text(2))}, Wait: thoonk.Wait(a.text(3))}
	got.Items = queueItems(content, a[4:])
	return got, nil
}

// queueItems reads id and body of each item. An id beyond our rules, which only another client can have written, is left out.
func queueItems(content thoonk.Content, a answer) []thoonk.QueueItem {
	var items []thoonk.QueueItem
	for i := 0; i+1 < len(a); i += 2 {
		if id, err := thoonk.ParseItemID(a.text(i)); err == nil {
			items = append(items, thoonk.QueueItem{ID: id, Body: []byte(a.text(i + 1)), Content: content})
		}
	}
	return items
}

// AckItems confirms leased items, each for itself: JobEnd.Err is Conflict where the lease is lost. Errors: NotFound (the queue), Conflict (its
// type), Unavailable.
func (s *Store) AckItems(ctx context.Context, queue thoonk.FeedName, acks []thoonk.AckItem) ([]thoonk.JobEnd, error) {
	c := newEnds(len(acks))
	for _, a := range acks {
		verb := "ack"
		if a.Back {
			verb = "back"
		}
		c.add(a.ID, verb, string(a.ID), a.Token, escape(a.Actor))
	}
	return c.run(ctx, s, "ack", scriptAckItems, queue)
}

// PeekItems returns up to limit items from the head of a queue of type queue, fewer where they are large. Errors: NotFound, Conflict (its
// type), Unavailable.
func (s *Store) PeekItems(ctx context.Context, queue thoonk.FeedName, limit int) (thoonk.PeekItems, error) {
	a, err := s.runKeys(ctx, "peek", scriptPeek, jobKeys(queue, thoonk.Once{}), queue, "", "", max(1, min(limit, thoonk.MaxBatch)), pageBytes)
	if err != nil {
		return thoonk.PeekItems{}, err
	}
	return thoonk.PeekItems{Length: a.number(1), Leased: a.number(2), Items: queueItems(contentOf(a.text(0)), a[3:])}, nil
}
