package thoonk

import "strings"

// Pattern matches feed names: "*" stands for any bytes, ":" among them, and everything else for itself.
type Pattern string

// Match reports whether the whole name matches. Its cost is at most len(p)·len(name).
func (p Pattern) Match(name FeedName) bool {
	head, rest, wild := strings.Cut(string(p), "*")
	s, ok := strings.CutPrefix(string(name), head)
	if !ok {
		return false
	}
	for wild {
		head, rest, wild = strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(s, head)
		}
		i := strings.Index(s, head)
		if i < 0 {
			return false
		}
		s = s[i+len(head):]
	}
	return s == ""
}

// Prefix returns the bytes that every matching name begins with.
func (p Pattern) Prefix() string {
	prefix, _, _ := strings.Cut(string(p), "*")
	return prefix
}

// Literal reports whether the pattern has no "*" and so matches one name only.
func (p Pattern) Literal() bool { return !strings.Contains(string(p), "*") }

// ParsePattern returns s as a pattern, or an [Invalid] error: but for "*" it obeys the rules of a [FeedName].
func ParsePattern(s string) (Pattern, error) {
	if why := faultIn(s); why != "" {
		return "", E(Invalid, "the pattern %s", why)
	}
	return Pattern(s), nil
}

// Covers reports whether p matches all that another pattern does. The other's text is matched as if it were a name: no
// literal part of a pattern has a "*" in it, so each "*" of the other is matched by one of p.
func (p Pattern) Covers(other Pattern) bool { return p.Match(FeedName(other)) }
