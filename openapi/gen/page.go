package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"regexp"
	"slices"
	"strings"
)

//go:embed page.html
var pageFile embed.FS

// render returns the document as a page: HTML and a style, no scripts, and nothing from elsewhere.
func render(doc *object) ([]byte, error) {
	r := renderer{doc.at("components")}
	page, err := template.New("page.html").Funcs(template.FuncMap{
		"prose":  prose,
		"json":   pretty,
		"type":   typeOf,
		"rows":   r.rows,
		"things": named,
		"slug":   func(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "-")) },
		"upper":  strings.ToUpper,
	}).ParseFS(pageFile, "page.html")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Execute(&b, map[string]any{
		"Info": doc.at("info").values, "Tags": r.tags(doc), "Schemas": named(doc.at("components", "schemas")),
	})
	return b.Bytes(), err
}

// A thing of the document under its name. What it has is for the template.
type thing struct {
	Name string
	Has  map[string]any
	Self *object
}

// named returns the objects in an object, in order.
func named(o *object) []thing {
	var things []thing
	for _, name := range o.keys() {
		if v := o.at(name); v != nil {
			things = append(things, thing{name, v.values, v})
		}
	}
	return things
}

type tag struct {
	thing
	Operations []operation
}

type operation struct {
	thing
	Method, Path         string
	Parameters           []thing
	Request              []thing // by media type
	RequestIs            string
	Responses            []response
	Credentials, Problem string
}

type response struct {
	thing
	Headers []string
	Content []thing
}

type renderer struct{ components *object }

// follow returns what a reference refers to, or the object itself if it is none.
func (r renderer) follow(o *object) *object {
	way := strings.Split(o.text("$ref"), "/")
	if len(way) != 4 {
		return o
	}
	return r.components.at(way[2], way[3])
}

func (r renderer) tags(doc *object) []tag {
	var tags []tag
	for _, t := range doc.list("tags") {
		t := t.(*object)
		tags = append(tags, tag{thing{t.text("name"), t.values, t}, r.operations(doc, t.text("name"))})
	}
	return tags
}

func (r renderer) operations(doc *object, tag string) []operation {
	var found []operation
	for _, path := range named(doc.at("paths")) {
		for _, op := range named(path.Self) {
			if slices.Contains(op.Self.list("tags"), any(tag)) {
				o := r.operation(op, path.Name)
				o.Credentials = credentials(op.Self, doc)
				found = append(found, o)
			}
		}
	}
	return found
}

func (r renderer) operation(op thing, path string) operation {
	o := operation{thing: op, Method: op.Name, Path: path}
	for _, p := range op.Self.list("parameters") {
		p := r.follow(p.(*object))
		o.Parameters = append(o.Parameters, thing{p.text("name"), p.values, p})
	}
	o.RequestIs = op.Self.at("requestBody").text("description")
	o.Request = named(op.Self.at("requestBody", "content"))
	var problems []string
	for _, answer := range named(op.Self.at("responses")) {
		has := r.follow(answer.Self)
		if answer.Name >= "400" && has.at("content").get("text/plain") == nil {
			problems = append(problems, answer.Name)
			continue
		}
		o.Responses = append(o.Responses, response{thing{answer.Name, has.values, has}, has.at("headers").keys(), named(has.at("content"))})
	}
	o.Problem = strings.Join(problems, ", ")
	return o
}

// credentials says what an operation asks for.
func credentials(op, doc *object) string {
	security := doc.list("security")
	if op.get("security") != nil {
		security = op.list("security")
	}
	var names []string
	for _, s := range security {
		if keys := s.(*object).keys(); len(keys) > 0 {
			names = append(names, keys[0])
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, " or ") + ", or none for what is public"
}

// piece is a part of the name of a type, with a link if it is a schema of its own.
type piece struct{ Text, Schema string }

// typeOf says of what type a schema is.
func typeOf(schema *object) []piece {
	if name, ok := strings.CutPrefix(schema.text("$ref"), "#/components/schemas/"); ok {
		return []piece{{name, name}}
	}
	if choices := schema.list("oneOf"); len(choices) > 0 && schema.get("properties") == nil {
		var pieces []piece
		for i, c := range choices {
			if i > 0 {
				pieces = append(pieces, piece{Text: " or "})
			}
			pieces = append(pieces, typeOf(c.(*object))...)
		}
		return pieces
	}
	if content := schema.at("contentSchema"); content != nil {
		return append([]piece{{Text: "text, with "}}, typeOf(content)...)
	}
	if items := schema.at("items"); items != nil {
		return append([]piece{{Text: "array of "}}, typeOf(items)...)
	}
	return []piece{{Text: plainType(schema)}}
}

func plainType(schema *object) string {
	text := "any"
	switch t := schema.get("type").(type) {
	case string:
		text = t
	case []any:
		text = strings.Trim(strings.ReplaceAll(fmt.Sprint(t), " ", " or "), "[]")
	}
	if values := schema.list("enum"); values != nil {
		text = alternatives(values)
	}
	if value := schema.get("const"); value != nil {
		text = alternatives([]any{value})
	}
	if of := schema.at("additionalProperties"); of != nil {
		text += " of " + plainType(of)
	}
	for _, name := range []string{"format", "contentEncoding", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "default"} {
		switch v := schema.get(name); {
		case v == nil:
		case name == "format" || name == "contentEncoding":
			text += fmt.Sprintf(", %v", v)
		default:
			text += fmt.Sprintf(", %s %v", name, v)
		}
	}
	return text
}

func alternatives(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		b, _ := json.Marshal(v)
		texts[i] = string(b)
	}
	return strings.Join(texts, " or ")
}

// row is a member of an object, or of one inside it.
type row struct {
	Name, Description string
	Required          bool
	Schema            *object
}

// rows are the members of a schema, those of objects inside it too.
func (r renderer) rows(schema *object) []row { return r.rowsUnder("", schema) }

func (r renderer) rowsUnder(prefix string, schema *object) []row {
	var found []row
	for _, p := range named(schema.at("properties")) {
		name, description := prefix+p.Name, p.Self.text("description")
		if description == "" {
			description = r.follow(p.Self).text("description")
		}
		found = append(found, row{name, description, slices.Contains(schema.list("required"), any(p.Name)), p.Self})
		found = append(found, r.rowsUnder(name+".", p.Self)...)
		found = append(found, r.rowsUnder(name+"[].", p.Self.at("items"))...)
	}
	return found
}

var (
	code = regexp.MustCompile("`([^`]+)`")
	bold = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// prose is the little of CommonMark that our descriptions have: paragraphs, code and bold.
func prose(text any) template.HTML {
	s, _ := text.(string)
	if s == "" {
		return ""
	}
	s = html.EscapeString(s)
	s = bold.ReplaceAllString(s, "<strong>$1</strong>")
	s = code.ReplaceAllString(s, "<code>$1</code>")
	return template.HTML("<p>" + strings.ReplaceAll(s, "\n\n", "</p>\n<p>") + "</p>")
}

// pretty shows an example: text as it is, anything else as JSON.
func pretty(v any) (string, error) {
	if text, ok := v.(string); ok {
		return text, nil
	}
	b, err := format(v)
	return strings.TrimSuffix(string(b), "\n"), err
}
