// Package notify tells the subscribers of nodes what changes, over one link. It reads the log from a stored place on, so that
// what happened while the link or the process was down is told after.
package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Store keeps who is subscribed and how far they were told. Its errors are of type [thoonk.Error].
type Store interface {
	LinkPlace(ctx context.Context, domain string) (thoonk.Revision, error)
	SetLinkPlace(ctx context.Context, fence thoonk.Fence, domain string, place thoonk.Revision) error
	LogEnd(context.Context) (thoonk.Revision, error)

	SubscribedNodes(context.Context) ([]thoonk.Pattern, error)
	// NodeSubscribers returns a page, the next of which begins after next, "" for none.
	NodeSubscribers(ctx context.Context, node thoonk.Pattern, after string, limit int) (subs []thoonk.NodeSubscription, next string, err error)
	NodeSubscriptionsOf(ctx context.Context, bare string, node thoonk.Pattern) ([]thoonk.NodeSubscription, error)
	PutNodeSubscription(context.Context, thoonk.NodeSubscription) (thoonk.NodeSubscription, error)
	DeleteNodeSubscriptions(context.Context, []thoonk.NodeSubscription) error
	EndedNodeSubscriptions(ctx context.Context, now time.Time, limit int) ([]thoonk.NodeSubscription, error)

	Bounced(ctx context.Context, bare string, now time.Time) (since time.Time, err error)
	Bouncing(context.Context) ([]string, error)
	Arrived(ctx context.Context, bare string) error

	Feed(context.Context, thoonk.FeedName) (thoonk.Feed, error)
	Feeds(context.Context, thoonk.FeedQuery) ([]thoonk.Feed, error)
	Affiliations(context.Context, thoonk.FeedName) ([]thoonk.Affiliated, error)
	Items(context.Context, thoonk.ItemQuery) (thoonk.ItemPage, error)
	Changes(context.Context, thoonk.ChangeQuery) (thoonk.ChangePage, error)
}

// Streams lets a notifier follow the log.
type Streams interface {
	FollowMany(context.Context, stream.ManyOptions) (Follower, error)
}

// Follower yields what happens to feeds. Place is how far in the log it has looked.
type Follower interface {
	Next(context.Context) (stream.Step, error)
	Place() thoonk.Revision
	Close()
}

// Link is where notifications go. Ping returns once the server has taken all that was sent before.
type Link interface {
	stanza.Sender
	Ping(context.Context) error
	MaxSend() int // bytes of one stanza
}

// Options are what a [Notifier] works with.
type Options struct {
	Store   Store
	Streams Streams
	Link    Link
	JIDs    auth.JIDs // grants of those who come over this link
	Host    string    // in the ids of Atom entries: that of the public URL
	Log     *slog.Logger
	// Config returns the form that describes the configuration of a node; nil: none is told.
	Config func(thoonk.Config) *stanza.Element
	// Admits reports whether the owners of a node know a bare JID as the node's access model, one by rosters, wants it; nil: nobody
	// is known.
	Admits func(ctx context.Context, node thoonk.Node, owners []string, bare string) (bool, error)
	// BounceGrace is how long nothing may arrive at a subscriber before it is taken to be gone; 0: a week.
	BounceGrace time.Duration
}

// Notifier tells subscribers what changes. It is safe for concurrent use; Run is for one goroutine.
type Notifier struct {
	o      Options
	domain string
	index  index
	alive  alive
	ids    atomic.Uint64

	configs map[thoonk.FeedName]thoonk.Feed // as they were last, for nodes that end; of Run
	purges  purges                          // of Run

	counts counts
}

// Stats count since the notifier was made.
type Stats struct {
	Sent    int64         // notifications
	Bounces int64         // that came back
	Pruned  int64         // subscriptions that ended because nothing arrived
	Resets  int64         // times that something could not be told any more
	Lag     time.Duration // from the last change that was told until it was
}

type counts struct{ sent, bounces, pruned, resets, lag atomic.Int64 }

// New returns a notifier.
func New(o Options) *Notifier {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.BounceGrace == 0 {
		o.BounceGrace = 7 * 24 * time.Hour
	}
	return &Notifier{o: o, domain: o.Link.Domain().String(), index: index{store: o.Store}, alive: alive{bouncing: make(map[string]bool)}}
}

// Stats returns the counts.
func (n *Notifier) Stats() Stats {
	c := &n.counts
	return Stats{Sent: c.sent.Load(), Bounces: c.bounces.Load(), Pruned: c.pruned.Load(), Resets: c.resets.Load(), Lag: time.Duration(c.lag.Load())}
}

const (
	idle        = 5 * time.Second // after which the place is kept though nothing was told
	refresh     = time.Minute     // between two looks at what ended, and at nodes that others subscribed to
	pingTimeout = 2 * time.Minute // a server may have much to pass on
	redisPause  = 50 * time.Millisecond
	redisGiveUp = 30 * time.Second // without Redis
)

