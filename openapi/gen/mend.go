package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const problemType = "urn:thoonk:problem:"

// mending puts a document together. It collects what does not fit, to tell all of it at once.
type mending struct {
	parts
	doc     *object
	goTypes map[string]string // names of schemas by the Go types that they describe
	faults  []error
}

func (m *mending) fault(format string, args ...any) {
	m.faults = append(m.faults, fmt.Errorf(format, args...))
}

// mend returns the whole document. Whatever does not fit together is an error: an annotation that names what the parts do
// not have, or a part that nothing needs.
func mend(drafted *object, p parts) (*object, error) {
	m := &mending{parts: p, doc: p.info, goTypes: map[string]string{}}
	m.doc.set("paths", newObject())
	m.schemas(drafted)
	paths := drafted.at("paths")
	for _, path := range paths.keys() {
		for _, method := range paths.at(path).keys() {
			op := m.operation(path+" "+method, paths.at(path, method))
			m.doc.make("paths", path).set(method, op)
		}
		m.doc.at("paths", path).order("get", "put", "post", "patch", "delete")
	}
	for _, id := range m.operations.keys() {
		m.fault("operations.yaml: there is no operation %s", id)
	}
	m.components()
	m.doc.order("openapi", "info", "servers", "tags", "security", "paths", "components")
	return m.doc, errors.Join(m.faults...)
}

// schemas takes those of the parts, and compares the ones that describe a Go type with what swag sees of it.
func (m *mending) schemas(drafted *object) {
	seen := drafted.at("components", "schemas")
	for _, name := range m.parts.schemas.keys() {
		schema := m.parts.schemas.at(name)
		goType := schema.text("x-go")
		schema.remove("x-go")
		m.described(name, schema)
		if goType == "" {
			continue
		}
		ours, theirs := schema.at("properties").keys(), seen.at("api."+goType, "properties").keys()
		slices.Sort(ours)
		slices.Sort(theirs)
		if !slices.Equal(ours, theirs) {
			m.fault("schemas.yaml: %s has the members %v, and api.%s has %v", name, ours, goType, theirs)
		}
		m.goTypes[goType] = name
	}
}

// described checks that each member says what it is.
func (m *mending) described(where string, schema *object) {
	properties := schema.at("properties")
	for _, name := range properties.keys() {
		p := properties.at(name)
		if p.text("$ref") == "" && p.text("description") == "" {
			m.fault("schemas.yaml: %s.%s has no description", where, name)
		}
		m.described(where+"."+name, p)
		m.described(where+"."+name, p.at("items"))
	}
}

// operation mends one operation of swag's.
func (m *mending) operation(where string, op *object) *object {
	id := op.text("operationId")
	if id == "" || op.text("summary") == "" || len(op.list("tags")) != 1 {
		m.fault("%s: an operation needs an id, a summary and one tag", where)
	}
	for i, p := range op.list("parameters") {
		op.list("parameters")[i] = m.parameter(id, p.(*object))
	}
	responses := op.at("responses")
	for _, status := range responses.keys() {
		responses.set(status, m.response(id, status, responses.at(status)))
	}
	extra := m.operations.at(id)
	m.operations.remove(id)
	op.merge(extra)
	public := op.get("security") != nil && len(op.list("security")) == 0
	for _, status := range responses.keys() {
		if r := responses.at(status); r.text("$ref") == "" {
			m.common(r, public)
		}
	}
	op.order("operationId", "tags", "summary", "description", "security", "parameters", "requestBody", "responses")
	return op
}

// parameter returns a reference to the parameter of that place, name and kind. One that says x-for is of that operation
// only, and goes before others.
func (m *mending) parameter(id string, p *object) *object {
	array := p.at("schema").text("type") == "array"
	names := m.parameters.keys()
	slices.SortStableFunc(names, func(a, b string) int {
		return len(m.parameters.at(b).text("x-for")) - len(m.parameters.at(a).text("x-for"))
	})
	for _, name := range names {
		known := m.parameters.at(name)
		if of := known.text("x-for"); of != "" && of != id {
			continue
		}
		if known.text("in") == p.text("in") && known.text("name") == p.text("name") && array == (known.at("schema").text("type") == "array") {
			return ref("parameters", name)
		}
	}
	m.fault("%s: parameters.yaml has no %s in %s", id, p.text("name"), p.text("in"))
	return p
}

