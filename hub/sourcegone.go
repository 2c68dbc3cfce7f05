package hub

import (
	"context"
	"errors"
	"slices"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// delete retracts the items of entries that are gone: by a tombstone, or because the document says that it is complete
// and does not have them. It forgets what came in long ago.
func (l *look) delete(ctx context.Context, target thoonk.Feed, f syndication.Feed, ids []thoonk.ItemID, whole bool) (changed bool, err error) {
	present := make(map[thoonk.ItemID]bool, len(ids))
	for _, id := range ids {
		present[id] = true
	}
	var ended []thoonk.ItemID
	for _, t := range f.Deleted {
		if id, _ := itemID(syndication.Entry{ID: t.ID}); !present[id] {
			ended = append(ended, id)
		}
	}
	entries := map[thoonk.ItemID]thoonk.SourceEntry{}
	if complete := whole && f.Complete; complete || whole && l.state.Counts.Fetches%100 == 0 {
		all, err := l.g.o.Store.SourceEntries(ctx, l.source.Name)
		if err != nil {
			return false, err
		}
		for id := range all {
			if complete && !present[id] {
				ended = append(ended, id)
			}
		}
		forget(all, present, entries)
	}
	if len(ended) > 0 && target.Config.Type != thoonk.TypeJob {
		changed, err = l.retract(ctx, target, ended, entries)
	}
	if len(entries) > 0 {
		err = errors.Join(err, l.remember(ctx, entries))
	}
	return changed, err
}

// forget marks the oldest for forgetting if there are too many that the document does not have.
func forget(all map[thoonk.ItemID]thoonk.SourceEntry, present map[thoonk.ItemID]bool, entries map[thoonk.ItemID]thoonk.SourceEntry) {
	var old []thoonk.ItemID
	for id := range all {
		if !present[id] {
			old = append(old, id)
		}
	}
	if len(old) <= maxRemembered {
		return
	}
	slices.SortFunc(old, func(a, b thoonk.ItemID) int { return int(all[a].Seen - all[b].Seen) })
	for _, id := range old[:len(old)-maxRemembered] {
		entries[id] = thoonk.SourceEntry{}
	}
}

func (l *look) retract(ctx context.Context, target thoonk.Feed, ids []thoonk.ItemID, entries map[thoonk.ItemID]thoonk.SourceEntry) (changed bool, err error) {
	seen, err := l.g.o.Store.SourceEntries(ctx, l.source.Name, ids...)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if e, known := seen[id]; !known || e.Digest == gone {
			continue
		}
		err := l.g.o.Store.Retract(ctx, thoonk.RetractItem{Feed: target.Name, ID: id, Actor: l.actor()})
		switch {
		case err == nil:
			l.state.Counts.Deleted++
			l.g.stats.deleted.Add(1)
			changed = true
		case thoonk.KindOf(err) != thoonk.NotFound:
			return changed, err
		}
		if _, forgotten := entries[id]; !forgotten {
			entries[id] = thoonk.SourceEntry{Digest: gone, Seen: l.number()}
		}
	}
	return changed, nil
}
