package syndication

import (
	"bytes"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// place is where a document is: references in it are relative to that (RFC 3986 section 5.1.3). The parser knows of xml:base
// alone. The zero value is nowhere.
type place struct{ address *url.URL }

// at returns the place of an address. One that is none is nowhere.
func at(address string) place {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return place{}
	}
	return place{u}
}

// url returns an absolute URL, or "".
func (p place) url(reference string) string {
	reference = strings.TrimSpace(reference)
	if absolute := cleanURL(reference); absolute != "" || p.address == nil || reference == "" {
		return absolute
	}
	u, err := p.address.Parse(reference)
	if err != nil {
		return ""
	}
	return cleanURL(u.String())
}

// html makes references of HTML absolute, and leaves the rest of it byte for byte. Those into the text itself stay.
func (p place) html(text string) string {
	if p.address == nil || !strings.Contains(text, "<") {
		return text
	}
	var out bytes.Buffer
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			out.Write(z.Raw())
			return out.String()
		case html.StartTagToken, html.SelfClosingTagToken:
			raw := string(z.Raw()) // before Token, which changes it
			if t := z.Token(); p.resolve(t.Attr) {
				raw = t.String()
			}
			out.WriteString(raw)
		default:
			out.Write(z.Raw())
		}
	}
}

// resolve makes attributes absolute that are references, and reports whether any was not.
func (p place) resolve(attrs []html.Attribute) (changed bool) {
	for i, a := range attrs {
		switch a.Key {
		case "href", "src", "cite", "poster":
		default:
			continue
		}
		if u, err := url.Parse(strings.TrimSpace(a.Val)); err != nil || u.IsAbs() || u.Host == "" && u.Path == "" && u.RawQuery == "" {
			continue
		}
		if absolute := p.url(a.Val); absolute != "" {
			attrs[i].Val = absolute
			changed = true
		}
	}
	return changed
}
