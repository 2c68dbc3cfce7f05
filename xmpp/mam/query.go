package mam

import (
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Bounds of a query.
const (
	mostChanges = 500 // in a page
	mostIDs     = 100 // in the field ids
	longestID   = 256 // bytes of a queryid, which stands in each result
)

// query is what is asked for.
type query struct {
	id      string // queryid
	stretch thoonk.ArchiveQuery
	ids     []thoonk.Revision
	nobody  bool // only messages from somebody who is not the service are wanted: there are none
	flip    bool // the page is sent with the latest change first
	paging  rsm.Query
}

// fields is the form that a query may have: XEP-0313 section 4.1.5.
func fields() form.Form {
	return form.Form{Type: form.Ask, FormType: NS, Fields: []form.Field{
		{Var: "start", Type: form.TextSingle}, {Var: "end", Type: form.TextSingle}, {Var: "with", Type: form.JIDSingle},
		{Var: "before-id", Type: form.TextSingle}, {Var: "after-id", Type: form.TextSingle}, {Var: "ids", Type: form.ListMulti},
	}}
}

// parse reads a query: XEP-0313 section 4.1. The error is one for the sender.
func parse(e *stanza.Element, service jid.JID) (q query, err error) {
	if q.id = e.Attr("queryid"); len(q.id) > longestID {
		return q, stanza.Err(stanza.BadRequest).WithText("a queryid is not that long")
	}
	q.flip = e.Child(NS, "flip-page") != nil
	x, err := form.Only(e)
	if err == nil && x != nil {
		err = q.filter(x, service)
	}
	if err != nil {
		return q, err
	}
	if q.paging, err = rsm.Parse(e); err != nil {
		return q, err
	}
	if q.ids != nil {
		return q, nil
	}
	s := &q.stretch
	s.Backward, s.Skip, s.Limit = q.paging.Backward, max(q.paging.Index, 0), q.paging.Limit(mostChanges)
	if s.After, err = change(q.paging.After); err != nil {
		return q, err
	}
	s.Before, err = change(q.paging.Before)
	return q, err
}

// filter reads the form. What it does not know narrows the query in a way that we cannot: it is refused.
func (q *query) filter(x *stanza.Element, service jid.JID) error {
	f, err := form.Parse(x)
	switch {
	case err != nil:
		return err
	case f.FormType != NS:
		return stanza.Err(stanza.BadRequest).WithText("the FORM_TYPE of a query is " + NS)
	}
	for _, field := range f.Fields {
		if field.Value() == "" && field.Var != "ids" {
			continue
		}
		switch field.Var {
		case "start":
			q.stretch.Start, err = moment(field)
		case "end":
			q.stretch.End, err = moment(field)
		case "with":
			err = q.with(field, service)
		case "before-id":
			q.stretch.BeforeID, err = change(field.Value())
		case "after-id":
			q.stretch.AfterID, err = change(field.Value())
		case "ids":
			err = q.only(field)
		default:
			err = stanza.Err(stanza.FeatureNotImplemented).WithText("an archive here has no field " + field.Var)
		}
		if err != nil {
			return err
		}
	}
	if q.ids != nil && q.stretch != (thoonk.ArchiveQuery{}) {
		return stanza.Err(stanza.BadRequest).WithText("ids stands alone")
	}
	return nil
}

// moment reads a time (XEP-0082). Nothing is older than 1970.
func moment(f form.Field) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, f.Value())
	if err != nil {
		return t, stanza.Err(stanza.BadRequest).WithText(f.Var + " is a time, as in 2026-11-29T12:00:00Z")
	}
	if epoch := time.UnixMicro(0); t.Before(epoch) {
		t = epoch
	}
	return t, nil
}

// with asks for what has to do with somebody: all that is in an archive here is from the service.
func (q *query) with(f form.Field, service jid.JID) error {
	j, err := jid.Parse(f.Value())
	if err != nil {
		return stanza.Err(stanza.JIDMalformed)
	}
	q.nobody = !j.Equal(service)
	return nil
}

// only asks for some changes by their ids.
func (q *query) only(f form.Field) error {
	if len(f.Values) > mostIDs {
		return stanza.Err(stanza.NotAcceptable).WithText("too many ids at once")
	}
	q.ids = []thoonk.Revision{}
	for _, v := range f.Values {
		r, err := change(v)
		if err != nil {
			return err
		}
		q.ids = append(q.ids, r)
	}
	return nil
}

// change reads the id of a change, which may be empty. What is no id of ours is in no archive.
func change(id string) (thoonk.Revision, error) {
	if id == "" {
		return thoonk.Revision{}, nil
	}
	r, err := thoonk.ParseRevision(id)
	if err != nil {
		return r, stanza.Err(stanza.ItemNotFound).WithText("the archive has no such id")
	}
	return r, nil
}
