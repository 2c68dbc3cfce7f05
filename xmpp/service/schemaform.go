package service

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// memberPrefix is put before the names of a payload's members, so that none is taken for a field of ours.
const memberPrefix = fieldPayload + "."

// objectSchema is as much of a JSON Schema as a form can show: an object, and its members where they are simple.
type objectSchema struct {
	Type       any               `json:"type"`
	Properties orderedProperties `json:"properties"`
	Required   []string          `json:"required"`
}

type propertySchema struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Type        any    `json:"type"`
	Enum        []any  `json:"enum"`
	Default     any    `json:"default"`
}

// orderedProperties keeps the order in which the schema has them: it is the one for people.
type orderedProperties []property

type property struct {
	name   string
	schema propertySchema
}

func (o *orderedProperties) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("properties are an object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		p := property{}
		p.name, _ = t.(string)
		if json.Unmarshal(raw, &p.schema) != nil {
			p.schema = propertySchema{} // such as true: anything
		}
		*o = append(*o, p)
	}
	return nil
}

// membersOf returns the members that a queue's schema has, or nil where a form cannot show them.
func membersOf(config thoonk.Config) *objectSchema {
	var schema objectSchema
	if config.Schema == "" || json.Unmarshal([]byte(config.Schema), &schema) != nil ||
		len(schema.Properties) == 0 || len(schema.Properties) > pageItems {
		return nil
	}
	return &schema
}

// payloadFields are the fields for a job's payload: one for each member of the queue's schema, else one for the whole.
func payloadFields(config thoonk.Config) []form.Field {
	schema := membersOf(config)
	if schema == nil {
		label := "Payload, in JSON"
		if config.Content == thoonk.Text || config.Content == thoonk.XML {
			label = "Payload, " + string(config.Content)
		}
		return []form.Field{{Var: fieldPayload, Type: form.TextMulti, Label: label, Required: true}}
	}
	var fields []form.Field
	for _, p := range schema.Properties {
		if _, stamped := config.Stamp[p.name]; stamped {
			continue // written by the service
		}
		fields = append(fields, p.field(slices.Contains(schema.Required, p.name)))
	}
	return fields
}

func (p property) field(required bool) form.Field {
	f := form.Field{Var: memberPrefix + p.name, Type: form.TextSingle, Label: p.schema.Title, Desc: p.schema.Description, Required: required}
	if f.Label == "" {
		f.Label = p.name
	}
	if p.schema.Default != nil {
		f.Values = []string{asLine(p.schema.Default)}
	}
	switch {
	case len(p.schema.Enum) > 0:
		f.Type = form.ListSingle
		for _, v := range p.schema.Enum {
			f.Options = append(f.Options, form.Option{Value: asLine(v)})
		}
	case p.schema.Type == "boolean":
		f.Type = form.Boolean
	case !p.simple():
		f.Type, f.Label = form.TextMulti, f.Label+" (JSON)"
	}
	return f
}

// simple reports whether the member is written as it is, and not in JSON.
func (p property) simple() bool {
	switch p.schema.Type {
	case "string", "number", "integer", "boolean":
		return true
	}
	return len(p.schema.Enum) > 0
}

// asLine writes a value for people: a text without quotes.
func asLine(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v) // it came from JSON
	return string(b)
}

// readPayloadFields makes a payload of a form. The store holds it to the schema.
func readPayloadFields(config thoonk.Config, f form.Form) (thoonk.Form, []byte, error) {
	schema := membersOf(config)
	if schema == nil {
		field, _ := f.Field(fieldPayload)
		switch config.Content {
		case thoonk.Text:
			return thoonk.FormText, []byte(field.Text()), nil
		case thoonk.XML:
			return thoonk.FormXML, []byte(field.Text()), nil
		case thoonk.Binary:
			return "", nil, stanza.Err(stanza.NotAcceptable).WithText("a form holds no binary payload")
		}
		return thoonk.FormBody, []byte(field.Text()), thoonk.FormBody.Check([]byte(field.Text()))
	}
	members := []string{}
	for _, p := range schema.Properties {
		field, given := f.Field(memberPrefix + p.name)
		if !given || len(field.Values) == 0 || field.Text() == "" && p.schema.Type != "string" {
			continue
		}
		value, err := p.value(field)
		if err != nil {
			return "", nil, stanza.Err(stanza.NotAcceptable).WithText(p.name + ": " + err.Error())
		}
		name, _ := json.Marshal(p.name)
		members = append(members, string(name)+":"+value)
	}
	return thoonk.FormBody, []byte("{" + strings.Join(members, ",") + "}"), nil
}

// value returns what a field says as JSON.
func (p property) value(field form.Field) (string, error) {
	text := field.Text()
	for _, v := range p.schema.Enum {
		if asLine(v) == text {
			b, err := json.Marshal(v)
			return string(b), err
		}
	}
	switch p.schema.Type {
	case "string":
		b, err := json.Marshal(text)
		return string(b), err
	case "boolean":
		on, err := field.Bool()
		return strconv.FormatBool(on), err
	case "integer", "number":
		if _, err := strconv.ParseFloat(text, 64); err != nil || !json.Valid([]byte(text)) {
			return "", fmt.Errorf("not a number")
		}
		return text, nil
	}
	if len(p.schema.Enum) > 0 || !json.Valid([]byte(text)) {
		return "", fmt.Errorf("not a value that it may have")
	}
	return text, nil
}
