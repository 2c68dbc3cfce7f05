package syndication

import (
	"bytes"
	"encoding/xml"
	"strings"
	"unicode/utf8"
)

// xmlWriter writes elements. Names are ours; texts and values of attributes are anybody's.
type xmlWriter struct{ bytes.Buffer }

func (w *xmlWriter) declaration() {
	w.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
}

// start opens an element. attrs are name, value, …; those with an empty value are left out.
func (w *xmlWriter) start(name string, attrs ...string) {
	w.tag(name, attrs)
	w.WriteString(">")
}

func (w *xmlWriter) tag(name string, attrs []string) {
	w.WriteString("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			w.WriteString(" " + attrs[i] + `="`)
			w.escape(attrs[i+1], true)
			w.WriteString(`"`)
		}
	}
}

func (w *xmlWriter) end(name string) { w.WriteString("</" + name + ">\n") }

// empty writes an element without content.
func (w *xmlWriter) empty(name string, attrs ...string) {
	w.tag(name, attrs)
	w.WriteString("/>\n")
}

// text writes an element with a text.
func (w *xmlWriter) text(name, text string, attrs ...string) {
	w.start(name, attrs...)
	w.escape(text, false)
	w.end(name)
}

// optional is text, but for an empty one.
func (w *xmlWriter) optional(name, text string, attrs ...string) {
	if text != "" {
		w.text(name, text, attrs...)
	}
}

// escape writes a text so that a parser reads it again as it is. What XML 1.0 cannot hold becomes U+FFFD.
func (w *xmlWriter) escape(s string, attribute bool) {
	last := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		var to string
		switch {
		case r == '&':
			to = "&amp;"
		case r == '<':
			to = "&lt;"
		case r == '>':
			to = "&gt;"
		case r == '"' && attribute:
			to = "&quot;"
		case r == '\r':
			to = "&#xD;"
		case r == '\n' && attribute:
			to = "&#xA;"
		case r == '\t' && attribute:
			to = "&#x9;"
		case r == utf8.RuneError && size == 1 || !xmlChar(r):
			to = "\uFFFD"
		}
		if to != "" {
			w.WriteString(s[last:i])
			w.WriteString(to)
			last = i + size
		}
		i += size
	}
	w.WriteString(s[last:])
}

// xmlChar is the production Char of XML 1.0, section 2.2.
func xmlChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// withoutDefaultNamespace returns a well-formed element so that it can stand where another default namespace holds: one
// that declares none of its own has none.
func withoutDefaultNamespace(element string) string {
	d := xml.NewDecoder(strings.NewReader(element))
	for {
		t, err := d.RawToken()
		if err != nil {
			return element
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range start.Attr {
			if a.Name.Space == "" && a.Name.Local == "xmlns" {
				return element
			}
		}
		name := strings.IndexByte(element, '<') + 1
		name += strings.IndexAny(element[name:], " \t\r\n/>")
		return element[:name] + ` xmlns=""` + element[name:]
	}
}
