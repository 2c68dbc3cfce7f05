package store

import (
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// gotItems is what one of several callers got.
type gotItems struct {
	thoonk.Got
	err error
}

// Get takes items out of a queue for one caller, who waits for them if there are none. Errors: as GetItems.
func (s *Store) Get(ctx context.Context, g thoonk.GetItems, wait time.Duration) (thoonk.Got, error) {
	got, err := s.waiting.items.wait(ctx, g.Queue, g, wait)
	if err == nil {
		err = got.err
	}
	return got.Got, waited("get", err)
}

// getTogether serves one caller after the other, until the queue has no more.
func (s *Store) getTogether(ctx context.Context, _ thoonk.FeedName, callers []thoonk.GetItems) ([]gotItems, error) {
	each := make([]gotItems, 0, len(callers))
	for _, g := range callers {
		got, err := s.GetItems(ctx, g)
		if err != nil && (len(callers) == 1 || passes(err)) {
			return each, err
		}
		each = append(each, gotItems{got, err})
		if err == nil && got.Wait != thoonk.WaitNothing {
			break // the others have to wait for the same
		}
	}
	return each, nil
}

// unget gives back what was taken for a caller who went away. Without a lease it was gone from the queue already, and is
// put in front of it.
func (s *Store) unget(ctx context.Context, queue thoonk.FeedName, got gotItems) {
	var err error
	if got.Lease.Token != "" {
		acks := make([]thoonk.AckItem, len(got.Items))
		for i, item := range got.Items {
			acks[i] = thoonk.AckItem{ID: item.ID, Token: got.Lease.Token, Back: true}
		}
		_, err = s.AckItems(ctx, queue, acks)
	} else if len(got.Items) > 0 {
		items := make([]thoonk.NewQueued, len(got.Items))
		for i, item := range got.Items {
			items[i] = thoonk.NewQueued{ID: item.ID, Form: item.Content.FormOf(item.Body), Body: item.Body, High: true}
		}
		_, err = s.PutItems(ctx, thoonk.PutItems{Queue: queue, Items: items})
	}
	if err != nil {
		s.log.WarnContext(ctx, "queues: what was taken for a caller who went away is not back", "queue", queue, "error", err)
	}
}
