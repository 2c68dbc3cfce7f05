package service

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

const everything = `{"type": "object", "required": ["text", "n"], "properties": {
	"text": {"type": "string", "title": "A text", "description": "about it", "default": "x"},
	"n": {"type": "integer"}, "ratio": {"type": "number", "default": 0.5}, "on": {"type": "boolean"},
	"color": {"enum": ["red", 2, null]}, "who": {"type": "string"},
	"deep": {"type": "object"}, "any": true}}`

func TestPayloadFields(t *testing.T) {
	t.Parallel()
	config := thoonk.Config{Content: thoonk.JSON, Schema: everything, Stamp: map[string]string{"who": "principal"}}
	got := ""
	for _, f := range payloadFields(config) {
		got += fmt.Sprintln(f.Var, f.Type, f.Label, f.Desc, f.Required, f.Values, f.Options)
	}
	want := `payload.text text-single A text about it true [x] []
payload.n text-single n  true [] []
payload.ratio text-single ratio  false [0.5] []
payload.on boolean on  false [] []
payload.color list-single color  false [] [{ red} { 2} { null}]
payload.deep text-multi deep (JSON)  false [] []
payload.any text-multi any (JSON)  false [] []
`
	if got != want {
		t.Errorf("fields\n%s\nwant\n%s", got, want)
	}
	for _, schema := range []string{"", "true", `{"$ref": "#/x"}`, `{"properties": {}}`, `{"properties": []}`, "nonsense"} {
		config.Schema = schema
		if fields := payloadFields(config); len(fields) != 1 || fields[0].Var != fieldPayload {
			t.Errorf("%s: %+v", schema, fields)
		}
	}
}

func filled(fields map[string][]string) form.Form {
	var f form.Form
	for name, values := range fields {
		f.Fields = append(f.Fields, form.Field{Var: name, Values: values})
	}
	return f
}

func TestReadPayloadFields(t *testing.T) {
	t.Parallel()
	config := thoonk.Config{Content: thoonk.JSON, Schema: everything}
	kind, body, err := readPayloadFields(config, filled(map[string][]string{
		"payload.text": {`a "b"`, "c"}, "payload.n": {"12345678901234567890"}, "payload.ratio": {"1.50"}, "payload.on": {"true"},
		"payload.color": {"2"}, "payload.deep": {`{"x":`, ` 1}`}, "payload.any": {""}, "other": {"x"},
	}))
	const want = `{"text":"a \"b\"\nc","n":12345678901234567890,"ratio":1.50,"on":true,"color":2,"deep":{"x":` + "\n" + ` 1}}`
	if err != nil || kind != thoonk.FormBody || string(body) != want {
		t.Errorf("%s %s %v", kind, body, err)
	}
	for name, value := range map[string]string{
		"payload.n": "x", "payload.ratio": "0x10", "payload.on": "yes", "payload.color": "blue", "payload.deep": "{", "payload.any": "a b",
	} {
		if _, _, err := readPayloadFields(config, filled(map[string][]string{name: {value}})); stanza.FromError(err).Condition != stanza.NotAcceptable || !strings.Contains(err.Error(), strings.TrimPrefix(name, "payload.")) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	for content, want := range map[thoonk.Content]thoonk.Form{thoonk.Text: thoonk.FormText, thoonk.XML: thoonk.FormXML, thoonk.JSON: thoonk.FormBody, thoonk.Undeclared: thoonk.FormBody} {
		if kind, body, err := readPayloadFields(thoonk.Config{Content: content}, filled(map[string][]string{fieldPayload: {"1"}})); kind != want || string(body) != "1" || err != nil {
			t.Errorf("%s: %s %s %v", content, kind, body, err)
		}
	}
	if _, _, err := readPayloadFields(thoonk.Config{Content: thoonk.Binary}, form.Form{}); stanza.FromError(err).Condition != stanza.NotAcceptable {
		t.Error(err)
	}
}

// Whatever the schema is and whatever is filled in, what is read is JSON or an error.
func FuzzPayloadFields(f *testing.F) {
	f.Add(everything, "a", "1")
	f.Add(`{"properties": {"a": {"type": ["string", "null"], "enum": [1e400]}, "a": true}}`, "1e400", "")
	f.Fuzz(func(t *testing.T, schema, first, second string) {
		config := thoonk.Config{Content: thoonk.JSON, Schema: schema}
		var submitted form.Form
		for i, field := range payloadFields(config) {
			values := []string{first}
			if i%2 == 1 {
				values = []string{second, first}
			}
			submitted.Fields = append(submitted.Fields, form.Field{Var: field.Var, Values: values})
		}
		_, body, err := readPayloadFields(config, submitted)
		if err == nil && !json.Valid(body) {
			t.Errorf("%q is no JSON", body)
		}
	})
}
