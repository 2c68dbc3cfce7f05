package syndication

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// The world's documents are often not what they say.
func TestParseTolerates(t *testing.T) {
	t.Parallel()
	const item = `<item><title>%s</title><guid>1</guid><pubDate>%s</pubDate></item>`
	rss := func(items string) string {
		return `<rss version="2.0"><channel><title>T</title>` + items + `</channel></rss>`
	}
	one := fmt.Sprintf(item, "caf\xe9", "Mon, 02 Jan 2006 15:04:05 GMT")
	for name, test := range map[string]struct {
		doc, contentType string
		title            string
		published        string
	}{
		"windows-1252, and says nothing":        {rss(one), "", "café", "2006-01-02T15:04:05Z"},
		"windows-1252, and says UTF-8":          {`<?xml version="1.0" encoding="UTF-8"?>` + rss(one), "", "café", "2006-01-02T15:04:05Z"},
		"windows-1252, declared":                {`<?xml version="1.0" encoding="windows-1252"?>` + rss(one), "", "café", "2006-01-02T15:04:05Z"},
		"ISO-8859-7, by the header":             {rss(one), "application/rss+xml; charset=ISO-8859-7", "cafι", "2006-01-02T15:04:05Z"},
		"UTF-8, an unknown character set":       {`<?xml version="1.0" encoding="x-klingon"?>` + rss(fmt.Sprintf(item, "café", "")), "", "café", ""},
		"a byte order mark and white space":     {"\xEF\xBB\xBF \n" + rss(fmt.Sprintf(item, "café", "")), "text/xml", "café", ""},
		"an entity of HTML":                     {rss(fmt.Sprintf(item, "caf&eacute; &amp; <![CDATA[<b>bar</b>]]>", "yesterday")), "", "café & bar", ""},
		"a title of HTML, escaped":              {rss(fmt.Sprintf(item, "caf&amp;eacute; &lt;i&gt;x&lt;/i&gt;", "0000-00-00")), "", "café x", ""},
		"a title that only looks like HTML":     {rss(fmt.Sprintf(item, "1 &lt; 2 and List&lt;T&gt;", "")), "", "1 < 2 and List<T>", ""},
		"cut off":                               {rss(fmt.Sprintf(item, "a", "") + "<item><title>b</ti"), "", "a", ""},
		"cut off, Atom":                         {`<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><title>a</title></entry><entry><id>2</id><tit`, "", "a", ""},
		"an unescaped ampersand":                {rss(fmt.Sprintf(item, "a & b", "")), "", "a & b", ""},
		"JSON Feed, version 1.0":                {`{"version": "https://jsonfeed.org/version/1", "items": [{"id": 1, "title": "a", "author": {"name": "N"}}, 5]}`, "", "a", ""},
		"RDF":                                   {`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel/><item rdf:about="u"><title>a</title></item></rdf:RDF>`, "", "a", ""},
		"Atom, with a prefix for its namespace": {`<x:feed xmlns:x="http://www.w3.org/2005/Atom"><x:entry><x:title>a</x:title></x:entry></x:feed>`, "", "a", ""},
	} {
		f, err := Parse([]byte(test.doc), test.contentType, "")
		if err != nil || len(f.Entries) != 1 || f.Entries[0].Title != test.title {
			t.Errorf("%s: %+v, %v", name, f.Entries, err)
			continue
		}
		if p := f.Entries[0].Published; test.published == "" && !p.IsZero() || test.published != "" && p.Format(time.RFC3339) != test.published {
			t.Errorf("%s: published %v", name, p)
		}
	}
}

// Nothing grows out of bounds, whatever is declared or nested.
func TestParseIsBounded(t *testing.T) {
	t.Parallel()
	bomb := `<!DOCTYPE r [<!ENTITY a "` + strings.Repeat("x", 1000) + `">`
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf(`<!ENTITY %c "%s">`, c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
	}
	bomb += `<!ENTITY file SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><title>&j;</title><item><title>&j;&file;</title></item></channel></rss>`
	f, err := Parse([]byte(bomb), "", "")
	if err == nil && (len(f.Title) > 1000 || len(f.Entries[0].Title) > 1000 || strings.Contains(f.Entries[0].Title, "root:")) {
		t.Errorf("entities were expanded: %d bytes", len(f.Title))
	}
	for name, doc := range map[string]string{
		"deep":         "<rss><channel><item>" + strings.Repeat("<a>", 2_000_000),
		"deep, closed": `<feed xmlns="http://www.w3.org/2005/Atom"><x:e xmlns:x="u">` + strings.Repeat("<x:a>", 300) + strings.Repeat("</x:a>", 300) + "</x:e></feed>",
		"deep JSON":    strings.Repeat(`{"items":[`, 100_000),
		"long":         "<rss>" + strings.Repeat(" ", MaxDocument),
		"many":         "<rss><channel>" + strings.Repeat("<item/>", maxParsed+1) + "</channel></rss>",
		"many stones":  `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="` + nsTombstones + `">` + strings.Repeat(`<at:deleted-entry ref="urn:x"/>`, maxParsed+1) + "</feed>",
		"HTML":         "<!DOCTYPE html><html><body><p>Not a feed</p></body></html>",
		"JSON":         `{"items": 5}`, "nothing": "", "bytes": "\x00\xff\xfe", "a picture": "\x89PNG\r\n\x1a\n",
	} {
		if f, err := Parse([]byte(doc), "", ""); thoonk.KindOf(err) != thoonk.Invalid && thoonk.KindOf(err) != thoonk.TooLarge {
			t.Errorf("%s: %d entries, %v", name, len(f.Entries), err)
		}
	}
}

