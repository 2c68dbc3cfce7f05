package api

import (
	"bytes"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func (e *edge) sorted(name string, ids ...string) {
	e.t.Helper()
	e.feed(name, "", ids...)
	e.store.feeds[thoonk.FeedName(name)].feed.Config.Type = thoonk.TypeSortedFeed
}

func TestSortedFeed(t *testing.T) {
	e := newEdge(t, nil)
	e.do("PUT", "/v1/feeds/s", `{"type":"sorted_feed"}`, as("all")).is(201)
	e.do("PUT", "/v1/feeds/s/items/b", `{"body":1}`, as("all")).is(201)
	e.do("POST", "/v1/feeds/s/items", `{"id":"a","body":1,"position":{"first":true}}`, as("all")).is(201)
	e.do("PUT", "/v1/feeds/s/items/d", `{"body":1,"position":{"last":true}}`, as("all")).is(201)
	e.do("PUT", "/v1/feeds/s/items/c", `{"body":1,"position":{"before":"d"}}`, as("all")).is(201)
	e.do("PUT", "/v1/feeds/s/items/e/f", ``, as("all")).is(404)
	e.do("PUT", "/v1/feeds/s/items/x", `{"body":1,"position":{"after":"a"}}`, as("writer")).is(201)
	e.pagesAre("/v1/feeds/s/items", "all", "a x b c d")
	e.do("PUT", "/v1/feeds/s/items/y", `{"body":1,"position":{"after":"z"}}`, as("all")).faults(404, "not_found", "#/position")
	e.feed("f", "")
	e.do("PUT", "/v1/feeds/f/items/y", `{"body":1,"position":{"first":true}}`, as("all")).faults(409, "conflict", "#/position")
	e.pagesAre("/v1/feeds/f/items", "all", "")
}

func TestMove(t *testing.T) {
	e := newEdge(t, nil)
	e.sorted("s", "a", "b/c", "d")
	const target = "/v1/feeds/s/items/b%2Fc/position"
	a := e.do("PUT", target, ` {"first" : true} `, as("writer")).is(200).has("Etag", `"5-1763874399000005"`).
		says(`{"feed":"s","id":"b/c","revision":"5-1763874399000005","published":"2025-11-23T05:06:39.000003Z","updated":"2025-11-23T05:06:39.000005Z"}`)
	e.pagesAre("/v1/feeds/s/items", "all", "b/c a d")
	e.do("PUT", target, `{"after":"d"}`, as("all", "If-Match", `"1-1"`)).problem(412, "stale")
	e.do("PUT", target, `{"after":"d"}`, as("all", "If-Match", a.header.Get("Etag"))).is(200)
	e.pagesAre("/v1/feeds/s/items", "all", "a d b/c")
	e.do("PUT", target, `{"before":"d"}`, as("all")).is(200)
	e.do("PUT", "/v1/feeds/s/items/a/position", `{"last":true}`, as("all")).is(200)
	e.pagesAre("/v1/feeds/s/items", "all", "b/c d a")

	e.do("PUT", target, `{"before":"z"}`, as("all")).faults(404, "not_found", "")
	e.do("PUT", "/v1/feeds/s/items/z/position", `{"first":true}`, as("all")).problem(404, "not_found")
	e.do("PUT", "/v1/feeds/t/items/a/position", `{"first":true}`, as("all")).problem(404, "not_found")
	e.feed("f", "", "a")
	e.do("PUT", "/v1/feeds/f/items/a/position", `{"first":true}`, as("all")).faults(409, "conflict", "")
	for body, place := range map[string]string{
		``: "", `null`: "", `[]`: "", `{}`: "", `"first"`: "", `{"first":true,"last":true}`: "", `{"position":{"first":true}}`: "#/position",
		`{"first":1}`: "#/first", `{"last":"true"}`: "#/last", `{"before":null}`: "#/before", `{"after":"\u0000"}`: "#/after", `{"at":1}`: "#/at",
	} {
		e.do("PUT", target, body, as("all")).faults(400, "invalid", place)
	}
	e.do("PUT", target, `{"first":true}`, as("all", "Content-Type", "text/plain")).problem(415, "unsupported_media_type")
	e.do("PUT", target, `{"first":true}`, as("reader")).problem(403, "forbidden")
	e.pagesAre("/v1/feeds/s/items", "all", "b/c d a")
}

func TestPositionOfEvents(t *testing.T) {
	for want, p := range map[string]thoonk.Position{
		`"position":{"first":true}`:    {First: true},
		`"position":{"last":true}`:     {Last: true},
		`"position":{"before":"a\"b"}`: {Before: `a"b`},
		`"position":{"after":"<"}`:     {After: "<"},
	} {
		ch := &stream.Change{Event: thoonk.Event{
			Feed: "s", Revision: thoonk.Revision{Number: 12, Stamp: 1763874399123456}, Kind: thoonk.Moved, ItemID: "x", Position: p, Actor: "me",
		}}
		var b bytes.Buffer
		if err := writeChange(&b, ch, ch.Revision, true); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != "id: 12-1763874399123456\nevent: position\ndata: {\"feed\":\"s\",\"revision\":\"12-1763874399123456\",\"kind\":\"position\","+
			"\"id\":\"x\","+want+",\"at\":\"2025-11-23T05:06:39.123456Z\",\"actor\":\"me\"}\n\n" {
			t.Errorf("%s", got)
		}
		got, err := parsePosition([]byte(strings.TrimPrefix(want, `"position":`)))
		if err != nil || got != p {
			t.Errorf("%s is read as %+v, %v", want, got, err)
		}
	}
}
