package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// withEscapedPath returns r with its path as it was sent in URL.RawPath, which net/url leaves empty where the path tells
// it. Echo routes on RawPath, or on the decoded path where it is empty; so its parameters are now always escaped. This
// has to be done before echo sees the request: it routes on the one it was given, whatever a middleware sets.
func withEscapedPath(r *http.Request) *http.Request {
	if r.URL.RawPath != "" {
		return r
	}
	u := *r.URL
	u.RawPath = u.EscapedPath()
	r = r.WithContext(r.Context()) // a handler must not write to the request it was given
	r.URL = &u
	return r
}

// segment decodes the name that a segment of the path stands for. It is the only place where paths are decoded:
// "a%2Fb" is a/b, and "a%252Fb" is a%2Fb.
func segment(escaped string) (string, error) {
	if strings.Contains(escaped, "/") { // echo gives the last parameter all the rest of the path
		return "", echo.ErrNotFound
	}
	s, err := url.PathUnescape(escaped)
	if err != nil {
		return "", thoonk.E(thoonk.Invalid, "not percent-encoded as in RFC 3986")
	}
	return s, nil
}

// escape is the inverse of segment. Segments of only dots are removed when a reference is resolved (RFC 3986 section
// 5.2.4), so they are escaped too.
func escape(name string) string {
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

func feedPath(feed thoonk.FeedName) string { return "/v1/feeds/" + escape(string(feed)) }

func itemPath(feed thoonk.FeedName, id thoonk.ItemID) string {
	return feedPath(feed) + "/items/" + escape(string(id))
}

// pathParam returns what a variable part of the path stands for.
func pathParam[T ~string](c echo.Context, name string, parse func(string) (T, error)) (T, error) {
	s, err := segment(c.Param(name))
	if err != nil {
		return "", inPath(err, name)
	}
	v, err := parse(s)
	return v, inPath(err, name)
}
