package mirror

import (
	"context"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/payload"
)

// applyListed takes in items of a list. One that the node had like that before is left alone, whatever became of it here, and one
// that was changed here by somebody else stays as it is.
func (s *session) applyListed(ctx context.Context, changes []event.Change) error {
	ids := make([]thoonk.ItemID, len(changes))
	for i, c := range changes {
		ids[i] = thoonk.ItemID(c.ItemID)
	}
	if len(ids) == 0 {
		return nil
	}
	seen, err := s.f.m.o.Store.SourceEntries(ctx, s.source.Name, ids...)
	if err != nil {
		return err
	}
	for i, c := range changes {
		entry, known := seen[ids[i]]
		if s.target.Config.Type == thoonk.TypeJob {
			if !known {
				err = s.job(ctx, ids[i], c)
			}
		} else {
			err = s.refused(s.listed(ctx, ids[i], c, entry.Digest))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listed takes in an item of a list. before is what the node was known to have, empty for nothing.
func (s *session) listed(ctx context.Context, id thoonk.ItemID, c event.Change, before string) error {
	if c.Payload == nil { // it is empty, or was left out because it is too long for a list
		item, err := s.fetch(ctx, id)
		if err != nil || item == nil {
			return err // it was retracted since
		}
		c.Payload = item.First()
	}
	form, body, err := payload.Decode(s.target.Config.Content, c.Payload)
	if err != nil {
		return err
	}
	have, err := s.item(ctx, id)
	if err != nil {
		return err
	}
	there, same := !have.Revision.IsZero(), digest(body) == before
	switch d := digest(have.Body); {
	case !there && same, there && d != before && d != digest(body):
		return nil
	}
	// Older than anything: whatever the history says of the item is newer.
	origin := event.Origin{Stamp: 1, Service: s.f.service.String(), Node: s.f.node}
	err = s.write(ctx, have, thoonk.PublishItem{ID: id, Form: form, Body: body, Position: c.Position}, origin)
	if thoonk.KindOf(err) == thoonk.Stale {
		return nil // somebody changed it meanwhile
	}
	return err
}

// dropMissing retracts the items that the node had before and that a list of all has not, unless they were changed here since.
func (s *session) dropMissing(ctx context.Context, there map[thoonk.ItemID]bool) error {
	known, err := s.f.m.o.Store.SourceEntries(ctx, s.source.Name)
	if err != nil {
		return err
	}
	origin := event.Origin{Stamp: uint64(time.Now().UnixMicro()), Service: s.f.service.String(), Node: s.f.node}
	for id, entry := range known {
		if there[id] {
			continue
		}
		s.seen[id] = thoonk.SourceEntry{}
		if s.target.Config.Type == thoonk.TypeJob {
			continue
		}
		have, err := s.item(ctx, id)
		if err != nil {
			return err
		}
		if have.Revision.IsZero() || digest(have.Body) != entry.Digest {
			continue
		}
		if err := s.retract(ctx, have, id, origin); err != nil && !slices.Contains([]thoonk.Kind{thoonk.Stale, thoonk.NotFound}, thoonk.KindOf(err)) {
			return err
		}
	}
	return s.save(ctx)
}
