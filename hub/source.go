package hub

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// SourceStore keeps sources, and takes what they bring. Its errors are of type [thoonk.Error].
type SourceStore interface {
	Source(context.Context, thoonk.FeedName) (thoonk.Source, thoonk.SourceState, error)
	DueSources(ctx context.Context, now time.Time, limit int) ([]thoonk.FeedName, error)
	SourceOfCallback(ctx context.Context, secret string) (thoonk.FeedName, error)
	// HoldSource runs work while this process alone works the source; held is false if another does.
	HoldSource(ctx context.Context, name thoonk.FeedName, work func(context.Context, thoonk.Fence) error) (held bool, err error)
	StartSource(context.Context, thoonk.FeedName) error
	SaveSource(ctx context.Context, f thoonk.Fence, s thoonk.Source, state thoonk.SourceState, due time.Time, entries map[thoonk.ItemID]thoonk.SourceEntry) error
	SourceEntries(ctx context.Context, name thoonk.FeedName, ids ...thoonk.ItemID) (map[thoonk.ItemID]thoonk.SourceEntry, error)

	Feed(context.Context, thoonk.FeedName) (thoonk.Feed, error)
	ItemsByID(context.Context, thoonk.FeedName, []thoonk.ItemID) (thoonk.ItemPage, error)
	Publish(context.Context, thoonk.PublishItem) (thoonk.Published, error)
	Retract(context.Context, thoonk.RetractItem) error
	SubmitJobs(context.Context, thoonk.SubmitJobs) ([]thoonk.Submitted, error)
}

// Dialler sends requests to strangers' addresses. Its errors are of type [outbound.Error].
type Dialler interface {
	Do(context.Context, outbound.Request) (*outbound.Response, error)
}

// IngestOptions are what an [Ingest] is made of. All are needed but the log.
type IngestOptions struct {
	Store     SourceStore
	Dialler   Dialler
	Addresses Addresses
	Log       *slog.Logger
}

const (
	sourceTick    = time.Second // between two looks at what is due
	sourceWorkers = 16          // sources of a process that are looked at at once
	firstInterval = 15 * time.Minute
	sourceTimeout = time.Minute // of one look at a source
)

// Ingest brings the entries of outside feeds in: it looks at sources, subscribes to their hubs, and takes what these
// deliver. Of several processes one at a time works a source. It is safe for concurrent use.
type Ingest struct {
	o     IngestOptions
	wake  chan struct{}
	stats ingestCounters

	mu      sync.Mutex
	working map[thoonk.FeedName]bool
}

// NewIngest returns an ingest, which looks at nothing before Run.
func NewIngest(o IngestOptions) *Ingest {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return &Ingest{o: o, wake: make(chan struct{}, 1), working: map[thoonk.FeedName]bool{}}
}

// Wake says that a source may be due before the next tick.
func (g *Ingest) Wake() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// Run looks at sources when they are due, until ctx ends.
func (g *Ingest) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	ticker := time.NewTicker(sourceTick)
	defer ticker.Stop()
	for {
		for _, name := range g.due(ctx) {
			running.Go(func() {
				defer g.done(name)
				if err := g.work(ctx, name); err != nil && ctx.Err() == nil {
					g.o.Log.WarnContext(ctx, "source", "name", name, "error", err)
				}
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-g.wake:
		}
	}
}

// due returns the sources that are due and that this process does not work already, as many as it may work at once.
func (g *Ingest) due(ctx context.Context) []thoonk.FeedName {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.working) >= sourceWorkers {
		return nil
	}
	names, err := g.o.Store.DueSources(ctx, time.Now(), 2*sourceWorkers)
	if err != nil {
		if ctx.Err() == nil {
			g.o.Log.WarnContext(ctx, "sources", "error", err)
		}
		return nil
	}
	var ours []thoonk.FeedName
	for _, n := range names {
		if !g.working[n] && len(g.working) < sourceWorkers {
			g.working[n] = true
			ours = append(ours, n)
		}
	}
	return ours
}

func (g *Ingest) done(name thoonk.FeedName) {
	g.mu.Lock()
	delete(g.working, name)
	g.mu.Unlock()
}

// work looks at a source. The hub is asked when the source is let go of again: it may ask back before it answers.
func (g *Ingest) work(ctx context.Context, name thoonk.FeedName) error {
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	var l look
	held, err := g.o.Store.HoldSource(ctx, name, func(ctx context.Context, fence thoonk.Fence) error {
		source, state, err := g.o.Store.Source(ctx, name)
		if err != nil {
			return err
		}
		l = look{g: g, fence: fence, source: source, state: state, now: time.Now()}
		return l.all(ctx)
	})
	if thoonk.KindOf(err) == thoonk.NotFound { // deleted since
		return nil
	}
	if err != nil || !held || !l.ask {
		return err
	}
	return g.subscribe(ctx, l.source, l.state.Hub)
}

