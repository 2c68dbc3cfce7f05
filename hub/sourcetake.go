package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	maxRemembered = 20_000 // entries of a source that are remembered, beyond those in its document
	lookUp        = 100    // items at once
)

// gone is the digest of an entry that was deleted.
const gone = "gone"

// incoming is an entry as it goes into the feed.
type incoming struct {
	id     thoonk.ItemID
	body   []byte
	digest string
	entry  syndication.Entry
}

// take brings the entries of a document in. whole says that it is the source's own document, and not only what is new in
// it. It reports whether anything was new. Entries that are as they were are left alone, whatever became of their items.
func (l *look) take(ctx context.Context, f syndication.Feed, whole bool) (changed bool, err error) {
	target, err := l.target(ctx)
	if err != nil {
		return false, err
	}
	entries := l.incoming(f)
	ids := make([]thoonk.ItemID, len(entries))
	for i, e := range entries {
		ids[i] = e.id
	}
	seen := map[thoonk.ItemID]thoonk.SourceEntry{}
	if len(ids) > 0 {
		if seen, err = l.g.o.Store.SourceEntries(ctx, l.source.Name, ids...); err != nil {
			return false, err
		}
	}
	fresh := slices.DeleteFunc(entries, func(e incoming) bool { return seen[e.id].Digest == e.digest })
	for chunk := range slices.Chunk(fresh, lookUp) {
		did, err := l.write(ctx, target, chunk, seen)
		changed = changed || did
		if err != nil {
			return changed, err
		}
	}
	did, err := l.delete(ctx, target, f, ids, whole)
	return changed || did, err
}

// target returns the feed that the entries go into.
func (l *look) target(ctx context.Context) (thoonk.Feed, error) {
	target, err := l.g.o.Store.Feed(ctx, l.source.Feed)
	if err != nil {
		return target, err
	}
	return target, CheckTarget(target)
}

// CheckTarget returns an Unprocessable error if entries cannot go into the feed.
func CheckTarget(f thoonk.Feed) error {
	switch f.Config.Type {
	case thoonk.TypeFeed, thoonk.TypeSortedFeed, thoonk.TypeJob:
	default:
		return thoonk.E(thoonk.Unprocessable, "entries go into a feed, a sorted feed or a job queue: %q is of type %s", f.Name, f.Config.Type).In("feed")
	}
	switch f.Config.Content {
	case thoonk.Entry, thoonk.JSON, thoonk.Undeclared:
		return nil
	}
	return thoonk.E(thoonk.Unprocessable, "entries are JSON: %q declares content %s", f.Name, f.Config.Content).In("feed")
}

// incoming returns the entries in the order in which they came about, each id once.
func (l *look) incoming(f syndication.Feed) []incoming {
	counts := &l.state.Counts
	var entries []incoming
	at := map[thoonk.ItemID]int{}
	stones := latestStones(f.Deleted)
	for _, e := range inOrder(f.Entries) {
		// A tombstone is for the entry as it was when it fell (RFC 6721 section 4).
		if when, gone := stones[e.ID]; gone && !e.Updated.After(when) {
			continue
		}
		i := l.clean(e)
		if j, double := at[i.id]; double {
			counts.Duplicates++
			if sameEntry(entries[j].entry, i.entry) { // two states of one entry: the later one counts
				entries[j] = i
				continue
			}
			i = i.apart()
			if _, again := at[i.id]; again {
				continue
			}
		}
		at[i.id] = len(entries)
		entries = append(entries, i)
	}
	return entries
}

// inOrder returns the entries with the oldest first. Most documents have the newest first, and those that have neither
// order say it by dates.
func inOrder(entries []syndication.Entry) []syndication.Entry {
	date := func(e syndication.Entry) time.Time { return cmpTime(e.Updated, e.Published) }
	byDate := func(a, b syndication.Entry) int { return date(a).Compare(date(b)) }
	if slices.IsSortedFunc(entries, byDate) && len(entries) > 0 && date(entries[0]).Before(date(entries[len(entries)-1])) {
		return entries
	}
	entries = slices.Clone(entries)
	slices.Reverse(entries)
	if !slices.ContainsFunc(entries, func(e syndication.Entry) bool { return date(e).IsZero() }) {
		slices.SortStableFunc(entries, byDate)
	}
	return entries
}

