package api

import (
	"strconv"
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
		"order=up": "?order", "order=": "?order", "limit=0": "?limit", "idd=x": "?idd",
		"cursor=" + list.cursor("z"):                          "?cursor", // of the other order
		"cursor=" + listOf("items", "a", "").cursor("z"):      "?cursor", // of another feed
		"cursor=" + listOf("items", "a/b", "").cursor("gone"): "?cursor", // the store says so
	} {
		e.do("GET", "/v1/feeds/a%2Fb/items?"+query, "", as("all")).faults(400, "invalid", place)
	}
}

func TestItemsByID(t *testing.T) {
	e := newEdge(t, nil)
	const target = "/v1/feeds/a%2Fb/items"
	e.do("GET", target+"?id=x", "", as("all")).problem(404, "not_found")
	e.feed("a/b", "")
	for _, id := range []string{"x", "y/z", "w"} {
		e.item("a/b", id, thoonk.FormText, id)
	}
	item := func(id, n string) string {
		return `{"id":"` + id + `","revision":"` + n + `-176387439900000` + n + `","published":"2025-11-23T05:06:39.00000` + n +
			`Z","updated":"2025-11-23T05:06:39.00000` + n + `Z","text":"` + id + `"}`
	}
	const end = `],"total":3,"revision":"4-1763874399000004"`
	e.do("GET", target+"?id=w&id=nobody&id=y/z&id=w", "", as("reader")).is(200).has("Link", "").
		says(`{"items":[` + item("w", "4") + "," + item("y/z", "3") + end + "}")
	e.do("GET", target+"?id=nobody", "", as("all")).is(200).says(`{"items":[` + end + "}")

	// What is too long together comes in several pages.
	e.store.large = 1
	e.do("GET", target+"?id=w&id=nobody&id=y%2Fz&id=x", "", as("all")).is(200).
		has("Link", `</v1/feeds/a%2Fb/items?id=nobody&id=y%2Fz&id=x>; rel="next"`).
		says(`{"items":[` + item("w", "4") + end + `,"rest":["nobody","y/z","x"]}`)
	e.pagesAre(target+"?id=w&id=x&id=y/z&id=nobody", "all", "w", "x", "y/z")

	for query, place := range map[string]string{
		"id=": "?id", "id=%00": "?id", "id=x&limit=1": "?id", "id=x&cursor=x": "?id", "id=x&order=asc": "?id", "id=x&match=x": "?match",
	} {
		e.do("GET", target+"?"+query, "", as("all")).faults(400, "invalid", place)
	}
	many := ""
	for i := range maxIDs {
		many += "id=" + strconv.Itoa(i) + "&"
	}
	e.do("GET", target+"?"+many+"id=7", "", as("all")).is(200)
	e.do("GET", target+"?"+many+"id=x", "", as("all")).faults(400, "invalid", "?id")
}

func TestPostItem(t *testing.T) {
	e := newEdge(t, nil)
	e.do("POST", "/v1/feeds/f/items", `{"body":1}`, as("all")).problem(404, "not_found")
	e.feed("f", "")
	e.do("POST", "/v1/feeds/f/items", ` { "id" : "a/b" , "body" : [1 , 2.0,"\u003c"] } `, as("all")).is(201).
		has("Location", "/v1/feeds/f/items/a%2Fb").has("Etag", `"2-1763874399000002"`).
		says(`{"feed":"f","id":"a/b","revision":"2-1763874399000002","published":"2025-11-23T05:06:39.000002Z","updated":"2025-11-23T05:06:39.000002Z"}`)
	if p := e.store.operation(); string(p.Body) != `[1 , 2.0,"\u003c"]` || p.Form != thoonk.FormBody || e.store.wrote.Actor != "jwt:test|all" {
		t.Errorf("published %+v", p)
	}
	e.do("POST", "/v1/feeds/f/items", `{"id":"a/b","text":"x"}`, as("all")).is(200).
		has("Location", "").has("Etag", `"3-1763874399000003"`).
		says(`{"feed":"f","id":"a/b","revision":"3-1763874399000003","published":"2025-11-23T05:06:39.000002Z","updated":"2025-11-23T05:06:39.000003Z"}`)
	e.do("POST", "/v1/feeds/f/items", `{"base64":"AP8="}`, as("writer")).is(201).has("Location", "/v1/feeds/f/items/made4")
	if p := e.store.operation(); p.ID != "" || string(p.Body) != "\x00\xff" || p.Form != thoonk.FormBase64 {
		t.Errorf("published %+v", p)
	}
	e.do("POST", "/v1/feeds/f/items", `{"id":"a/b","body":1}`, as("all", "If-None-Match", "*")).problem(412, "stale")
}

func TestPutAndDeleteItem(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	e.do("PUT", "/v1/feeds/f/items/x", `{"xml":"<a/>"}`, as("all")).is(201).has("Location", "/v1/feeds/f/items/x")
	e.do("PUT", "/v1/feeds/f/items/x", `{"id":"x","body":null}`, as("all")).is(200)
	if p := e.store.operation(); string(p.Body) != `null` || p.ID != "x" {
		t.Errorf("published %+v", p)
	}
	e.do("PUT", "/v1/feeds/f/items/x", `{"id":"y","body":1}`, as("all")).faults(400, "invalid", "#/id")
	e.do("PUT", "/v1/feeds/f/items/x", `{"xml":"<a>"}`, as("all")).faults(400, "invalid", "#/xml") // the store's word
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
	before := len(e.store.done)
	for _, r := range [][2]string{
		{"PUT", "/v1/feeds/f"}, {"PATCH", "/v1/feeds/f"}, {"DELETE", "/v1/feeds/f"}, {"POST", "/v1/feeds/f/items"},
		{"PUT", "/v1/feeds/f/items/x"}, {"PATCH", "/v1/feeds/f/items/x"}, {"DELETE", "/v1/feeds/f/items/x"},
		{"PUT", "/v1/feeds/f/items/x/position"}, {"POST", "/v1/feeds/f/batch"},
	} {
		e.do(r[0], r[1]+"?confirm=1", `{"body":1}`, as("all")).faults(501, "unsupported", "?confirm")
		e.do(r[0], r[1]+"?confirm_timeout=1s", `{"body":1}`, as("all")).faults(501, "unsupported", "?confirm_timeout")
		e.do(r[0], r[1]+"?confrim=1", `{"body":1}`, as("all")).faults(400, "invalid", "?confrim")
		e.do(r[0], r[1]+"?confirm=1", `{"body":1}`, as("reader")).problem(403, "forbidden")
	}
	e.do("GET", "/v1/feeds/f?confirm=1", "", as("all")).faults(400, "invalid", "?confirm")
	e.do("GET", "/v1/feeds/f/items/x?a=1", "", as("all")).faults(400, "invalid", "?a")
	if n := len(e.store.feeds["f"].items); n != 1 || len(e.store.done) != before {
		t.Error("something was written")
	}
}
