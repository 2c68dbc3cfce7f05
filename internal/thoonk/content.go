package thoonk

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Content says what the bodies of a feed's items are. The empty content leaves it to each item.
type Content string

// The contents that a feed may declare.
const (
	Undeclared Content = ""
	JSON       Content = "json"
	Text       Content = "text"
	XML        Content = "xml"
	Entry      Content = "entry" // a JSON Feed item
	Binary     Content = "binary"
)

// ParseContent returns s as a content, or an [Invalid] error.
func ParseContent(s string) (Content, error) {
	switch c := Content(s); c {
	case Undeclared, JSON, Text, XML, Entry, Binary:
		return c, nil
	}
	return "", E(Invalid, "content is one of json, text, xml, entry and binary")
}

// Form is how a body is written inside a JSON document.
type Form string

// The forms of a body.
const (
	FormBody   Form = "body"   // any JSON value, as it is
	FormText   Form = "text"   // a string
	FormXML    Form = "xml"    // a string that is a well-formed XML element
	FormBase64 Form = "base64" // a string of base64, RFC 4648 section 4
)

// FormOf returns how a stored body is shown to readers of a feed with content c. A body that violates the
// declaration (an old client checks none) is shown as text, or as base64 where it is not text either.
func (c Content) FormOf(body []byte) Form {
	switch {
	case c == Binary:
		return FormBase64
	case (c == Undeclared || c == JSON || c == Entry) && validJSON(body):
		return FormBody
	case c == XML && checkXML(body) == nil:
		return FormXML
	case utf8.Valid(body):
		return FormText
	}
	return FormBase64
}

// Check returns nil if a body written in this form is what the form says, and an [Invalid] error naming the form as its
// field otherwise.
func (f Form) Check(body []byte) error {
	switch f {
	case FormBody:
		if !validJSON(body) {
			return E(Invalid, "not valid JSON in UTF-8").In(string(f))
		}
	case FormText:
		if !utf8.Valid(body) {
			return E(Invalid, "not valid UTF-8").In(string(f))
		}
	case FormXML:
		if err := checkXML(body); err != nil {
			return E(Invalid, "not a well-formed XML element: %v", err).In(string(f))
		}
	case FormBase64:
	default:
		return E(Invalid, "a body is written as body, text, xml or base64")
	}
	return nil
}

// Contents returns the contents that a feed may declare for this body to be admitted, if [Form.Check] finds no fault.
func (f Form) Contents(body []byte) []Content {
	switch f {
	case FormBody:
		if isObject(body) {
			return []Content{JSON, Entry}
		}
		return []Content{JSON}
	case FormText:
		return []Content{Text}
	case FormXML:
		return []Content{XML}
	}
	return []Content{Binary}
}

// Refusal is the error for a body that a feed with content c does not admit.
func (c Content) Refusal() *Error {
	want := map[Content]string{
		JSON: `JSON in "body"`, Entry: `a JSON Feed item, a JSON object, in "body"`, Text: `"text"`, XML: `"xml"`, Binary: `"base64"`,
	}
	return E(Unprocessable, "the feed declares content %s: an item is %s", c, want[c])
}

func validJSON(b []byte) bool { return utf8.Valid(b) && json.Valid(b) }

func isObject(b []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{"))
}
