package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestKinds(t *testing.T) {
	e := newEdge(t, nil)
	for kind, status := range map[thoonk.Kind]int{
		thoonk.Invalid: 400, thoonk.Unprocessable: 422, thoonk.Unauthenticated: 401, thoonk.Forbidden: 403, thoonk.NotFound: 404,
		thoonk.Conflict: 409, thoonk.Stale: 412, thoonk.Gone: 410, thoonk.TooLarge: 413, thoonk.Limited: 429,
		thoonk.Unsupported: 501, thoonk.Unavailable: 503, thoonk.Unconfirmed: 504,
	} {
		e.store.fail = fmt.Errorf("get: %w", thoonk.E(kind, "a <public> text").In("x/y").Because(errors.New("private")))
		a := e.do("GET", "/v1/feeds/f", "", as("all")).has("Cache-Control", "no-store")
		p := a.problem(status, string(kind))
		if p.Detail != "a <public> text" || len(p.Errors) != 1 || p.Errors[0] != (fault{Parameter: "x/y", Detail: p.Detail}) {
			t.Errorf("%s: %s", kind, a.body)
		}
		retry := ""
		if status == 503 || status == 429 {
			retry = "1"
		}
		a.has("Retry-After", retry)
		if a.header.Get("Etag") != "" {
			t.Error("a problem with an ETag")
		}
	}
}

func TestProblemExactly(t *testing.T) {
	e := newEdge(t, nil)
	e.do("GET", "/v1/feeds/f/items?limit=0", "", as("all")).is(400).says(`{"type":"urn:thoonk:problem:invalid",` +
		`"title":"The request is malformed","status":400,"detail":"limit is a whole number from 1 to 1000",` +
		`"errors":[{"parameter":"limit","detail":"limit is a whole number from 1 to 1000"}]}`)
}

func TestFaultAt(t *testing.T) {
	for field, want := range map[string]fault{
		"body":       {Pointer: "#/body"},
		"/history/a": {Pointer: "#/history/a"},
		"/extra/a:":  {Pointer: "#/extra/a:"},
		"/a b/~1%":   {Pointer: "#/a%20b/~1%25"},
		"/":          {Pointer: "#/"},
		"?since":     {Parameter: "since"},
		"{feed}":     {Parameter: "feed"},
		"If-Match:":  {Header: "If-Match"},
	} {
		if got := faultAt(field, http.MethodPut, ""); got != want {
			t.Errorf("%s: %+v, want %+v", field, got, want)
		}
	}
}

// Strangers learn nothing of a fault of ours; the log has it all.
func TestInternal(t *testing.T) {
	e := newEdge(t, nil)
	const want = `{"type":"urn:thoonk:problem:internal","title":"A fault of the server","status":500}`
	for _, err := range []error{
		errors.New("private"),
		thoonk.E(thoonk.Internal, "private").In("private"),
		thoonk.E("strange", "private"),
	} {
		e.store.fail = err
		e.do("GET", "/v1/feeds/f", "", as("all")).is(500).says(want)
	}
	e.store.panics = true
	e.do("GET", "/v1/feeds/f", "", as("all")).is(500).says(want)
	e.server.EndStreams()
	for _, s := range []string{"level=ERROR", "private", "the store fell over", "fake_test.go"} {
		if !strings.Contains(e.log.String(), s) {
			t.Errorf("the log lacks %q", s)
		}
	}
}

func TestNotFoundAndMethodNotAllowed(t *testing.T) {
	e := newEdge(t, nil)
	e.do("GET", "/", "", nil).problem(404, "not_found")
	e.do("GET", "/v2/feeds", "", nil).problem(404, "not_found")
	for target, allow := range map[string]string{
		"/v1/feeds":                    "OPTIONS, GET, HEAD",
		"/v1/feeds/f":                  "OPTIONS, DELETE, GET, HEAD, PATCH, PUT",
		"/v1/feeds/f/items":            "OPTIONS, GET, HEAD, POST",
		"/v1/feeds/f/items/x":          "OPTIONS, DELETE, GET, HEAD, PATCH, PUT",
		"/v1/feeds/f/items/x/position": "OPTIONS, PUT",
		"/v1/feeds/f/batch":            "OPTIONS, POST",
		"/v1/feeds/f/events":           "OPTIONS, GET, HEAD",
		"/v1/events":                   "OPTIONS, GET, HEAD",
		"/v1/stream-tickets":           "OPTIONS, POST",
		"/healthz":                     "OPTIONS, GET, HEAD",
	} {
		a := e.do("TRACE", target, "", as("all")).has("Allow", allow)
		a.problem(405, "method_not_allowed")
		patches := ""
		if strings.Contains(allow, "PATCH") {
			patches = "application/merge-patch+json"
		}
		e.do("OPTIONS", target, "", nil).is(204).has("Allow", allow).has("Accept-Patch", patches)
	}
	e.do("GET", "/metrics", "", nil).problem(404, "not_found") // there are none
}

// What an answer quotes of a request is bounded.
func TestLongNamesAreClipped(t *testing.T) {
	e := newEdge(t, nil)
	long := strings.Repeat("ä", 100_000)
	for _, a := range []answer{
		e.do("PUT", "/v1/feeds/f", `{"`+long+`":1}`, as("all")), e.do("PUT", "/v1/feeds/f", `{"extra":{"`+long+`":1}}`, as("all")),
		e.do("GET", "/v1/feeds?"+strings.Repeat("x", 50_000), "", as("all")),
	} {
		a.problem(400, "invalid")
		if len(a.body) > 8*maxProblemText || !strings.Contains(a.body, "…") || strings.Contains(a.body, "\uFFFD") {
			t.Errorf("%d bytes: %.300s", len(a.body), a.body)
		}
	}
}

// A type of problem has one title, wherever it comes from.
func TestOneTitleForNotFound(t *testing.T) {
	e := newEdge(t, nil)
	for _, target := range []string{"/v1/feeds/none", "/v1/none"} {
		if a := e.do("GET", target, "", as("all")); !strings.Contains(a.body, `"title":"Not found"`) {
			t.Error(a.body)
		}
	}
}

func TestRequestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeStore()
		store.block = true
		s := New(Options{Store: store, Auth: &fakeAuth{}, Log: discard()})
		defer s.EndStreams()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/feeds/f", nil)
		r.Header = as("all")
		s.ServeHTTP(w, r)
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestAbortHandlerIsPassedOn(t *testing.T) {
	s := New(Options{Store: abortingStore{}, Auth: &fakeAuth{}, Log: discard()})
	defer s.EndStreams()
	defer func() {
		if v := recover(); v != any(http.ErrAbortHandler) {
			t.Errorf("recovered %v", v)
		}
	}()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/feeds/f", nil)
	r.Header = as("all")
	s.ServeHTTP(httptest.NewRecorder(), r)
}

type abortingStore struct{ Store }

func (abortingStore) Feed(context.Context, thoonk.FeedName) (thoonk.Feed, error) {
	panic(http.ErrAbortHandler)
}
