package stanza

import (
	"strconv"
	"unicode/utf8"
)

// AppendXML appends the element as it stands inside of an element whose default namespace is space. It is well-formed
// whatever the element holds: what XML 1.0 cannot say becomes U+FFFD. Prefixes are ours.
func (e *Element) AppendXML(dst []byte, space string) []byte {
	dst = append(dst, '<')
	dst = append(dst, e.Name.Local...)
	if e.Name.Space != space {
		dst = AppendAttr(dst, "xmlns", e.Name.Space)
	}
	prefixes := 0
	for _, a := range e.Attrs {
		switch a.Name.Space {
		case "":
			dst = AppendAttr(dst, a.Name.Local, a.Value)
		case nsXML:
			dst = AppendAttr(dst, "xml:"+a.Name.Local, a.Value)
		default:
			prefix := "n" + strconv.Itoa(prefixes)
			prefixes++
			dst = AppendAttr(dst, "xmlns:"+prefix, a.Name.Space)
			dst = AppendAttr(dst, prefix+":"+a.Name.Local, a.Value)
		}
	}
	if len(e.Nodes) == 0 {
		return append(dst, '/', '>')
	}
	dst = append(dst, '>')
	for _, n := range e.Nodes {
		if n.Element != nil {
			dst = n.Element.AppendXML(dst, e.Name.Space)
		} else {
			dst = AppendText(dst, n.Text)
		}
	}
	dst = append(dst, '<', '/')
	dst = append(dst, e.Name.Local...)
	return append(dst, '>')
}

// NoSpace is for AppendXML: inside of nothing, every element declares its namespace.
const NoSpace = " "

// String returns the element as a document of its own.
func (e *Element) String() string { return string(e.AppendXML(nil, NoSpace)) }

// AppendAttr appends an attribute with a space before it.
func AppendAttr(dst []byte, name, value string) []byte {
	dst = append(dst, ' ')
	dst = append(dst, name...)
	dst = append(dst, '=', '\'')
	dst = AppendText(dst, value)
	return append(dst, '\'')
}

// AppendText appends text, escaped for content and for attributes alike.
func AppendText[T string | []byte](dst []byte, text T) []byte {
	s := string(text)
	last := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 || r == 0xFFFE || r == 0xFFFF {
				dst = append(append(dst, s[last:i]...), "\uFFFD"...)
				last = i + size
			}
			i += size
			continue
		}
		if escape := escapes[c]; escape != "" {
			dst = append(append(dst, s[last:i]...), escape...)
			last = i + 1
		}
		i++
	}
	return append(dst, s[last:]...)
}

// escapes are what stands for a byte. White space other than the space itself would not survive in an attribute.
var escapes = func() (table [utf8.RuneSelf]string) {
	for c := range 0x20 {
		table[c] = "\uFFFD"
	}
	for c, s := range map[byte]string{
		'<': "&lt;", '>': "&gt;", '&': "&amp;", '\'': "&apos;", '"': "&quot;", '\t': "&#9;", '\n': "&#10;", '\r': "&#13;",
	} {
		table[c] = s
	}
	return table
}()
