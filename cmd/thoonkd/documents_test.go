package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmcdole/gofeed"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// documentServer serves with public feeds, and feeds that need a token.
func documentServer(t *testing.T) (user, *thoonktest.RedisServer) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "thoonkd.yaml")
	if err := os.WriteFile(config, []byte(`public: [{match: "blog*", can: [read]}, {match: "a/*", can: [read]}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	server := thoonktest.Redis(t)
	return serveReady(t, "--redis", server.URL(), "--config", config).user("*=admin"), server
}

func parsed(t *testing.T, doc []byte) *gofeed.Feed {
	t.Helper()
	f, err := gofeed.NewParser().Parse(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return f
}

// Readers get what writers wrote, in every format, at addresses that say what they are.
func TestDocuments(t *testing.T) {
	t.Parallel()
	u, server := documentServer(t)
	u.send(201, "PUT", "/v1/feeds/blog", "", `{"content":"entry","syndication":{"title":"A blog","author":{"name":"Ann"},"language":"en","link":"https://example.org/"}}`)
	u.send(201, "PUT", "/v1/feeds/blog/items/1", "", `{"body":{"id":"https://example.org/1","title":"One","content_html":"<p>Hi<script>x</script></p>","authors":[{"name":"Bob"}],"tags":["t"],
		"attachments":[{"url":"https://example.org/a.mp3","mime_type":"audio/mpeg","size_in_bytes":5}]}}`)
	thoonktest.NewForeign(t, server.Client()).Publish("blog", "2", `{"title":"Two","content_text":"written by an old client"}`)
	u.send(201, "PUT", "/v1/feeds/secret", "", "")

	for format, mediaType := range map[string]string{
		"atom": "application/atom+xml; charset=utf-8", "rss": "application/rss+xml; charset=utf-8", "json": "application/feed+json",
	} {
		r := u.do("GET", "/feeds/blog."+format, "", "")
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != mediaType {
			t.Fatalf("%s: %s, %s\n%s", format, r.Status, r.Header.Get("Content-Type"), r.body)
		}
		self := u.url + "/feeds/blog." + format
		if link := r.Header.Get("Link"); !strings.HasPrefix(link, "<"+u.url+`/hub>; rel="hub", <`+self+`>; rel="self", `) || len(r.Header.Values("Link")) != 1 {
			t.Errorf("%s: Link is %s", format, link)
		}
		f := parsed(t, r.body)
		slices.SortFunc(f.Items, func(a, b *gofeed.Item) int { return strings.Compare(b.Title, a.Title) }) // an old client's clock counts milliseconds
		if f.Title != "A blog" || f.FeedLink != self || len(f.Items) != 2 || f.Items[0].Title != "Two" || f.Items[1].GUID != "https://example.org/1" ||
			f.Items[1].Content+f.Items[1].Description != "<p>Hi<script>x</script></p>" || len(f.Items[1].Enclosures) != 1 || f.Items[1].Authors[0].Name != "Bob" {
			t.Errorf("%s:\n%s", format, r.body)
		}
		if !strings.HasPrefix(f.Items[0].GUID, "tag:127.0.0.1,") || !strings.HasSuffix(f.Items[0].GUID, ":blog/2") {
			t.Errorf("%s: the id is %s", format, f.Items[0].GUID)
		}
		u.do("HEAD", "/feeds/blog."+format, "", "")
	}
	page := u.do("GET", "/feeds/blog.html", "", "")
	for _, want := range []string{"<p>Hi</p>", `rel="hub" href="` + u.url + `/hub"`, `rel="self" href="` + u.url + `/feeds/blog.atom"`, `rel="alternate" type="application/feed+json"`} {
		if !bytes.Contains(page.body, []byte(want)) {
			t.Errorf("the page has no %s:\n%s", want, page.body)
		}
	}
	if policy := page.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; img-src") {
		t.Error(policy)
	}
	if bad := u.do("GET", "/feeds/secret.atom", "", ""); bad.StatusCode != 401 || !strings.HasPrefix(bad.Header.Get("Content-Type"), "application/problem+json") {
		t.Errorf("%s\n%s", bad.Status, bad.body)
	}
	u.send(200, "GET", "/feeds/secret.atom", "", "")
	if r := u.do("GET", "/feeds/blogs.atom", "", ""); r.StatusCode != 404 {
		t.Error(r.Status)
	}
	if r := u.do("POST", "/feeds/blog.atom", "", ""); r.StatusCode != 405 {
		t.Error(r.Status)
	}
}

func TestNegotiation(t *testing.T) {
	t.Parallel()
	u, _ := documentServer(t)
	u.send(201, "PUT", "/v1/feeds/blog", "", "")
	for accept, format := range map[string]string{
		"": "atom", "*/*": "atom", "application/feed+json": "json", "application/json": "json", "application/rss+xml, */*;q=0.1": "rss", "text/xml": "atom",
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "html", "image/png": "atom", "application/atom+xml;q=0.5, application/rss+xml": "rss",
	} {
		header := ""
		if accept != "" {
			header = "Accept: " + accept
		}
		r := u.do("GET", "/feeds/blog", header, "")
		self := format
		if format == "html" {
			self = "atom"
		}
		if r.Header.Get("Content-Location") != u.url+"/feeds/blog."+format || !strings.Contains(r.Header.Get("Link"), "<"+u.url+"/feeds/blog."+self+`>; rel="self"`) ||
			!strings.Contains(strings.Join(r.Header.Values("Vary"), ","), "Accept,") {
			t.Errorf("Accept: %s: %v\n%s", accept, r.Header, r.body)
		}
	}
}

// Names are decoded once, and one suffix is cut off.
func TestDocumentNames(t *testing.T) {
	t.Parallel()
	u, _ := documentServer(t)
	for name, path := range map[string]string{
		"blog.atom": "blog.atom.atom", "blog": "blog.atom", "a/b": "a%2Fb.atom", "a/%2F": "a%2F%252F.atom", "blog ü": "blog%20%C3%BC.atom", "blog.json.rss": "blog.json.rss.atom",
	} {
		u.send(201, "PUT", feedPath(name), "", `{"content":"text"}`)
		u.send(201, "PUT", itemPath(name, "i"), "", `{"text":"of `+name+`"}`)
		r := u.do("GET", "/feeds/"+path, "", "")
		if f := parsed(t, r.body); f.Title != name || f.FeedLink != u.url+"/feeds/"+path || f.Items[0].Content != "of "+name {
			t.Errorf("%s: %s\n%s", path, r.Status, r.body)
		}
	}
	if r := u.do("GET", "/feeds/blog.atom/latest", "", ""); string(r.body) != "of blog.atom" {
		t.Errorf("%s %s", r.Status, r.body)
	}
	for _, path := range []string{"/feeds/", "/feeds/.atom", "/feeds/a/b.atom", "/feeds/%00.atom", "/feeds/blog/other", "/feeds.xml"} {
		if r := u.do("GET", path, "", ""); r.StatusCode != 404 {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
}

func TestConditionalDocuments(t *testing.T) {
	t.Parallel()
	u, _ := documentServer(t)
	u.send(201, "PUT", "/v1/feeds/blog", "", `{"content":"text"}`)
	u.send(201, "PUT", "/v1/feeds/blog/items/1", "", `{"text":"`+strings.Repeat("long ", 500)+`"}`)
	for _, path := range []string{"/feeds/blog.atom", "/feeds/blog.rss", "/feeds/blog.json", "/feeds/blog.html", "/feeds/blog/latest", "/feeds.atom?match=blog*"} {
		r := u.do("GET", path, "", "")
		tag := r.Header.Get("Etag")
		if again := u.do("GET", path, "If-None-Match: "+tag, ""); tag == "" || again.StatusCode != 304 || len(again.body) != 0 || again.Header.Get("Etag") != tag {
			t.Errorf("%s: ETag %s, then %s", path, tag, again.Status)
		}
		zipped := u.do("GET", path, "Accept-Encoding: gzip", "")
		z, err := gzip.NewReader(bytes.NewReader(zipped.body))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if b, err := io.ReadAll(z); err != nil || !bytes.Equal(b, r.body) || zipped.Header.Get("Etag") != tag {
			t.Errorf("%s: %v\n%s", path, err, b)
		}
		u.send(200, "PUT", "/v1/feeds/blog/items/1", "", `{"text":"`+strings.Repeat("longer "+path, 500)+`"}`)
		if changed := u.do("GET", path, "If-None-Match: "+tag, ""); changed.StatusCode != 200 || changed.Header.Get("Etag") == tag || bytes.Equal(changed.body, r.body) {
			t.Errorf("%s: %s after a change", path, changed.Status)
		}
	}
}

func TestLatest(t *testing.T) {
	t.Parallel()
	u, _ := documentServer(t)
	u.send(201, "PUT", "/v1/feeds/blog", "", "")
	if r := u.do("GET", "/feeds/blog/latest", "", ""); r.StatusCode != 404 {
		t.Error(r.Status)
	}
	for body, want := range map[string][2]string{
		`{"body":{"n": 1}}`: {"application/json", `{"n": 1}`}, `{"text":"<b>"}`: {"text/plain; charset=utf-8", "<b>"}, `{"base64":"AP8="}`: {"application/octet-stream", "\x00\xff"},
	} {
		u.send(201, "POST", "/v1/feeds/blog/items", "", body)
		r := u.do("GET", "/feeds/blog/latest", "", "")
		if r.Header.Get("Content-Type") != want[0] || string(r.body) != want[1] || !strings.Contains(r.Header.Get("Link"), "<"+u.url+`/feeds/blog/latest>; rel="self"`) {
			t.Errorf("%v %q", r.Header, r.body)
		}
	}
	u.send(201, "PUT", "/v1/feeds/blogs", "", `{"type":"sorted_feed"}`)
	u.send(201, "PUT", "/v1/feeds/blogs/items/a", "", `{"text":"a"}`)
	u.send(201, "PUT", "/v1/feeds/blogs/items/b", "", `{"text":"b","position":{"first":true}}`)
	if r := u.do("GET", "/feeds/blogs/latest", "", ""); string(r.body) != "b" {
		t.Errorf("%s", r.body)
	}
	if f := parsed(t, u.do("GET", "/feeds/blogs.json", "", "").body); len(f.Items) != 2 || f.Items[0].Content != "b" {
		t.Error(f)
	}
}

// The documents of a job queue tell which jobs have ended or were put aside, and not what they are about.
func TestDocumentsOfAJobQueue(t *testing.T) {
	t.Parallel()
	u, _ := documentServer(t)
	u.send(201, "PUT", "/v1/jobs/blog:jobs", "", "")
	for range 3 {
		u.send(201, "POST", "/v1/jobs/blog:jobs/items", "", `{"payload":"a secret"}`)
	}
	jobs := u.claim("blog:jobs", `{"count":2}`)
	if len(jobs) != 2 {
		t.Fatalf("claimed %v", jobs)
	}
	u.send(200, "POST", jobPath("blog:jobs", jobs[0].ID)+"/finish", "", `{"lease":"`+jobs[0].Lease.Token+`","result":"a secret"}`)
	u.send(200, "POST", jobPath("blog:jobs", jobs[1].ID)+"/stall", "", `{"lease":"`+jobs[1].Lease.Token+`","error":"no such address"}`)
	want := []string{"Job " + jobs[1].ID + " stalled", "Job " + jobs[0].ID + " finished"}
	for format, mediaType := range map[string]string{
		"atom": "application/atom+xml; charset=utf-8", "rss": "application/rss+xml; charset=utf-8", "json": "application/feed+json",
	} {
		r := u.do("GET", "/feeds/blog:jobs."+format, "", "")
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != mediaType || bytes.Contains(r.body, []byte("secret")) {
			t.Fatalf("%s: %s, %s\n%s", format, r.Status, r.Header.Get("Content-Type"), r.body)
		}
		var got []string
		for _, i := range parsed(t, r.body).Items {
			got = append(got, i.Title)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s tells %q, want %q\n%s", format, got, want, r.body)
		}
	}
	if r := u.do("GET", "/feeds/blog:jobs.html", "", ""); r.StatusCode != 200 || !bytes.Contains(r.body, []byte(want[0])) || bytes.Contains(r.body, []byte("secret")) {
		t.Errorf("%s\n%s", r.Status, r.body)
	}
	if r := u.do("GET", "/feeds/blog:jobs/latest", "", ""); r.StatusCode != 200 || !bytes.Contains(r.body, []byte(want[0])) {
		t.Errorf("%s\n%s", r.Status, r.body)
	}
}

// A document of several feeds tells those what they may read.
func TestDocumentsOfSeveralFeeds(t *testing.T) {
	t.Parallel()
	u, _ := documentServer(t)
	for _, name := range []string{"blog:1", "blog:2", "b:secret"} {
		u.send(201, "PUT", feedPath(name), "", `{"content":"text"}`)
		u.send(201, "PUT", itemPath(name, "i"), "", `{"text":"of `+name+`"}`)
	}
	for _, format := range []string{"atom", "rss", "json"} {
		path := "/feeds." + format + "?match=b*"
		if f := parsed(t, u.do("GET", path, "", "").body); len(f.Items) != 2 || f.FeedLink != u.url+"/feeds."+format+"?match=b%2A" {
			t.Errorf("%s: %v", path, f)
		}
		if f := parsed(t, u.send(200, "GET", path, "", "").body); len(f.Items) != 3 {
			t.Errorf("%s: %v", path, f)
		}
	}
	var doc struct {
		Items []struct {
			Thoonk struct {
				Feed string `json:"feed"`
			} `json:"_thoonk"`
		}
	}
	if err := json.Unmarshal(u.do("GET", "/feeds.json?match=blog:2", "", "").body, &doc); err != nil || len(doc.Items) != 1 || doc.Items[0].Thoonk.Feed != "blog:2" {
		t.Error(err, doc)
	}
	for path, want := range map[string]int{"/feeds.atom?match=x*": http.StatusUnauthorized, "/feeds.atom": 400, "/feeds.atom?match=b*&x=y": 400} {
		if r := u.do("GET", path, "", ""); r.StatusCode != want {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
}
