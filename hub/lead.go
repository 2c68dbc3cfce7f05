package hub

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	leaderLease = "hub:leader"
	chores      = 500 * time.Millisecond
	choresBatch = 1000
)

// lead follows the log in one process of all, and marks the subscriptions that a change is for. Where it is in the log
// is kept, and moves only when all before it is marked.
func (h *Hub) lead(ctx context.Context) error {
	_, err := h.o.Store.Hold(ctx, leaderLease, func(ctx context.Context, fence thoonk.Fence) error {
		var running sync.WaitGroup
		defer running.Wait()
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		running.Go(func() { cancel(h.keepHouse(ctx)) })
		if err := h.mark(ctx, fence); ctx.Err() == nil {
			return err
		}
		return context.Cause(ctx)
	})
	return err
}

func (h *Hub) mark(ctx context.Context, fence thoonk.Fence) error {
	place, err := h.o.Store.HubPlace(ctx)
	if err != nil {
		return err
	}
	log, err := h.o.Log.FollowMany(ctx, stream.ManyOptions{Match: []thoonk.Pattern{"*"}, Since: place})
	if err != nil {
		return err
	}
	defer log.Close()
	for {
		step, err := log.Next(ctx)
		if err != nil {
			return err
		}
		if err := h.markStep(ctx, fence, step); err != nil {
			return err
		}
		h.poke()
	}
}

// markStep marks what a step of the log is about. Where the log does not say what changed, each subscription has to look.
func (h *Hub) markStep(ctx context.Context, fence thoonk.Fence, step stream.Step) error {
	switch {
	case step.Kind == stream.Changes:
		var feeds []thoonk.FeedName
		for _, c := range step.Changes {
			feeds = append(feeds, c.Feed)
		}
		slices.Sort(feeds)
		_, err := h.o.Store.MarkHub(ctx, fence, slices.Compact(feeds), step.Changes[len(step.Changes)-1].Place)
		return err
	case step.Kind == stream.Reset && step.Feed != "":
		_, err := h.o.Store.MarkHub(ctx, fence, []thoonk.FeedName{step.Feed}, step.Revision)
		return err
	case step.Kind == stream.Reset, step.Kind == stream.Live && !step.Revision.IsZero():
		return h.o.Store.MarkAllHub(ctx, fence, step.Revision)
	}
	return nil
}

// keepHouse ends leases that are over, asks old subscribers to stay, and takes back the work of dead processes.
func (h *Hub) keepHouse(ctx context.Context) error {
	for ctx.Err() == nil {
		ended, err := h.o.Store.LapseHub(ctx, time.Now(), choresBatch)
		if err != nil {
			return err
		}
		for range ended {
			h.o.Observe("lapsed", 0)
		}
		if err := h.o.Store.ReapHub(ctx); err != nil {
			return err
		}
		if err := h.refresh(ctx); err != nil {
			return err
		}
		if ended < choresBatch {
			sleep(ctx, chores)
		}
	}
	return nil
}

// refresh asks subscribers of PubSubHubbub 0.3, who do not renew, whether they stay (0.3 section 6.3).
func (h *Hub) refresh(ctx context.Context) error {
	subs, err := h.o.Store.RefreshHub(ctx, time.Now(), choresBatch)
	if err != nil {
		return err
	}
	for _, s := range subs {
		lease := s.Expires.Sub(s.Created)
		err := h.o.Store.PutHubIntent(ctx, newIntent(thoonk.HubSubscribe, s, lease))
		if thoonk.KindOf(err) == thoonk.Limited { // others have to be asked first; the leader goes on
			return nil
		}
		if err != nil {
			return err
		}
		if err := h.o.Store.RefreshedHub(ctx, s.ID); err != nil {
			return err
		}
	}
	if len(subs) > 0 {
		h.poke()
	}
	return nil
}
