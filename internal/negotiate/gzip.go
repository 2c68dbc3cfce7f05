package negotiate

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"sync"
)

var gzips = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return w
}}

// Gzip returns the document compressed.
func Gzip(doc []byte) []byte {
	var b bytes.Buffer
	w := gzips.Get().(*gzip.Writer)
	w.Reset(&b)
	_, _ = w.Write(doc) // a buffer takes all
	_ = w.Close()
	w.Reset(io.Discard) // else the pool would keep the buffer
	gzips.Put(w)
	return b.Bytes()
}

// PrefersGzip reports whether the lines of an Accept-Encoding header want gzip no less than the plain document (RFC 9110
// section 12.5.3). No header asks for nothing.
func PrefersGzip(lines []string) bool {
	weights := map[string]float64{}
	for coding := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, params, _ := strings.Cut(coding, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "x-gzip" {
			name = "gzip"
		}
		weights[name] = codingWeight(params)
	}
	zip, named := weights["gzip"]
	if !named {
		zip = weights["*"]
	}
	return zip > 0 && zip >= weights["identity"]
}

func codingWeight(params string) float64 {
	name, value, _ := strings.Cut(strings.TrimSpace(params), "=")
	if !strings.EqualFold(name, "q") {
		return 1
	}
	return quality(value)
}
