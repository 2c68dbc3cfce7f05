package payload

import (
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// EncodePosition returns the element that says a place in a sorted feed, or nil for none. It stands beside what it is
// about: beside publish in a request, beside event in a notification.
func EncodePosition(p thoonk.Position) *stanza.Element {
	e := stanza.New(NS, "position")
	switch {
	case p.First:
		return e.Set("first", "true")
	case p.Last:
		return e.Set("last", "true")
	case p.Before != "":
		return e.Set("before", string(p.Before))
	case p.After != "":
		return e.Set("after", string(p.After))
	}
	return nil
}

// DecodePosition reads the position that stands in an element, if there is one.
func DecodePosition(in *stanza.Element) (p thoonk.Position, err error) {
	e := in.Child(NS, "position")
	if e == nil {
		return p, nil
	}
	if len(e.Attrs) == 1 {
		value := e.Attrs[0].Value
		switch e.Attrs[0].Name.Local {
		case "first":
			p.First = value == "true" || value == "1"
		case "last":
			p.Last = value == "true" || value == "1"
		case "before":
			p.Before, err = thoonk.ParseItemID(value)
		case "after":
			p.After, err = thoonk.ParseItemID(value)
		}
	}
	if err != nil || p.IsZero() {
		return p, stanza.Err(stanza.BadRequest).WithText(`a position has one of first="true", last="true", before and after`)
	}
	return p, nil
}
