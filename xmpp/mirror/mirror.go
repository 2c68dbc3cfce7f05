// Package mirror follows nodes of other publish-subscribe services: what is published and retracted there comes into feeds, or
// as jobs into queues.
//
// Messages of the other side are taken as a word that something happened, wherever its history can be asked for
// (XEP-0442): then that is read on from the last change that was taken in. So order, losses and downtime are one thing, and a
// forged message does no harm. Where there is no history, messages are taken for what they say, and the node is listed
// whenever some may be missing.
//
// Nodes may mirror each other. Each change carries where and when it was made first ([event.Origin]), unchanged however far it
// goes. A change that was made on the very feed is not applied to it again, and none to an item whose last change here is
// newer. To skip what equals the last word would not be enough: of two quick edits each comes back to where the other one
// stands already, and they would chase each other for ever. The rule ends that, since nothing gets newer on its way; and of two
// edits at both ends, both ends keep the same one.
package mirror

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Store keeps sources, and takes what they bring. Its errors are of type [thoonk.Error].
type Store interface {
	Sources(ctx context.Context, after thoonk.FeedName, limit int) ([]thoonk.KnownSource, error)
	Source(context.Context, thoonk.FeedName) (thoonk.Source, thoonk.SourceState, error)
	HoldSource(ctx context.Context, name thoonk.FeedName, work func(context.Context, thoonk.Fence) error) (held bool, err error)
	SaveSource(ctx context.Context, f thoonk.Fence, s thoonk.Source, state thoonk.SourceState, due time.Time, entries map[thoonk.ItemID]thoonk.SourceEntry) error
	SourceEntries(ctx context.Context, name thoonk.FeedName, ids ...thoonk.ItemID) (map[thoonk.ItemID]thoonk.SourceEntry, error)

	Feed(context.Context, thoonk.FeedName) (thoonk.Feed, error)
	Archive(context.Context, thoonk.ArchiveQuery) (thoonk.ArchivePage, error)
	ItemsByID(context.Context, thoonk.FeedName, []thoonk.ItemID) (thoonk.ItemPage, error)
	Publish(context.Context, thoonk.PublishItem) (thoonk.Published, error)
	Retract(context.Context, thoonk.RetractItem) error
	Move(context.Context, thoonk.MoveItem) (thoonk.Item, error)
	SubmitJobs(context.Context, thoonk.SubmitJobs) ([]thoonk.Submitted, error)
}

// Options are what mirrors work with. All are needed but the log.
type Options struct {
	Store  Store
	Sender stanza.Sender
	// Own reports whether an address is a component of ours, of whatever server.
	Own func(service string) bool
	// First says that sources that name no component are this one's.
	First bool
	Log   *slog.Logger
}

// Mirrors follow the sources of one component. They are safe for concurrent use.
type Mirrors struct {
	o Options

	mu        sync.Mutex
	followers map[thoonk.FeedName]*follower
}

// New returns mirrors that follow nothing before Run.
func New(o Options) *Mirrors {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Mirrors{o: o, followers: make(map[thoonk.FeedName]*follower)}
}

const (
	lookEvery = time.Second // for sources that were declared, changed or removed
	mostPage  = 500         // sources read at once
)

// Run follows sources until ctx ends, which is when the link does.
func (m *Mirrors) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	defer m.stop(nil)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if wanted, err := m.wanted(ctx); err == nil {
			m.stop(wanted)
			for _, s := range wanted {
				m.start(ctx, &running, s)
			}
		} else if ctx.Err() == nil {
			m.o.Log.WarnContext(ctx, "xmpp: sources", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// wanted returns the sources that this component is to follow.
func (m *Mirrors) wanted(ctx context.Context) (map[thoonk.FeedName]thoonk.Source, error) {
	wanted := make(map[thoonk.FeedName]thoonk.Source)
	var after thoonk.FeedName
	for {
		page, err := m.o.Store.Sources(ctx, after, mostPage)
		if err != nil {
			return nil, err
		}
		for _, k := range page {
			s := k.Source
			if s.Kind == thoonk.XMPPNode && !s.Paused && (s.Link == m.o.Sender.Domain().String() || s.Link == "" && m.o.First) {
				wanted[s.Name] = s
			}
			after = s.Name
		}
		if len(page) < mostPage {
			return wanted, nil
		}
	}
}

func (m *Mirrors) start(ctx context.Context, running *sync.WaitGroup, s thoonk.Source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.followers[s.Name] != nil {
		return
	}
	service, node, err := thoonk.ParseNodeURL(s.URL)
	address, err2 := jid.Parse(service)
	if err != nil || err2 != nil {
		m.o.Log.WarnContext(ctx, "xmpp: a source has an impossible address", "source", s.Name, "url", s.URL)
		return
	}
	f := &follower{m: m, source: s, service: address, node: node, wake: make(chan struct{}, 1), collectors: make(map[string]*collector)}
	ctx, f.cancel = context.WithCancelCause(ctx)
	m.followers[s.Name] = f
	running.Go(func() { f.run(ctx) })
}

// stop ends those who follow what is not wanted any more, or not like that.
func (m *Mirrors) stop(wanted map[thoonk.FeedName]thoonk.Source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, f := range m.followers {
		if s, ok := wanted[name]; !ok || s.Life != f.source.Life || s.Max != f.source.Max {
			if wanted != nil {
				f.cancel(errUnwanted)
			}
			delete(m.followers, name)
		}
	}
}

// others reports whether somebody else follows the same node.
func (m *Mirrors) others(f *follower) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.followers {
		if other != f && other.service.Equal(f.service) && other.node == f.node {
			return true
		}
	}
	return false
}
