package api

import (
	"mime"
	"strconv"
	"strings"
)

// preference is how much the lines of an Accept header want a media type (RFC 9110 section 12.5.1).
type preference struct {
	weight float64 // 0: not acceptable
	named  bool    // the type itself is among them, not only a range that it is in
}

// accepts returns the preference for a media type. The most specific range that matches decides; no header admits
// everything.
func accepts(lines []string, mediaType string) preference {
	ranges := strings.TrimSpace(strings.Join(lines, ","))
	if ranges == "" {
		return preference{weight: 1}
	}
	kind, _, _ := strings.Cut(mediaType, "/")
	precedence := []string{"*/*", kind + "/*", mediaType} // rising
	best, found := -1, preference{}
	for r := range strings.SplitSeq(ranges, ",") {
		name, params, err := mime.ParseMediaType(r)
		if err != nil {
			continue
		}
		for rank, p := range precedence {
			if name == p && rank > best {
				best, found = rank, preference{weight: weight(params), named: name == mediaType}
			}
		}
	}
	return found
}

// over reports whether p is the stronger wish. Where both weigh the same, what is named goes before what is only in a
// range: many clients send "application/json, */*" to ask for JSON.
func (p preference) over(q preference) bool {
	return p.weight > q.weight || p.weight == q.weight && p.weight > 0 && p.named && !q.named
}

func weight(params map[string]string) float64 {
	q, given := params["q"]
	if !given {
		return 1
	}
	w, err := strconv.ParseFloat(q, 64)
	if err != nil {
		return 1
	}
	return w
}
