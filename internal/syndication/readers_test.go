package syndication

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mmcdole/gofeed"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// gofeed reads our documents and finds in them what we put in.
func TestGofeedReadsOurs(t *testing.T) {
	t.Parallel()
	f := sample()
	for format, doc := range documents(f) {
		if format == "html" {
			continue
		}
		got, err := gofeed.NewParser().Parse(bytes.NewReader(doc))
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if got.Title != f.Title || got.Description != f.Description || got.Link != f.Link || got.FeedLink != f.Self || len(got.Items) != len(f.Entries) {
			t.Errorf("%s: %v", format, got)
		}
		for i, e := range f.Entries {
			item := got.Items[i]
			if item.GUID != e.ID || item.Link != e.URL || e.Title != "" && item.Title != e.Title {
				t.Errorf("%s: %+v", format, item)
			}
			if format != "rss" && !item.UpdatedParsed.Equal(e.Updated) {
				t.Errorf("%s: updated %v", format, item.UpdatedParsed)
			}
			if want := max(e.Published.Unix(), 0); want > 0 && item.PublishedParsed.Unix() != want {
				t.Errorf("%s: published %v", format, item.PublishedParsed)
			}
		}
		first := got.Items[0]
		if first.Content != f.Entries[0].ContentHTML || first.Description != "A summary" || strings.Join(first.Categories, "|") != "one|two & three" ||
			len(first.Authors) != map[string]int{"atom": 2, "json": 2, "rss": 1}[format] || first.Authors[0].Name != "Bob" || len(first.Enclosures) != 1 || *first.Enclosures[0] != (gofeed.Enclosure{URL: "https://example.org/a.mp3", Length: "12", Type: "audio/mpeg"}) {
			t.Errorf("%s: %v", format, first)
		}
	}
}

// feedparser of Debian reads our documents too.
func TestFeedparserReadsOurs(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import feedparser").Run() != nil {
		thoonktest.Missing(t, "python3-feedparser is not installed (apt-get install python3-feedparser)")
	}
	const script = `
import feedparser, json, sys
d = feedparser.parse(sys.stdin.buffer.read())
json.dump({
    "bozo": bool(d.bozo), "version": d.version, "title": d.feed.get("title"), "links": {l.rel: l.href for l in d.feed.get("links", [])},
    "entries": [{
        "id": e.get("id"), "title": e.get("title"), "link": e.get("link", ""), "updated": e.get("updated", ""), "published": e.get("published_parsed"),
        "content": e.content[0].value if "content" in e else "", "summary": e.get("summary", ""), "tags": [t.term for t in e.get("tags", [])],
        "authors": [a.get("name") for a in e.get("authors", [])],
        "enclosures": [[l.href, l.type, l.length] for l in e.get("enclosures", [])],
    } for e in d.entries]}, sys.stdout)`
	f := sample()
	for format, doc := range map[string][]byte{"atom10": f.Atom(), "rss20": f.RSS(), "json": f.JSON()} {
		cmd := exec.CommandContext(t.Context(), python, "-c", script)
		cmd.Stdin = bytes.NewReader(doc)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		var got struct {
			Bozo           bool
			Version, Title string
			Links          map[string]string
			Entries        []struct {
				ID, Title, Link, Updated, Content, Summary string
				Published                                  []int
				Tags, Authors                              []string
				Enclosures                                 [][]string
			}
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s: %v\n%s", format, err, out)
		}
		if format == "json" && got.Version == "" {
			continue // this version of feedparser knows no JSON Feed, as its documentation says: it finds nothing, not even an error
		}
		if got.Bozo || got.Version != format || got.Title != f.Title || len(got.Entries) != len(f.Entries) || got.Links["hub"] != f.Hubs[0] || got.Links["self"] != f.Self {
			t.Fatalf("%s: %s", format, out)
		}
		for i, e := range f.Entries {
			if got.Entries[i].ID != e.ID || e.URL != "" && got.Entries[i].Link != e.URL {
				t.Errorf("%s: %+v", format, got.Entries[i])
			}
		}
		first := got.Entries[0]
		if !strings.Contains(first.Content, "<p>Hello <b>you</b> &amp; me") || first.Summary != "A summary" || strings.Join(first.Tags, "|") != "one|two & three" ||
			len(first.Authors) != 2 || fmt.Sprint(first.Enclosures) != "[[https://example.org/a.mp3 audio/mpeg 12]]" ||
			len(first.Published) < 6 || fmt.Sprint(first.Published[:6]) != fmt.Sprint([]int{2026, 3, 1, 12, 30, 15}) {
			t.Errorf("%s: %+v", format, first)
		}
	}
}

// What we write we read again.
func TestParseReadsOurs(t *testing.T) {
	t.Parallel()
	f := sample()
	for format, doc := range documents(f) {
		if format == "html" {
			continue
		}
		got, err := Parse(doc, "", "")
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if got.Title != f.Title || got.Self != f.Self || !reflect.DeepEqual(got.Hubs, f.Hubs) || !got.Complete || len(got.Entries) != len(f.Entries) {
			t.Errorf("%s: %+v", format, got)
		}
		if format != "rss" && (len(got.Deleted) != 1 || got.Deleted[0] != f.Deleted[0]) {
			t.Errorf("%s: deleted %v", format, got.Deleted)
		}
		for i, want := range f.Entries {
			want = asRead(format, want)
			if string(got.Entries[i].JSON()) != string(want.JSON()) {
				t.Errorf("%s:\n got %s\nwant %s", format, got.Entries[i].JSON(), want.JSON())
			}
		}
	}
	for _, e := range f.Entries {
		e.From = Origin{} // which an entry by itself keeps as it is
		got, err := ParseAtomEntry(e.AtomEntry())
		if want := asRead("atom", e); err != nil || string(got.JSON()) != string(want.JSON()) {
			t.Errorf("%v\n got %s\nwant %s", err, got.JSON(), want.JSON())
		}
		if again, err := ParseEntry(got.JSON()); err != nil || string(again.JSON()) != string(got.JSON()) {
			t.Errorf("%v\n got %s\nwant %s", err, again.JSON(), got.JSON())
		}
	}
}

// asRead is what a format can carry of an entry.
func asRead(format string, e Entry) Entry {
	if format == "json" {
		return e
	}
	e.From = Origin{}
	e.Title = e.headline()
	if e.ContentXML != "" && format == "atom" {
		e.ContentText, e.ContentXML = withoutDefaultNamespace(e.ContentXML), ""
	}
	e.Attachments = append([]Attachment(nil), e.Attachments...)
	for i := range e.Attachments {
		e.Attachments[i].Duration = 0
		if format == "rss" {
			e.Attachments[i].Title = ""
		}
	}
	if format == "atom" {
		e.Language = "" // gofeed does not tell of it
	}
	if format == "rss" {
		if text := e.ContentText + e.ContentXML; strings.ContainsAny(text, "<\n") {
			e.ContentHTML = asHTML(text)
		} else if e.ContentHTML == "" {
			e.ContentText = text
		}
		e.ContentXML = ""
		if e.ContentHTML != "" {
			e.ContentText = ""
		}
		e.Authors = append([]Author(nil), e.Authors...)
		e.URL, e.ExternalURL = orText(e.URL, e.ExternalURL), ""
		for i := range e.Authors {
			e.Authors[i].URL = ""
		}
		e.Published = orTime(e.Published, e.Updated).Truncate(time.Second)
	}
	return e
}

func orText(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