// look is one look at a source, or one delivery of its hub.
type look struct {
	g      *Ingest
	fence  thoonk.Fence
	source thoonk.Source
	state  thoonk.SourceState
	now    time.Time
	ask    bool // the hub is to be asked
}

// all fetches the source, takes its entries in and says when to look again.
func (l *look) all(ctx context.Context) error {
	if l.source.Paused {
		return l.save(ctx)
	}
	if err := l.g.o.Store.StartSource(ctx, l.source.Name); err != nil {
		return err
	}
	s := &l.state
	s.Tried = l.now.UTC()
	s.Counts.Fetches++
	l.g.stats.fetches.Add(1)
	got, err := l.fetch(ctx)
	changed := false
	if err == nil && !got.same {
		changed, err = l.take(ctx, got.feed, true)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case ours(err):
		return err
	case err != nil:
		l.failed(err, got.retry)
	default:
		l.worked(got, changed)
	}
	l.hub(got)
	return l.save(ctx)
}

// ours reports whether an error says nothing of the source: Redis is away, or another process works the source now.
func ours(err error) bool {
	switch thoonk.KindOf(err) {
	case thoonk.Unavailable, thoonk.Conflict:
		_, ok := errors.AsType[*outbound.Error](err)
		return !ok
	}
	return false
}

func (l *look) worked(got answered, changed bool) {
	s := &l.state
	s.Status, s.Worked, s.Failures = thoonk.SourceOK, l.now.UTC(), 0
	if got.same {
		s.Counts.Unchanged++
	} else {
		s.ETag, s.Modified, s.Digest, s.Title = got.etag, got.modified, got.digest, got.feed.Title
	}
	if changed {
		s.Changed = l.now.UTC()
	}
	low, high := l.source.Bounds()
	switch {
	case s.Interval == 0:
		s.Interval = firstInterval
	case changed:
		s.Interval /= 2
	default:
		s.Interval += s.Interval / 2
	}
	s.Interval = max(low, min(s.Interval, high), min(got.retry, high))
}

// failed notes what went wrong, and waits longer each time.
func (l *look) failed(err error, retry time.Duration) {
	s := &l.state
	l.g.stats.failures.Add(1)
	s.Status, s.Error, s.ErrorAt = thoonk.SourceFailing, public(err), l.now.UTC()
	s.Failures++
	low, high := l.source.Bounds()
	s.Interval = max(low, min(low<<min(s.Failures, 20), high), min(retry, high))
	if isGone(err) {
		s.Status, s.Interval = thoonk.SourceGone, high
	}
	if s.Failures >= 3 {
		s.Document = "" // what a page named once may have moved
	}
}

// save writes what is known now. A source is looked at again when its interval is over, or its hub has to be asked.
func (l *look) save(ctx context.Context) error {
	due := time.Time{}
	if !l.source.Paused {
		wait := l.state.Interval
		if l.state.Hub.Works(l.now) && l.state.Failures == 0 {
			_, wait = l.source.Bounds() // the hub tells; we look in case it does not
		}
		due = cmpTime(l.state.Tried, l.now).Add(wait)
		if renew := l.state.Hub.Renew; !renew.IsZero() && renew.Before(due) {
			due = later(renew, l.now.Add(time.Second))
		}
	}
	l.state.Next = due.UTC()
	return l.g.o.Store.SaveSource(ctx, l.fence, l.source, l.state, due, nil)
}

// remember writes which entries came in, while others have still to: the source stays due.
func (l *look) remember(ctx context.Context, entries map[thoonk.ItemID]thoonk.SourceEntry) error {
	return l.g.o.Store.SaveSource(context.WithoutCancel(ctx), l.fence, l.source, l.state, l.now, entries)
}

func cmpTime(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// ingestCounters count what this process did.
type ingestCounters struct {
	fetches, failures, pushes, forged, published, updated, deleted, refused atomic.Int64
}

// IngestStats are what a process did since it began.
type IngestStats struct {
	Fetches, Failures, Pushes, Forged    int64
	Published, Updated, Deleted, Refused int64 // entries
	Working                              int   // sources that are looked at now
}

// Stats returns what this process did since it began.
func (g *Ingest) Stats() IngestStats {
	g.mu.Lock()
	working := len(g.working)
	g.mu.Unlock()
	return IngestStats{
		Fetches: g.stats.fetches.Load(), Failures: g.stats.failures.Load(), Pushes: g.stats.pushes.Load(), Forged: g.stats.forged.Load(),
		Published: g.stats.published.Load(), Updated: g.stats.updated.Load(), Deleted: g.stats.deleted.Load(), Refused: g.stats.refused.Load(),
		Working: working,
	}
}
