package api

import (
	"testing"

	"github.com/thoonkd/thoonkd/auth"
)

const realm = `Bearer realm="thoonkd"`

func TestAuthentication(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x")
	e.auth.public = grants("f", auth.Read)

	e.do("GET", "/v1/feeds/f", "", nil).is(200)
	e.do("GET", "/v1/feeds/f", "", as("", "Authorization", "bearer  reader")).is(200)
	e.do("GET", "/v1/feeds/g", "", nil).problem(401, "unauthenticated")
	e.do("GET", "/v1/feeds/g", "", nil).has("WWW-Authenticate", realm)

	// A token that does not hold is refused even where none is needed.
	e.do("GET", "/v1/feeds/f", "", as("bad")).problem(401, "unauthenticated")
	e.do("GET", "/v1/feeds/f", "", as("bad")).has("WWW-Authenticate", realm+`, error="invalid_token"`)
	for _, credential := range []string{"Basic dTpw", "Bearer", "Bearer ", "reader", ""} {
		a := e.do("GET", "/v1/feeds/f", "", as("", "Authorization", credential))
		a.problem(401, "unauthenticated")
		a.has("WWW-Authenticate", realm)
	}
	e.do("GET", "/v1/feeds/f", "", as("reader", "Authorization", "Bearer all")).faults(400, "invalid", "Authorization:")
	// Before anything else of the request is looked at.
	e.do("GET", "/v1/feeds/*?x=1", "", as("bad")).problem(401, "unauthenticated")
}

// Rights come before existence, and before all that could tell of it.
func TestRightsBeforeExistence(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x")
	requests := []struct{ method, path, token string }{
		{"GET", "", "writer"},
		{"PUT", "", "reader"},
		{"DELETE", "", "reader"},
		{"GET", "/items", "writer"},
		{"POST", "/items", "reader"},
		{"GET", "/items/x", "writer"},
		{"PUT", "/items/x", "reader"},
		{"DELETE", "/items/x", "writer"},
		{"GET", "/events", "writer"},
		{"PATCH", "", "reader"},
		{"PATCH", "/items/x", "reader"},
		{"PUT", "/items/x/position", "reader"},
		{"POST", "/batch", "reader"},
	}
	for _, r := range requests {
		there := e.do(r.method, "/v1/feeds/f"+r.path, "not json", as(r.token))
		there.problem(403, "forbidden")
		there.has("WWW-Authenticate", realm+`, error="insufficient_scope"`)
		e.do(r.method, "/v1/feeds/nowhere"+r.path, "not json", as(r.token)).problem(403, "forbidden")
		e.do(r.method, "/v1/feeds/nowhere"+r.path, "not json", nil).problem(401, "unauthenticated")
		// Names are looked at first: a right on a name that cannot be is nobody's.
		e.do(r.method, "/v1/feeds/*"+r.path, "not json", as(r.token)).problem(400, "invalid")
	}
}

var _ Authenticator = (*auth.Verifier)(nil)
