package hub

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxTurn is how long one subscription is delivered to before others that are due have their turn.
const maxTurn = 10 * time.Second

// task is a subscription that this worker has, with something to deliver.
type task struct {
	w       *worker
	slot    *slot
	perHost int
	host    string // of the callback
	link    string // header of each delivery
	sub     thoonk.HubSubscription
	topic   Topic
	state   thoonk.HubState
	taken   time.Time
	lost    atomic.Bool // it is not ours any more
}

// deliver sees to one subscription until there is nothing more to deliver, or it fails.
func (w *worker) deliver(ctx context.Context, d thoonk.HubDelivery, s *slot, perHost int) {
	sub := d.Subscription
	t := &task{
		w: w, slot: s, perHost: perHost, host: hostOf(sub.Callback), link: w.o.Addresses.link(sub.Topic), sub: sub, state: d.State, taken: d.Taken,
		topic: Topic{Feed: sub.Feed, Match: sub.Match, Format: Format(sub.Format)},
	}
	w.report.begin(t)
	verdict, at := t.run(ctx)
	switch {
	case verdict == "": // the subscription is over
		w.report.drop(sub.ID)
	case verdict == thoonk.HubIdle && t.lost.Load():
		w.report.outcome(thoonk.HubOutcome{ID: sub.ID, State: t.state, Verdict: thoonk.HubAgain})
	default:
		w.report.outcome(thoonk.HubOutcome{ID: sub.ID, State: t.state, Verdict: verdict, At: at})
	}
}

// run returns what becomes of the subscription; "" if it is over.
func (t *task) run(ctx context.Context) (thoonk.HubVerdict, time.Time) {
	for {
		now := time.Now()
		switch {
		case ctx.Err() != nil, t.lost.Load(), now.Sub(t.taken) > maxTurn+t.w.o.Settings.Timeout:
			return thoonk.HubAgain, now
		case t.state.Paused, !now.Before(t.sub.Expires):
			return thoonk.HubIdle, now
		case t.state.Stalled && now.Before(t.state.Attempted.Add(t.w.o.Settings.Breaker)):
			return thoonk.HubLater, t.state.Attempted.Add(t.w.o.Settings.Breaker)
		}
		if reason := t.refused(); reason != "" {
			return t.deny(ctx, reason)
		}
		b, err := t.next(ctx)
		switch {
		case thoonk.KindOf(err) == thoonk.NotFound: // the feed is not there: it may come again
			return thoonk.HubIdle, now
		case err != nil:
			t.w.o.Logger.DebugContext(ctx, "hub: what is to be delivered cannot be read", "subscription", t.sub.ID, "error", err)
			return thoonk.HubLater, now.Add(jittered(time.Second))
		}
		for _, m := range b.messages {
			verdict, at, ok := t.send(ctx, m)
			if !ok {
				return verdict, at
			}
			if t.lost.Load() || ctx.Err() != nil {
				return thoonk.HubAgain, now
			}
			t.reached(m.to)
		}
		t.reached(b.to)
		if b.whole {
			return thoonk.HubIdle, now
		}
	}
}

// reached notes that everything up to a cursor was delivered. It is written soon.
func (t *task) reached(to thoonk.Revision) {
	if t.state.Cursor == to {
		return
	}
	t.state.Cursor = to
	t.w.report.outcome(thoonk.HubOutcome{ID: t.sub.ID, State: t.state, Verdict: thoonk.HubHold})
}

// refused says why the principal may not have the topic any more, or nothing.
func (t *task) refused() string {
	if t.sub.Feed != "" && t.w.foreign(t.sub.Topic) {
		return ""
	}
	who, err := t.w.recall(t.sub)
	if err != nil || !mayHave(who, t.topic) {
		return "the subscriber has no right to read this topic any more"
	}
	return ""
}

// recall returns the principal of a subscription with the rights that it has now.
func (h *Hub) recall(sub thoonk.HubSubscription) (auth.Principal, error) {
	var standing auth.Standing
	if err := json.Unmarshal(sub.Holder, &standing); err != nil {
		return auth.Principal{}, err
	}
	return h.o.Auth.Recall(standing), nil
}

// mayHave reports whether a principal may read all that a topic tells.
func mayHave(who auth.Principal, t Topic) bool {
	if t.Match == "" {
		return who.Can(auth.Read, t.Feed)
	}
	for _, g := range who.Grants {
		if g.Match.Covers(t.Match) && g.Allows(auth.Read, thoonk.FeedName(t.Match)) {
			return true
		}
	}
	return false
}

// deny ends the subscription, and has the callback told (WebSub section 5.2).
func (t *task) deny(ctx context.Context, reason string) (thoonk.HubVerdict, time.Time) {
	later := time.Now().Add(jittered(time.Second))
	intent := newIntent(thoonk.HubDenied, t.sub, 0)
	intent.Reason = reason
	if err := t.w.o.Store.PutHubIntent(ctx, intent); err != nil {
		return thoonk.HubLater, later
	}
	return t.end(ctx)
}

func (t *task) end(ctx context.Context) (thoonk.HubVerdict, time.Time) {
	err := t.w.o.Store.RemoveHubSubscription(ctx, t.sub, "", thoonk.HubIntent{})
	if err != nil && thoonk.KindOf(err) != thoonk.NotFound {
		return thoonk.HubLater, time.Now().Add(jittered(time.Second))
	}
	t.w.poke()
	return "", time.Time{}
}
