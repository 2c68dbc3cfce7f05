package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// mostTries is how often a change is tried while others change the same item.
const mostTries = 5

// mostAhead is how far the clock of another side may be ahead of ours. What is said to be later still is of now.
const mostAhead = 10 * time.Minute

// apply takes in changes, each of which says when it was made.
func (s *session) apply(ctx context.Context, changes []event.Change) error {
	for _, c := range changes {
		if err := s.applyOne(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) applyOne(ctx context.Context, c event.Change) error {
	if c.Kind != event.Published && c.Kind != event.Retracted {
		return nil
	}
	id, err := thoonk.ParseItemID(c.ItemID)
	if err != nil {
		return s.refused(err)
	}
	origin := s.origin(c)
	switch {
	case s.target.Config.Type == thoonk.TypeJob:
		return s.job(ctx, id, c)
	case s.f.m.o.Own(origin.Service) && origin.Node == string(s.target.Name):
		return nil // it was made here
	}
	for range mostTries {
		have, err2 := s.item(ctx, id) // before what is known of it: who writes after that is noticed by the write
		if err = errors.Join(err2, s.words.readOn(ctx)); err != nil {
			return err
		}
		if s.words.newer(id, origin) {
			return nil
		}
		if c.Kind == event.Retracted {
			err = s.retract(ctx, have, id, origin)
		} else {
			err = s.publish(ctx, have, id, c, origin)
		}
		if kind := thoonk.KindOf(err); kind != thoonk.Stale {
			return s.refused(err)
		}
	}
	return s.refused(err)
}

// origin returns where a change was made first. A service that does not say it is that itself; when it was, it may say by the id
// that its archive has, which is a revision if it is one of our kind.
func (s *session) origin(c event.Change) event.Origin {
	o := c.Origin
	if o == (event.Origin{}) {
		o = event.Origin{Stamp: uint64(time.Now().UnixMicro()), Service: s.f.service.String(), Node: s.f.node}
		if r, err := thoonk.ParseRevision(c.ArchiveID); err == nil {
			o.Stamp = r.Stamp
		} else if n := c.Delayed.UnixMicro(); n > 0 {
			o.Stamp = uint64(n)
		}
	}
	o.Stamp = min(o.Stamp, uint64(time.Now().Add(mostAhead).UnixMicro()))
	return o
}

// refused counts what the feed does not take, and returns what ends the session instead: Redis is away, or the feed is.
func (s *session) refused(err error) error {
	switch thoonk.KindOf(err) {
	case thoonk.Invalid, thoonk.Unprocessable, thoonk.TooLarge, thoonk.Unsupported, thoonk.Stale:
	default:
		if e, ok := asError(err); !ok || e.Condition == stanza.ResourceConstraint || e.Condition == stanza.RemoteServerTimeout {
			return err
		}
	}
	if err != nil {
		s.state.Counts.Refused++
		s.state.Error, s.state.ErrorAt = told(err), now()
	}
	return nil
}

// item returns an item of the feed, without a revision if it is not there.
func (s *session) item(ctx context.Context, id thoonk.ItemID) (thoonk.Item, error) {
	page, err := s.f.m.o.Store.ItemsByID(ctx, s.target.Name, []thoonk.ItemID{id})
	if err != nil || len(page.Items) == 0 {
		return thoonk.Item{}, err
	}
	return page.Items[0], nil
}

// unchanged is the condition that an item is as it was read.
func unchanged(have thoonk.Item) thoonk.Condition {
	if have.Revision.IsZero() {
		return thoonk.Condition{NoneAny: true}
	}
	return thoonk.Condition{Match: []thoonk.Revision{have.Revision}}
}

func (s *session) publish(ctx context.Context, have thoonk.Item, id thoonk.ItemID, c event.Change, origin event.Origin) error {
	if c.Payload == nil && (c.Position.IsZero() || have.Revision.IsZero()) {
		item, err := s.fetch(ctx, id)
		if err != nil || item == nil {
			return err // it was retracted since
		}
		c.Payload = item.First()
	} else if c.Payload == nil {
		return s.move(ctx, have, c.Position, origin)
	}
	form, body, err := payload.Decode(s.target.Config.Content, c.Payload)
	if err != nil {
		return err
	}
	return s.write(ctx, have, thoonk.PublishItem{ID: id, Form: form, Body: body, Position: c.Position}, origin)
}

// write publishes an item unless it is as it shall be. A place that is relative to an item that is not here is the end.
func (s *session) write(ctx context.Context, have thoonk.Item, p thoonk.PublishItem, origin event.Origin) error {
	d := digest(p.Body)
	s.seen[p.ID] = thoonk.SourceEntry{Digest: d}
	sorted := s.target.Config.Type == thoonk.TypeSortedFeed
	if !sorted {
		p.Position = thoonk.Position{}
	}
	if !have.Revision.IsZero() && digest(have.Body) == d {
		if p.Position.IsZero() {
			return nil
		}
		return s.move(ctx, have, p.Position, origin)
	}
	p.Feed, p.If, p.Actor = s.target.Name, unchanged(have), origin.Actor()
	done, err := s.f.m.o.Store.Publish(ctx, p)
	if thoonk.KindOf(err) == thoonk.NotFound && !p.Position.IsZero() {
		p.Position = thoonk.Position{}
		done, err = s.f.m.o.Store.Publish(ctx, p)
	}
	if err != nil {
		return err
	}
	s.changed(done.Created)
	return nil
}

func (s *session) move(ctx context.Context, have thoonk.Item, to thoonk.Position, origin event.Origin) error {
	if s.target.Config.Type != thoonk.TypeSortedFeed || to.After == have.ID || to.Before == have.ID {
		return nil
	}
	_, err := s.f.m.o.Store.Move(ctx, thoonk.MoveItem{Feed: s.target.Name, ID: have.ID, Position: to, If: unchanged(have), Actor: origin.Actor()})
	if thoonk.KindOf(err) == thoonk.NotFound {
		return nil // what it is relative to is not here
	}
	return err
}

func (s *session) retract(ctx context.Context, have thoonk.Item, id thoonk.ItemID, origin event.Origin) error {
	s.seen[id] = thoonk.SourceEntry{}
	if have.Revision.IsZero() {
		return nil
	}
	err := s.f.m.o.Store.Retract(ctx, thoonk.RetractItem{Feed: s.target.Name, ID: id, If: unchanged(have), Actor: origin.Actor()})
	switch thoonk.KindOf(err) {
	case thoonk.NotFound:
		return nil // somebody else was first
	case "":
		s.state.Counts.Deleted++
		s.state.Changed = now()
	}
	return err
}

func (s *session) changed(created bool) {
	s.state.Changed = now()
	if created {
		s.state.Counts.New++
	} else {
		s.state.Counts.Updated++
	}
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16])
}
