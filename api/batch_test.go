package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestBatch(t *testing.T) {
	e := newEdge(t, nil)
	const target = "/v1/feeds/a%2Fb/batch"
	e.do("POST", target, `[{"op":"publish","body":1}]`, as("all")).problem(404, "not_found")
	e.sorted("a/b", "x", "y")
	e.do("POST", target, ` [{"op":"publish","body":[1 , 2.0]},
		{"op":"publish","id":"x","text":"new","if_match":"2-1763874399000002"},
		{"id":"y","op":"retract"}, {"op":"position","id":"x","position":{"first":true}},
		{"op":"edit","id":"x","base64":"AP8=","if_match":"*"},
		{"op":"publish","id":"z","xml":"<a/>","position":{"after":"x"},"if_none_match":"*"}] `, as("all")).is(200).
		says(`{"feed":"a/b","results":[{"id":"made4","revision":"4-1763874399000004","created":true},{"id":"x","revision":"5-1763874399000005"},` +
			`{"id":"y","revision":"6-1763874399000006"},{"id":"x","revision":"7-1763874399000007"},{"id":"x","revision":"8-1763874399000008"},` +
			`{"id":"z","revision":"9-1763874399000009","created":true}]}`)
	want := thoonk.Batch{Feed: "a/b", Actor: "jwt:test|all", Operations: []thoonk.Operation{
		{Kind: thoonk.Publish, Form: thoonk.FormBody, Body: []byte(`[1 , 2.0]`)},
		{Kind: thoonk.Publish, ID: "x", Form: thoonk.FormText, Body: []byte("new"), If: thoonk.Condition{Match: []thoonk.Revision{rev(2)}}},
		{Kind: thoonk.Retract, ID: "y"},
		{Kind: thoonk.Moved, ID: "x", Position: thoonk.Position{First: true}},
		{Kind: thoonk.Edit, ID: "x", Form: thoonk.FormBase64, Body: []byte{0, 255}, If: thoonk.Condition{MatchAny: true}},
		{Kind: thoonk.Publish, ID: "z", Form: thoonk.FormXML, Body: []byte("<a/>"), Position: thoonk.Position{After: "x"}, If: thoonk.Condition{NoneAny: true}},
	}}
	if !reflect.DeepEqual(e.store.wrote, want) {
		t.Errorf("wrote %+v", e.store.wrote)
	}
	e.pagesAre("/v1/feeds/a%2Fb/items", "all", "x z made4")
}

func TestBatchOfLines(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x")
	lines := as("all", "Content-Type", "application/x-ndjson; charset=utf-8")
	e.do("POST", "/v1/feeds/f/batch", "\n{\"op\":\"retract\",\"id\":\"x\"}\r\n  \n{\"op\":\"publish\",\"id\":\"y\",\"body\":1}", lines).is(200).
		says(`{"feed":"f","results":[{"id":"x","revision":"3-1763874399000003"},{"id":"y","revision":"4-1763874399000004","created":true}]}`)
	a := e.do("POST", "/v1/feeds/f/batch", "\n{\"op\":\"retract\",\"id\":\"y\"}\n\n{\"op\":\"publish\",\"id\":\"y\",\"position\":{\"at\":1}}\n", lines)
	a.faults(400, "invalid", "#/1/position/at")
	if detail := a.problem(400, "invalid").Detail; detail != `line 4: unknown member "at"; there are first, last, before, after` {
		t.Error(detail)
	}
	a = e.do("POST", "/v1/feeds/f/batch", "{\"op\":\"retract\",\"id\":\"y\"}\n{\"op\":\"retract\",\n\"id\":\"y\"}\n", lines)
	a.faults(400, "invalid", "#/1")
	if detail := a.problem(400, "invalid").Detail; detail != `line 2: not valid JSON: after 16 bytes: unexpected end of JSON input` {
		t.Error(detail)
	}
	for _, body := range []string{"", "\n\r\n \n"} {
		e.do("POST", "/v1/feeds/f/batch", body, lines).faults(400, "invalid", "")
	}
	e.do("POST", "/v1/feeds/f/batch", `[]`, lines).faults(400, "invalid", "#/0")
	e.pagesAre("/v1/feeds/f/items", "all", "y")
}

