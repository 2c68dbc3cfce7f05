package notify

import (
	"context"
	"sync"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// index knows in memory which feeds anybody is subscribed to. It may know too many, and never too few: whoever subscribes over
// this link is entered before the subscription is made.
type index struct {
	store Store

	mu       sync.RWMutex
	nodes    map[thoonk.FeedName]bool
	patterns map[thoonk.Pattern]bool
	added    map[thoonk.Pattern]bool // since the last refresh began
	before   map[thoonk.Pattern]bool // since the one before it: some of these may not have been in the store yet
}

// refresh reads the nodes from the store.
func (x *index) refresh(ctx context.Context) error {
	x.mu.Lock()
	x.before, x.added = x.added, nil
	x.mu.Unlock()
	all, err := x.store.SubscribedNodes(ctx)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.nodes, x.patterns = make(map[thoonk.FeedName]bool, len(all)), make(map[thoonk.Pattern]bool)
	for _, p := range all {
		x.enter(p)
	}
	for _, more := range []map[thoonk.Pattern]bool{x.before, x.added} {
		for p := range more {
			x.enter(p)
		}
	}
	return nil
}

func (x *index) add(p thoonk.Pattern) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.added == nil {
		x.added = make(map[thoonk.Pattern]bool)
	}
	x.added[p] = true
	if x.nodes == nil {
		x.nodes, x.patterns = make(map[thoonk.FeedName]bool), make(map[thoonk.Pattern]bool)
	}
	x.enter(p)
}

func (x *index) enter(p thoonk.Pattern) {
	if p.Literal() {
		x.nodes[thoonk.FeedName(p)] = true
	} else {
		x.patterns[p] = true
	}
}

// follows reports whether anybody may be subscribed to a feed.
func (x *index) follows(feed thoonk.FeedName) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.nodes[feed] {
		return true
	}
	for p := range x.patterns {
		if p.Match(feed) {
			return true
		}
	}
	return false
}

// matching returns what subscriptions to a feed may be to: its own node first.
func (x *index) matching(feed thoonk.FeedName) []thoonk.Pattern {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var all []thoonk.Pattern
	if x.nodes[feed] {
		all = append(all, thoonk.Pattern(feed))
	}
	for p := range x.patterns {
		if p.Match(feed) {
			all = append(all, p)
		}
	}
	return all
}

func (x *index) all() (nodes []thoonk.FeedName, patterns []thoonk.Pattern) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for n := range x.nodes {
		nodes = append(nodes, n)
	}
	for p := range x.patterns {
		patterns = append(patterns, p)
	}
	return nodes, patterns
}

// PutNodeSubscription makes or changes a subscription whose subscriber this notifier tells from then on.
func (n *Notifier) PutNodeSubscription(ctx context.Context, sub thoonk.NodeSubscription) (thoonk.NodeSubscription, error) {
	n.index.add(sub.Node)
	return n.o.Store.PutNodeSubscription(ctx, sub)
}
