package api

import (
	"bytes"
	"encoding/json"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// mergePatch is a JSON merge patch (RFC 7396), or a value inside one. The usual libraries read the whole document and
// write it anew; here what a patch does not mention stays as it was, byte for byte.
type mergePatch struct {
	object  bool
	members []patchMember   // of an object
	index   map[string]int  // of members, by name
	value   json.RawMessage // of anything else
}

type patchMember struct {
	name  string
	value mergePatch
}

func parseMergePatch(data []byte) (mergePatch, error) {
	if err := checkJSON(data); err != nil {
		return mergePatch{}, err
	}
	return readPatch(newWalk(data))
}

func readPatch(w *walk) (mergePatch, error) {
	if !w.atObject() {
		return mergePatch{value: w.value()}, nil
	}
	p := mergePatch{object: true, index: map[string]int{}}
	for w.enter(); w.more(); {
		quoted, name := w.name()
		if _, err := asString(quoted); err != nil {
			return p, inBody(err, name)
		}
		if _, twice := p.index[name]; twice {
			return p, inBody(thoonk.E(thoonk.Invalid, "%q is given more than once", name), name)
		}
		value, err := readPatch(w)
		if err != nil {
			return p, under(err, name)
		}
		p.index[name] = len(p.members)
		p.members = append(p.members, patchMember{name, value})
	}
	w.leave()
	return p, nil
}

// apply returns what the patch makes of a document, which is valid JSON.
func (p mergePatch) apply(doc []byte) []byte {
	return p.merge(make([]byte, 0, len(doc)+64), newWalk(doc))
}

// merge appends what the patch makes of the next value of w, or of none if w is nil.
func (p mergePatch) merge(dst []byte, w *walk) []byte {
	if !p.object {
		if w != nil {
			w.value()
		}
		return append(dst, p.value...)
	}
	dst = append(dst, '{')
	done := make([]bool, len(p.members))
	if w != nil && w.atObject() {
		dst = p.mergeMembers(dst, w, done)
	} else if w != nil {
		w.value()
	}
	for i, m := range p.members {
		if !done[i] && !m.value.null() {
			dst = m.value.merge(appendName(dst, m.name), nil)
		}
	}
	return append(dst, '}')
}

// mergeMembers appends the members of w's object as they are after the patch, and notes which of the patch are done.
func (p mergePatch) mergeMembers(dst []byte, w *walk, done []bool) []byte {
	for w.enter(); w.more(); {
		quoted, name := w.name()
		i, changed := p.index[name]
		if changed && (done[i] || p.members[i].value.null()) {
			w.value()
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(dst, quoted...), ':')
		if changed {
			done[i] = true
			dst = p.members[i].value.merge(dst, w)
		} else {
			dst = append(dst, w.value()...)
		}
	}
	w.leave()
	return dst
}

func (p mergePatch) null() bool { return !p.object && string(p.value) == "null" }

// walk goes through JSON that is known to be valid, once, however deep it is.
type walk struct {
	data []byte
	d    *json.Decoder
}

func newWalk(data []byte) *walk { return &walk{data, json.NewDecoder(bytes.NewReader(data))} }

// rest begins with the next value or name.
func (w *walk) rest() []byte { return bytes.TrimLeft(w.data[w.d.InputOffset():], " \t\r\n:,") }

func (w *walk) atObject() bool { return bytes.HasPrefix(w.rest(), []byte("{")) }

func (w *walk) enter()     { _, _ = w.d.Token() }
func (w *walk) more() bool { return w.d.More() }
func (w *walk) leave()     { _, _ = w.d.Token() }

// name reads the name of a member, also as it is written.
func (w *walk) name() (quoted []byte, name string) {
	rest := w.rest()
	t, _ := w.d.Token()
	name, _ = t.(string)
	after := len(w.data) - int(w.d.InputOffset())
	return rest[:len(rest)-after], name
}

// value reads a value of any kind.
func (w *walk) value() json.RawMessage {
	var v json.RawMessage
	_ = w.d.Decode(&v)
	return v
}
