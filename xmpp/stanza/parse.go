package stanza

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of what [Parse] takes. Sizes are the framer's business.
const (
	MaxDepth      = 64
	MaxAttributes = 64    // of one element
	MaxElements   = 20000 // of one stanza
)

// Parse reads one stanza as it stood in a stream whose default namespace is the component's, or any element alone that declares
// its own. The namespaces of component, client and server streams all become [NSClient]. The error says what is wrong
// with it. The element then is what was read before the fault, so that its sender can be answered: nil if not even the
// first start tag was.
func Parse(b []byte) (*Element, error) {
	p := parser{decoder: xml.NewDecoder(bytes.NewReader(b))}
	for {
		t, err := p.decoder.RawToken()
		if errors.Is(err, io.EOF) {
			if p.root == nil || len(p.open) > 0 {
				return p.root, errors.New("exactly one whole element is needed")
			}
			return p.root, nil
		}
		if err == nil {
			err = p.token(t)
		}
		if err != nil {
			return p.root, err
		}
	}
}

// answered are the attributes that an answer needs.
var answered = []string{"type", "id", "from", "to"}

type parser struct {
	decoder  *xml.Decoder
	root     *Element
	open     []scope
	elements int
}

// scope is an element that is not closed yet.
type scope struct {
	element  *Element
	raw      xml.Name // Space is the prefix
	prefixes map[string]string
}

func (p *parser) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		last := len(p.open) - 1
		if last < 0 || p.open[last].raw != t.Name {
			return errors.New("an end tag that ends no open element")
		}
		p.open = p.open[:last]
	case xml.CharData:
		if len(p.open) == 0 {
			if len(bytes.TrimSpace(t)) > 0 {
				return errors.New("text outside of the element")
			}
			return nil
		}
		e := p.open[len(p.open)-1].element
		e.Nodes = append(e.Nodes, Node{Text: string(t)})
	default:
		return errors.New("comments, processing instructions and declarations are not allowed in XMPP") // RFC 6120 section 11.1
	}
	return nil
}

func (p *parser) start(t xml.StartElement) error {
	p.elements++
	switch {
	case len(p.open) == 0 && p.root != nil:
		return errors.New("more than one element")
	case len(p.open) == MaxDepth:
		return fmt.Errorf("elements are nested more than %d deep", MaxDepth)
	case strings.Contains(t.Name.Local, ":"):
		return errors.New("a name with more than one colon, or nothing on one side of it")
	case p.elements > MaxElements:
		return fmt.Errorf("more than %d elements", MaxElements)
	}
	e := &Element{}
	s := scope{element: e, raw: t.Name}
	for _, a := range t.Attr {
		if err := s.declare(a); err != nil {
			return err
		}
	}
	if len(p.open) == 0 {
		p.root = e
	} else {
		parent := p.open[len(p.open)-1].element
		parent.Nodes = append(parent.Nodes, Node{Element: e})
	}
	p.open = append(p.open, s)
	space, err := p.namespace(t.Name.Space)
	if err != nil {
		return err
	}
	e.Name = xml.Name{Space: space, Local: t.Name.Local}
	if len(t.Attr) > MaxAttributes {
		for _, a := range t.Attr {
			if a.Name.Space == "" && slices.Contains(answered, a.Name.Local) && len(e.Attrs) < len(answered) {
				e.Attrs = append(e.Attrs, a)
			}
		}
		return fmt.Errorf("an element has more than %d attributes", MaxAttributes)
	}
	return p.attributes(e, t.Attr)
}

// declare notes a declaration of a namespace.
func (s *scope) declare(a xml.Attr) error {
	prefix := a.Name.Local
	switch {
	case a.Name.Space == "" && prefix == "xmlns":
		prefix = ""
	case a.Name.Space != "xmlns":
		return nil
	case a.Value == "" || prefix == "xmlns" || (prefix == "xml") != (a.Value == nsXML):
		return errors.New("a prefix is declared that cannot be") // Namespaces in XML 1.0, section 3
	}
	if s.prefixes == nil {
		s.prefixes = make(map[string]string)
	}
	if _, twice := s.prefixes[prefix]; twice {
		return errors.New("an attribute appears twice")
	}
	s.prefixes[prefix] = a.Value
	return nil
}

func (p *parser) attributes(e *Element, attrs []xml.Attr) error {
	for _, a := range attrs {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		name := xml.Name{Local: a.Name.Local}
		if strings.Contains(name.Local, ":") {
			return errors.New("a name with more than one colon, or nothing on one side of it")
		}
		if a.Name.Space != "" {
			var err error
			if name.Space, err = p.namespace(a.Name.Space); err != nil {
				return err
			}
		}
		for _, other := range e.Attrs {
			if other.Name == name {
				return errors.New("an attribute appears twice")
			}
		}
		e.Attrs = append(e.Attrs, xml.Attr{Name: name, Value: a.Value})
	}
	return nil
}

// namespace returns what a prefix stands for.
func (p *parser) namespace(prefix string) (string, error) {
	if prefix == "xml" {
		return nsXML, nil
	}
	for i := len(p.open) - 1; i >= 0; i-- {
		if space, ok := p.open[i].prefixes[prefix]; ok {
			if space == nsComponent || space == nsServer {
				return NSClient, nil
			}
			return space, nil
		}
	}
	switch prefix {
	case "":
		return NSClient, nil // the stream's
	case "stream":
		return NSStreams, nil
	}
	return "", errors.New("a prefix is not declared")
}
