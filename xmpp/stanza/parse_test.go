package stanza

import (
	"strings"
	"testing"
)

func TestParseAndEncode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want string }{
		{`<iq/>`, `<iq xmlns='jabber:client'/>`},
		{`<iq xmlns='jabber:component:accept'><error xmlns='jabber:server'/></iq>`, `<iq xmlns='jabber:client'><error/></iq>`},
		{`<m:message xmlns:m="jabber:client"><x xmlns="u:a" b="1">t<y/>u</x></m:message>`, `<message xmlns='jabber:client'><x xmlns='u:a' b='1'>t<y/>u</x></message>`},
		{`<message><x xmlns='u:a' xmlns:q='u:q' q:c='1' xml:lang='de'><q:y/></x></message>`,
			`<message xmlns='jabber:client'><x xmlns='u:a' xmlns:n0='u:q' n0:c='1' xml:lang='de'><y xmlns='u:q'/></x></message>`},
		{`<message><x xmlns=''>1 &lt; 2 &amp; &#x263a;<![CDATA[<&>]]></x></message>`, `<message xmlns='jabber:client'><x xmlns=''>1 &lt; 2 &amp; ☺&lt;&amp;&gt;</x></message>`},
		{`<message a='&#10;&#9;'/>`, `<message xmlns='jabber:client' a='&#10;&#9;'/>`},
	} {
		e, err := Parse([]byte(test.in))
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if got := e.String(); got != test.want {
			t.Errorf("%s:\n\tgot  %s\n\twant %s", test.in, got, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"nothing":          ``,
		"two":              `<a/><b/>`,
		"unclosed":         `<a><b></b>`,
		"crossed":          `<a><b></a></b>`,
		"text outside":     `<a/>b`,
		"comment":          `<a><!-- c --></a>`,
		"instruction":      `<a><?php ?></a>`,
		"doctype":          `<!DOCTYPE a [<!ENTITY b "c">]><a/>`,
		"entity":           `<a>&b;</a>`,
		"prefix":           `<a><b:c/></a>`,
		"prefix of attr":   `<a b:c='d'/>`,
		"twice":            `<a b='1' b='2'/>`,
		"twice by prefix":  `<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>`,
		"declared twice":   `<a xmlns='u' xmlns='v'/>`,
		"colons":           `<a:b:c xmlns:a='u'/>`,
		"colon in front":   `<:a/>`,
		"prefix undone":    `<a xmlns:b=''/>`,
		"control":          "<a>\x01</a>",
		"no UTF-8":         "<a>\xff</a>",
		"deep":             strings.Repeat("<a>", MaxDepth+1) + strings.Repeat("</a>", MaxDepth+1),
		"many attributes":  "<a" + strings.Repeat(" b='c'", MaxAttributes+1) + "/>",
		"many elements":    "<a>" + strings.Repeat("<b/>", MaxElements) + "</a>",
		"unquoted":         `<a b=c/>`,
		"xml as a prefix":  `<a xmlns:xml='u'/>`,
		"xmlns as element": `<xmlns:a/>`,
	} {
		if e, err := Parse([]byte(in)); err == nil {
			t.Errorf("%s: %s is taken as %s", name, in[:min(len(in), 80)], e.String()[:min(len(in), 80)])
		}
	}
}

// What was parsed is written so that it is parsed alike, and never holds what XMPP forbids.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`<iq type='get' id='1'><query xmlns='u'/></iq>`, `<message><body>a&amp;b</body></message>`, `<a xmlns='' b='&#13;'/>`,
		`<x:a xmlns:x='u' x:b='c' xml:lang='d'>t<![CDATA[u]]></x:a>`, `<stream:error/>`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		e, err := Parse(in)
		if err != nil {
			return
		}
		once := e.String()
		again, err := Parse([]byte(once))
		if err != nil {
			t.Fatalf("%q became %q: %v", in, once, err)
		}
		if twice := again.String(); twice != once {
			t.Fatalf("%q, then %q", once, twice)
		}
		_, _ = ParseStanza(e)
		_ = ParseError(e)
		_ = AppendError(nil, e, Err(BadRequest))
	})
}
