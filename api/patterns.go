package api

import (
	"slices"
	"strings"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// readable returns the patterns of the feeds that a principal may read.
func readable(who auth.Principal) []thoonk.Pattern {
	var patterns []thoonk.Pattern
	for _, g := range who.Grants {
		if slices.Contains(g.Can, auth.Read) || slices.Contains(g.Can, auth.Admin) {
			patterns = append(patterns, g.Match)
		}
	}
	return patterns
}

// covering returns a pattern that matches what any of the patterns does, so that a principal with rights on a few
// feeds of very many does not make the store look at all.
func covering(patterns []thoonk.Pattern) thoonk.Pattern {
	prefix := patterns[0].Prefix()
	for _, p := range patterns[1:] {
		for !strings.HasPrefix(p.Prefix(), prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return thoonk.Pattern(prefix + "*")
}

// overlap reports whether some name is matched by both patterns.
func overlap(p, q thoonk.Pattern) bool {
	switch {
	case p.Literal():
		return q.Match(thoonk.FeedName(p))
	case q.Literal():
		return p.Match(thoonk.FeedName(q))
	}
	// What stands between the first and the last "*" of both fits into one name, one behind the other. So only their
	// ends may be in conflict.
	return oneBegins(p.Prefix(), q.Prefix(), strings.HasPrefix) && oneBegins(suffix(p), suffix(q), strings.HasSuffix)
}

func oneBegins(a, b string, begins func(s, part string) bool) bool {
	return begins(a, b) || begins(b, a)
}

func suffix(p thoonk.Pattern) string { return string(p[strings.LastIndexByte(string(p), '*')+1:]) }
