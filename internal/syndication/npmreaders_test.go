package syndication

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/jsonschema/v6"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// fromNPM installs packages into a directory of the test's own, which it returns.
func fromNPM(t *testing.T, packages ...string) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			thoonktest.Missing(t, program+" is not installed (apt-get install nodejs npm): no reader of JSON Feed but gofeed is tried")
		}
	}
	dir := t.TempDir()
	install := exec.CommandContext(t.Context(), "npm", append([]string{"install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"}, packages...)...)
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// The JSON Schema of JSON Feed 1.1 that others wrote takes our documents, and not broken ones.
func TestSchemaOfOthersTakesOurs(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(filepath.Join(fromNPM(t, "jsonfeed-schema@0.5.0"), "node_modules", "jsonfeed-schema", "schema-v1.1.json"))
	if err != nil {
		t.Fatal(err)
	}
	validate := func(doc []byte) error {
		var v any
		if err := json.Unmarshal(doc, &v); err != nil {
			return err
		}
		return schema.Validate(v)
	}
	for name, f := range map[string]Feed{"sample": sample(), "hostile": hostile(), "empty": {ID: "tag:x,2026-01-02:e", Self: "https://x.example/feeds/e.atom"}} {
		doc := f.JSON()
		if err := validate(doc); err != nil {
			t.Errorf("%s: %v\n%s", name, err, doc)
		}
	}
	good := string(sample().JSON())
	for old, broken := range map[string]string{
		`"version":"https://jsonfeed.org/version/1.1"`: `"version":"2"`, `"items":[`: `"entries":[`, `"date_published":"2026`: `"date_published":"on 2026`,
		`"size_in_bytes":12`: `"size_in_bytes":"12"`, `"authors":[`: `"authors":[5,`, `"type":"WebSub",`: ``, `"items":[{"id":`: `"items":[{"number":`, `"feed_url":"https`: `"feed_url":" https`,
	} {
		if !strings.Contains(good, old) || validate([]byte(strings.Replace(good, old, broken, 1))) == nil {
			t.Errorf("%s passes in place of %s", broken, old)
		}
	}
}

// feedsmith, which shares no code with the other readers, reads our documents.
func TestFeedsmithReadsOurs(t *testing.T) {
	t.Parallel()
	dir := fromNPM(t, "feedsmith@3.0.1")
	const script = `
const { parseFeed } = require('feedsmith');
const { format, feed } = parseFeed(require('fs').readFileSync(0, 'utf8'));
const content = { json: (e) => e.content_html, atom: (e) => e.content?.value, rss: (e) => e.content?.encoded ?? e.description };
const value = (v) => v?.value ?? v;
const entries = feed.items ?? feed.entries;
console.log(JSON.stringify({
  format, title: value(feed.title), hubs: (feed.hubs ?? feed.links ?? feed.atom?.links).filter((h) => h.type === 'WebSub' || h.rel === 'hub').map((h) => h.url ?? h.href),
  entries: entries.map((e) => ({ id: value(e.id ?? e.guid), title: value(e.title) ?? '', published: e.date_published ?? e.published ?? e.pubDate ?? '', updated: e.date_modified ?? e.updated ?? e.atom?.updated ?? '' })),
  first: {
    content: content[format](entries[0]), authors: (entries[0].authors ?? entries[0].dc?.creators).map((a) => a.name ?? a),
    tags: (entries[0].tags ?? entries[0].categories).map((c) => c.term ?? c.name ?? c),
    files: (entries[0].attachments ?? entries[0].enclosures ?? entries[0].links.filter((l) => l.rel === 'enclosure')).map((a) => [a.url ?? a.href, a.mime_type ?? a.type, a.size_in_bytes ?? a.length]),
  },
  text: entries[1].content_text,
}));`
	f := sample()
	for format, doc := range map[string][]byte{"json": f.JSON(), "atom": f.Atom(), "rss": f.RSS()} {
		node := exec.CommandContext(t.Context(), "node", "-e", script)
		node.Dir, node.Stdin = dir, bytes.NewReader(doc)
		out, err := node.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", format, err, out)
		}
		var got struct {
			Format, Title string
			Hubs          []string
			Entries       []struct{ ID, Title, Published, Updated string }
			First         struct {
				Content       string
				Authors, Tags []string
				Files         [][]any
			}
			Text string
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s: %v\n%s", format, err, out)
		}
		if got.Format != format || got.Title != f.Title || !reflect.DeepEqual(got.Hubs, f.Hubs) || len(got.Entries) != len(f.Entries) {
			t.Fatalf("%s: %s", format, out)
		}
		for i, e := range f.Entries {
			title := e.headline()
			if format == "json" {
				title = e.Title
			}
			updated, err := time.Parse(time.RFC3339, got.Entries[i].Updated)
			if got.Entries[i].ID != e.ID || got.Entries[i].Title != title || err != nil || !updated.Equal(e.Updated) || e.Published.IsZero() != (got.Entries[i].Published == "") && format != "rss" {
				t.Errorf("%s: %+v, want %+v", format, got.Entries[i], e)
			}
		}
		first := f.Entries[0]
		if got.First.Content != first.ContentHTML || strings.Join(got.First.Authors, "|") != "Bob|Eve" || !reflect.DeepEqual(got.First.Tags, first.Tags) ||
			!reflect.DeepEqual(got.First.Files, [][]any{{"https://example.org/a.mp3", "audio/mpeg", 12.0}}) {
			t.Errorf("%s: %+v", format, got.First)
		}
		if format == "json" && got.Text != f.Entries[1].ContentText {
			t.Errorf("%q", got.Text)
		}
	}
}