func TestBatchFaults(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x")
	for body, place := range map[string]string{
		``: "", `null`: "", `{}`: "", `[]`: "", `[`: "", `[]]`: "", "[\"\xff\"]": "", `"x"`: "",
		`{"op":"retract","id":"x"}`: "", // no array
		`[1]`:                       "#/0",
		`[null]`:                    "#/0",
		`[{}]`:                      "#/0/op",
		`[{"op":1}]`:                "#/0/op",
		`[{"op":"Publish"}]`:        "#/0/op",
		`[{"op":"create"}]`:         "#/0/op",
		`[{"op":"publish"}]`:        "#/0",
		`[{"op":"retract"}]`:        "#/0/id",
		`[{"op":"edit","body":1}]`:  "#/0/id",
		`[{"op":"position","position":{"first":true}}]`:                    "#/0/id",
		`[{"op":"position","id":"x"}]`:                                     "#/0/position",
		`[{"op":"position","id":"x","position":{}}]`:                       "#/0/position",
		`[{"op":"position","id":"x","position":{"before":""}}]`:            "#/0/position/before",
		`[{"op":"position","id":"x","position":{"last":true},"body":1}]`:   "#/0/body",
		`[{"op":"retract","id":"x","text":""}]`:                            "#/0/text",
		`[{"op":"retract","id":"x","position":{"last":true}}]`:             "#/0/position",
		`[{"op":"edit","id":"x","body":1,"position":{"last":true}}]`:       "#/0/position",
		`[{"op":"edit","id":"x"}]`:                                         "#/0",
		`[{"op":"retract","id":""}]`:                                       "#/0/id",
		`[{"op":"retract","id":"x","if_match":"1"}]`:                       "#/0/if_match",
		`[{"op":"retract","id":"x","if_match":1}]`:                         "#/0/if_match",
		`[{"op":"retract","id":"x","if_none_match":"\"1-2\""}]`:            "#/0/if_none_match",
		`[{"op":"retract","id":"x","at":1}]`:                               "#/0/at",
		`[{"op":"retract","id":"x"},{"op":"retract","id":"x","id":"x"}]`:   "#/1/id",
		`[{"op":"publish","body":1},{"op":"publish","body":1,"text":"x"}]`: "#/1/text",
	} {
		e.do("POST", "/v1/feeds/f/batch", body, as("all")).faults(400, "invalid", place)
	}
	for _, header := range []string{"If-Match", "If-None-Match"} {
		e.do("POST", "/v1/feeds/f/batch", `[{"op":"retract","id":"x"}]`, as("all", header, "*")).faults(400, "invalid", header+":")
	}
	e.do("POST", "/v1/feeds/f/batch", `[{"op":"retract","id":"x"}]`, as("all", "Content-Type", "text/csv")).
		has("Accept", "application/json, application/x-ndjson").problem(415, "unsupported_media_type")
	e.pagesAre("/v1/feeds/f/items", "all", "x")
}

// A refusal names the operation and says which kind it is of; nothing was written.
func TestBatchRefused(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", thoonk.JSON, "x")
	before := `[{"op":"publish","id":"y","body":1},{"op":"retract","id":"x"},`
	for operation, kind := range map[string]string{
		`{"op":"retract","id":"x"}`:                                 "not_found",
		`{"op":"edit","id":"x","body":1}`:                           "not_found",
		`{"op":"publish","text":"x"}`:                               "unprocessable",
		`{"op":"publish","body":1,"position":{"first":true}}`:       "conflict",
		`{"op":"edit","id":"y","body":1,"if_none_match":"*"}`:       "stale",
		`{"op":"edit","id":"y","body":1,"if_match":"1-1"}`:          "stale",
		`{"op":"position","id":"y","position":{"before":"nobody"}}`: "conflict",
	} {
		p := e.do("POST", "/v1/feeds/f/batch", before+operation+"]", as("all")).problem(422, "unprocessable")
		if len(p.Errors) != 1 || p.Errors[0].Pointer != "#/2" || p.Errors[0].Kind != kind || p.Errors[0].Detail == "" ||
			p.Detail != "operation 2 was refused, so nothing was written: "+p.Errors[0].Detail {
			t.Errorf("%s: %+v", operation, p)
		}
	}
	e.pagesAre("/v1/feeds/f/items", "all", "x")
	e.do("POST", "/v1/feeds/f/batch", `[{"op":"retract","id":"z"}]`, as("all")).is(422).
		says(`{"type":"urn:thoonk:problem:unprocessable","title":"The request breaks a declared rule","status":422,` +
			`"detail":"operation 0 was refused, so nothing was written: there is no such item",` +
			`"errors":[{"pointer":"#/0","kind":"not_found","detail":"there is no such item"}]}`)
	e.store.fail = &thoonk.BatchError{Index: 0, Reason: thoonk.E(thoonk.Internal, "private")}
	e.do("POST", "/v1/feeds/f/batch", `[{"op":"retract","id":"z"}]`, as("all")).problem(500, "internal")
}

