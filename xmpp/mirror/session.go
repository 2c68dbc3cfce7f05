package mirror

import (
	"context"
	"errors"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

const (
	requestTimeout = 30 * time.Second
	renewBefore    = 5 * time.Minute // before a subscription ends, or half of what is left of it
)

// session follows a source as long as all goes well.
type session struct {
	f     *follower
	fence thoonk.Fence

	source thoonk.Source
	state  thoonk.SourceState
	target thoonk.Feed
	words  *words
	seen   map[thoonk.ItemID]thoonk.SourceEntry // what is to be remembered with the next save
}

func newSession(f *follower, fence thoonk.Fence) *session {
	return &session{f: f, fence: fence, seen: make(map[thoonk.ItemID]thoonk.SourceEntry)}
}

// run returns when something goes wrong, and leaves on the source what it was.
func (s *session) run(ctx context.Context, works func()) (err error) {
	if s.source, s.state, err = s.f.m.o.Store.Source(ctx, s.f.source.Name); err != nil {
		return err
	}
	err = s.follow(ctx, works)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.state.Status, s.state.Error, s.state.ErrorAt = thoonk.SourceFailing, told(err), now()
	s.state.Failures++
	return errors.Join(err, s.save(ctx))
}

// told is an error as the source shows it: what the other side says, or what is public of ours.
func told(err error) string {
	if e, ok := errors.AsType[*stanza.Error](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*thoonk.Error](err); ok {
		return e.Public
	}
	return "internal error"
}

func (s *session) follow(ctx context.Context, works func()) error {
	s.state.Tried = now()
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.subscribe(ctx); err != nil {
		return err
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	works()
	s.state.Failures = 0
	check := time.NewTimer(s.untilCheck())
	defer check.Stop()
	for {
		if err := s.worked(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.f.wake:
			if err := s.catchUp(ctx); err != nil {
				return err
			}
		case <-check.C:
			if err := s.subscribe(ctx); err != nil {
				return err
			}
			if err := s.sync(ctx); err != nil {
				return err
			}
			check.Reset(s.untilCheck())
		}
	}
}

// open looks at the feed that it all goes into, and at what the node offers.
func (s *session) open(ctx context.Context) (err error) {
	if s.target, err = s.f.m.o.Store.Feed(ctx, s.source.Feed); err != nil {
		return err
	}
	if err := CheckTarget(s.target); err != nil {
		return err
	}
	s.words = newWords(s.f.m.o.Store, s.target.Name, s.f.m.o.Sender.Domain().String())
	replays, err := s.replays(ctx)
	s.f.replays.Store(replays)
	return err
}

// CheckTarget returns an Unprocessable error if items cannot go into the feed.
func CheckTarget(f thoonk.Feed) error {
	switch f.Config.Type {
	case thoonk.TypeFeed, thoonk.TypeSortedFeed, thoonk.TypeJob:
		return nil
	}
	return thoonk.E(thoonk.Unprocessable, "items go into a feed, a sorted feed or a job queue: %q is of type %s", f.Name, f.Config.Type).In("feed")
}

// untilCheck is how long nobody need look whether the subscription still holds and nothing was missed.
func (s *session) untilCheck() time.Duration {
	_, wait := s.source.Bounds()
	if ends := s.state.Node.Expires; !ends.IsZero() {
		left := time.Until(ends)
		wait = min(wait, max(left-renewBefore, left/2))
	}
	return max(wait, time.Second)
}

// sync takes in whatever is missing.
func (s *session) sync(ctx context.Context) error {
	if s.f.replays.Load() && s.state.Node.Synced {
		return s.readOn(ctx)
	}
	return s.listAll(ctx)
}

// catchUp takes in what messages told of.
func (s *session) catchUp(ctx context.Context) error {
	changes, lost := s.f.take()
	if lost || s.f.replays.Load() {
		return s.sync(ctx)
	}
	for _, c := range changes {
		if whole(c) {
			return s.listAll(ctx)
		}
	}
	return s.apply(ctx, changes)
}

// worked notes on the source that all is well.
func (s *session) worked(ctx context.Context) error {
	s.state.Status, s.state.Worked = thoonk.SourceOK, now()
	return s.save(ctx)
}

// save writes what is known of the source.
func (s *session) save(ctx context.Context) error {
	err := s.f.m.o.Store.SaveSource(ctx, s.fence, s.source, s.state, time.Time{}, s.seen)
	if err == nil {
		clear(s.seen)
	}
	return err
}

// ask sends a request to the service.
func (s *session) ask(ctx context.Context, kind string, payload *stanza.Element) (*stanza.Element, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return s.f.m.o.Sender.Request(ctx, s.f.service, kind, payload)
}

func now() time.Time { return time.Now().UTC() }
