package syndication

import (
	"strings"
	"testing"
)

// What Atom says and JSON Feed cannot goes through both, in its own namespaces.
func TestForeignElementsAreKept(t *testing.T) {
	t.Parallel()
	const in = `<a:entry xmlns:a="http://www.w3.org/2005/Atom" xmlns:thr="http://purl.org/syndication/thread/1.0" xmlns:g="urn:g"><a:id>urn:1</a:id><a:title>T</a:title><a:updated>2026-01-01T00:00:00Z</a:updated>` +
		`<thr:in-reply-to ref="urn:0" g:x="a&amp;&lt;"/><a:link rel="replies" href="xmpp:b.example?;node=c"/><a:link rel="alternate" href="https://e.org/"/>` +
		`<a:rights>Ours</a:rights><g:place xml:lang="en">Here <b>&amp;</b><thr:x/></g:place></a:entry>`
	e, err := ParseAtomEntry([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := ParseEntry(e.JSON())
	if err != nil {
		t.Fatal(err)
	}
	out := string(stored.AtomEntry())
	if err := wellFormed([]byte(out)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`<in-reply-to xmlns="http://purl.org/syndication/thread/1.0" ref="urn:0" xmlns:n1="urn:g" n1:x="a&amp;&lt;"></in-reply-to>`,
		`<link xmlns="http://www.w3.org/2005/Atom" rel="replies" href="xmpp:b.example?;node=c"></link>`, `<rights xmlns="http://www.w3.org/2005/Atom">Ours</rights>`,
		`<place xmlns="urn:g" xml:lang="en">Here <b xmlns="">&amp;</b><x xmlns="http://purl.org/syndication/thread/1.0"></x></place>`,
	} {
		if strings.Count(out, want) != 1 {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	if strings.Count(out, "https://e.org/") != 1 {
		t.Errorf("%s", out)
	}
	again, err := ParseAtomEntry([]byte(out))
	if err != nil || string(again.JSON()) != string(e.JSON()) {
		t.Errorf("%v\n got %s\nwant %s", err, again.JSON(), e.JSON())
	}
}

// Whatever stands in a body, an entry stays one entry.
func TestForeignElementsAreReadAgain(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`</entry><entry>`, `<x`, `<!--`, `<id xmlns=\"http://www.w3.org/2005/Atom\">urn:2</id>`, `<x xmlns:=\"\"/>`, `text`, `<x xmlns=\"urn:x\">` + strings.Repeat("<a>", 1000),
		strings.Repeat("x", maxForeign+1), `&lol;`, `<p:x/>`, `<x xmlns=\"urn:\u0000\"/>`,
	} {
		e, err := ParseEntry([]byte(`{"id":"urn:1","title":"T","content_text":"x","_atom":"` + text + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		out := e.AtomEntry()
		if err := wellFormed(out); err != nil || strings.Count(string(out), "<id") != 1 || strings.Count(string(out), "<entry") != 1 {
			t.Errorf("%q: %v\n%s", text, err, out)
		}
	}
}
