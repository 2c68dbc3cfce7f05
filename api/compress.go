package api

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// minGzip is the length of a document from which on compressing it pays.
const minGzip = 1 << 10

var gzips = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return w
}}

// sendList answers with a list, compressed if the client prefers that.
func (c *call) sendList(status int, doc []byte) error {
	c.varyByEncoding()
	if len(doc) >= minGzip && prefersGzip(c.Request().Header.Values("Accept-Encoding")) {
		c.Response().Header().Set("Content-Encoding", "gzip")
		doc = gzipped(doc)
	}
	return c.send(status, doc)
}

// sendFreshList answers with a list as of a revision: 304 if the client has it. The tag is weak, since the list may come
// compressed or not (RFC 9110 section 8.8.1).
func (c *call) sendFreshList(present thoonk.Revision, doc func() []byte) error {
	has, err := c.freshList(present)
	if err != nil {
		return err
	}
	if has {
		c.varyByEncoding()
		return c.noContent(http.StatusNotModified)
	}
	return c.sendList(http.StatusOK, doc())
}

func (c *call) varyByEncoding() { c.Response().Header().Add("Vary", "Accept-Encoding") }

func gzipped(doc []byte) []byte {
	var b bytes.Buffer
	w := gzips.Get().(*gzip.Writer)
	w.Reset(&b)
	_, _ = w.Write(doc) // a buffer takes all
	_ = w.Close()
	w.Reset(io.Discard) // else the pool would keep the buffer
	gzips.Put(w)
	return b.Bytes()
}

// prefersGzip reports whether the lines of an Accept-Encoding header want gzip no less than the plain document (RFC 9110
// section 12.5.3). No header asks for nothing.
func prefersGzip(lines []string) bool {
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
	w, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return 1
	}
	return w
}
