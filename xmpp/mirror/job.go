package mirror

import (
	"context"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/payload"
)

// job submits an item that was not there before as a job with its id. What becomes of the item later does not change the job.
func (s *session) job(ctx context.Context, id thoonk.ItemID, c event.Change) error {
	if c.Kind == event.Retracted {
		s.seen[id] = thoonk.SourceEntry{}
		return nil
	}
	known, err := s.f.m.o.Store.SourceEntries(ctx, s.source.Name, id)
	if err != nil {
		return err
	}
	if _, before := known[id]; before || s.seen[id].Digest != "" {
		return nil
	}
	if c.Payload == nil {
		item, err := s.fetch(ctx, id)
		if err != nil || item == nil {
			return s.refused(err)
		}
		c.Payload = item.First()
	}
	form, body, err := payload.Decode(s.target.Config.Content, c.Payload)
	if err != nil {
		return s.refused(err)
	}
	done, err := s.f.m.o.Store.SubmitJobs(ctx, thoonk.SubmitJobs{
		Queue: s.target.Name, Actor: s.origin(c).Actor(), Jobs: []thoonk.NewJob{{ID: id, Form: form, Payload: body}},
	})
	s.seen[id] = thoonk.SourceEntry{Digest: digest(body)}
	switch {
	case thoonk.KindOf(err) == thoonk.Conflict: // the queue has, or had, a job with this id
		return nil
	case err == nil && len(done) == 1 && !done[0].Existing:
		s.changed(true)
	}
	return s.refused(err)
}
