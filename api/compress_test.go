package api

import (
	"compress/gzip"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestCompressedLists(t *testing.T) {
	e := newEdge(t, nil)
	e.past("f", 20)
	for i := range 20 {
		e.feed("g"+strconv.Itoa(i), "")
		e.item("f", strconv.Itoa(i), thoonk.FormText, strings.Repeat("ä", 30))
	}
	for _, target := range []string{"/v1/feeds", "/v1/feeds/f/items", "/v1/feeds/f/items?id=1&id=2&id=3&id=4&id=5&id=6&id=7&id=8&id=9", "/v1/feeds/f/events"} {
		plain := e.do("GET", target, "", as("all", "Accept", mediaJSON, "Accept-Encoding", "identity")).is(200).has("Content-Encoding", "")
		if !strings.HasSuffix(plain.header["Vary"][len(plain.header["Vary"])-1], "Accept-Encoding") {
			t.Errorf("%s: Vary is %q", target, plain.header["Vary"])
		}
		zipped := e.do("GET", target, "", as("all", "Accept", mediaJSON, "Accept-Encoding", "br, gzip")).is(200).
			has("Content-Encoding", "gzip").has("Content-Type", mediaJSON).has("Etag", plain.header.Get("Etag")).has("Vary", strings.Join(plain.header["Vary"], "\n"))
		zipped.has("Content-Length", strconv.Itoa(len(zipped.body)))
		r, err := gzip.NewReader(strings.NewReader(zipped.body))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err != nil || string(b) != plain.body || len(zipped.body) >= len(plain.body) {
			t.Errorf("%s: %v, %d of %d bytes", target, err, len(zipped.body), len(plain.body))
		}
		e.do("HEAD", target, "", as("all", "Accept", mediaJSON, "Accept-Encoding", "gzip")).is(200).says("").
			has("Content-Encoding", "gzip").has("Content-Length", zipped.header.Get("Content-Length"))
	}
	// What is short, no list, or an error is not.
	for _, target := range []string{"/v1/feeds?limit=1", "/v1/feeds/f/items?id=1", "/v1/feeds/f", "/v1/feeds/f/items/1", "/v1/feeds/" + strings.Repeat("x", 400)} {
		e.do("GET", target, "", as("all", "Accept-Encoding", "gzip")).has("Content-Encoding", "")
	}
}

// A list is asked for again at the price of a revision.
func TestConditionalLists(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x", "y")
	for _, target := range []string{"/v1/feeds/f/items", "/v1/feeds/f/items?order=desc&limit=1", "/v1/feeds/f/items?id=y", "/v1/feeds/f/items?cursor="} {
		const tag = `W/"3-1763874399000003"`
		e.do("GET", target, "", as("all")).is(200).has("Etag", tag)
		for _, list := range []string{tag, tag[2:], `"x", ` + tag, "*"} {
			e.do("GET", target, "", as("all", "If-None-Match", list)).is(304).says("").has("Etag", tag).
				has("Vary", "Authorization\nAccept-Encoding").has("Cache-Control", "no-cache")
		}
		e.do("GET", target, "", as("all", "If-None-Match", `"2-1763874399000002"`)).is(200)
		e.do("GET", target, "", as("all", "If-Match", tag)).faults(412, "stale", "If-Match:")
		e.do("GET", target, "", as("all", "If-Match", "*")).is(200)
		e.do("GET", target, "", as("all", "If-None-Match", "x")).faults(400, "invalid", "If-None-Match:")
	}
	second := e.do("GET", "/v1/feeds/f/items?limit=1", "", as("all")).header.Get("Link")
	second = second[1:strings.Index(second, ">")]
	e.do("GET", second, "", as("all")).is(200).has("Etag", "")
	e.do("GET", "/v1/feeds", "", as("all")).is(200).has("Etag", "")
}
