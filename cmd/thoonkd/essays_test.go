package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// The essays that the idea comes from, split at their headings, are written by foreign clients and read back over REST
// and SSE, byte for byte.
func TestEssays(t *testing.T) {
	t.Parallel()
	sections := essays(t)
	server := thoonktest.Redis(t)
	u := serveReady(t, "--redis", server.URL()).user("*=admin")
	js := thoonktest.NewForeign(t, server.Client())
	js.Create("essays", map[string]string{"type": "feed"})
	thoonktest.Eventually(t, "the feed is there", func() bool { return u.do("GET", "/v1/feeds/essays", u.bearer, "").StatusCode == 200 })
	events, _ := u.watch("/v1/feeds/essays/events", "")
	for i, s := range sections {
		if i%2 == 0 {
			js.Publish("essays", s.id, s.text)
		} else {
			js.Python().Publish("essays", s.id, s.text)
		}
	}

	for _, s := range sections {
		e := thoonktest.Next(t, events)
		if e.Event != "publish" || e.Data.ID != s.id || e.Data.content() != s.text {
			t.Fatalf("%+v\nwant %q: %q", e, s.id, s.text)
		}
		var item wireEvent
		r := u.send(200, "GET", itemPath("essays", s.id), "", "")
		if err := json.Unmarshal(r.body, &item); err != nil || item.content() != s.text || r.Header.Get("ETag") != `"`+e.ID+`"` {
			t.Fatalf("%s\nwant %q", r.body, s.text)
		}
	}
	got := map[string]string{}
	for path := "/v1/feeds/essays/items?limit=7"; path != ""; {
		var page struct {
			Items []wireEvent
			Next  string
		}
		if err := json.Unmarshal(u.send(200, "GET", path, "", "").body, &page); err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			got[item.ID] = item.content()
		}
		path = ""
		if page.Next != "" {
			path = "/v1/feeds/essays/items?limit=7&cursor=" + page.Next
		}
	}
	for _, s := range sections {
		if got[s.id] != s.text {
			t.Errorf("%s differs in the list", s.id)
		}
	}
}

type section struct{ id, text string }

// essays returns the sections of all essays. Together they are the files again.
func essays(t *testing.T) []section {
	t.Helper()
	files, err := filepath.Glob("../../../shared/seeds/*.txt")
	if err != nil || len(files) == 0 {
		thoonktest.Missing(t, "the essays are not beside the checkout, in ../shared/seeds")
	}
	var sections []section
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		whole := ""
		for line := range strings.Lines(string(b)) {
			if whole == "" || heading(line) {
				sections = append(sections, section{id: fmt.Sprintf("%03d %s", len(sections), strings.TrimSpace(line))})
			}
			sections[len(sections)-1].text += line
			whole += line
		}
		if whole != string(b) {
			t.Fatal("the sections are not the essay")
		}
	}
	if len(sections) < 20 {
		t.Fatalf("only %d sections", len(sections))
	}
	return sections
}

// heading guesses: a short line that begins like a title and does not end like a sentence, a list or code.
func heading(line string) bool {
	line = strings.TrimSpace(line)
	return len(line) > 3 && len(line) < 80 && line[0] >= 'A' && line[0] <= 'Z' && !strings.ContainsAny(line[len(line)-1:], ".,;:{}()") &&
		!strings.ContainsAny(line, "={}")
}
