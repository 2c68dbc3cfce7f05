package api

import (
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxTags bounds how many tags a precondition may name.
const maxTags = 64

type tag struct {
	opaque string
	weak   bool
}

type tagList struct {
	any  bool
	tags []tag
}

// parseTags reads the lines of an If-Match or If-None-Match: "*", or entity tags with commas between. Empty members of a
// list are skipped (RFC 9110 section 5.6.1.2).
func parseTags(lines []string) (tagList, error) {
	var l tagList
	if len(lines) == 0 {
		return l, nil
	}
	rest := strings.Trim(strings.Join(lines, ","), " \t")
	if rest == "*" {
		l.any = true
		return l, nil
	}
	for {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			break
		}
		t, after, ok := cutTag(rest)
		after = strings.TrimLeft(after, " \t")
		if !ok || after != "" && after[0] != ',' {
			return tagList{}, thoonk.E(thoonk.Invalid, `not "*" nor a list of entity tags, each in double quotes`)
		}
		if len(l.tags) == maxTags {
			return tagList{}, thoonk.E(thoonk.Invalid, "more than %d entity tags", maxTags)
		}
		l.tags = append(l.tags, t)
		rest = after
	}
	if l.tags == nil {
		return tagList{}, thoonk.E(thoonk.Invalid, "no entity tag")
	}
	return l, nil
}

// cutTag cuts an entity-tag (RFC 9110 section 8.8.3) from the front of s.
func cutTag(s string) (t tag, after string, ok bool) {
	s, t.weak = strings.CutPrefix(s, "W/")
	s, ok = strings.CutPrefix(s, `"`)
	if !ok {
		return t, "", false
	}
	t.opaque, after, ok = strings.Cut(s, `"`)
	for _, b := range []byte(t.opaque) {
		if b < 0x21 || b == 0x7F { // etagc
			return t, "", false
		}
	}
	return t, after, ok
}
