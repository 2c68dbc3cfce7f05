package api

import (
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestListItems(t *testing.T) {
	e := newEdge(t, nil)
	e.do("GET", "/v1/feeds/a%2Fb/items", "", as("all")).problem(404, "not_found")
	e.feed("a/b", "")
	e.do("GET", "/v1/feeds/a%2Fb/items", "", as("all")).is(200).
		says(`{"items":[],"total":0,"revision":"1-1763874399000001"}`)
	for _, id := range []string{"x", "y", "z"} {
		e.item("a/b", id, thoonk.FormText, id+"<")
	}
	list := listOf("items", "a/b", "desc")
	e.do("GET", "/v1/feeds/a%2Fb/items?limit=1&order=desc", "", as("all")).is(200).
		says(`{"items":[{"id":"z","revision":"4-1763874399000004","published":"2025-11-23T05:06:39.000004Z",`+
			`"updated":"2025-11-23T05:06:39.000004Z","text":"z<"}],"total":3,"revision":"4-1763874399000004","next":"`+list.cursor("z")+`"}`).
		has("Link", "</v1/feeds/a%2Fb/items?cursor="+list.cursor("z")+`&limit=1&order=desc>; rel="next"`)
	e.pagesAre("/v1/feeds/a%2Fb/items", "all", "x y z")
	e.pagesAre("/v1/feeds/a%2Fb/items?limit=2", "all", "x y", "z")
	e.pagesAre("/v1/feeds/a%2Fb/items?limit=2&order=asc", "reader", "x y", "z")
	e.pagesAre("/v1/feeds/a%2Fb/items?limit=1&order=desc", "all", "z", "y", "x")

	for query, place := range map[string]string{
		"order=up": "?order", "order=": "?order", "limit=0": "?limit", "id=x": "?id",
		"cursor=" + list.cursor("z"):                          "?cursor", // of the other order
		"cursor=" + listOf("items", "a", "").cursor("z"):      "?cursor", // of another feed
		"cursor=" + listOf("items", "a/b", "").cursor("gone"): "?cursor", // the store says so
	} {
		e.do("GET", "/v1/feeds/a%2Fb/items?"+query, "", as("all")).faults(400, "invalid", place)
	}
}

func TestPostItem(t *testing.T) {
	e := newEdge(t, nil)
	e.do("POST", "/v1/feeds/f/items", `{"body":1}`, as("all")).problem(404, "not_found")
	e.feed("f", "")
	e.do("POST", "/v1/feeds/f/items", ` { "id" : "a/b" , "body" : [1 , 2.0,"\u003c"] } `, as("all")).is(201).
		has("Location", "/v1/feeds/f/items/a%2Fb").has("Etag", `"2-1763874399000002"`).
		says(`{"feed":"f","id":"a/b","revision":"2-1763874399000002","published":"2025-11-23T05:06:39.000002Z","updated":"2025-11-23T05:06:39.000002Z"}`)
	if p := e.store.published; string(p.Body) != `[1 , 2.0,"\u003c"]` || p.Form != thoonk.FormBody || p.Actor != "jwt:test|all" {
		t.Errorf("published %+v", p)
	}
	e.do("POST", "/v1/feeds/f/items", `{"id":"a/b","text":"x"}`, as("all")).is(200).
		has("Location", "").has("Etag", `"3-1763874399000003"`).
		says(`{"feed":"f","id":"a/b","revision":"3-1763874399000003","published":"2025-11-23T05:06:39.000002Z","updated":"2025-11-23T05:06:39.000003Z"}`)
	e.do("POST", "/v1/feeds/f/items", `{"base64":"AP8="}`, as("writer")).is(201).has("Location", "/v1/feeds/f/items/made4")
	if p := e.store.published; p.ID != "" || string(p.Body) != "\x00\xff" || p.Form != thoonk.FormBase64 {
		t.Errorf("published %+v", p)
	}
	e.do("POST", "/v1/feeds/f/items", `{"id":"a/b","body":1}`, as("all", "If-None-Match", "*")).problem(412, "stale")
}

func TestPutAndDeleteItem(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	e.do("PUT", "/v1/feeds/f/items/x", `{"xml":"<a/>"}`, as("all")).is(201).has("Location", "/v1/feeds/f/items/x")
	e.do("PUT", "/v1/feeds/f/items/x", `{"id":"x","body":null}`, as("all")).is(200)
	if p := e.store.published; string(p.Body) != `null` || p.ID != "x" {
		t.Errorf("published %+v", p)
	}
	e.do("PUT", "/v1/feeds/f/items/x", `{"id":"y","body":1}`, as("all")).faults(400, "invalid", "#/id")
	e.do("PUT", "/v1/feeds/f/items/x", `{"xml":"<a>"}`, as("all")).faults(422, "unprocessable", "#/xml") // the store's word
	e.do("GET", "/v1/feeds/f/items/x", "", as("all")).is(200).
		says(`{"id":"x","revision":"3-1763874399000003","published":"2025-11-23T05:06:39.000002Z","updated":"2025-11-23T05:06:39.000003Z","body":null}`)
	e.do("DELETE", "/v1/feeds/f/items/x", "", as("all")).is(204).says("").has("Content-Type", "")
	e.do("DELETE", "/v1/feeds/f/items/x", "", as("all")).problem(404, "not_found")
	e.do("GET", "/v1/feeds/f/items/x", "", as("all")).problem(404, "not_found")
}

// What is not done yet is refused, after the rights were checked.
func TestUnsupported(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x")
	for _, r := range [][2]string{
		{"PUT", "/v1/feeds/f"}, {"DELETE", "/v1/feeds/f"}, {"POST", "/v1/feeds/f/items"}, {"PUT", "/v1/feeds/f/items/x"}, {"DELETE", "/v1/feeds/f/items/x"},
	} {
		e.do(r[0], r[1], `{"body":1}`, as("all", "Idempotency-Key", "")).faults(501, "unsupported", "Idempotency-Key:")
		e.do(r[0], r[1]+"?confirm=1", `{"body":1}`, as("all")).faults(501, "unsupported", "?confirm")
		e.do(r[0], r[1]+"?confirm_timeout=1s", `{"body":1}`, as("all")).faults(501, "unsupported", "?confirm_timeout")
		e.do(r[0], r[1]+"?confrim=1", `{"body":1}`, as("all")).faults(400, "invalid", "?confrim")
		e.do(r[0], r[1], `{"body":1}`, as("reader", "Idempotency-Key", "x")).problem(403, "forbidden")
	}
	e.do("GET", "/v1/feeds/f?confirm=1", "", as("all")).faults(400, "invalid", "?confirm")
	e.do("GET", "/v1/feeds/f/items/x?a=1", "", as("all")).faults(400, "invalid", "?a")
	e.do("GET", "/v1/feeds/f", "", as("all", "Idempotency-Key", "x")).is(200) // has no meaning there
	if n := len(e.store.feeds["f"].items); n != 1 || strings.Contains(e.store.published.Actor, "jwt") {
		t.Error("something was written")
	}
}
