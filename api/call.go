package api

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// call is one request of a known principal.
type call struct {
	echo.Context
	s   *Server
	who auth.Principal

	whole context.Context // of a request that is timed: without the bound
}

func (c *call) ctx() context.Context { return c.Request().Context() }

// feed returns the feed that the path names if the caller has the right. Rights come before existence: who may not
// read a feed does not learn whether it is there.
func (c *call) feed(verb auth.Verb) (thoonk.FeedName, error) {
	name, err := pathParam(c, "feed", thoonk.ParseFeedName)
	if err != nil {
		return "", err
	}
	return name, c.who.Require(verb, name)
}

// item is like feed, for a path that names an item too.
func (c *call) item(verb auth.Verb) (thoonk.FeedName, thoonk.ItemID, error) {
	name, err := pathParam(c, "feed", thoonk.ParseFeedName)
	if err != nil {
		return "", "", err
	}
	id, err := pathParam(c, "id", thoonk.ParseItemID)
	if err != nil {
		return "", "", err
	}
	return name, id, c.who.Require(verb, name)
}

// writing says how a write is to be done.
type writing struct {
	cond thoonk.Condition
	key  string // of Idempotency-Key; empty: none
}

// writeOptions reads what says how a write is to be done. What is not done yet is refused, so that nobody relies on it.
func (c *call) writeOptions() (writing, error) {
	var w writing
	for _, name := range []string{"confirm", "confirm_timeout"} {
		if c.Request().URL.Query().Has(name) {
			return w, inQuery(thoonk.E(thoonk.Unsupported, "%s is not supported yet", name), name)
		}
	}
	err := c.noQuery()
	if err == nil {
		w.key, err = parseIdempotencyKey(c.Request().Header.Values(idempotencyKey))
	}
	if err == nil {
		w.cond, err = c.condition()
	}
	return w, err
}

// send answers with a JSON document.
func (c *call) send(status int, doc []byte) error {
	return sendJSON(c, status, mediaJSON, doc)
}

func sendJSON(c echo.Context, status int, mediaType string, doc []byte) error {
	h := c.Response().Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(doc))) // for HEAD too
	c.Response().WriteHeader(status)
	_, _ = c.Response().Write(doc) // an error means that the client has left
	return nil
}

// noContent answers 204, or 304.
func (c *call) noContent(status int) error {
	c.Response().WriteHeader(status)
	return nil
}

// location points to what a request made (RFC 9110 section 10.2.2).
func (c *call) location(path string) {
	c.Response().Header().Set("Location", c.s.base+path)
}

// marshal is json.Marshal without the escapes for HTML. It is for documents of ours, which always can be encoded.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
