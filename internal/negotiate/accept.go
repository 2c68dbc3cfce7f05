// Package negotiate chooses what a client prefers (RFC 9110 section 12).
package negotiate

import (
	"mime"
	"strconv"
	"strings"
)

// Preference is how much the lines of an Accept header want a media type (RFC 9110 section 12.5.1).
type Preference struct {
	Weight float64 // 0: not acceptable
	named  bool    // the type itself is among them, not only a range that it is in
}

// Accepts returns the preference for a media type. The most specific range that matches decides; no header admits
// everything.
func Accepts(lines []string, mediaType string) Preference {
	ranges := strings.TrimSpace(strings.Join(lines, ","))
	if ranges == "" {
		return Preference{Weight: 1}
	}
	kind, _, _ := strings.Cut(mediaType, "/")
	precedence := []string{"*/*", kind + "/*", mediaType} // rising
	best, found := -1, Preference{}
	for r := range strings.SplitSeq(ranges, ",") {
		name, params, err := mime.ParseMediaType(r)
		if err != nil {
			continue
		}
		for rank, p := range precedence {
			if name == p && rank > best {
				best, found = rank, Preference{Weight: weight(params), named: name == mediaType}
			}
		}
	}
	return found
}

// Over reports whether p is the stronger wish. Where both weigh the same, what is named goes before what is only in a
// range: many clients send "application/json, */*" to ask for JSON.
func (p Preference) Over(q Preference) bool {
	return p.Weight > q.Weight || p.Weight == q.Weight && p.Weight > 0 && p.named && !q.named
}

func weight(params map[string]string) float64 {
	q, given := params["q"]
	if !given {
		return 1
	}
	return quality(q)
}

// quality is a weight from 0 to 1 (RFC 9110 section 12.4.2); what is none counts as not given.
func quality(q string) float64 {
	w, err := strconv.ParseFloat(q, 64)
	if err != nil || !(w >= 0 && w <= 1) { // NaN is neither
		return 1
	}
	return w
}