// response mends the answer with a status: an error is one of the answers that are described once, and any other has
// our names of schemas and headers.
func (m *mending) response(id, status string, r *object) *object {
	if status[0] >= '4' {
		return m.refusal(id, status, r)
	}
	content := r.at("content")
	for _, mediaType := range content.keys() {
		schema := content.at(mediaType, "schema")
		goType := strings.TrimPrefix(schema.text("$ref"), "#/components/schemas/api.")
		if m.goTypes[goType] == "" {
			m.fault("%s: schemas.yaml has no schema for %s", id, schema.text("$ref"))
		}
		content.at(mediaType).set("schema", ref("schemas", m.goTypes[goType]))
	}
	headers := r.at("headers")
	for _, header := range headers.keys() {
		headers.set(header, m.header(header))
	}
	r.order("description", "headers", "content")
	return r
}

// refusal returns a reference to the answer with that status. One that says x-for is of that operation only; it, and no
// other, comes as text where the annotation says so.
func (m *mending) refusal(id, status string, r *object) *object {
	of := ""
	if content := r.at("content"); content != nil && content.at(content.keys()[0], "schema").text("type") == "string" {
		of = id
	}
	for _, name := range m.responses.keys() {
		known := m.responses.at(name)
		if known.get("status") == json.Number(status) && known.text("x-for") == of {
			return ref("responses", name)
		}
	}
	m.fault("%s: responses.yaml has no %s", id, status)
	return r
}

// header returns a reference to a header.
func (m *mending) header(header string) *object {
	for _, name := range m.headers.keys() {
		if header == name || header == m.headers.at(name).text("x-name") {
			return ref("headers", name)
		}
	}
	m.fault("headers.yaml has no %s", header)
	return newObject()
}

// common adds what every answer has.
func (m *mending) common(r *object, public bool) {
	headers := r.make("headers")
	if !public {
		headers.set("RateLimit", m.header("RateLimit"))
		headers.set("RateLimit-Policy", m.header("RateLimit-Policy"))
	}
	headers.set("X-Request-Id", m.header("X-Request-Id"))
	r.order("description", "headers", "content")
}

func (m *mending) components() {
	c := m.doc.make("components")
	c.set("schemas", m.parts.schemas)
	c.set("parameters", m.parameters)
	for _, name := range m.responses.keys() {
		c.make("responses").set(name, m.problem(m.responses.at(name)))
	}
	for _, name := range m.headers.keys() {
		m.headers.at(name).remove("x-name")
	}
	for _, name := range m.parameters.keys() {
		m.parameters.at(name).remove("x-for")
	}
	c.set("headers", m.headers)
	c.order("schemas", "parameters", "headers", "responses", "securitySchemes")
}

// problem returns the answer that is a problem document, or a text, or either.
func (m *mending) problem(of *object) *object {
	r := newObject()
	r.set("description", of.get("description"))
	for _, header := range of.list("headers") {
		r.make("headers").set(header.(string), m.header(header.(string)))
	}
	m.common(r, false)
	if text := of.text("text"); text != "" {
		content := r.make("content", "text/plain")
		content.make("schema").set("type", "string")
		content.set("example", text)
	}
	if of.text("kind") == "" {
		return r
	}
	example := newObject()
	example.set("type", problemType+of.text("kind"))
	for _, name := range []string{"title", "status", "detail", "errors"} {
		if v := of.get(name); v != nil {
			example.set(name, v)
		}
	}
	content := r.make("content", "application/problem+json")
	content.set("schema", ref("schemas", "Problem"))
	content.set("example", example)
	return r
}
