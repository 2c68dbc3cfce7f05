package main

import (
	"strings"
	"testing"
)

// What does not fit together is refused, all of it at once.
func TestMendRefuses(t *testing.T) {
	t.Parallel()
	p, err := readParts()
	if err != nil {
		t.Fatal(err)
	}
	p.schemas.at("Fault", "properties", "header").remove("description")
	drafted := parsed(t, `{
		"components": {"schemas": {"api.fault": {"properties": {"pointer": {}, "added": {}}}}},
		"paths": {"/v1/new": {"get": {
			"operationId": "new", "summary": "New", "tags": ["Feeds"],
			"parameters": [{"name": "new", "in": "query"}, {"name": "limit", "in": "query"}],
			"responses": {"200": {"headers": {"New": {}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/api.new"}}}}, "418": {}, "400": {"content": {"text/plain": {"schema": {"type": "string"}}}}}
		}, "put": {"responses": {}}}}
	}`)
	_, err = mend(drafted, p)
	if err == nil {
		t.Fatal("nothing is refused")
	}
	for _, want := range []string{
		"Fault.header has no description",
		"Fault has the members [detail header kind parameter pointer], and api.fault has [added pointer]",
		"parameters.yaml has no new in query",
		"responses.yaml has no 418",
		"responses.yaml has no 400", // as text
		"headers.yaml has no New",
		"schemas.yaml has no schema for #/components/schemas/api.new",
		"/v1/new put: an operation needs an id",
		"operations.yaml: there is no operation listFeeds",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not refused: %s", want)
		}
	}
	if strings.Contains(err.Error(), "limit") {
		t.Error(err)
	}
}

// Members keep their order, whatever is merged.
func TestMerge(t *testing.T) {
	t.Parallel()
	o := parsed(t, `{"b": {"z": 1, "a": [1]}, "c": "<&>", "n": null}`)
	o.merge(parsed(t, "b: {a: {x: true}, y: 1.50}\nd: &d {k: v}\ne: {<<: *d, l: 2}"))
	o.order("e", "none", "c")
	text, err := format(o)
	const want = `{"e":{"k":"v","l":2},"c":"<&>","b":{"z":1,"a":{"x":true},"y":1.50},"n":null,"d":{"k":"v"}}`
	if got := strings.NewReplacer("\n", "", " ", "").Replace(string(text)); got != want || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := parse([]byte(`{"a": 1, "b": {"a": 1, "a": 2}}`)); err == nil {
		t.Error("a name that comes twice is taken")
	}
}

func parsed(t *testing.T, text string) *object {
	t.Helper()
	o, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}
