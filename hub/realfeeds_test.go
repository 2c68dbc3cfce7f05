package hub_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mmcdole/gofeed"

	"github.com/thoonkd/thoonkd/hub"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// packages of feed parsers that ship documents of real sites, in versions that do.
var packages = []string{"rss-parser@3.7.6", "feedparser@2.0.0", "podcast-feed-parser@1.0.4", "feed-read@0.0.1", "opds-feed-parser@0.1.0"}

// noFeeds are those of their documents that are none, on purpose.
var noFeeds = map[string]bool{"entry.xml": true, "unrecognized.rss": true}

// realFeeds returns the documents by name.
func realFeeds(t *testing.T) map[string][]byte {
	t.Helper()
	for _, program := range []string{"npm", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			thoonktest.Missing(t, program+" is not installed (apt-get install nodejs npm): no document of a real site is tried")
		}
	}
	dir, documents := t.TempDir(), map[string][]byte{}
	for _, p := range packages {
		cmd := exec.CommandContext(t.Context(), "npm", "pack", "--silent", "--pack-destination", dir, p)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm pack %s: %v\n%s", p, err, out)
		}
		name, version, _ := strings.Cut(p, "@")
		into := filepath.Join(dir, name)
		if err := os.Mkdir(into, 0o700); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", filepath.Join(dir, name+"-"+version+".tgz"), "-C", into).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		err := filepath.WalkDir(into, func(file string, d fs.DirEntry, err error) error {
			if kind := filepath.Ext(file); err != nil || d.IsDir() || noFeeds[d.Name()] || kind != ".rss" && kind != ".xml" && kind != ".atom" {
				return err
			}
			b, err := os.ReadFile(file)
			documents[name+"/"+d.Name()] = b
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return documents
}

var anEntry = regexp.MustCompile(`<(?:\w+:)?(?:item|entry)[\s>]`)

func unzipped(t *testing.T, doc []byte) []byte {
	t.Helper()
	if !bytes.HasPrefix(doc, []byte("\x1f\x8b")) {
		return doc
	}
	z, err := gzip.NewReader(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// Documents of real sites come in, and go out in each format, without the loss of an entry.
func TestRealFeeds(t *testing.T) {
	n := newIngestion(t)
	documents := realFeeds(t)
	if len(documents) < 50 {
		t.Fatalf("there are %d documents", len(documents))
	}
	for name, doc := range documents {
		n.site.on("/"+name, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(doc) })
		n.declare(thoonk.FeedName(name), thoonk.Config{Content: thoonk.Entry})
		n.follow("/"+name, func(s *thoonk.Source) { s.Name, s.Feed = thoonk.FeedName(name), thoonk.FeedName(name) })
	}
	addresses, err := hub.NewAddresses("https://feeds.example.org")
	if err != nil {
		t.Fatal(err)
	}
	renderer := &hub.Renderer{Store: n.Store, Addresses: addresses}
	entries := 0
	for name, doc := range documents {
		var state thoonk.SourceState
		thoonktest.Eventually(t, name, func() bool {
			var err error
			_, state, err = n.Source(t.Context(), thoonk.FeedName(name))
			n.ingest.Wake()
			return err == nil && (state.Status == thoonk.SourceOK || state.Status == thoonk.SourceFailing)
		})
		want := len(anEntry.FindAll(unzipped(t, doc), -1))
		entries += want
		if state.Status != thoonk.SourceOK || int(state.Counts.New) != want || state.Counts.Refused != 0 {
			t.Errorf("%s has %d entries: %+v", name, want, state)
			continue
		}
		for _, format := range []hub.Format{hub.Atom, hub.RSS, hub.JSON} {
			published, err := renderer.Whole(context.Background(), hub.Topic{Feed: thoonk.FeedName(name), Format: format}, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			f, err := gofeed.NewParser().Parse(bytes.NewReader(published.Body))
			if err != nil || len(f.Items) != want {
				t.Errorf("%s, %s: %d of %d entries, %v", name, format, len(f.Items), want, err)
				continue
			}
			ids := map[string]bool{}
			for _, i := range f.Items {
				ids[i.GUID] = true
			}
			if len(ids) != want {
				t.Errorf("%s, %s: %d ids of %d entries", name, format, len(ids), want)
			}
		}
	}
	t.Log(fmt.Sprint(len(documents), " documents with ", entries, " entries"))
}
