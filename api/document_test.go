package api

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/openapi"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	const page = "<html><style>p { color: red }</style><p>…"
	e := newEdge(t, func(o *Options) { o.OpenAPI, o.Docs = []byte(`{"openapi":"3.1.0"}`), []byte(page) })
	a := e.do("GET", "/openapi.json", "", nil).is(200).says(`{"openapi":"3.1.0"}`)
	a.has("Content-Type", "application/json").has("Vary", "Accept-Encoding").has("Content-Security-Policy", "")
	tag := a.header.Get("ETag")
	if !regexp.MustCompile(`^W/"[\w-]{16}"$`).MatchString(tag) {
		t.Errorf("the tag is %s", tag)
	}
	e.do("GET", "/openapi.json", "", as("", "If-None-Match", `"x", `+tag)).is(304).says("").has("ETag", tag)
	e.do("HEAD", "/openapi.json", "", as("bad")).is(200).says("").has("Content-Length", "19")
	e.do("GET", "/openapi.json", "", as("", "If-None-Match", "x")).problem(400, "invalid")
	e.do("POST", "/openapi.json", "", nil).problem(405, "method_not_allowed")

	a = e.do("GET", "/docs", "", as("", "Accept-Encoding", "gzip")).is(200).has("Content-Encoding", "gzip")
	a.has("Content-Type", "text/html; charset=utf-8")
	a.has("Content-Security-Policy", "default-src 'none'; style-src 'sha256-ngewhhP73WDIbgwseeu52VAAJgKdGUsu1IUQQsAm8m4='; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	unzipped, err := gzip.NewReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(unzipped); string(b) != page || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

func TestNoDocuments(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	e.do("GET", "/openapi.json", "", nil).problem(404, "not_found")
	e.do("GET", "/docs", "", nil).problem(404, "not_found")
}

// Every route is described, and nothing else is.
func TestRoutesAreDescribed(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(openapi.Document(""), &doc); err != nil {
		t.Fatal(err)
	}
	var described, routed []string
	for path, methods := range doc.Paths {
		for method := range maps.Keys(methods) {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	handler := http.NotFoundHandler()
	variable := regexp.MustCompile(`:(\w+)`)
	s := New(Options{
		OpenAPI: []byte("{}"), Docs: []byte("<p>"), Metrics: handler, Subscriptions: &fakeSubscriptions{}, Sources: struct{ Ingestion }{},
		XMPP: fakeXMPP{}, Mounts: []Mount{{Methods: []string{http.MethodPost}, Path: "/hub"}}, // of mounts, those that thoonkd serve has are held to it
	})
	for _, r := range s.echo.Routes() {
		switch {
		case r.Method == http.MethodHead: // wherever GET is
		case r.Path == "/openapi.json" || r.Path == "/docs" || r.Path == "/metrics": // about the API, and not of it
		default:
			routed = append(routed, r.Method+" "+variable.ReplaceAllString(r.Path, "{$1}"))
		}
	}
	slices.Sort(described)
	slices.Sort(routed)
	if !slices.Equal(described, routed) {
		t.Errorf("described are\n%s\nand there are\n%s", strings.Join(described, "\n"), strings.Join(routed, "\n"))
	}
}

// The examples of problems are those that are really answered.
func TestProblemsAreDescribed(t *testing.T) {
	t.Parallel()
	var doc struct {
		Components struct {
			Responses map[string]struct {
				Content map[string]struct{ Example json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal(openapi.Document(""), &doc); err != nil {
		t.Fatal(err)
	}
	described := map[string]problem{}
	for _, r := range doc.Components.Responses {
		c, ok := r.Content["application/problem+json"]
		if !ok { // of the hub, which says it in plain text
			continue
		}
		var p problem
		if err := json.Unmarshal(c.Example, &p); err != nil {
			t.Fatal(err)
		}
		described[p.Type] = p
	}
	for kind, a := range answers {
		if kind == thoonk.Unconfirmed { // nothing answers it yet
			continue
		}
		if p := described[problemURN+string(kind)]; p.Title != a.title || p.Status != a.status {
			t.Errorf("%s: %d %q is described as %d %q", kind, a.status, a.title, p.Status, p.Title)
		}
	}
}
