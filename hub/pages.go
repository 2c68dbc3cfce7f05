package hub

import (
	"context"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// pages are parts of histories that several subscriptions of a feed have to read at the same moment, and the documents
// that were made of them: each is read, and rendered, once.
type pages struct {
	store history
	mu    sync.Mutex
	by    map[pageKey]*page
	order []pageKey // the oldest first
}

const (
	pageChanges = 100
	maxPages    = 64
	maxDocs     = 256 // of a page: each subscriber may spell the topic in its own way
)

type pageKey struct {
	feed  thoonk.FeedName
	match thoonk.Pattern // of several feeds, whose page is of the log
	after thoonk.Revision
}

type page struct {
	began  time.Time
	ready  chan struct{}
	err    error
	events []thoonk.Event
	told   thoonk.Revision // the cursor of who has got the last of the events
	last   thoonk.Revision // the cursor of who has got all of it
	whole  bool            // there was nothing after it

	mu   sync.Mutex
	docs map[docKey]*doc
}

type docKey struct {
	format Format
	self   string
	event  int // of one that is a document by itself
}

type doc struct {
	once sync.Once
	doc  Document
	err  error
}

func newPages(store history) *pages { return &pages{store: store, by: make(map[pageKey]*page)} }

// get returns what comes after a cursor, read not before a moment. An error is not kept.
func (p *pages) get(ctx context.Context, key pageKey, notBefore time.Time) (*page, error) {
	p.mu.Lock()
	found := p.by[key]
	if found == nil || found.began.Before(notBefore) {
		found = p.add(key)
		p.mu.Unlock()
		p.fill(ctx, key, found)
	} else {
		p.mu.Unlock()
	}
	select {
	case <-found.ready:
		return found, found.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// add makes room for a page. p.mu is held.
func (p *pages) add(key pageKey) *page {
	if _, there := p.by[key]; !there {
		p.order = append(p.order, key)
	}
	for len(p.order) > maxPages {
		delete(p.by, p.order[0])
		p.order = p.order[1:]
	}
	added := &page{began: time.Now(), ready: make(chan struct{}), docs: make(map[docKey]*doc)}
	p.by[key] = added
	return added
}

func (p *pages) fill(ctx context.Context, key pageKey, into *page) {
	defer close(into.ready)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second) // others wait for it too
	defer cancel()
	if key.match != "" {
		into.err = p.readLog(ctx, key, into)
	} else {
		into.err = p.readHistory(ctx, key, into)
	}
	if into.err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.by[key] == into {
			into.began = time.Time{} // who comes later reads again
		}
	}
}

func (p *pages) readHistory(ctx context.Context, key pageKey, into *page) error {
	events, err := p.store.History(ctx, key.feed, key.after, pageChanges)
	if err != nil {
		return err
	}
	size := 0
	for _, e := range events {
		size += len(e.Body) + 1024
	}
	into.events, into.last = events, key.after
	if len(events) > 0 {
		into.last = events[len(events)-1].Revision
	}
	into.told = into.last
	// The store ends a page early where bodies are large: then there may be more.
	into.whole = len(events) < pageChanges && size < 256<<10
	return nil
}

// readLog reads the changes of several feeds. Gone: the log does not have the cursor any more, or a body.
func (p *pages) readLog(ctx context.Context, key pageKey, into *page) error {
	has, err := p.store.LogHas(ctx, key.after)
	if err != nil {
		return err
	}
	if !has {
		return thoonk.E(thoonk.Gone, "the log has that place no more")
	}
	entries, err := p.store.ReadLog(ctx, key.after, pageChanges, -1)
	if err != nil {
		return err
	}
	into.last, into.whole = key.after, len(entries) < pageChanges
	size := 0
	for _, e := range entries {
		event := e.Event
		if key.match.Match(event.Feed) {
			if !event.Complete() {
				if event, err = p.store.Change(ctx, event.Feed, event.Revision); err != nil {
					return err
				}
			}
			if size += len(event.Body); size > 1<<20 && len(into.events) > 0 {
				into.whole = false
				return nil
			}
			into.events, into.told = append(into.events, event), e.Place
		}
		into.last = e.Place
	}
	return nil
}

// render returns a document of the page, made once for all who need the same, unless there are too many different ones.
func (p *page) render(key docKey, write func() (Document, error)) (Document, error) {
	p.mu.Lock()
	d := p.docs[key]
	if d == nil {
		d = &doc{}
		if len(p.docs) < maxDocs {
			p.docs[key] = d
		}
	}
	p.mu.Unlock()
	d.once.Do(func() { d.doc, d.err = write() })
	return d.doc, d.err
}
