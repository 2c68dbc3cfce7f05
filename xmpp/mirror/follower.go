package mirror

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// errUnwanted ends what follows a source that is gone, or is another one now.
var errUnwanted = errors.New("the source is not wanted any more")

// Pauses between two tries.
const (
	shortestPause = time.Second
	longestPause  = time.Minute // or the source's longest interval, whichever is shorter
	standbyPause  = time.Second // where another process follows the source
)

// follower follows one source.
type follower struct {
	m       *Mirrors
	source  thoonk.Source
	service jid.JID
	node    string
	cancel  context.CancelCauseFunc
	wake    chan struct{} // something happened

	replays atomic.Bool // the history can be asked for, so messages only wake

	mu         sync.Mutex
	inbox      []event.Change
	size       int  // of the inbox, about
	lost       bool // something did not go into the inbox
	collectors map[string]*collector
}

func (f *follower) run(ctx context.Context) {
	log := f.m.o.Log.With("source", f.source.Name, "service", f.service.String(), "node", f.node)
	pause, longest := shortestPause, longestPause
	if f.source.Max > 0 {
		longest = min(longest, max(f.source.Max, shortestPause))
	}
	for ctx.Err() == nil {
		held, err := f.m.o.Store.HoldSource(ctx, f.source.Name, func(ctx context.Context, fence thoonk.Fence) error {
			return newSession(f, fence).run(ctx, func() { pause = shortestPause })
		})
		switch {
		case ctx.Err() != nil:
		case err == nil && !held:
			sleep(ctx, standbyPause)
		default:
			log.WarnContext(ctx, "xmpp: a source is not followed, trying again", "pause", pause, "error", err)
			sleep(ctx, pause/2+rand.N(pause))
			pause = min(2*pause, longest)
		}
	}
	if errors.Is(context.Cause(ctx), errUnwanted) && !f.m.others(f) {
		f.unsubscribe(context.WithoutCancel(ctx))
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Bounds of what waits to be applied. Beyond them the node is listed.
const (
	mostInbox     = 64
	mostInboxSize = 4 << 20
)

// Message takes a message if it is from a service that is followed, and reports whether it was. It does not wait.
func (m *Mirrors) Message(s *stanza.Stanza) bool {
	m.mu.Lock()
	var from []*follower
	for _, f := range m.followers {
		if f.service.Equal(s.From) {
			from = append(from, f)
		}
	}
	m.mu.Unlock()
	if len(from) == 0 {
		return false
	}
	if r := s.Child(nsMAM, "result"); r != nil {
		for _, f := range from {
			f.collect(r)
		}
		return true
	}
	changes, err := event.Decode(s.Element, s.From.String())
	for _, f := range from {
		if err != nil {
			f.missed()
			continue
		}
		for _, c := range changes {
			if c.Node == f.node {
				f.notice(c)
			}
		}
	}
	return true
}

// notice takes the word that something happened. It does not wait.
func (f *follower) notice(c event.Change) {
	f.mu.Lock()
	switch n := weight(c.Payload); {
	case f.replays.Load():
	case len(f.inbox) >= mostInbox || f.size+n > mostInboxSize:
		f.lost = true
	default:
		f.inbox, f.size = append(f.inbox, c), f.size+n
	}
	f.mu.Unlock()
	f.awake()
}

// missed says that there was something that could not be read.
func (f *follower) missed() {
	f.mu.Lock()
	f.lost = true
	f.mu.Unlock()
	f.awake()
}

func (f *follower) awake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// take returns what is in the inbox, and whether something is missing there.
func (f *follower) take() (changes []event.Change, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changes, lost = f.inbox, f.lost
	f.inbox, f.size, f.lost = nil, 0, false
	return changes, lost
}

// weight is about how many bytes an element takes.
func weight(e *stanza.Element) int {
	if e == nil {
		return 0
	}
	n := 100 + len(e.Name.Local) + len(e.Name.Space)
	for _, a := range e.Attrs {
		n += 50 + len(a.Name.Local) + len(a.Name.Space) + len(a.Value)
	}
	for _, c := range e.Nodes {
		n += 24 + len(c.Text) + weight(c.Element)
	}
	return n
}
