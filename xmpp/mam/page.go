package mam

import (
	"context"
	"slices"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// query sends a page, and returns what says where the page stands.
func (a *Archive) query(ctx context.Context, q *stanza.IQ) (*stanza.Element, error) {
	asked, err := parse(q.Payload, a.o.Sender.Domain())
	if err != nil {
		return nil, err
	}
	n, err := a.open(ctx, q)
	if err != nil {
		return nil, err
	}
	p, err := a.read(ctx, n, asked)
	if err != nil {
		return nil, err
	}
	if err := a.send(ctx, q, n, asked, p.changes); err != nil {
		return nil, err
	}
	fin := stanza.New(NS, "fin")
	if p.complete {
		fin.Set("complete", "true")
	}
	return fin.Add(p.set.Element()), nil
}

// page is a page of an archive.
type page struct {
	changes  []thoonk.Event
	complete bool // the page was not bounded by how much a page may have
	set      rsm.Result
}

func (a *Archive) read(ctx context.Context, n node, asked query) (page, error) {
	switch {
	case asked.nobody:
		return page{complete: true, set: rsm.Result{Index: -1}}, nil
	case asked.ids != nil:
		return a.byID(ctx, n, asked)
	case n.whose != "":
		return a.readOwn(ctx, n, asked)
	}
	asked.stretch.Feed = n.source.Feed.Name
	got, err := a.o.Store.Archive(ctx, asked.stretch)
	if err != nil {
		return page{}, err
	}
	p := page{changes: got.Changes, complete: got.Last, set: rsm.Result{Index: got.First, Count: got.Count}}
	p.name()
	return p, nil
}

// name says what the page begins and ends with.
func (p *page) name() {
	if n := len(p.changes); n > 0 {
		p.set.First, p.set.Last = p.changes[0].Revision.String(), p.changes[n-1].Revision.String()
	}
}

// byID returns changes that are asked for one by one; all of them have to be there: XEP-0313 section 4.1.4.
func (a *Archive) byID(ctx context.Context, n node, asked query) (page, error) {
	var all []thoonk.Event
	for _, id := range asked.ids {
		ev, err := a.o.Store.Change(ctx, n.source.Feed.Name, id)
		if err != nil {
			return page{}, err
		}
		if !n.sees(ev) {
			return page{}, stanza.Err(stanza.ItemNotFound)
		}
		all = append(all, ev)
	}
	slices.SortFunc(all, func(a, b thoonk.Event) int { return a.Revision.Compare(b.Revision) })
	all = slices.CompactFunc(all, func(a, b thoonk.Event) bool { return a.Revision == b.Revision })
	var p page
	var err error
	p.changes, p.set, err = rsm.Page(asked.paging, all, mostIDs, func(e thoonk.Event) string { return e.Revision.String() }, nil)
	p.complete = len(p.changes) == len(all)
	return p, err
}

// sees reports whether a change may be seen: of the jobs of a queue, by some only those about their own.
func (n node) sees(ev thoonk.Event) bool { return n.whose == "" || ev.Job && ev.Submitter == n.whose }

// mostReads is how many pages of a history are read for one of somebody's own jobs.
const mostReads = 20

// readOwn reads a page of changes of somebody's own jobs out of those of all jobs, which are not counted. Where they are few
// among many the page may be short, or empty, and yet say where to go on.
func (a *Archive) readOwn(ctx context.Context, n node, asked query) (page, error) {
	if asked.paging.Index > 0 {
		return page{}, stanza.Err(stanza.FeatureNotImplemented).WithText("where your own jobs are not counted, a page has no index")
	}
	q, p := asked.stretch, page{set: rsm.Result{Index: -1, Count: -1}}
	q.Feed, q.Limit = n.source.Feed.Name, mostChanges
	var looked page // all that was looked at
	for range mostReads {
		got, err := a.o.Store.Archive(ctx, q)
		if err != nil {
			return page{}, err
		}
		if q.Backward {
			slices.Reverse(got.Changes)
		}
		for i, ev := range got.Changes {
			if len(p.changes) == asked.stretch.Limit {
				got.Changes, got.Last = got.Changes[:i], false
				break
			}
			if n.sees(ev) {
				p.changes = append(p.changes, ev)
			}
		}
		looked.changes = append(looked.changes, got.Changes...)
		if p.complete = got.Last; got.Last || len(p.changes) == asked.stretch.Limit || len(got.Changes) == 0 {
			break
		}
		last := got.Changes[len(got.Changes)-1].Revision
		if q.Skip = 0; q.Backward {
			q.Before = last
		} else {
			q.After = last
		}
	}
	if q.Backward {
		slices.Reverse(p.changes)
		slices.Reverse(looked.changes)
	}
	looked.name()
	p.set.First, p.set.Last = looked.set.First, looked.set.Last
	return p, nil
}

// send sends the changes of a page, a message for each. It waits while the link is slow.
func (a *Archive) send(ctx context.Context, q *stanza.IQ, n node, asked query, changes []thoonk.Event) error {
	const together = 32 << 10 // bytes given to the link at once
	if asked.flip {
		changes = slices.Clone(changes)
		slices.Reverse(changes)
	}
	var out []byte
	for i, ev := range changes {
		out = a.append(out, q, n, asked.id, ev)
		if len(out) < together && i < len(changes)-1 {
			continue
		}
		if err := a.o.Sender.Send(ctx, out); err != nil {
			return err
		}
		out = out[:0:0] // the link may keep what it was given
	}
	return nil
}

// append appends the message for one change.
func (a *Archive) append(dst []byte, q *stanza.IQ, n node, queryID string, ev thoonk.Event) []byte {
	before := len(dst)
	dst = a.result(q, n, queryID, ev, !n.source.Feed.Config.Node.NoPayloads).AppendXML(dst, stanza.NSClient)
	if len(dst)-before > a.o.Most {
		dst = a.result(q, n, queryID, ev, false).AppendXML(dst[:before], stanza.NSClient)
	}
	return dst
}

// result is XEP-0313 section 4.1.2, with what XEP-0442 wants inside: the message that subscribers got.
func (a *Archive) result(q *stanza.IQ, n node, queryID string, ev thoonk.Event, bodies bool) *stanza.Element {
	service, id := a.o.Sender.Domain().String(), ev.Revision.String()
	p := event.Encode(n.source, ev, bodies)
	told := stanza.New(stanza.NSClient, stanza.KindMessage).Set("from", service).
		Add(p.Event, p.Position, event.Headers(event.HeaderOrigin, p.Origin))
	forwarded := stanza.New(nsForward, "forwarded").Add(stanza.New(event.NSDelay, "delay").Set("stamp", stamp(ev.Revision)), told)
	return stanza.New(stanza.NSClient, stanza.KindMessage).Set("from", service).Set("to", q.From.String()).Set("id", "mam-"+id).
		Add(stanza.New(NS, "result").Set("queryid", queryID).Set("id", id).Add(forwarded))
}
