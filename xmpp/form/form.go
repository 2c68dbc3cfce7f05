// Package form has data forms (XEP-0004), with the types of form and the names of fields as XEP-0068 has them.
package form

import (
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// NS is the namespace of data forms.
const NS = "jabber:x:data"

// The types of a form.
const (
	Ask    = "form"   // to be filled in
	Submit = "submit" // filled in
	Cancel = "cancel" // given up
	Result = "result" // an answer
)

// The types of fields in use.
const (
	Boolean     = "boolean"
	Fixed       = "fixed"
	Hidden      = "hidden"
	JIDSingle   = "jid-single"
	ListMulti   = "list-multi"
	ListSingle  = "list-single"
	TextMulti   = "text-multi"
	TextSingle  = "text-single"
	formTypeVar = "FORM_TYPE"
)

// Form is one data form.
type Form struct {
	Type         string // Ask, Submit, Cancel or Result
	FormType     string // FORM_TYPE; may be empty
	Title        string
	Instructions string
	Fields       []Field
}

// Field is one field of a form.
type Field struct {
	Var      string
	Type     string // may be empty
	Label    string
	Desc     string
	Required bool
	Values   []string
	Options  []Option
}

// Option is one of the values that a list offers.
type Option struct{ Label, Value string }

// Bounds of what [Parse] takes.
const (
	maxFields = 200
	maxValues = 1000
)

// In returns the first form in e, or nil.
func In(e *stanza.Element) *stanza.Element { return e.Child(NS, "x") }

// Only returns the form in e, or nil. Of several, none is more meant than the others: that is an Invalid error.
func Only(e *stanza.Element) (only *stanza.Element, err error) {
	for x := range e.Named(NS, "x") {
		if only != nil {
			return nil, thoonk.E(thoonk.Invalid, "one form is filled in at a time")
		}
		only = x
	}
	return only, nil
}

// Parse reads a form. The error is an Invalid one.
func Parse(x *stanza.Element) (Form, error) {
	if !x.Is(NS, "x") {
		return Form{}, thoonk.E(thoonk.Invalid, "a data form is needed")
	}
	f := Form{Type: x.Attr("type")}
	seen := map[string]bool{}
	for e := range x.Named(NS, "field") {
		field := parseField(e)
		switch {
		case field.Var == "" && field.Type == Fixed:
			continue
		case field.Var == "":
			return f, thoonk.E(thoonk.Invalid, "a field of the form has no var")
		case seen[field.Var]:
			return f, thoonk.E(thoonk.Invalid, "the form has the field %s twice", field.Var)
		case len(seen) == maxFields || len(field.Values) > maxValues:
			return f, thoonk.E(thoonk.Invalid, "a form has at most %d fields, and a field %d values", maxFields, maxValues)
		}
		seen[field.Var] = true
		if field.Var == formTypeVar {
			f.FormType = field.Value()
			continue
		}
		f.Fields = append(f.Fields, field)
	}
	return f, nil
}

func parseField(e *stanza.Element) Field {
	f := Field{Var: e.Attr("var"), Type: e.Attr("type"), Label: e.Attr("label")}
	for v := range e.Named(NS, "value") {
		f.Values = append(f.Values, v.Text())
	}
	for o := range e.Named(NS, "option") {
		f.Options = append(f.Options, Option{Label: o.Attr("label"), Value: o.Child(NS, "value").Text()})
	}
	f.Required = e.Child(NS, "required") != nil
	return f
}

// Value returns the first value of the field, or "".
func (f Field) Value() string {
	if len(f.Values) == 0 {
		return ""
	}
	return f.Values[0]
}

// Text returns all values of the field, each a line.
func (f Field) Text() string { return strings.Join(f.Values, "\n") }

// Bool returns what a boolean field says, or an Invalid error.
func (f Field) Bool() (bool, error) {
	switch f.Value() {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, thoonk.E(thoonk.Invalid, "%s is 0, 1, false or true", f.Var)
}

// Field returns the field with this name.
func (f Form) Field(name string) (Field, bool) {
	for _, field := range f.Fields {
		if field.Var == name {
			return field, true
		}
	}
	return Field{}, false
}

// Value returns the first value of the field with this name, or "".
func (f Form) Value(name string) string {
	field, _ := f.Field(name)
	return field.Value()
}

// Element returns the form as XML. A form to be submitted, and a result, come without labels and options.
func (f Form) Element() *stanza.Element {
	x := stanza.New(NS, "x").Set("type", f.Type)
	for _, part := range [][2]string{{"title", f.Title}, {"instructions", f.Instructions}} {
		if part[1] != "" {
			x.Add(stanza.New(NS, part[0]).AddText(part[1]))
		}
	}
	if f.FormType != "" {
		x.Add(Field{Var: formTypeVar, Type: Hidden, Values: []string{f.FormType}}.element(true))
	}
	for _, field := range f.Fields {
		x.Add(field.element(f.Type == Ask))
	}
	return x
}

func (f Field) element(whole bool) *stanza.Element {
	e := stanza.New(NS, "field").Set("var", f.Var).Set("type", f.Type)
	if whole {
		e.Set("label", f.Label)
		if f.Desc != "" {
			e.Add(stanza.New(NS, "desc").AddText(f.Desc))
		}
		if f.Required {
			e.Add(stanza.New(NS, "required"))
		}
	}
	for _, v := range f.Values {
		e.Add(stanza.New(NS, "value").AddText(v))
	}
	if whole {
		for _, o := range f.Options {
			e.Add(stanza.New(NS, "option").Set("label", o.Label).Add(stanza.New(NS, "value").AddText(o.Value)))
		}
	}
	return e
}

// Flag returns a boolean field.
func Flag(name, label string, on bool) Field {
	value := "0"
	if on {
		value = "1"
	}
	return Field{Var: name, Type: Boolean, Label: label, Values: []string{value}}
}

// Line returns a field with one line of text, which may be empty.
func Line(name, label, value string) Field {
	f := Field{Var: name, Type: TextSingle, Label: label}
	if value != "" {
		f.Values = []string{value}
	}
	return f
}

// Choice returns a field with one of several values.
func Choice(name, label, value string, options ...string) Field {
	f := Field{Var: name, Type: ListSingle, Label: label}
	if value != "" {
		f.Values = []string{value}
	}
	for _, o := range options {
		f.Options = append(f.Options, Option{Value: o})
	}
	return f
}
