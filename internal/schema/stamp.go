package schema

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	maxStamps     = 16
	maxStampBytes = 256 // of a member's name
)

// What a stamp may be.
const (
	stampSubject   = "sub"       // of the token; of an XMPP user, the bare JID
	stampPrincipal = "principal" // the whole name, with the issuer
)

// stamp is a member of payloads that says who wrote them.
type stamp struct{ member, what string }

func parseStamps(stamped map[string]string) ([]stamp, *thoonk.Error) {
	if len(stamped) > maxStamps {
		return nil, thoonk.E(thoonk.Unprocessable, "at most %d members are stamped", maxStamps)
	}
	var stamps []stamp
	for _, member := range slices.Sorted(maps.Keys(stamped)) {
		what := stamped[member]
		if len(member) > maxStampBytes {
			return nil, thoonk.E(thoonk.Unprocessable, "a name has at most %d bytes", maxStampBytes)
		}
		if what != stampSubject && what != stampPrincipal {
			return nil, thoonk.E(thoonk.Unprocessable, "a member is stamped with %s or %s", stampSubject, stampPrincipal)
		}
		stamps = append(stamps, stamp{member, what})
	}
	return stamps, nil
}

// value is what a payload of the actor's is stamped with. Who says nothing of itself is null.
func (s stamp) value(actor string) json.RawMessage {
	kind, name, named := strings.Cut(actor, ":")
	switch {
	case !named:
		return json.RawMessage("null")
	case s.what == stampPrincipal:
		name = actor
	case kind == "jwt":
		_, name, _ = strings.Cut(name, "|") // an issuer has no "|"
	}
	text, _ := json.Marshal(name) // a text always can be
	return text
}

// stampAll returns an object with the members stamped. What they are not about stays as it is, byte for byte. A value that
// is nil leaves its member out.
func stampAll(object []byte, stamps []stamp, value func(stamp) json.RawMessage) []byte {
	stamped := func(name string) bool {
		return slices.ContainsFunc(stamps, func(s stamp) bool { return s.member == name })
	}
	dst := make([]byte, 0, len(object)+64*len(stamps))
	dst = append(dst, '{')
	next := func() {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
	}
	for d := newMembers(object); d.more(); {
		name, raw := d.next()
		if !stamped(name) {
			next()
			dst = append(dst, raw...)
		}
	}
	for _, s := range stamps {
		if v := value(s); v != nil {
			next()
			quoted, _ := json.Marshal(s.member)
			dst = append(append(append(dst, quoted...), ':'), v...)
		}
	}
	return append(dst, '}')
}

// objectWalk goes through an object that is known to be valid.
type objectWalk struct {
	text []byte
	d    *json.Decoder
}

func newMembers(object []byte) objectWalk {
	m := objectWalk{object, json.NewDecoder(bytes.NewReader(object))}
	_, _ = m.d.Token()
	return m
}

func (m objectWalk) more() bool { return m.d.More() }

// next returns the next member, also as it is written.
func (m objectWalk) next() (name string, raw []byte) {
	start := m.d.InputOffset()
	token, _ := m.d.Token()
	name, _ = token.(string)
	var value json.RawMessage
	_ = m.d.Decode(&value)
	return name, bytes.TrimLeft(m.text[start:m.d.InputOffset()], " \t\r\n,")
}
