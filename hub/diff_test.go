package hub

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestDiffFormats(t *testing.T) {
	t.Parallel()
	const rss = `<?xml version="1.0" encoding="ISO-8859-1"?><rss version="2.0"><channel><title>t</title><lastBuildDate>DATE</lastBuildDate>` +
		`<item><guid>1</guid><title>one</title></item><item><link>http://a/2</link><title>two</title></item></channel></rss>`
	const rdf = `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel><title>t</title></channel>` +
		`<item rdf:about="1"><title>one</title></item><item rdf:about="2"><title>two</title></item></rdf:RDF>`
	const feed = `{"version": "https://jsonfeed.org/version/1.1", "author": {"id": "1"}, "items": [ {"id": "1", "title": "one"} , {"id": "2", "title": "two"} ], "title": "t"}`
	double := strings.Replace(rss, "<link>http://a/2</link>", "<guid>1</guid>", 1) // two entries with one id
	for _, test := range []struct{ kind, before, after, want string }{
		{"application/rss+xml", rss, strings.Replace(rss, "DATE", "LATER", 1), ""},
		{"text/xml", rss, strings.Replace(rss, "two", "2", 1), strings.Replace(strings.Replace(rss, "two", "2", 1), `<item><guid>1</guid><title>one</title></item>`, "", 1)},
		{"application/rdf+xml", rdf, strings.Replace(rdf, "one", "1", 1), strings.Replace(strings.Replace(rdf, "one", "1", 1), `<item rdf:about="2"><title>two</title></item>`, "", 1)},
		{"application/feed+json", feed, strings.Replace(feed, "two", "2", 1), `{"version": "https://jsonfeed.org/version/1.1", "author": {"id": "1"}, "items": [ {"id": "2", "title": "2"} ], "title": "t"}`},
		{"application/json", feed, strings.Replace(feed, `"t"}`, `"T"}`, 1), `{"version": "https://jsonfeed.org/version/1.1", "author": {"id": "1"}, "items": [  ], "title": "T"}`},
		{"application/json", `{"any": 1}`, `{"any": 2}`, `{"any": 2}`},
		{"text/plain", "a text", "another text", "another text"},
		{"text/xml", double, double, ""},
		{"text/xml", double, strings.Replace(double, "two", "2", 1), strings.Replace(strings.Replace(double, "two", "2", 1), `<item><guid>1</guid><title>one</title></item>`, "", 1)},
		{"text/plain", "a text", "a text", ""},
		{"application/atom+xml", "<broken", "<broken too", "<broken too"},
	} {
		_, known := diff(test.kind, []byte(test.before), nil)
		if fresh, _ := diff(test.kind, []byte(test.after), known); string(fresh) != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.kind, fresh, test.want)
		}
	}
}

// A document that is all depth takes a moment, and one that is all one id too.
func TestDiffIsBounded(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"deep":   "<feed>" + strings.Repeat("<a>", 700_000),
		"double": "<rss><channel>" + strings.Repeat("<item><guid>1</guid></item>", 20_000) + "</channel></rss>",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // of a second at most; what is quadratic takes minutes
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, known := diff("text/xml", []byte(document), nil)
			if again, _ := diff("text/xml", []byte(document), known); again != nil {
				t.Errorf("%s: the same is new", name)
			}
		}()
		select {
		case <-done:
		case <-ctx.Done():
			t.Fatalf("%s: it takes too long", name)
		}
	}
}

// Whatever is fetched, nothing new is nothing to send, and what was well formed stays so.
func FuzzDiff(f *testing.F) {
	f.Add("application/atom+xml", atomDoc("t", atomEntry("1", "one"), atomEntry("2", "two")), atomDoc("u", atomEntry("2", "two")))
	f.Add("application/feed+json", `{"version":"https://jsonfeed.org/version/1","items":[{"id":"1"},{"id":"2"}]}`, `{"version":"https://jsonfeed.org/version/1","items":[{"id":"2"},{"id":3}]}`)
	f.Fuzz(func(t *testing.T, kind, before, after string) {
		_, known := diff(kind, []byte(before), nil)
		if again, _ := diff(kind, []byte(before), known); again != nil {
			t.Fatalf("the same is new: %q", again)
		}
		fresh, _ := diff(kind, []byte(after), known)
		switch {
		case fresh == nil:
		case json.Valid([]byte(after)) && !json.Valid(fresh):
			t.Fatalf("%q became %q", after, fresh)
		case wellFormed(after) && !wellFormed(string(fresh)):
			t.Fatalf("%q became %q", after, fresh)
		}
	})
}

func wellFormed(text string) bool {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

func FuzzSubscribe(f *testing.F) {
	f.Add("hub.mode=subscribe&hub.callback=http://a/&hub.topic=http://b/&hub.lease_seconds=5&hub.secret=s")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		r, err := parseSubscribe(form)
		if err == nil && (r.callback == "" || r.topic == "" || len(r.secret) >= 200 || r.lease < 0 || algorithms[r.algorithm] == nil || strings.Contains(r.callback, "#")) {
			t.Fatalf("%q is taken as %+v", body, r)
		}
	})
}
