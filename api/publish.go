package api

import (
	"encoding/base64"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// publication is the body of a POST or PUT of an item.
type publication struct {
	id       thoonk.ItemID // empty: not given
	form     thoonk.Form   // empty: no body is given
	body     []byte
	position thoonk.Position
}

// parsePublication reads {"id"?, "position"?, and one of "body", "text", "xml", "base64"}. Whether the feed takes such
// an item the store decides.
func parsePublication(data []byte) (publication, error) {
	var p publication
	if len(data) == 0 {
		return p, thoonk.E(thoonk.Invalid, `the request has no body; it is {"body": …}, or "text", "xml" or "base64" in its place`)
	}
	err := eachMember(data, func(m member) error {
		known, err := p.take(m)
		if !known {
			err = unknownMember(m.name, "id", "body", "text", "xml", "base64", "position")
		}
		return err
	})
	if err == nil && p.form == "" {
		err = noForm()
	}
	return p, err
}

// take takes a member of an object, if it is one that describes an item.
func (p *publication) take(m member) (known bool, err error) {
	switch m.name {
	case "id":
		p.id, err = parseID(m.value)
	case "position":
		p.position, err = parsePosition(m.value, "position")
	default:
		if !isForm(m.name) {
			return false, nil
		}
		if p.form != "" {
			return true, thoonk.E(thoonk.Invalid, "both %q and %q; an item has one of them", p.form, m.name)
		}
		p.form = thoonk.Form(m.name)
		p.body, err = parseForm(p.form, m.value)
	}
	return true, err
}

func isForm(name string) bool {
	switch thoonk.Form(name) {
	case thoonk.FormBody, thoonk.FormText, thoonk.FormXML, thoonk.FormBase64:
		return true
	}
	return false
}

func noForm() error {
	return thoonk.E(thoonk.Invalid, `one of "body", "text", "xml" and "base64" is needed`)
}

func parseID(value []byte) (thoonk.ItemID, error) {
	s, err := asString(value)
	if err != nil {
		return "", err
	}
	return thoonk.ParseItemID(s)
}

func parseForm(form thoonk.Form, value []byte) ([]byte, error) {
	if form == thoonk.FormBody {
		return value, nil // any JSON value, null too, byte for byte
	}
	s, err := asString(value)
	if err != nil || form != thoonk.FormBase64 {
		return []byte(s), err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, thoonk.E(thoonk.Invalid, "not base64 of RFC 4648 section 4, with padding")
	}
	return b, nil
}
