package syndication

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

var update = flag.Bool("update", false, "write the golden files anew")

var day = time.Date(2026, 3, 1, 12, 30, 15, 250_000_000, time.UTC)

// sample is a feed with every member that there is.
func sample() Feed {
	return Feed{
		ID: "tag:feeds.example.org,2026-01-02:blog", Title: "A blog & more", Description: "All of <it>", Link: "https://example.org/",
		Self: "https://feeds.example.org/feeds/blog.atom", Hubs: []string{"https://feeds.example.org/hub"}, Icon: "https://example.org/icon.png",
		Language: "en", Authors: []Author{{Name: "Ann", URL: "https://example.org/ann"}}, Updated: day.Add(time.Hour),
		Formats: []Format{
			{"Atom", "application/atom+xml", "https://feeds.example.org/feeds/blog.atom"},
			{"JSON Feed", "application/feed+json", "https://feeds.example.org/feeds/blog.json"},
		},
		Entries: []Entry{
			{
				ID: "tag:feeds.example.org,2026-01-02:blog/1", URL: "https://example.org/1?a=1&b=2", ExternalURL: "https://other.example/", Title: "Eins & <zwei>",
				ContentHTML: `<p onclick="evil()">Hello <b>you</b> &amp; me<script>alert(1)</script></p>`, Summary: "A summary", Image: "https://example.org/i.png",
				BannerImage: "https://example.org/b.png", Published: day, Updated: day.Add(time.Minute),
				Authors: []Author{{Name: "Bob"}, {Name: "Eve", URL: "https://example.org/eve"}}, Tags: []string{"one", "two & three"}, Language: "de",
				Attachments: []Attachment{{URL: "https://example.org/a.mp3", MIMEType: "audio/mpeg", Title: "Sound", Size: 12, Duration: 3.5}},
			},
			{ID: "https://example.org/2", ContentText: "First line of a text\nand a second one: 1 < 2\r\n\ttabbed", Updated: day},
			{ID: "tag:feeds.example.org,2026-01-02:blog/3", Title: "XML", ContentXML: `<a x="1"><b xmlns="urn:b">&lt;</b></a>`, Published: day, Updated: day,
				From: Origin{ID: "tag:feeds.example.org,2026-01-02:other", Title: "Other", URL: "https://feeds.example.org/feeds/other.atom"}},
			{ID: "tag:feeds.example.org,2026-01-02:blog/4", URL: "https://feeds.example.org/v1/feeds/blog/items/4", Title: "4", Published: day, Updated: day},
		},
		Deleted:  []Tombstone{{ID: "tag:feeds.example.org,2026-01-02:blog/0", When: day}},
		Complete: true,
	}
}

