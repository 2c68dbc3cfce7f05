package api

import (
	"mime"
	"strconv"
	"strings"
)

// accepts reports whether the lines of an Accept header admit a media type (RFC 9110 section 12.5.1). The most specific
// range that matches decides; no header admits everything.
func accepts(lines []string, mediaType string) bool {
	ranges := strings.TrimSpace(strings.Join(lines, ","))
	if ranges == "" {
		return true
	}
	kind, _, _ := strings.Cut(mediaType, "/")
	precedence := []string{"*/*", kind + "/*", mediaType} // rising
	best, admitted := -1, false
	for r := range strings.SplitSeq(ranges, ",") {
		name, params, err := mime.ParseMediaType(r)
		if err != nil {
			continue
		}
		for rank, p := range precedence {
			if name == p && rank > best {
				best, admitted = rank, weight(params) > 0
			}
		}
	}
	return admitted
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
