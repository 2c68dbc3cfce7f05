package api

import (
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestConditionalRead(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x")
	for _, target := range []string{"/v1/feeds/f", "/v1/feeds/f/items/x"} {
		tag := e.do("GET", target, "", as("all")).is(200).header.Get("Etag")
		if _, err := thoonk.ParseRevision(strings.Trim(tag, `"`)); err != nil {
			t.Fatalf("ETag %s: %v", tag, err)
		}
		for _, list := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			for _, method := range []string{"GET", "HEAD"} {
				e.do(method, target, "", as("all", "If-None-Match", list)).is(304).says("").
					has("Etag", tag).has("Cache-Control", "no-cache").has("Vary", "Authorization")
			}
		}
		for _, list := range []string{`"1-1"`, `"other"`, `W/"1-1"`} {
			e.do("GET", target, "", as("all", "If-None-Match", list)).is(200).has("Etag", tag)
		}
		e.do("GET", target, "", as("all", "If-Match", tag)).is(200)
		e.do("GET", target, "", as("all", "If-Match", "*")).is(200)
		e.do("GET", target, "", as("all", "If-Match", tag, "If-None-Match", tag)).is(304)
		for _, list := range []string{`"1-1"`, `"other"`, "W/" + tag} {
			e.do("GET", target, "", as("all", "If-Match", list)).faults(412, "stale", "If-Match:")
		}
		e.do("GET", target, "", as("all", "If-Match", "1-1")).faults(400, "invalid", "If-Match:")
		e.do("GET", target, "", as("all", "If-None-Match", "1-1")).faults(400, "invalid", "If-None-Match:")
	}
}

func TestConditionalWrite(t *testing.T) {
	e := newEdge(t, nil)
	for _, target := range []string{"/v1/feeds/f", "/v1/feeds/f/items/x"} {
		body := ""
		if strings.Contains(target, "items") {
			body = `{"body":1}`
		}
		e.do("PUT", target, body, as("all", "If-Match", "*")).problem(412, "stale")
		e.do("PUT", target, body, as("all", "If-Match", `"0-0"`)).problem(412, "stale")
		old := e.do("PUT", target, body, as("all", "If-None-Match", "*")).is(201).header.Get("Etag")
		e.do("PUT", target, body, as("all", "If-None-Match", "*")).problem(412, "stale")
		tag := e.do("PUT", target, body, as("all", "If-Match", old)).is(200).header.Get("Etag")
		if tag == old || tag == "" {
			t.Fatalf("ETags %s, %s", old, tag)
		}
		for _, method := range []string{"PUT", "DELETE"} {
			for _, list := range []string{old, "W/" + tag, `"other"`, `W/"other"`, `"0-1"`, old + `, "other"`} {
				e.do(method, target, body, as("all", "If-Match", list)).problem(412, "stale")
			}
			e.do(method, target, body, as("all", "If-None-Match", "W/"+tag)).problem(412, "stale")
			for _, list := range []string{"", `other`, `"a" "b"`, `*, "a"`} {
				e.do(method, target, body, as("all", "If-Match", list)).faults(400, "invalid", "If-Match:")
				e.do(method, target, body, as("all", "If-None-Match", list)).faults(400, "invalid", "If-None-Match:")
			}
		}
		tag = e.do("PUT", target, body, as("all", "If-None-Match", `"other", "1-1"`)).is(200).header.Get("Etag")
		tag = e.do("PUT", target, body, as("all", "If-Match", `"other", `+tag)).is(200).header.Get("Etag")
		if strings.Contains(target, "items") {
			e.do("DELETE", target, "", as("all", "If-Match", tag)).is(204)
			e.do("DELETE", target, "", as("all")).problem(404, "not_found")
		}
	}
}
