package mirror

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Bounds of a page of changes.
const (
	replayPage  = 100
	replayBytes = 32 << 20
)

const nsForward = "urn:xmpp:forward:0"

// collector gathers the results of one query.
type collector struct {
	mu      sync.Mutex
	changes []event.Change
	size    int
	failed  error
	ids     map[string]bool
	more    chan struct{} // has one element after a result came
}

// collect gives a result to the query that it is for. Ids of queries cannot be guessed.
func (f *follower) collect(r *stanza.Element) {
	f.mu.Lock()
	c := f.collectors[r.Attr("queryid")]
	f.mu.Unlock()
	if c != nil {
		c.add(r, f.node, f.service.String())
	}
}

func (c *collector) add(r *stanza.Element, node, service string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, forwarded := r.Attr("id"), r.Child(nsForward, "forwarded")
	changes, err := event.Decode(forwarded.Child(stanza.NSClient, stanza.KindMessage), service)
	c.size += weight(r)
	switch {
	case err != nil:
		c.failed = thoonk.E(thoonk.Unprocessable, "the history has what cannot be read: %v", err)
	case len(c.ids) >= replayPage || c.size > replayBytes:
		c.failed = thoonk.E(thoonk.TooLarge, "more of the history came than was asked for")
	default:
		c.ids[id] = true
		for _, change := range changes {
			if change.Node != node {
				continue
			}
			change.ArchiveID = id
			change.Delayed, _ = time.Parse(time.RFC3339Nano, forwarded.Child(event.NSDelay, "delay").Attr("stamp"))
			c.changes = append(c.changes, change)
		}
	}
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// got reports whether the result with this id has come, after which nothing else does.
func (c *collector) got(id string) (changes []event.Change, done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes, id == "" || c.ids[id], c.failed
}

// replayed is a page of the history.
type replayed struct {
	changes  []event.Change
	last     string // id of its last change, empty if there are none
	complete bool
}

// replay asks for a page of the history after a change, or for its last one.
func (s *session) replay(ctx context.Context, set *stanza.Element) (replayed, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	id, c := rand.Text(), &collector{ids: make(map[string]bool), more: make(chan struct{}, 1)}
	s.f.mu.Lock()
	s.f.collectors[id] = c
	s.f.mu.Unlock()
	defer func() {
		s.f.mu.Lock()
		delete(s.f.collectors, id)
		s.f.mu.Unlock()
	}()
	fin, err := s.ask(ctx, "set", stanza.New(nsMAM, "query").Set("queryid", id).Set("node", s.f.node).Add(set))
	if err != nil {
		return replayed{}, err
	}
	p := replayed{last: fin.Child(rsm.NS, "set").Child(rsm.NS, "last").Text(), complete: fin.Attr("complete") == "true" || fin.Attr("complete") == "1"}
	for { // messages and answers may take different ways
		var done bool
		if p.changes, done, err = c.got(p.last); done || err != nil {
			return p, err
		}
		select {
		case <-c.more:
		case <-ctx.Done():
			return p, thoonk.E(thoonk.Unavailable, "%s said what its history has, and did not send it", s.f.service).Because(ctx.Err())
		}
	}
}

func set(most int, where string, id string) *stanza.Element {
	e := stanza.New(rsm.NS, "set").Add(stanza.New(rsm.NS, "max").AddText(strconv.Itoa(most)))
	if where != "" {
		e.Add(stanza.New(rsm.NS, where).AddText(id))
	}
	return e
}

// readOn takes in the history from the last change that was taken in. If that is not in it any more, the node is listed.
func (s *session) readOn(ctx context.Context) error {
	for {
		where := ""
		if s.state.Node.Last != "" {
			where = "after"
		}
		page, err := s.replay(ctx, set(replayPage, where, s.state.Node.Last))
		if e, ok := asError(err); ok && e.Condition == stanza.ItemNotFound && s.state.Node.Last != "" {
			return s.listAll(ctx)
		}
		if err != nil {
			return err
		}
		if err := s.applyAll(ctx, page.changes); err != nil {
			return err
		}
		if page.last != "" {
			s.state.Node.Last = page.last
			if err := s.save(ctx); err != nil {
				return err
			}
		}
		if page.complete || page.last == "" {
			return nil
		}
	}
}

// applyAll applies changes of a history; where the node was emptied or is another one, it is listed.
func (s *session) applyAll(ctx context.Context, changes []event.Change) error {
	for _, c := range changes {
		if whole(c) {
			return s.list(ctx)
		}
	}
	return s.apply(ctx, changes)
}

// whole reports whether a change is about all items of a node.
func whole(c event.Change) bool { return c.Kind == event.Purged || c.Kind == event.Deleted }
