package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// A cursor is the base64url of: a version, the first bytes of the digest of the list it belongs to, and where the next
// page begins. It is not secret and gives no rights; the digest finds the mistake of using it with another list.
const (
	cursorVersion = 1
	cursorDigest  = 8    // bytes
	maxCursor     = 4096 // bytes
)

// list identifies what is paged: the path and the parameters that choose what is in it, without limit and cursor.
type list string

func listOf(parts ...string) list { return list(strings.Join(parts, "\x00")) }

func (l list) head() string {
	sum := sha256.Sum256([]byte(l))
	return string([]byte{cursorVersion}) + string(sum[:cursorDigest])
}

// cursor returns the cursor of the page that begins after what after stands for.
func (l list) cursor(after string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(l.head() + after))
}

// after returns what was given to cursor.
func (l list) after(cursor string) (string, error) {
	if len(cursor) > maxCursor || strings.ContainsAny(cursor, "\r\n") { // which base64 would skip
		return "", badCursor()
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return "", badCursor()
	}
	after, ok := strings.CutPrefix(string(b), l.head())
	if !ok || after == "" {
		return "", badCursor()
	}
	return after, nil
}

// start returns where the page that a query asks for begins: "" for the first one.
func (l list) start(q url.Values) (string, error) {
	if q.Get("cursor") == "" {
		return "", nil
	}
	return l.after(q.Get("cursor"))
}

func badCursor() error {
	return inQuery(thoonk.E(thoonk.Invalid, `cursor is not the "next" of a page of this very list`), "cursor")
}

// next returns the cursor of the page of a list after a place, to which Link points too; "" if after is.
func (c *call) next(l list, path string, q url.Values, after string) string {
	if after == "" {
		return ""
	}
	q.Set("cursor", l.cursor(after))
	c.linkNext(path, q)
	return q.Get("cursor")
}

// linkNext points to the next page, which a query asks for (RFC 8288).
func (c *call) linkNext(path string, q url.Values) {
	c.Response().Header().Set("Link", "<"+c.s.base+path+"?"+q.Encode()+`>; rel="next"`)
}
