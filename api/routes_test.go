package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/openapi"
)

// A precondition is looked at, as the document says, or refused: who sends one does not want the write without it.
func TestPreconditionsAreNotIgnored(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Ref string `json:"$ref"`
			}
		}
	}
	if err := json.Unmarshal(openapi.Document(""), &doc); err != nil {
		t.Fatal(err)
	}
	e := newEdge(t, func(o *Options) { o.Subscriptions, o.Sources = &fakeSubscriptions{}, struct{ Ingestion }{} })
	variable := regexp.MustCompile(`{\w+}`)
	looked, refused := 0, 0
	for path, operations := range doc.Paths {
		for method, op := range operations {
			if method == "get" || path == "/hub" {
				continue
			}
			conditional := false
			for _, p := range op.Parameters {
				conditional = conditional || p.Ref == "#/components/parameters/IfMatch"
			}
			if conditional {
				looked++
				continue
			}
			refused++
			for _, name := range []string{"If-Match", "If-None-Match"} {
				e.do(strings.ToUpper(method), variable.ReplaceAllString(path, "x"), "", as("admin", name, "*")).faults(400, "invalid", name+":")
			}
		}
	}
	if looked < 10 || refused < 20 {
		t.Errorf("%d operations look at preconditions, %d refuse them", looked, refused)
	}
}

// Who wants no stream is not made to wait for one.
func TestStreamsAreNegotiated(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	for _, target := range []string{"/v1/events?feed=x", "/v1/feeds/x/events", "/v1/jobs/x/events", "/v1/jobs/x/claims"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := e.do(method, target, "", as("admin", "Accept", "text/html"))
			if a.status != http.StatusNotAcceptable || method == http.MethodGet && !slices.Contains(a.header["Content-Type"], "application/problem+json") {
				t.Errorf("%s %s: %d %s", method, target, a.status, a.body)
			}
		}
	}
}
