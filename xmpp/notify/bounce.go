package notify

import (
	"context"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// alive knows in memory from which bare JIDs something has come back, so that whoever shows a sign of life is looked up at
// no cost.
type alive struct {
	mu       sync.Mutex
	bouncing map[string]bool
}

// maxBouncing bounds what is kept in memory; of others a sign of life is not noticed until one of these is forgotten.
const maxBouncing = 100_000

func (a *alive) load(ctx context.Context, store Store) error {
	all, err := store.Bouncing(ctx)
	if err != nil {
		return err
	}
	for _, bare := range all {
		a.note(bare)
	}
	return nil
}

func (a *alive) note(bare string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.bouncing) < maxBouncing {
		a.bouncing[bare] = true
	}
}

func (a *alive) forget(bare string) (was bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	was = a.bouncing[bare]
	delete(a.bouncing, bare)
	return was
}

// Alive is called for whatever comes from a JID that is no bounce: then it is not gone.
func (n *Notifier) Alive(ctx context.Context, bare string) {
	if !n.alive.forget(bare) {
		return
	}
	if err := n.o.Store.Arrived(ctx, bare); err != nil {
		n.alive.note(bare)
		n.o.Log.DebugContext(ctx, "xmpp: a sign of life was not noted", "error", err)
	}
}

// fatal are the conditions that say that there is nobody, or that nobody wants to hear of us. Servers answer
// service-unavailable for users who do not exist, so as not to tell who does.
var fatal = map[stanza.Condition]bool{
	stanza.Gone: true, stanza.ItemNotFound: true, stanza.JIDMalformed: true, stanza.RemoteServerNotFound: true, stanza.Forbidden: true,
	stanza.NotAllowed: true, stanza.NotAuthorized: true, stanza.ServiceUnavailable: true, stanza.RegistrationRequired: true,
}

// Bounce takes a message that came back. A subscriber at whom nothing has arrived for the time of grace is forgotten.
func (n *Notifier) Bounce(ctx context.Context, m *stanza.Stanza) {
	if !fatal[stanza.ParseError(m.Element).Condition] {
		return
	}
	n.counts.bounces.Add(1)
	bare := m.From.Bare().String()
	n.alive.note(bare)
	now := time.Now()
	since, err := n.o.Store.Bounced(ctx, bare, now)
	if err == nil && now.Sub(since) >= n.o.BounceGrace {
		err = n.prune(ctx, bare)
	}
	if err != nil {
		n.o.Log.WarnContext(ctx, "xmpp: a bounce was not noted", "error", err)
	}
}

func (n *Notifier) prune(ctx context.Context, bare string) error {
	all, err := n.o.Store.NodeSubscriptionsOf(ctx, bare, "")
	if err != nil {
		return err
	}
	var ours []thoonk.NodeSubscription
	for _, sub := range all {
		if sub.Domain == n.domain {
			ours = append(ours, sub)
		}
	}
	if err := n.o.Store.DeleteNodeSubscriptions(ctx, ours); err != nil {
		return err
	}
	n.counts.pruned.Add(int64(len(ours)))
	n.o.Log.InfoContext(ctx, "xmpp: subscriptions of somebody who is gone were removed", "jid", bare, "subscriptions", len(ours))
	n.alive.forget(bare)
	return n.o.Store.Arrived(ctx, bare)
}

// tidy removes subscriptions whose time is over, and looks for nodes that somebody is subscribed to, until ctx ends.
func (n *Notifier) tidy(ctx context.Context) {
	for sleep(ctx, refresh) {
		if err := n.index.refresh(ctx); err != nil {
			n.o.Log.DebugContext(ctx, "xmpp: subscriptions were not read", "error", err)
		}
		if err := n.expire(ctx); err != nil {
			n.o.Log.DebugContext(ctx, "xmpp: subscriptions that are over were not removed", "error", err)
		}
	}
}

func (n *Notifier) expire(ctx context.Context) error {
	for {
		over, err := n.o.Store.EndedNodeSubscriptions(ctx, time.Now(), subscribersPage)
		if err != nil || len(over) == 0 {
			return err
		}
		if err := n.o.Store.DeleteNodeSubscriptions(ctx, over); err != nil {
			return err
		}
	}
}
