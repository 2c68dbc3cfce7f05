package api

import (
	"net/http"

	"github.com/thoonkd/thoonkd/internal/negotiate"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// minGzip is the length of a document from which on compressing it pays.
const minGzip = 1 << 10

// sendList answers with a list, compressed if the client prefers that.
func (c *call) sendList(status int, doc []byte) error {
	c.varyByEncoding()
	if len(doc) >= minGzip && negotiate.PrefersGzip(c.Request().Header.Values("Accept-Encoding")) {
		c.Response().Header().Set("Content-Encoding", "gzip")
		doc = negotiate.Gzip(doc)
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
