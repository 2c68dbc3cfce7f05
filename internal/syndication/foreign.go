package syndication

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// atomExtension is the member of an entry that keeps what an Atom entry has and an item of JSON Feed has no place for: a
// text of XML elements, each with all its namespaces. So an entry that came from Atom goes out as it came: replies
// (RFC 4685), places, rights.
const atomExtension = "_atom"

const maxForeign = 64 << 10 // bytes of these elements

// element is an XML element with its namespaces resolved.
type element struct {
	name    xml.Name
	attr    []xml.Attr
	content []any // element or string
}

// readElements reads the children of the first element of a document.
func readElements(doc string) ([]element, error) {
	d := xml.NewDecoder(strings.NewReader(doc))
	open := []*element{{}}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			if len(open) > maxDepth {
				return nil, errTooDeep
			}
			open = append(open, &element{name: t.Name, attr: append([]xml.Attr(nil), t.Attr...)})
		case xml.EndElement:
			open = open[:len(open)-1]
			parent := open[len(open)-1]
			parent.content = append(parent.content, *top)
		case xml.CharData:
			top.content = append(top.content, string(t))
		}
	}
	var children []element
	for _, root := range open[0].content {
		if root, ok := root.(element); ok {
			for _, c := range root.content {
				if c, ok := c.(element); ok {
					children = append(children, c)
				}
			}
			break
		}
	}
	return children, nil
}

func (e element) get(name string) string {
	for _, a := range e.attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// foreign reports whether the element, a child of an Atom entry, says what no member of [Entry] does.
func (e element) foreign() bool {
	switch e.name.Space {
	case nsAtom:
		switch e.name.Local {
		case "contributor", "rights", "source":
			return true
		case "link":
			switch e.get("rel") {
			case "", "alternate", "related", "enclosure", "self":
				return false
			}
			return true
		}
		return false
	case nsMedia:
		return e.name.Local != "thumbnail" && e.name.Local != "content"
	case "", nsTombstones, nsHistory:
		return false
	}
	return true
}

// element writes an element so that it means the same wherever it stands.
func (w *xmlWriter) element(e element, within string) {
	attrs := []string{}
	prefixes := 0
	for _, a := range e.attr {
		switch {
		case a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns":
		case a.Name.Space == "":
			attrs = append(attrs, a.Name.Local, a.Value)
		case a.Name.Space == "http://www.w3.org/XML/1998/namespace":
			attrs = append(attrs, "xml:"+a.Name.Local, a.Value)
		default:
			prefixes++
			prefix := "n" + strconv.Itoa(prefixes)
			attrs = append(attrs, "xmlns:"+prefix, a.Name.Space, prefix+":"+a.Name.Local, a.Value)
		}
	}
	w.WriteString("<" + e.name.Local)
	if e.name.Space != within {
		w.WriteString(` xmlns="`)
		w.escape(e.name.Space, true)
		w.WriteString(`"`)
	}
	for i := 0; i < len(attrs); i += 2 {
		w.WriteString(" " + attrs[i] + `="`)
		w.escape(attrs[i+1], true)
		w.WriteString(`"`)
	}
	w.WriteString(">")
	for _, c := range e.content {
		switch c := c.(type) {
		case string:
			w.escape(c, false)
		case element:
			w.element(c, e.name.Space)
		}
	}
	w.WriteString("</" + e.name.Local + ">")
}

// foreignOf returns the elements of an Atom entry that say what no member of [Entry] does, as text.
func foreignOf(doc string) string {
	children, err := readElements(doc)
	if err != nil {
		return ""
	}
	var w xmlWriter
	for _, c := range children {
		if c.foreign() {
			w.element(c, "")
		}
	}
	if w.Len() > maxForeign {
		return ""
	}
	return w.String()
}

// foreign writes what atomExtension keeps. It is read again: anybody can have written it.
func (w *xmlWriter) foreign(e Entry) {
	var text string
	if raw, ok := e.Extensions[atomExtension]; !ok || json.Unmarshal(raw, &text) != nil || len(text) > maxForeign {
		return
	}
	w.WriteString(foreignOf("<entry>" + text + "</entry>"))
}