// latestStones says when each entry was deleted last.
func latestStones(all []syndication.Tombstone) map[string]time.Time {
	latest := make(map[string]time.Time, len(all))
	for _, t := range all {
		if when, double := latest[t.ID]; !double || t.When.After(when) {
			latest[t.ID] = t.When
		}
	}
	return latest
}

// sameEntry tells two states of an entry (RFC 4287 section 4.1.1) from two entries whose feed gives them one id.
func sameEntry(a, b syndication.Entry) bool {
	if !a.Updated.IsZero() && !b.Updated.IsZero() && !a.Updated.Equal(b.Updated) {
		return true
	}
	return a.URL == b.URL && a.Title == b.Title
}

// clean makes an entry safe and complete: HTML without what acts, no dates from nowhere, an id.
func (l *look) clean(e syndication.Entry) incoming {
	believable := e.Believable(l.now)
	id, given := itemID(e)
	if !given || !believable.Published.Equal(e.Published) || !believable.Updated.Equal(e.Updated) {
		l.state.Counts.Mended++
	}
	e = believable
	e.ContentHTML = syndication.Sanitize(e.ContentHTML)
	if e.ID == "" {
		e.ID = string(id)
	}
	return newIncoming(id, e)
}

func newIncoming(id thoonk.ItemID, e syndication.Entry) incoming {
	return incoming{id, e.JSON(), entryDigest(e), e}
}

// entryDigest tells whether an entry is as it was. Its dates do not count: a hub that delivers an entry may know less of
// them than the whole document, and some sites set them anew each time.
func entryDigest(e syndication.Entry) string {
	e.Published, e.Updated = time.Time{}, time.Time{}
	sum := sha256.Sum256(e.JSON())
	return hex.EncodeToString(sum[:10])
}

// isIn reports whether an item is the entry already.
func (i incoming) isIn(item *thoonk.Item) bool {
	e, err := syndication.ParseEntry(item.Body)
	return err == nil && entryDigest(e) == i.digest
}

// apart gives an entry an id of its own whose feed gives the same one to several.
func (i incoming) apart() incoming {
	sum := sha256.Sum256([]byte(i.entry.URL + "\x00" + i.entry.Title))
	i.entry.ID = i.entry.ID + "#" + hex.EncodeToString(sum[:8])
	id, _ := itemID(i.entry)
	return newIncoming(id, i.entry)
}

// itemID returns the id of an entry's item: the entry's own if it can be one.
func itemID(e syndication.Entry) (id thoonk.ItemID, given bool) {
	for _, s := range []string{e.ID, e.URL} {
		if id, err := thoonk.ParseItemID(s); err == nil {
			return id, s == e.ID
		}
		if s != "" {
			sum := sha256.Sum256([]byte(s))
			return thoonk.ItemID("urn:sha256:" + hex.EncodeToString(sum[:])), false
		}
	}
	sum := sha256.Sum256([]byte(e.Title + "\x00" + e.ContentHTML + e.ContentText + "\x00" + e.Published.String()))
	return thoonk.ItemID("urn:sha256:" + hex.EncodeToString(sum[:])), false
}

// write brings new and updated entries in. What was done is remembered even if the rest fails.
func (l *look) write(ctx context.Context, target thoonk.Feed, entries []incoming, seen map[thoonk.ItemID]thoonk.SourceEntry) (changed bool, err error) {
	there, err := l.existing(ctx, target, entries)
	if err != nil {
		return false, err
	}
	done := map[thoonk.ItemID]thoonk.SourceEntry{}
	var late error
	for _, e := range entries {
		did, failed := l.writeOne(ctx, target, e, there[e.id], seen[e.id])
		switch kind := thoonk.KindOf(failed); {
		case failed == nil:
			changed = changed || did
		case kind == thoonk.Stale: // somebody else wrote it just now, or it was dropped: another try sees what became of it
			late = thoonk.E(thoonk.Unavailable, "an entry was written by somebody else at the same moment").Because(failed)
			continue
		case kind == thoonk.Invalid, kind == thoonk.Unprocessable, kind == thoonk.TooLarge:
			l.refused(e, failed)
		default:
			err = failed
		}
		if err != nil {
			break
		}
		done[e.id] = thoonk.SourceEntry{Digest: e.digest, Seen: l.number()}
	}
	return changed, errors.Join(err, late, l.remember(ctx, done))
}

