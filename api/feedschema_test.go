package api

import (
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestFeedSchema(t *testing.T) {
	e := newEdge(t, nil)
	e.do("PUT", "/v1/feeds/f", `{"schema": {"type": "object", "x": null}, "stamp": {"by": "sub", "who": "principal"}}`, as("all")).is(201)
	shown := func(schema, stamp string) string {
		return `{"name":"f","type":"feed","max_length":0,"history":{"count":1000,"bytes":16777216}` + schema + stamp + `,"revision":"`
	}
	e.do("GET", "/v1/feeds/f", "", as("all")).is(200).begins(shown(`,"schema":{"type":"object","x":null}`, `,"stamp":{"by":"sub","who":"principal"}`))
	e.do("PATCH", "/v1/feeds/f", `{"schema": {"type": "array", "x": null}, "stamp": {"by": null}}`, as("all", merge()...)).is(200).
		begins(shown(`,"schema":{"type":"array"}`, `,"stamp":{"who":"principal"}`))
	e.do("PATCH", "/v1/feeds/f", `{"schema": null, "stamp": null}`, as("all", merge()...)).is(200).begins(shown("", ""))
	e.do("PATCH", "/v1/feeds/f", `{"schema": {"a": 1}}`, as("all", merge()...)).is(200).begins(shown(`,"schema":{"a":1}`, ""))
	for body, place := range map[string]string{
		`{"stamp": []}`:               "#/stamp",
		`{"stamp": {"a": 1}}`:         "#/stamp/a",
		`{"extra": {"schema": "{}"}}`: "#/extra/schema",
		`{"extra": {"stamp": "{}"}}`:  "#/extra/stamp",
	} {
		e.do("PUT", "/v1/feeds/f", body, as("all")).faults(400, "invalid", place)
	}
}

func TestSchemaFaultsAreLocated(t *testing.T) {
	refused := thoonk.E(thoonk.Unprocessable, "it violates the schema")
	refused.Faults = []thoonk.Fault{{Field: "/a~1b/0", Public: "wrong"}, {Public: "all wrong"}}
	want := func(err error, places ...string) {
		t.Helper()
		p := problemOf(inMember(err, "body"), "POST")
		if p.Status != 422 || len(p.Errors) != len(places) {
			t.Fatalf("%+v", p)
		}
		for i, place := range places {
			if p.Errors[i].Pointer != place || p.Errors[i].Detail == "" {
				t.Errorf("%+v, want %s", p.Errors[i], place)
			}
		}
	}
	want(refused, "#/body/a~1b/0", "#/body")
	want(&thoonk.BatchError{Index: 7, Reason: refused}, "#/7/body/a~1b/0", "#/7/body")
}
