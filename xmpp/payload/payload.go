// Package payload writes the bodies of items as the payloads of XEP-0060, and reads them.
package payload

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// The namespaces of payloads.
const (
	NS     = "urn:thoonk:feed:0" // of ours: text, binary and position
	NSJSON = "urn:xmpp:json:0"   // XEP-0335
	NSAtom = "http://www.w3.org/2005/Atom"
)

// Encode returns the payload of an item: nil for an empty text. content is what the feed declared when it was written. Where
// that is nothing, a body is what it looks like: JSON, else one XML element, else text, else binary. The source is for the
// ids of Atom entries.
func Encode(source syndication.Source, content thoonk.Content, item thoonk.Item) *stanza.Element {
	form := content.FormOf(item.Body)
	switch {
	case content == thoonk.Entry && form == thoonk.FormBody:
		if e := encodeEntry(source, item); e != nil {
			return e
		}
		return encodeJSON(item.Body)
	case form == thoonk.FormBody:
		return encodeJSON(item.Body)
	case form == thoonk.FormXML || form == thoonk.FormText && content == thoonk.Undeclared:
		if e := parseElement(item.Body); e != nil {
			return e
		}
	case form == thoonk.FormBase64:
		return encodeBinary(item.Body)
	}
	return encodeText(item.Body)
}

func encodeText(body []byte) *stanza.Element {
	if len(body) == 0 {
		return nil
	}
	if !utf8.Valid(body) || strings.ContainsFunc(string(body), notXML) {
		return encodeBinary(body)
	}
	return stanza.New(NS, "text").AddText(string(body))
}

func encodeBinary(body []byte) *stanza.Element {
	return stanza.New(NS, "binary").AddText(base64.StdEncoding.EncodeToString(body))
}

// encodeJSON keeps every byte, but for two characters that XML cannot have and JSON can escape.
func encodeJSON(body []byte) *stanza.Element {
	return stanza.New(NSJSON, "json").AddText(noncharacters.Replace(string(body)))
}

var noncharacters = strings.NewReplacer("\uFFFE", `\ufffe`, "\uFFFF", `\uffff`)

// notXML reports whether XML 1.0 excludes a character.
func notXML(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// parseElement returns a body that is one XML element, or nil. Without a declaration its names have no namespace, which
// inside of a stanza has to be said.
func parseElement(body []byte) *stanza.Element {
	if thoonk.FormXML.Check(body) != nil {
		return nil
	}
	outer, err := stanza.Parse([]byte("<x xmlns=''>" + string(body) + "</x>"))
	if err != nil {
		return nil
	}
	return outer.First()
}

// Decode reads a payload for a feed that declares content. The error has the condition that the publisher deserves.
func Decode(content thoonk.Content, e *stanza.Element) (thoonk.Form, []byte, error) {
	switch {
	case e == nil && (content == thoonk.Undeclared || content == thoonk.Text):
		return thoonk.FormText, nil, nil
	case e == nil:
		return "", nil, stanza.Pubsub(stanza.BadRequest, "payload-required")
	case e.Is(NSJSON, "json") && (content == thoonk.Undeclared || content == thoonk.JSON):
		return decodeJSON(e)
	case e.Is(NS, "text") && (content == thoonk.Undeclared || content == thoonk.Text):
		return decodeText(e)
	case e.Is(NS, "binary") && (content == thoonk.Undeclared || content == thoonk.Binary):
		return decodeBinary(e)
	case e.Is(NSAtom, "entry") && content == thoonk.Entry:
		return decodeEntry(e)
	case content == thoonk.Undeclared || content == thoonk.XML:
		return thoonk.FormXML, []byte(e.String()), nil
	}
	return "", nil, invalid("the feed declares content %s: a payload is %s", string(content), elements[content])
}

// elements say what a payload of a feed is.
var elements = map[thoonk.Content]string{
	thoonk.JSON: "json of " + NSJSON, thoonk.Text: "text of " + NS, thoonk.Binary: "binary of " + NS, thoonk.Entry: "entry of " + NSAtom,
}

func decodeJSON(e *stanza.Element) (thoonk.Form, []byte, error) {
	body := []byte(e.Text())
	if e.First() != nil || thoonk.FormBody.Check(body) != nil {
		return "", nil, invalid("this is no JSON")
	}
	return thoonk.FormBody, body, nil
}

func decodeText(e *stanza.Element) (thoonk.Form, []byte, error) {
	if e.First() != nil {
		return "", nil, invalid("text has no elements in it")
	}
	return thoonk.FormText, []byte(e.Text()), nil
}

func decodeBinary(e *stanza.Element) (thoonk.Form, []byte, error) {
	body, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(e.Text()), ""))
	if e.First() != nil || err != nil {
		return "", nil, invalid("this is no base64")
	}
	return thoonk.FormBase64, body, nil
}

// invalid is XEP-0060 section 7.1.3.5.
func invalid(format string, args ...any) error {
	return stanza.Pubsub(stanza.BadRequest, "invalid-payload").WithText(thoonk.E(thoonk.Invalid, format, args...).Public)
}
