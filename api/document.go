package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/internal/negotiate"
)

// document is something that never changes while the process runs.
type document struct {
	mediaType   string
	policy      string // of Content-Security-Policy
	plain, gzip []byte
	tag         string // opaque, of a weak ETag: it is the same document, compressed or not
}

func newDocument(mediaType, policy string, text []byte) *document {
	sum := sha256.Sum256(text)
	return &document{
		mediaType: mediaType, policy: policy, plain: text, gzip: negotiate.Gzip(text),
		tag: base64.RawURLEncoding.EncodeToString(sum[:12]),
	}
}

// newPage returns a page of HTML that may use the style in it and nothing else. It needs no scripts.
func newPage(text []byte) *document {
	_, rest, _ := bytes.Cut(text, []byte("<style>"))
	style, _, _ := bytes.Cut(rest, []byte("</style>"))
	sum := sha256.Sum256(style)
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return newDocument("text/html; charset=utf-8", policy, text)
}

func (d *document) serve(c echo.Context) error {
	r, h := c.Request(), c.Response().Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", `W/"`+d.tag+`"`)
	h.Add("Vary", "Accept-Encoding")
	if d.policy != "" {
		h.Set("Content-Security-Policy", d.policy)
		h.Set("Referrer-Policy", "no-referrer")
	}
	known, err := parseTags(r.Header.Values("If-None-Match"))
	if err != nil {
		return inHeader(err, "If-None-Match")
	}
	if known.any || slices.ContainsFunc(known.tags, func(t tag) bool { return t.opaque == d.tag }) {
		return c.NoContent(http.StatusNotModified)
	}
	text := d.plain
	if negotiate.PrefersGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		text = d.gzip
	}
	return sendJSON(c, http.StatusOK, d.mediaType, text)
}