// number is that of this look or delivery: it is remembered together with what came in, and so never given again.
func (l *look) number() int64 { return l.state.Counts.Fetches + l.state.Counts.Pushes }

// once makes a write happen once, though the process may die after it and before the entry is remembered. By then the item
// may be gone again, or the job done.
func (l *look) once(e incoming, old thoonk.SourceEntry) thoonk.Once {
	return thoonk.Once{
		Key:  "source:" + digestID(l.source.Life, string(e.id), old.Digest, strconv.FormatInt(old.Seen, 10), e.digest),
		Hash: e.digest,
	}
}

func (l *look) refused(e incoming, err error) {
	l.state.Counts.Refused++
	l.g.stats.refused.Add(1)
	l.state.Error, l.state.ErrorAt = "the feed refused the entry "+string(e.id)+": "+public(err), l.now.UTC()
}

// existing returns the items that are there already under the ids of entries. A job queue's are not looked at.
func (l *look) existing(ctx context.Context, target thoonk.Feed, entries []incoming) (map[thoonk.ItemID]*thoonk.Item, error) {
	there := map[thoonk.ItemID]*thoonk.Item{}
	if target.Config.Type == thoonk.TypeJob {
		return there, nil
	}
	var ids []thoonk.ItemID
	for _, e := range entries {
		ids = append(ids, e.id)
	}
	for len(ids) > 0 {
		page, err := l.g.o.Store.ItemsByID(ctx, target.Name, ids)
		if err != nil {
			return nil, err
		}
		for _, i := range page.Items {
			there[i.ID] = &i
		}
		if page.Next == "" || len(page.Items) == 0 {
			break
		}
		last := page.Items[len(page.Items)-1].ID // the page ended early: the rest comes after it
		ids = ids[slices.Index(ids, last)+1:]
	}
	return there, nil
}

// writeOne writes one entry, and reports whether that changed anything. An entry that came in before, and whose item is
// not there any more, does not come back.
func (l *look) writeOne(ctx context.Context, target thoonk.Feed, e incoming, there *thoonk.Item, old thoonk.SourceEntry) (bool, error) {
	known := old.Digest != "" && old.Digest != gone
	if target.Config.Type == thoonk.TypeJob {
		if known {
			return false, nil
		}
		return l.submit(ctx, target, e, old)
	}
	p := thoonk.PublishItem{
		Feed: target.Name, ID: e.id, Form: thoonk.FormBody, Body: e.body, Actor: l.actor(), If: thoonk.Condition{NoneAny: true}, Once: l.once(e, old),
	}
	switch {
	case there != nil && e.isIn(there):
		return false, nil
	case there != nil:
		p.If = thoonk.Condition{Match: []thoonk.Revision{there.Revision}}
	case known:
		return false, nil
	}
	if _, err := l.g.o.Store.Publish(ctx, p); err != nil {
		return false, err
	}
	if there != nil {
		l.state.Counts.Updated++
		l.g.stats.updated.Add(1)
		return true, nil
	}
	l.state.Counts.New++
	l.g.stats.published.Add(1)
	return true, nil
}

// submit makes a job of a new entry. The job's id is the entry's, so none is made twice, not even after a crash.
func (l *look) submit(ctx context.Context, target thoonk.Feed, e incoming, old thoonk.SourceEntry) (bool, error) {
	job := thoonk.NewJob{ID: e.id, Form: thoonk.FormBody, Payload: e.body}
	_, err := l.g.o.Store.SubmitJobs(ctx, thoonk.SubmitJobs{
		Queue: target.Name, Jobs: []thoonk.NewJob{job}, Actor: l.actor(), Once: l.once(e, old),
	})
	if refusal, ok := errors.AsType[*thoonk.BatchError](err); ok && refusal.Reason.Kind == thoonk.Conflict {
		return false, nil // it was made before
	}
	if err != nil {
		return false, err
	}
	l.state.Counts.New++
	l.g.stats.published.Add(1)
	return true, nil
}

func (l *look) actor() string { return "source:" + string(l.source.Name) }
