package syndication

import (
	"slices"
	"strings"
	"testing"
)

// References are relative to where the document is, or to what its xml:base says of that (RFC 4287 section 2).
func TestRelativeReferences(t *testing.T) {
	t.Parallel()
	const head = `<feed xmlns="http://www.w3.org/2005/Atom"`
	const links = `><link rel="hub" href="/hub"/><link rel="self" href="feed.atom"/><entry><id>urn:e:1</id><title>T</title><link href="?p=1"/>
		<link rel="enclosure" type="audio/mp3" href="../a.mp3"/><author><name>N</name><uri>/n</uri></author>
		<content type="html">&lt;p&gt;&lt;a href="x/y?a=1&amp;amp;b=2"&gt;y&lt;/a&gt; &lt;img src=/i.png alt='&amp;lt;'&gt; &lt;a href="#note"&gt;1&lt;/a&gt; &lt;a href="mailto:a@b.c"&gt; 1 &amp;lt; 2&lt;/p&gt;</content></entry></feed>`
	for name, test := range map[string]struct {
		doc, address             string
		hub, self, url, file, by string
		html                     string
	}{
		"by its address": {
			head + links, "https://example.org/blog/feed.xml?x=1",
			"https://example.org/hub", "https://example.org/blog/feed.atom", "https://example.org/blog/feed.xml?p=1", "https://example.org/a.mp3", "https://example.org/n",
			`<p><a href="https://example.org/blog/x/y?a=1&amp;b=2">y</a> <img src="https://example.org/i.png" alt="&lt;"> <a href="#note">1</a> <a href="mailto:a@b.c"> 1 &lt; 2</p>`,
		},
		"of a base that is relative itself": {
			head + ` xml:base="/other/"` + links, "https://example.org/blog/feed.xml",
			"https://example.org/hub", "https://example.org/other/feed.atom", "https://example.org/other/?p=1", "https://example.org/a.mp3", "https://example.org/n", "",
		},
		"nowhere": {head + links, "", "", "", "", "", "", `<p><a href="x/y?a=1&amp;b=2">y</a> <img src=/i.png alt='&lt;'> <a href="#note">1</a> <a href="mailto:a@b.c"> 1 &lt; 2</p>`},
	} {
		f, err := Parse([]byte(test.doc), "", test.address)
		if err != nil || len(f.Entries) != 1 {
			t.Errorf("%s: %+v, %v", name, f, err)
			continue
		}
		e := f.Entries[0]
		file, hub, by := "", "", ""
		if len(e.Attachments) > 0 {
			file = e.Attachments[0].URL
		}
		if len(f.Hubs) > 0 {
			hub = f.Hubs[0]
		}
		if len(e.Authors) > 0 {
			by = e.Authors[0].URL
		}
		if hub != test.hub || f.Self != test.self || e.URL != test.url || file != test.file || by != test.by || e.ID != "urn:e:1" {
			t.Errorf("%s: %q %q %q %q %q %q", name, hub, f.Self, e.URL, file, by, e.ID)
		}
		if test.html != "" && e.ContentHTML != test.html {
			t.Errorf("%s:\n%s\nwant\n%s", name, e.ContentHTML, test.html)
		}
	}
}

// Ids are compared as they stand, and are no references.
func TestIDsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	ids := []string{"e 1", "HTTP://Example.org/\u00fc", "http://example.org/a/../b", "urn:x:%7e", "5", "a&b"}
	doc := `<a:feed xmlns:a="http://www.w3.org/2005/Atom" xml:base="https://example.org/x/"><a:id>f</a:id>`
	for _, id := range ids {
		doc += "<a:entry><a:source><a:id>other</a:id></a:source><a:id>\n" + strings.ReplaceAll(id, "&", "<![CDATA[&]]>") + " </a:id><a:title>t</a:title><a:content type=\"xhtml\"><entry><id>no</id></entry></a:content></a:entry>"
	}
	f, err := Parse([]byte(doc+"</a:feed>"), "", "https://example.org/feed")
	if err != nil || len(f.Entries) != len(ids) {
		t.Fatalf("%+v, %v", f, err)
	}
	for i, e := range f.Entries {
		if e.ID != ids[i] {
			t.Errorf("%q became %q", ids[i], e.ID)
		}
	}
	latin := `<?xml version="1.0" encoding="ISO-8859-1"?><feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:` + "\xfc" + `</id><title>t</title></entry></feed>`
	if f, err := Parse([]byte(latin), "", ""); err != nil || len(f.Entries) != 1 || f.Entries[0].ID != "urn:\u00fc" && f.Entries[0].ID != "urn:%C3%BC" {
		t.Errorf("%+v, %v", f.Entries, err)
	}
}

func TestRelativeReferencesOfRSS(t *testing.T) {
	t.Parallel()
	const doc = `<rss version="2.0"><channel><title>T</title><link>/</link><item><title>a</title><link>/a</link><description>&lt;img src="i.png"&gt;</description><enclosure url="f.mp3"/></item>
		<item><title>b</title><link>javascript:alert(1)</link></item><item><title>c</title><link>//cdn.example.org/c</link></item></channel></rss>`
	f, err := Parse([]byte(doc), "", "http://example.org/d/rss")
	if err != nil || len(f.Entries) != 3 || f.Link != "http://example.org/" {
		t.Fatalf("%+v, %v", f, err)
	}
	a := f.Entries[0]
	if got := []string{a.URL, a.ContentHTML, a.Attachments[0].URL, f.Entries[1].URL, f.Entries[2].URL}; !slices.Equal(got, []string{
		"http://example.org/a", `<img src="http://example.org/d/i.png">`, "http://example.org/d/f.mp3", "", "http://cdn.example.org/c",
	}) {
		t.Errorf("%q", got)
	}
}