// Prepare makes sure that there is a place to go on from: before the first subscription over a link can be made, so that
// whatever comes after it is told, by whoever has the link then.
func (n *Notifier) Prepare(ctx context.Context, fence thoonk.Fence) error {
	place, err := n.o.Store.LinkPlace(ctx, n.domain)
	if err != nil || !place.IsZero() {
		return err
	}
	if place, err = n.o.Store.LogEnd(ctx); err != nil {
		return err
	}
	if place.IsZero() {
		place = beforeAll
	}
	return n.o.Store.SetLinkPlace(ctx, fence, n.domain, place)
}

// Run tells what changes until ctx ends or the link fails. It goes on from where the log was last told, and comes after
// Prepare.
func (n *Notifier) Run(ctx context.Context, fence thoonk.Fence) error {
	n.configs, n.purges = make(map[thoonk.FeedName]thoonk.Feed), purges{}
	if err := n.index.refresh(ctx); err != nil {
		return err
	}
	if err := n.alive.load(ctx, n.o.Store); err != nil {
		return err
	}
	place, err := n.o.Store.LinkPlace(ctx, n.domain)
	if err != nil {
		return err
	}
	follower, err := n.o.Streams.FollowMany(ctx, stream.ManyOptions{Match: []thoonk.Pattern{"*"}, Allow: n.index.follows, Since: place})
	if err != nil {
		return err
	}
	defer follower.Close()
	ctx, cancel := context.WithCancel(ctx)
	var tidying sync.WaitGroup
	tidying.Go(func() { n.tidy(ctx) })
	defer tidying.Wait()
	defer cancel()
	return n.follow(ctx, fence, follower, place)
}

// beforeAll is before every place in the log: of one that is empty, it is where to go on from.
var beforeAll = thoonk.Revision{Stamp: 1}

func (n *Notifier) follow(ctx context.Context, fence thoonk.Fence, follower Follower, place thoonk.Revision) error {
	failing := time.Time{}
	for {
		step, err := n.next(ctx, follower)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case thoonk.KindOf(err) == thoonk.Unavailable:
			if failing.IsZero() {
				failing = time.Now()
			}
			if time.Since(failing) > redisGiveUp {
				return err
			}
			sleep(ctx, redisPause)
			continue
		case err != nil:
			return err
		}
		failing = time.Time{}
		told, err := n.tell(ctx, step, place)
		if err != nil {
			return err
		}
		if told {
			if err := n.acknowledged(ctx); err != nil {
				return err
			}
			n.measure(step)
		}
		if at := follower.Place(); at != place && !at.IsZero() && len(n.purges.under) == 0 {
			if err := n.keep(ctx, fence, at); err != nil {
				return err
			}
			place = at
		}
	}
}

// next waits for a step, but not for long: one of no kind says that nothing happened that anybody is subscribed to.
func (n *Notifier) next(ctx context.Context, follower Follower) (stream.Step, error) {
	waiting, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	step, err := follower.Next(waiting)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return stream.Step{Kind: stream.Live}, nil
	}
	return step, err
}

// tell tells the subscribers of one step; told says that anything was sent.
func (n *Notifier) tell(ctx context.Context, step stream.Step, place thoonk.Revision) (told bool, err error) {
	before := n.counts.sent.Load()
	if err := n.stalled(ctx); err != nil {
		return false, fmt.Errorf("to tell of a purge: %w", err)
	}
	switch step.Kind {
	case stream.Changes:
		b := n.newBatch()
		for _, c := range step.Changes {
			if err := b.tell(ctx, c.Event); err != nil {
				return false, fmt.Errorf("to tell of %s: %w", c.Feed, err)
			}
		}
		err = b.flush(ctx)
	case stream.Reset:
		err = n.reset(ctx, step, place)
	case stream.Items, stream.Live:
	}
	return n.counts.sent.Load() > before, err
}

func (n *Notifier) acknowledged(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, pingTimeout, errors.New("the server did not acknowledge in time"))
	defer cancel()
	return n.o.Link.Ping(ctx)
}

func (n *Notifier) measure(step stream.Step) {
	if last := len(step.Changes) - 1; last >= 0 {
		n.counts.lag.Store(int64(max(0, time.Since(step.Changes[last].Revision.Time()))))
	}
}

// keep keeps the place. Where Redis is away for a moment it tries again: what was told would be told twice.
func (n *Notifier) keep(ctx context.Context, fence thoonk.Fence, place thoonk.Revision) error {
	for start := time.Now(); ; {
		err := n.o.Store.SetLinkPlace(ctx, fence, n.domain, place)
		if thoonk.KindOf(err) != thoonk.Unavailable || time.Since(start) > redisGiveUp {
			return err
		}
		if !sleep(ctx, redisPause) {
			return context.Cause(ctx)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
