package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// member is a member of a JSON object: its value is as it was sent, byte for byte.
type member struct {
	name  string
	value json.RawMessage
}

// parseObject reads one JSON object and nothing after it. Unlike encoding/json it distinguishes names that differ in
// case and refuses a name that comes twice. At is the way to the object in the request's body, for errors.
func parseObject(data []byte, at ...string) ([]member, error) {
	if err := checkJSON(data); err != nil {
		return nil, inBody(err, at...)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if start, _ := d.Token(); start != json.Delim('{') {
		return nil, inBody(thoonk.E(thoonk.Invalid, "not a JSON object"), at...)
	}
	var members []member
	seen := map[string]bool{}
	for d.More() {
		var m member
		name, err := d.Token()
		if err == nil {
			m.name, _ = name.(string)
			err = d.Decode(&m.value)
		}
		if err != nil {
			return nil, thoonk.E(thoonk.Invalid, "not valid JSON").Because(err) // checkJSON has found it before
		}
		if seen[m.name] {
			return nil, inBody(thoonk.E(thoonk.Invalid, "%q is given more than once", m.name), append(at, m.name)...)
		}
		seen[m.name] = true
		members = append(members, m)
	}
	return members, nil
}

// eachMember reads one JSON object, member by member. An error of take that names no place is in that member.
func eachMember(data []byte, take func(member) error) error {
	members, err := parseObject(data)
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := take(m); err != nil {
			return within(err, m.name)
		}
	}
	return nil
}

// checkJSON returns nil for one JSON value in UTF-8.
func checkJSON(data []byte) error {
	if !utf8.Valid(data) {
		return thoonk.E(thoonk.Invalid, "not valid UTF-8")
	}
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return thoonk.E(thoonk.Invalid, "not valid JSON: after %d bytes: %s", e.Offset, e)
	}
	return err
}

func unknownMember(name string, known ...string) error {
	return thoonk.E(thoonk.Invalid, "unknown member %q; there are %s", name, strings.Join(known, ", "))
}

// asString returns the string that a JSON value is, exactly: an escaped half of a surrogate pair, which encoding/json
// would replace, is an error.
func asString(value json.RawMessage) (string, error) {
	var s string
	if len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &s) != nil {
		return "", thoonk.E(thoonk.Invalid, "not a JSON string")
	}
	if strings.ContainsRune(s, utf8.RuneError) && loneSurrogate(value) {
		return "", thoonk.E(thoonk.Invalid, `"\u" escapes half of a surrogate pair, RFC 8259 section 8.2`)
	}
	return s, nil
}

func loneSurrogate(quoted []byte) bool {
	high := false // the escape right before was a high surrogate
	for i := 0; i < len(quoted); i++ {
		unit := uint64(0)
		if quoted[i] == '\\' {
			i++
			if quoted[i] == 'u' {
				unit, _ = strconv.ParseUint(string(quoted[i+1:i+5]), 16, 16)
				i += 4
			}
		}
		low := unit >= 0xDC00 && unit <= 0xDFFF
		if low != high {
			return true
		}
		high = unit >= 0xD800 && unit <= 0xDBFF
	}
	return high
}

// asInt returns the whole number that a JSON value is.
func asInt(value json.RawMessage, least, most int) (int, error) {
	n, err := strconv.Atoi(string(value))
	if err != nil || n < least || n > most {
		return 0, thoonk.E(thoonk.Invalid, "not a whole number from %d to %d", least, most)
	}
	return n, nil
}
