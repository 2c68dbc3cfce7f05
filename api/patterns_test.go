package api

import (
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestCovering(t *testing.T) {
	for want, patterns := range map[thoonk.Pattern][]thoonk.Pattern{
		"*":          {"*"},
		"blog*":      {"blog"},
		"team:353:*": {"team:353:*"},
		"team:35*":   {"team:353:*", "team:354", "team:35*x"},
		"a*":         {"ab", "a"},
	} {
		if got := covering(patterns); got != want {
			t.Errorf("%q: %q, want %q", patterns, got, want)
		}
	}
	if got := covering([]thoonk.Pattern{"a", "b*"}); got != "*" {
		t.Errorf("%q", got)
	}
}

func TestCovers(t *testing.T) {
	for _, test := range []struct {
		p, other thoonk.Pattern
		want     bool
	}{
		{"*", "*", true}, {"*", "a", true}, {"a", "a", true}, {"a*", "a*", true}, {"a*", "ab*", true}, {"a*", "a*b", true},
		{"*:x", "a:*:x", true}, {"a*b*", "a*b", true}, {"**", "*", true}, {"*", "**", true},
		{"a", "*", false}, {"a", "a*", false}, {"ab*", "a*", false}, {"a*b", "a*", false}, {"a*", "*a", false}, {"*x*", "*", false},
		{"team:353:*", "team:35*", false}, {"team:353:*", "team:353:*", true},
	} {
		if got := test.p.Covers(test.other); got != test.want {
			t.Errorf("%s covers %s: %v", test.p, test.other, got)
		}
	}
}

func TestOverlap(t *testing.T) {
	for _, test := range []struct {
		p, q thoonk.Pattern
		want bool
	}{
		{"*", "*", true}, {"a", "a", true}, {"a", "b", false}, {"a*", "ab", true}, {"a*", "b", false}, {"a*", "*b", true}, {"a*", "b*", false},
		{"a*", "ab*", true}, {"*a", "*b", false}, {"*ba", "*a", true}, {"a*c", "ab*bc", true}, {"*x*", "*y*", true}, {"a*a", "a", false}, {"ab*", "a*b", true},
	} {
		if got, other := overlap(test.p, test.q), overlap(test.q, test.p); got != test.want || other != got {
			t.Errorf("%s and %s: %v, %v", test.p, test.q, got, other)
		}
	}
}

// Both are compared with what names of a small alphabet say.
func FuzzPatterns(f *testing.F) {
	f.Add("a*b", "ab*")
	f.Add("*a*", "b")
	var names []string
	for n := range 3 * 3 * 3 * 3 * 3 * 3 {
		name := ""
		for ; n > 0; n /= 3 {
			name += string("\x00ab"[n%3])
		}
		if name != "" && !strings.Contains(name, "\x00") {
			names = append(names, name)
		}
	}
	small := func(s string) thoonk.Pattern {
		var b strings.Builder
		for _, c := range []byte(s[:min(len(s), 5)]) {
			b.WriteByte("ab*"[c%3])
		}
		return thoonk.Pattern(b.String())
	}
	f.Fuzz(func(t *testing.T, x, y string) {
		p, q := small(x), small(y)
		if p == "" || q == "" {
			return
		}
		together, whole := false, true
		for _, name := range names {
			one, other := p.Match(thoonk.FeedName(name)), q.Match(thoonk.FeedName(name))
			together = together || one && other
			whole = whole && (one || !other)
		}
		if together && !overlap(p, q) {
			t.Errorf("%s and %s have a name in common", p, q)
		}
		if p.Covers(q) && !whole {
			t.Errorf("%s does not cover %s", p, q)
		}
		if overlap(p, q) && !together && len(p)+len(q) <= 7 { // a name of both is no longer than they are together
			t.Errorf("%s and %s have no name in common", p, q)
		}
	})
}
