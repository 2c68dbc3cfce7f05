package thoonk

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// checkXML accepts exactly one element, well-formed and namespace-well-formed (XML 1.0, Namespaces in XML 1.0), with
// nothing but white space around it. Comments, processing instructions and document type declarations are refused
// anywhere, the XML declaration too: XMPP allows none of them in a stanza (RFC 6120 section 11.1), and no document of ours
// could take them over.
func checkXML(b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	c := xmlChecker{}
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return c.end()
		}
		if err != nil {
			return err
		}
		if err := c.token(t); err != nil {
			return err
		}
	}
}

// xmlChecker checks what encoding/xml does not: that attributes are unique and prefixes bound.
type xmlChecker struct {
	open  []openElement
	roots int
}

type openElement struct {
	name     xml.Name // Space is the prefix
	prefixes map[string]string
}

func (c *xmlChecker) end() error {
	if len(c.open) > 0 || c.roots != 1 {
		return errors.New("exactly one element is needed")
	}
	return nil
}

func (c *xmlChecker) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return c.start(t)
	case xml.EndElement:
		if len(c.open) == 0 || c.open[len(c.open)-1].name != t.Name {
			return fmt.Errorf("</%s> ends no open element", qualified(t.Name))
		}
		c.open = c.open[:len(c.open)-1]
	case xml.CharData:
		if len(c.open) == 0 && len(bytes.Trim(t, " \t\r\n")) > 0 {
			return errors.New("text outside of the element")
		}
	default:
		return errors.New("comments, processing instructions and declarations are not allowed")
	}
	return nil
}

func (c *xmlChecker) start(t xml.StartElement) error {
	if len(c.open) == 0 {
		c.roots++
	}
	e := openElement{name: t.Name}
	for _, a := range t.Attr {
		if err := e.declare(a); err != nil {
			return err
		}
	}
	c.open = append(c.open, e)
	if t.Name.Space == "xmlns" {
		return errors.New("xmlns is no prefix for elements")
	}
	if _, err := c.namespace(t.Name.Space); err != nil {
		return err
	}
	seen := make(map[xml.Name]bool, len(t.Attr))
	for _, a := range t.Attr {
		name := a.Name
		if name.Space != "" && name.Space != "xmlns" { // two prefixes may stand for one namespace
			space, err := c.namespace(name.Space)
			if err != nil {
				return err
			}
			name.Space = "{" + space
		}
		if seen[name] {
			return fmt.Errorf("attribute %s is given twice", qualified(a.Name))
		}
		seen[name] = true
	}
	return nil
}

// declare takes in a namespace declaration, if the attribute is one.
func (e *openElement) declare(a xml.Attr) error {
	prefix := a.Name.Local
	if a.Name.Space == "" && prefix == "xmlns" {
		prefix = ""
	} else if a.Name.Space != "xmlns" {
		return nil
	}
	const xmlSpace, xmlnsSpace = "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"
	if prefix != "" && a.Value == "" || prefix == "xmlns" || a.Value == xmlnsSpace || (prefix == "xml") != (a.Value == xmlSpace) {
		return fmt.Errorf("%s=%q declares no namespace", qualified(a.Name), a.Value)
	}
	if e.prefixes == nil {
		e.prefixes = make(map[string]string)
	}
	e.prefixes[prefix] = a.Value
	return nil
}

// namespace returns what a prefix stands for.
func (c *xmlChecker) namespace(prefix string) (string, error) {
	if prefix == "" || prefix == "xml" {
		return prefix, nil
	}
	for i := len(c.open) - 1; i >= 0; i-- {
		if space, ok := c.open[i].prefixes[prefix]; ok {
			return space, nil
		}
	}
	return "", fmt.Errorf("the prefix %s is not bound", prefix)
}

func qualified(n xml.Name) string { return strings.TrimPrefix(n.Space+":"+n.Local, ":") }