// hostile has in every member what could break a document.
func hostile() Feed {
	evil := "\x00\x0b\uFFFF]]>&<script>'\"\xff\u202e\n\r\t--> {{.}} ${x}"
	f := Feed{
		ID: "tag:x,2026-01-02:e", Title: evil, Description: evil, Self: "https://x.example/feeds/e.atom?a=%3C&b='", Language: "",
		Authors: []Author{{Name: evil}}, Updated: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	e := Entry{
		ID: "tag:x,2026-01-02:e/1", Title: evil, ContentHTML: evil, Summary: evil, Authors: []Author{{Name: evil}, {}}, Tags: []string{evil},
		Attachments: []Attachment{{URL: "https://x.example/%22", MIMEType: "a/" + evil, Title: evil}},
		Published:   time.Date(123456, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	text := e
	text.ID, text.ContentHTML, text.ContentText = "tag:x,2026-01-02:e/2", "", evil
	f.Entries = []Entry{e, text, {ID: "tag:x,2026-01-02:e/3", ContentHTML: strings.Repeat("<div>", 1000)}}
	return f
}

func documents(f Feed) map[string][]byte {
	return map[string][]byte{"atom": f.Atom(), "rss": f.RSS(), "json": f.JSON(), "html": f.HTML()}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]Feed{"sample": sample(), "empty": {ID: "tag:x,2026-01-02:e", Self: "https://x.example/feeds/e.atom"}} {
		for format, doc := range documents(f) {
			file := filepath.Join("testdata", "golden", name+"."+format)
			if *update {
				if err := os.WriteFile(file, doc, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(doc, want) {
				t.Errorf("%s is not as it was (go test -update writes it anew): %v\n%s", file, err, doc)
			}
		}
	}
}

func TestDocumentsAreValid(t *testing.T) {
	t.Parallel()
	for _, f := range []Feed{sample(), hostile(), {ID: "tag:x,2026-01-02:e", Self: "https://x.example/feeds/e.atom"}} {
		checkAtom(t, f.Atom())
		checkRSS(t, f.RSS())
		checkJSONFeed(t, f.JSON())
		for _, e := range f.Entries {
			checkAtom(t, e.AtomEntry())
		}
	}
}

func TestPageIsSafe(t *testing.T) {
	t.Parallel()
	for _, f := range []Feed{sample(), hostile()} {
		f.Link, f.Entries[0].URL, f.Entries[0].Image = "javascript:alert(1)", "javascript:alert(1)", "javascript:alert(1)"
		page := string(f.HTML())
		for _, bad := range []string{"<script", "onclick", "javascript:", "alert(1)"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page has %q:\n%s", bad, page)
			}
		}
	}
	page := string(sample().HTML())
	for _, link := range []string{
		`<link rel="hub" href="https://feeds.example.org/hub">`, `<link rel="self" href="https://feeds.example.org/feeds/blog.atom">`,
		`<link rel="alternate" type="application/feed+json" title="JSON Feed" href="https://feeds.example.org/feeds/blog.json">`,
		"<p>Hello <b>you</b> &amp; me</p>", `<pre>&lt;a x=&#34;1&#34;&gt;`,
	} {
		if !strings.Contains(page, link) {
			t.Errorf("the page has no %s:\n%s", link, page)
		}
	}
}

func item(body string) thoonk.Item {
	return thoonk.Item{ID: "i/1", Body: []byte(body), Published: day, Updated: day.Add(time.Hour)}
}

func TestItemsAsEntries(t *testing.T) {
	t.Parallel()
	feed := thoonk.Feed{Name: "team:1", Created: day}
	const id = "tag:feeds.example.org,2026-03-01:team:1/i%2F1"
	for name, test := range map[string]struct {
		content thoonk.Content
		by      map[string]string
		body    string
		want    Entry
	}{
		"entry": {thoonk.Entry, nil, `{"id": "https://example.org/x", "title": "T", "content_html": "<p>", "date_published": "2020-01-02T03:04:05+01:00",
			"authors": [{"name": "A"}, 5], "tags": ["a", 1, null], "attachments": [{"url": "https://e.org/f"}, {"mime_type": "x"}], "_ext": {"k": [1]}, "url": "javascript:x"}`,
			Entry{
				ID: "https://example.org/x", Title: "T", ContentHTML: "<p>", Published: time.Date(2020, 1, 2, 2, 4, 5, 0, time.UTC), Authors: []Author{{Name: "A"}, {Name: "5"}},
				Tags: []string{"a", "1"}, Attachments: []Attachment{{URL: "https://e.org/f", MIMEType: "application/octet-stream"}},
			}},
		"entry, against the declaration": {thoonk.Entry, nil, `not json`, Entry{ContentText: "not json"}},
		"entry, not an object":           {thoonk.Entry, nil, `[1]`, Entry{ContentText: "[1]"}},
		"entry, id of no URI":            {thoonk.Entry, nil, `{"id": 5, "content_text": "x"}`, Entry{ContentText: "x"}},
		"text":                           {thoonk.Text, nil, "Hello\nyou", Entry{ContentText: "Hello\nyou"}},
		"xml":                            {thoonk.XML, nil, "<a/>", Entry{ContentXML: "<a/>"}},
		"binary":                         {thoonk.Binary, nil, "\x00\xff", Entry{Title: "i/1", URL: "https://feeds.example.org/items/i/1"}},
		"undeclared, binary":             {thoonk.Undeclared, nil, "\x00\xff", Entry{Title: "i/1", URL: "https://feeds.example.org/items/i/1"}},
		"undeclared, a JSON text":        {thoonk.Undeclared, nil, `"Hello"`, Entry{ContentText: "Hello"}},
		"json, without a map":            {thoonk.JSON, nil, `{"title": "T", "n": 1}`, Entry{Title: "T", ContentText: `{"title": "T", "n": 1}`}},
		"json, mapped": {thoonk.JSON, map[string]string{
			"title": "/subject", "content_html": "/body/0/html", "date_published": "/at", "authors": "/from", "tags": "/labels", "url": "/a~1b/~0", "attachments": "/files", "summary": "/no",
		}, `{"subject": "S", "body": [{"html": "<i>"}], "at": 1577934245000, "from": {"name": "F", "url": "https://f.org/"}, "labels": "l", "a/b": {"~": "https://e.org/"}, "files": ["https://e.org/f"], "title": "not this"}`,
			Entry{
				Title: "S", ContentHTML: "<i>", Published: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), Authors: []Author{{Name: "F", URL: "https://f.org/"}},
				Tags: []string{"l"}, URL: "https://e.org/", Attachments: []Attachment{{URL: "https://e.org/f", MIMEType: "application/octet-stream"}},
			}},
		"json, mapped to nothing": {thoonk.JSON, map[string]string{"title": "/x/y/0", "content_text": "/n/0"}, `{"n": [{}], "x": "y"}`,
			Entry{ContentText: `{"n": [{}], "x": "y"}`}},
	} {
		feed.Config.Syndication.Map = test.by
		s := Source{Feed: feed, Host: "feeds.example.org", Item: func(id thoonk.ItemID) string { return "https://feeds.example.org/items/" + string(id) }}
		want := test.want
		if want.ID == "" {
			want.ID = id
		}
		want.Published = orTime(want.Published, day)
		want.Updated = orTime(want.Updated, day.Add(time.Hour))
		got := s.Entry(test.content, item(test.body))
		if string(got.Extensions["_ext"]) != map[string]string{"entry": `{"k": [1]}`}[name] {
			t.Errorf("%s: %s", name, got.Extensions)
		}
		got.Extensions = nil
		if string(got.JSON()) != string(want.JSON()) || got.ContentXML != want.ContentXML {
			t.Errorf("%s:\n got %s\nwant %s", name, got.JSON(), want.JSON())
		}
	}
}
