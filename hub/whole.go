package hub

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"math"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Bounds on a whole document.
const (
	maxEntries     = 1000
	maxEntryBytes  = 4 << 20 // of bodies
	maxFeeds       = 500     // of a topic of several
	entriesPerFeed = 20      // there
	pageEntries    = 100
)

// whole is a topic as it is.
type whole struct {
	telling
	tag      string // of what it was made of
	bytes    int    // of the bodies, where there are several feeds
	modified time.Time
}

// Whole returns the topic's document as it is. may reports which feeds it may tell of; a single feed is not asked about.
func (r *Renderer) Whole(ctx context.Context, t Topic, self string, may func(thoonk.FeedName) bool) (Document, error) {
	w, err := r.read(ctx, t, self, may)
	if err != nil {
		return Document{}, err
	}
	return r.Addresses.render(w.telling), nil
}

func (r *Renderer) read(ctx context.Context, t Topic, self string, may func(thoonk.FeedName) bool) (whole, error) {
	w := whole{telling: telling{topic: t, self: self}}
	if t.Match != "" {
		return w, r.readSeveral(ctx, &w, may)
	}
	feed, err := r.Store.Feed(ctx, t.Feed)
	if err != nil {
		return w, err
	}
	w.feed = feed
	if feed.Config.Type == thoonk.TypeJob {
		return w, r.readJobs(ctx, &w)
	}
	return w, r.readItems(ctx, &w)
}

// readItems reads the newest items of one feed, or the first ones of a sorted feed in their order. The document is tagged
// with the revision that the feed had before: if it has changed meanwhile, that is asked for again rather than missed.
func (r *Renderer) readItems(ctx context.Context, w *whole) error {
	sorted, raw := w.feed.Config.Type == thoonk.TypeSortedFeed, w.topic.Format == Raw
	q := thoonk.ItemQuery{Feed: w.feed.Name, Order: thoonk.Backward, Limit: pageEntries}
	if sorted {
		q.Order = thoonk.Forward
	} else if raw {
		q.Limit = 1
	}
	size := 0
	for first := true; ; first = false {
		page, err := r.Store.Items(ctx, q)
		if err != nil {
			return err
		}
		if first {
			w.tag, w.updated, w.modified = page.Revision.String(), page.Revision.Time(), page.Revision.Time()
		}
		for _, i := range page.Items {
			if size += len(i.Body); len(w.items) == maxEntries || size > maxEntryBytes && len(w.items) > 0 {
				return nil
			}
			w.items = append(w.items, item{feed: w.feed, content: page.Content, Item: i})
		}
		switch {
		case raw && sorted:
			w.items = latest(w.items)
		case raw:
			return nil
		}
		if q.After = page.Next; q.After == "" {
			w.complete = true
			return nil
		}
	}
}

// latest keeps the item that was changed last.
func latest(items []item) []item {
	if len(items) == 0 {
		return nil
	}
	return []item{slices.MaxFunc(items, func(a, b item) int { return a.Revision.Compare(b.Revision) })}
}

// readJobs reads which jobs have ended or were put aside, as far as the history tells.
func (r *Renderer) readJobs(ctx context.Context, w *whole) error {
	q := thoonk.ChangeQuery{Feed: w.feed.Name, Limit: pageEntries}
	var ended []thoonk.Event
	for {
		page, err := r.Store.Changes(ctx, q)
		if err != nil {
			return err
		}
		if w.tag == "" {
			w.tag, w.updated, w.modified = page.Revision.String(), page.Revision.Time(), page.Revision.Time()
		}
		for _, e := range page.Changes {
			if e.Job && (e.Kind == thoonk.Finish || e.Kind == thoonk.Stall) {
				ended = append(ended, e)
			}
		}
		if len(page.Changes) == 0 {
			break
		}
		if len(ended) > 4*maxEntries { // the history may be long
			ended = lastWords(ended)
		}
		q.After = page.Changes[len(page.Changes)-1].Revision
	}
	for _, e := range slices.Backward(lastWords(ended)) {
		w.items = append(w.items, jobItem(w.feed, e))
	}
	if w.topic.Format == Raw {
		w.items = latest(w.items)
	}
	return nil
}

// lastWords keeps of each job the last change, of as many jobs as a document shows.
func lastWords(changes []thoonk.Event) []thoonk.Event {
	seen := make(map[thoonk.ItemID]bool, maxEntries)
	var last []thoonk.Event
	for _, e := range slices.Backward(changes) {
		if len(last) == maxEntries {
			break
		}
		if !seen[e.ItemID] {
			seen[e.ItemID] = true
			last = append(last, e)
		}
	}
	slices.Reverse(last)
	return last
}

// readSeveral reads the newest items of all feeds that match and may be told of.
func (r *Renderer) readSeveral(ctx context.Context, w *whole, may func(thoonk.FeedName) bool) error {
	sum, found := sha256.New(), 0
	q := thoonk.FeedQuery{Match: w.topic.Match, Limit: pageEntries}
	for found < maxFeeds {
		feeds, err := r.Store.Feeds(ctx, q)
		if err != nil {
			return err
		}
		for _, f := range feeds {
			if found == maxFeeds || !may(f.Name) || f.Config.Type != thoonk.TypeFeed && f.Config.Type != thoonk.TypeSortedFeed {
				continue
			}
			found++
			tag, err := r.readOneOf(ctx, w, f)
			if err != nil {
				return err
			}
			sum.Write([]byte(string(f.Name) + "\x00" + tag + "\x00"))
			w.keepNewest(2) // more than are shown, so that it is not sorted anew for each feed
		}
		if len(feeds) < q.Limit {
			break
		}
		q.After = feeds[len(feeds)-1].Name
	}
	w.bytes = math.MaxInt
	w.keepNewest(1)
	w.tag = base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:15])
	w.modified = w.updated
	return nil
}

func (r *Renderer) readOneOf(ctx context.Context, w *whole, f thoonk.Feed) (tag string, err error) {
	page, err := r.Store.Items(ctx, thoonk.ItemQuery{Feed: f.Name, Order: thoonk.Backward, Limit: entriesPerFeed})
	if thoonk.KindOf(err) == thoonk.NotFound {
		return "", nil // deleted since
	}
	if err != nil {
		return "", err
	}
	for _, i := range page.Items {
		w.items = append(w.items, item{feed: f, content: page.Content, Item: i})
		w.bytes += len(i.Body)
	}
	if at := page.Revision.Time(); at.After(w.updated) {
		w.updated = at
	}
	return page.Revision.String(), nil
}

// keepNewest drops what is older than a document shows, once there is so many times more than that.
func (w *whole) keepNewest(times int) {
	if len(w.items) <= times*maxEntries && w.bytes <= times*maxEntryBytes {
		return
	}
	slices.SortStableFunc(w.items, func(a, b item) int { return b.Updated.Compare(a.Updated) })
	w.bytes = 0
	for n, i := range w.items {
		if n == maxEntries || n > 0 && w.bytes+len(i.Body) > maxEntryBytes {
			clear(w.items[n:]) // or the bodies are kept behind the end
			w.items = w.items[:n]
			return
		}
		w.bytes += len(i.Body)
	}
}
