package api

import (
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func merge(more ...string) []string {
	return append(more, "Content-Type", "application/merge-patch+json")
}

func TestPatchItem(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	const target = "/v1/feeds/f/items/a%2Fb"
	e.do("PATCH", target, `{"body":{}}`, as("all", merge()...)).problem(404, "not_found")
	e.item("f", "a/b", thoonk.FormBody, `{"x":1.00, "y":[ 1,2 ], "z":null}`)
	a := e.do("PATCH", target, `{"body":{"x":null,"w":"<"}}`, as("writer", merge()...)).is(200).has("Etag", `"3-1763874399000003"`).has("Location", "").
		says(`{"feed":"f","id":"a/b","revision":"3-1763874399000003","published":"2025-11-23T05:06:39.000002Z","updated":"2025-11-23T05:06:39.000003Z"}`)
	if op := e.store.operation(); string(op.Body) != `{"y":[ 1,2 ],"z":null,"w":"<"}` || op.If.Match[0] != rev(2) || e.store.wrote.Actor != "jwt:test|writer" {
		t.Errorf("wrote %+v", e.store.wrote)
	}
	e.do("PATCH", target, `{"body":{"y":null}}`, as("all", merge("If-Match", `"2-1763874399000002"`)...)).faults(412, "stale", "If-Match:")
	e.do("PATCH", target, `{"body":{"y":null}}`, as("all", merge("If-None-Match", `*`)...)).faults(412, "stale", "If-None-Match:")
	e.do("PATCH", target, `{"body":{"y":null}}`, as("all", merge("If-Match", a.header.Get("Etag"))...)).is(200)
	e.do("PATCH", target, `{}`, as("all", merge("If-Match", `*`)...)).is(200)

	// The form may change.
	for _, test := range []struct {
		patch string
		form  thoonk.Form
		body  string
	}{
		{`{"body":null,"text":"a\nb"}`, thoonk.FormText, "a\nb"},
		{`{"text":"c"}`, thoonk.FormText, "c"},
		{`{"text":null,"base64":"AP8="}`, thoonk.FormBase64, "\x00\xff"},
		{`{}`, thoonk.FormBase64, "\x00\xff"},
		{`{"base64":null,"xml":"<a/>"}`, thoonk.FormXML, "<a/>"},
		{`{"text":null,"xml":null,"body":{"a":{"b":null}}}`, thoonk.FormBody, `{"a":{}}`},
	} {
		e.do("PATCH", target, test.patch, as("all", merge()...)).is(200)
		if op := e.store.operation(); op.Form != test.form || string(op.Body) != test.body {
			t.Errorf("%s: wrote %q as %s", test.patch, op.Body, op.Form)
		}
	}
}

func TestPatchItemFaults(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	e.item("f", "x", thoonk.FormBody, `{"n":1}`)
	for patch, place := range map[string]string{
		``: "", `[]`: "", `null`: "", `1`: "", `{`: "", `{"body":{"a":1,"a":1}}`: "#/body/a", `{"id":"x"}`: "#/id", `{"position":{"first":true}}`: "#/position",
		`{"Body":{}}`: "#/Body", `{"revision":null}`: "#/revision",
	} {
		e.do("PATCH", "/v1/feeds/f/items/x", patch, as("all", merge()...)).faults(400, "invalid", place)
	}
	for patch, place := range map[string]string{
		`{"text":"x"}`:                  "#/text",
		`{"body":null}`:                 "",
		`{"body":null,"text":1}`:        "#/text",
		`{"body":null,"base64":"x"}`:    "#/base64",
		`{"body":null,"text":"\ud800"}`: "#/text",
	} {
		e.do("PATCH", "/v1/feeds/f/items/x", patch, as("all", merge()...)).faults(422, "unprocessable", place)
	}
	e.do("PATCH", "/v1/feeds/f/items/x", `{"body":null,"xml":"<a>"}`, as("all", merge()...)).faults(400, "invalid", "#/xml") // the store's word
	half := strings.Repeat("x", maxBody/2)
	e.do("PATCH", "/v1/feeds/f/items/x", `{"body":{"a":"`+half+`"}}`, as("all", merge()...)).is(200)
	e.do("PATCH", "/v1/feeds/f/items/x", `{"body":{"b":"`+half+`"}}`, as("all", merge()...)).problem(413, "too_large")
	for _, target := range []string{"/v1/feeds/f/items/x", "/v1/feeds/f"} {
		for _, mediaType := range []string{"application/json", "application/json-patch+json", "application/merge-patch+json; charset=latin1"} {
			e.do("PATCH", target, `{}`, as("all", "Content-Type", mediaType)).has("Accept-Patch", "application/merge-patch+json").problem(415, "unsupported_media_type")
		}
		e.do("PATCH", target, `{}`, as("all")).has("Accept-Patch", "application/merge-patch+json").problem(415, "unsupported_media_type")
		e.do("PATCH", target, `{}`, as("reader", merge()...)).problem(403, "forbidden")
	}
}

// A patch is applied anew if somebody else was faster, as long as the client's own precondition holds.
func TestPatchAnew(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	e.item("f", "x", thoonk.FormBody, `{"n":0}`)
	races := 0
	e.store.changes = func() {
		if races > 0 {
			races--
			f := e.store.feeds["f"]
			f.items[0].Body = []byte(`{"n":"other"}`)
			f.items[0].Revision = e.store.next(f)
		}
	}
	races = patchTries - 1
	e.do("PATCH", "/v1/feeds/f/items/x", `{"body":{"m":1}}`, as("all", merge("If-Match", "*")...)).is(200)
	e.do("GET", "/v1/feeds/f/items/x", "", as("all")).is(200)
	if got := string(e.store.operation().Body); got != `{"n":"other","m":1}` {
		t.Error(got)
	}
	races = patchTries
	e.do("PATCH", "/v1/feeds/f/items/x", `{"body":{"m":1}}`, as("all", merge()...)).problem(409, "conflict")
	races = 1
	tag := e.do("GET", "/v1/feeds/f/items/x", "", as("all")).header.Get("Etag")
	e.do("PATCH", "/v1/feeds/f/items/x", `{"body":{"m":1}}`, as("all", merge("If-Match", tag)...)).problem(412, "stale")
}

func TestPatchFeed(t *testing.T) {
	e := newEdge(t, nil)
	e.do("PATCH", "/v1/feeds/f", `{"max_length":5}`, as("all", merge()...)).problem(404, "not_found")
	e.do("PUT", "/v1/feeds/f", `{"content":"json","max_length":9,"history":{"count":7},"extra":{"a":"1","b":"2"}}`, as("all")).is(201)
	e.store.feeds["f"].feed.Config.Extra["foreign"] = "\xff"
	const created = `,"created":"2025-11-23T05:06:39.000001Z"}`
	for _, test := range [][2]string{
		{`{"max_length":5,"extra":{"a":null,"c":"3"}}`, `5,"content":"json","history":{"count":7,"bytes":16777216},"extra":{"b":"2","c":"3","foreign":"\ufffd"}`},
		{`{"history":{"bytes":2048}}`, `5,"content":"json","history":{"count":7,"bytes":2048},"extra":{"b":"2","c":"3","foreign":"\ufffd"}`},
		{`{"history":{"count":null},"content":null}`, `5,"history":{"count":1000,"bytes":2048},"extra":{"b":"2","c":"3","foreign":"\ufffd"}`},
		{`{"history":null,"max_length":null,"type":null}`, `0,"history":{"count":1000,"bytes":16777216},"extra":{"b":"2","c":"3","foreign":"\ufffd"}`},
	} {
		a := e.do("PATCH", "/v1/feeds/f", test[0], as("all", merge()...)).is(200)
		tag := a.header.Get("Etag")
		a.says(`{"name":"f","type":"feed","max_length":` + test[1] + `,"revision":` + tag + created)
	}
	if got := e.store.feeds["f"].feed.Config; got.Extra["foreign"] != "\xff" || got.History != (thoonk.HistoryBounds{}) {
		t.Errorf("%+v", got)
	}
	e.do("PATCH", "/v1/feeds/f", `{"extra":null,"type":"sorted_feed"}`, as("all", merge("If-Match", `"1-1"`)...)).faults(412, "stale", "If-Match:")
	e.do("PATCH", "/v1/feeds/f", `{"extra":null,"type":"sorted_feed"}`, as("all", merge("If-Match", `*`)...)).is(200)
	for patch, place := range map[string]string{
		``: "", `[]`: "", `null`: "", `{"name":null}`: "#/name", `{"history":{"age":null}}`: "#/history/age", `{"history":1}`: "#/history",
		`{"extra":{"thoonk.birth":"x"}}`: "#/extra/thoonk.birth", `{"extra":{"a":1}}`: "#/extra/a", `{"max_length":-1}`: "#/max_length",
	} {
		e.do("PATCH", "/v1/feeds/f", patch, as("all", merge()...)).faults(400, "invalid", place)
	}
	e.store.feeds["f"].feed.Config.Type = thoonk.TypeJob
	e.do("PATCH", "/v1/feeds/f", `{}`, as("all", merge()...)).problem(400, "invalid")
}
