package stanza

import (
	"encoding/xml"
	"iter"
	"strings"
)

// Element is one XML element with all that is in it. Names carry namespaces, not prefixes.
type Element struct {
	Name  xml.Name
	Attrs []xml.Attr // without declarations of namespaces
	Nodes []Node
}

// Node is a part of an element's content: an element, or text if Element is nil.
type Node struct {
	Element *Element
	Text    string
}

// New returns an empty element.
func New(space, local string) *Element {
	return &Element{Name: xml.Name{Space: space, Local: local}}
}

// Set sets an attribute without a namespace and returns e. An empty value removes it.
func (e *Element) Set(name, value string) *Element {
	for i, a := range e.Attrs {
		if a.Name.Space == "" && a.Name.Local == name {
			e.Attrs = append(e.Attrs[:i:i], e.Attrs[i+1:]...)
			break
		}
	}
	if value != "" {
		e.Attrs = append(e.Attrs, xml.Attr{Name: xml.Name{Local: name}, Value: value})
	}
	return e
}

// Add appends elements, leaving out nil ones, and returns e.
func (e *Element) Add(children ...*Element) *Element {
	for _, c := range children {
		if c != nil {
			e.Nodes = append(e.Nodes, Node{Element: c})
		}
	}
	return e
}

// AddText appends text and returns e.
func (e *Element) AddText(text string) *Element {
	if text != "" {
		e.Nodes = append(e.Nodes, Node{Text: text})
	}
	return e
}

// Attr returns the attribute with this name and no namespace, or "". Of a nil element it is "", as are all reads of one.
func (e *Element) Attr(name string) string {
	v, _ := e.LookupAttr(name)
	return v
}

// LookupAttr also reports whether the attribute is there.
func (e *Element) LookupAttr(name string) (string, bool) {
	if e == nil {
		return "", false
	}
	for _, a := range e.Attrs {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

// Lang returns xml:lang as the element itself has it.
func (e *Element) Lang() string {
	if e == nil {
		return ""
	}
	for _, a := range e.Attrs {
		if a.Name.Space == nsXML && a.Name.Local == "lang" {
			return a.Value
		}
	}
	return ""
}

// Is reports whether the element has this name.
func (e *Element) Is(space, local string) bool {
	return e != nil && e.Name.Local == local && e.Name.Space == space
}

// Children yields the elements in e.
func (e *Element) Children() iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		if e == nil {
			return
		}
		for _, n := range e.Nodes {
			if n.Element != nil && !yield(n.Element) {
				return
			}
		}
	}
}

// Named yields the elements in e that have this name.
func (e *Element) Named(space, local string) iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		for c := range e.Children() {
			if c.Is(space, local) && !yield(c) {
				return
			}
		}
	}
}

// First returns the first element in e, or nil.
func (e *Element) First() *Element {
	for c := range e.Children() {
		return c
	}
	return nil
}

// Child returns the first element in e that has this name, or nil.
func (e *Element) Child(space, local string) *Element {
	for c := range e.Named(space, local) {
		return c
	}
	return nil
}

// Text returns the text in e, without that of the elements in it.
func (e *Element) Text() string {
	if e == nil {
		return ""
	}
	if len(e.Nodes) == 1 {
		return e.Nodes[0].Text
	}
	var b strings.Builder
	for _, n := range e.Nodes {
		b.WriteString(n.Text)
	}
	return b.String()
}
