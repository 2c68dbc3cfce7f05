package stream

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Source is what a [Broker] reads: the log, the histories of feeds, and their items. Its errors are [thoonk.Error]s.
type Source interface {
	// LogEnd returns the place of the log's last entry, zero if there is none.
	LogEnd(ctx context.Context) (thoonk.Revision, error)
	// LogHas reports whether the log still has the entry at a place.
	LogHas(ctx context.Context, place thoonk.Revision) (bool, error)
	// ReadLog returns entries after a place, or none if there are none for as long as wait.
	ReadLog(ctx context.Context, after thoonk.Revision, limit int, wait time.Duration) ([]thoonk.LogEntry, error)
	// Change returns one change whole. Gone: the history does not have it any more.
	Change(ctx context.Context, feed thoonk.FeedName, revision thoonk.Revision) (thoonk.Event, error)
	// History returns the changes after a revision. Gone: the history does not have that one any more.
	History(ctx context.Context, feed thoonk.FeedName, after thoonk.Revision, limit int) ([]thoonk.Event, error)
	// Head returns the revision of a feed's last change.
	Head(ctx context.Context, feed thoonk.FeedName) (thoonk.Revision, error)
	// Items returns a page of a feed's items, each with its revision.
	Items(ctx context.Context, q thoonk.ItemQuery) (thoonk.ItemPage, error)
	// ToldOrder returns the ids of a sorted feed's items as they stood after its last change, and its revision.
	ToldOrder(ctx context.Context, feed thoonk.FeedName) ([]thoonk.ItemID, thoonk.Revision, error)
	// ItemsByID returns those of the items that are there. Where they are very large together the last are left out, and Next says so.
	ItemsByID(ctx context.Context, feed thoonk.FeedName, ids []thoonk.ItemID) (thoonk.ItemPage, error)
	// Feeds lists feeds in the order of their names.
	Feeds(ctx context.Context, q thoonk.FeedQuery) ([]thoonk.Feed, error)
}

// Broker reads the log and hands each change to those who follow its feed. It never waits for a reader.
type Broker struct {
	source Source
	log    *slog.Logger
	live   atomic.Bool
	budget *semaphore.Weighted
	page   int // items of a snapshot that are read at once

	mu     sync.Mutex
	topics map[thoonk.FeedName]*topic
	wide   *topic // of all changes, for those who follow many feeds
	many   map[*ManyFollower]struct{}
}

// NewBroker returns a broker, which does nothing before Run.
func NewBroker(source Source, log *slog.Logger) *Broker {
	return &Broker{
		source: source, log: log, budget: newBudget(), page: 5000,
		topics: make(map[thoonk.FeedName]*topic),
		wide:   newTopic(wideChanges, wideBytes),
		many:   make(map[*ManyFollower]struct{}),
	}
}

func (b *Broker) snapshotOf(feed thoonk.FeedName) snapshotter {
	return snapshotter{source: b.source, feed: feed, size: b.page}
}

// Ready returns nil while the log is being read.
func (b *Broker) Ready() error {
	if !b.live.Load() {
		return thoonk.E(thoonk.Unavailable, "the change log is not followed yet")
	}
	return nil
}

// audience returns the topic of a feed if anybody follows it, and the wide one if anybody follows many feeds. wanted
// says that somebody will read the feed's change.
func (b *Broker) audience(feed thoonk.FeedName) (narrow, wide *topic, wanted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	narrow = b.topics[feed]
	wanted = narrow != nil
	if len(b.many) > 0 {
		wide = b.wide
	}
	for f := range b.many {
		wanted = wanted || f.follows(feed)
	}
	return narrow, wide, wanted
}

// join counts one more reader of a feed's topic.
func (b *Broker) join(feed thoonk.FeedName) *topic {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[feed]
	if t == nil {
		t = newTopic(topicChanges, topicBytes)
		b.topics[feed] = t
	}
	t.readers++
	return t
}

// leave counts one reader less; a topic without readers is dropped.
func (b *Broker) leave(feed thoonk.FeedName, t *topic) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.readers--; t.readers == 0 {
		delete(b.topics, feed)
	}
}

// loseAll sends every reader back to the history of its feed.
func (b *Broker) loseAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wide.lose()
	for _, t := range b.topics {
		t.lose()
	}
}