// All rights are looked at before anything is written.
func TestBatchRights(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x")
	e.auth.public = grants("f", auth.Retract)
	publish, retract := `{"op":"publish","id":"y","body":1}`, `{"op":"retract","id":"x"}`
	move := `{"op":"position","id":"x","position":{"last":true}}`
	for _, test := range []struct{ token, body, place string }{
		{"writer", publish + "," + retract, "#/1"},
		{"", retract + "," + publish, "#/1"},
		{"", retract + "," + move, "#/1"},
		{"", retract + `,{"op":"edit","id":"x","body":1}`, "#/1"},
	} {
		status, kind := 403, "forbidden"
		if test.token == "" {
			status, kind = 401, "unauthenticated"
		}
		e.do("POST", "/v1/feeds/f/batch", "["+test.body+"]", as(test.token)).faults(status, kind, test.place)
	}
	e.do("POST", "/v1/feeds/f/batch", "not json", as("reader")).problem(403, "forbidden")
	e.do("POST", "/v1/feeds/nowhere/batch", "not json", as("reader")).problem(403, "forbidden")
	e.do("POST", "/v1/feeds/nowhere/batch", "not json", nil).problem(401, "unauthenticated")
	e.pagesAre("/v1/feeds/f/items", "all", "x")
	e.do("POST", "/v1/feeds/f/batch", "["+retract+"]", nil).is(200)
	e.do("POST", "/v1/feeds/f/batch", "["+publish+"]", as("writer")).is(200)
}

func TestBatchBounds(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	many := strings.Repeat(`{"op":"publish","body":1},`, thoonk.MaxBatch)
	e.do("POST", "/v1/feeds/f/batch", "["+strings.TrimSuffix(many, ",")+"]", as("all")).is(200)
	e.do("POST", "/v1/feeds/f/batch", "["+many+`1]`, as("all")).problem(413, "too_large")
	lines := strings.ReplaceAll(many, "},", "}\n")
	ndjson := func() answer {
		return e.do("POST", "/v1/feeds/f/batch", lines, as("all", "Content-Type", "application/x-ndjson"))
	}
	ndjson().is(200)
	lines += "1"
	ndjson().problem(413, "too_large")

	half := fmt.Sprintf(`{"op":"publish","text":"%s"}`, strings.Repeat("x", thoonk.MaxBatchBytes/2))
	e.do("POST", "/v1/feeds/f/batch", "["+half+","+half+"]", as("all")).is(200)
	e.do("POST", "/v1/feeds/f/batch", "["+half+","+half+`,{"op":"publish","text":"x"}]`, as("all")).problem(413, "too_large")
	e.do("POST", "/v1/feeds/f/batch", "["+strings.Repeat(" ", maxBatchBody)+"]", as("all")).problem(413, "too_large")
}

// Both ways to write a batch mean the same, and what is accepted is what encoding/json reads.
func FuzzOperations(f *testing.F) {
	for _, s := range []string{
		`{"op":"publish","id":"x","body":{"a":[1 ,2]},"position":{"before":"y"},"if_match":"1-2"}`,
		`{"op":"retract","id":"x","if_none_match":"*"}`, `{"op":"edit","id":"x","base64":"AP8="}`,
		`{"op":"position","id":"x","position":{"first":true}}`, `{"op":"publish","text":"\ud83d\ude00"}`, `[`, `null`, `{"op":"publish"`,
	} {
		f.Add([]byte(s), []byte(`{"op":"retract","id":"y"}`))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		array, err1 := parseOperations([]byte("["+string(a)+","+string(b)+"]"), false)
		line := func(b []byte) string { // line breaks between tokens have no meaning
			return strings.NewReplacer("\n", " ", "\r", " ").Replace(string(b))
		}
		lines, err2 := parseOperations([]byte(line(a)+"\r\n\n"+line(b)), true)
		for _, err := range []error{err1, err2} {
			if kind := thoonk.KindOf(err); err != nil && kind != thoonk.Invalid && kind != thoonk.TooLarge {
				t.Fatal(err)
			}
		}
		if !json.Valid(a) || !json.Valid(b) {
			return // commas and line breaks may divide it in more than one way
		}
		if (err1 == nil) != (err2 == nil) || len(array) != len(lines) {
			t.Fatalf("%q %q: %v, %v", a, b, err1, err2)
		}
		for i, op := range array {
			other := lines[i]
			if strings.ContainsAny(string(op.Body), "\n\r") {
				op.Body, other.Body = nil, nil
			}
			if !reflect.DeepEqual(op, other) {
				t.Fatalf("%+v, %+v", op, other)
			}
			var want struct {
				Op, ID   string
				Position struct {
					First, Last   bool
					Before, After thoonk.ItemID
				}
			}
			if err := json.Unmarshal([][]byte{a, b}[i], &want); err != nil {
				t.Fatalf("accepted %q: %v", [][]byte{a, b}[i], err)
			}
			if string(op.Kind) != want.Op || string(op.ID) != want.ID || op.Position != thoonk.Position(want.Position) {
				t.Fatalf("%+v of %q %q", op, a, b)
			}
		}
	})
}