// Dates before 1970 are dates: archives have them.
func TestOldDates(t *testing.T) {
	t.Parallel()
	old := time.Date(1918, 11, 11, 11, 0, 0, 0, time.UTC)
	for format, doc := range documents(Feed{ID: "urn:f", Self: "https://example.org/f", Updated: old, Entries: []Entry{
		{ID: "urn:e", Title: "T", ContentText: "x", Published: old, Updated: old.Add(time.Hour)},
		{ID: "urn:e:2", Title: "T", ContentText: "x", Published: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), Updated: time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)},
	}}) {
		if format == "html" {
			continue
		}
		f, err := Parse(doc, "", "")
		if err != nil || len(f.Entries) != 2 {
			t.Errorf("%s: %+v, %v", format, f, err)
			continue
		}
		a, b := f.Entries[0], f.Entries[1]
		if !a.Published.Equal(old) || !a.Updated.Equal(old.Add(time.Hour)) || b.Updated.Unix() != -1 || b.Published.Year() != 1 {
			t.Errorf("%s: %v %v, %v %v\n%s", format, a.Published, a.Updated, b.Published, b.Updated, doc)
		}
	}
}

func TestBelievable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	e := Entry{Published: now.Add(24 * time.Hour), Updated: now.Add(50 * time.Hour)}.Believable(now)
	if e.Published.IsZero() || !e.Updated.IsZero() {
		t.Error(e)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/golden/*")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc, "text/xml; charset=utf-8")
	}
	f.Add([]byte("<rss><channel><item><title>caf\xe9</title></item>"), "text/xml; charset=big5")
	f.Fuzz(func(t *testing.T, doc []byte, contentType string) {
		feed, err := Parse(doc, contentType, "https://example.org/a/feed?x")
		if err != nil {
			if k := thoonk.KindOf(err); k != thoonk.Invalid && k != thoonk.TooLarge {
				t.Fatal(err)
			}
			return
		}
		feed.ID, feed.Self = "tag:x,2026-01-02:f", "https://x.example/"
		if err := wellFormed(feed.Atom()); err != nil {
			t.Fatalf("%v\n%s", err, feed.Atom())
		}
		if err := wellFormed(feed.RSS()); err != nil {
			t.Fatalf("%v\n%s", err, feed.RSS())
		}
		again, err := Parse(feed.JSON(), "", "")
		if err != nil || len(again.Entries) != len(feed.Entries) {
			t.Fatalf("%v\n%s", err, feed.JSON())
		}
		if strings.Contains(string(feed.HTML()), "<script") {
			t.Fatalf("%s", feed.HTML())
		}
	})
}

func wellFormed(doc []byte) error {
	d := xml.NewDecoder(strings.NewReader(string(doc)))
	for {
		if _, err := d.Token(); err != nil {
			if err.Error() == "EOF" {
				return nil
			}
			return err
		}
	}
}

func FuzzAtomEntry(f *testing.F) {
	for _, e := range sample().Entries {
		f.Add(e.AtomEntry())
	}
	f.Add([]byte(`<entry xmlns="http://www.w3.org/2005/Atom" xmlns:x="urn:x"><id>urn:1</id><x:y x:z="1"/><rights>r</rights></entry>`))
	f.Fuzz(func(t *testing.T, element []byte) {
		e, err := ParseAtomEntry(element)
		if err != nil {
			return
		}
		stored, err := ParseEntry(e.JSON())
		if err != nil {
			t.Fatalf("%v\n%s", err, e.JSON())
		}
		if err := wellFormed(stored.AtomEntry()); err != nil {
			t.Fatalf("%v\n%s", err, stored.AtomEntry())
		}
		if _, err := ParseAtomEntry(stored.AtomEntry()); err != nil {
			t.Fatalf("%v\n%s", err, stored.AtomEntry())
		}
	})
}

func FuzzItem(f *testing.F) {
	f.Add("entry", []byte(`{"title": "T", "authors": [{"name": 5}], "attachments": ["https://e.org/"], "_x": 1}`), "/a/0")
	f.Add("json", []byte(`{"a": ["x"]}`), "/a/0")
	f.Add("xml", []byte(`<a b="xmlns='x'"/>`), "")
	f.Fuzz(func(t *testing.T, content string, body []byte, p string) {
		c, err := thoonk.ParseContent(content)
		if err != nil {
			return
		}
		s := Source{Feed: thoonk.Feed{Name: "f"}, Host: "x.example"}
		s.Feed.Config.Syndication.Map = map[string]string{"title": p, "attachments": p, "tags": p, "url": p}
		e := s.Entry(c, thoonk.Item{ID: "i", Body: body})
		feed := Feed{ID: s.FeedID(), Self: "https://x.example/", Entries: []Entry{e}}
		if err := wellFormed(feed.Atom()); err != nil {
			t.Fatalf("%v\n%s", err, feed.Atom())
		}
		if f, err := Parse(feed.Atom(), "", ""); err != nil || len(f.Entries) != 1 || f.Entries[0].ID != e.ID {
			t.Fatalf("%v\n%s", err, feed.Atom())
		}
		if _, err := Parse(feed.JSON(), "", ""); err != nil {
			t.Fatalf("%v\n%s", err, feed.JSON())
		}
	})
}
