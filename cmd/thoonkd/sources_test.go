package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

const allowLoopback = "127.0.0.0/8"

// shownSource is what the tests look at of a source.
type shownSource struct {
	Status     string
	Configured bool
	LastError  struct{ Detail string } `json:"last_error"`
	Counts     struct{ New, Updated, Deleted, Pushes, Fetches, Forged int }
	Hub        struct{ Status string } `json:"subscription"`
}

func (u user) source(name string) (s shownSource) {
	u.t.Helper()
	if err := json.Unmarshal(u.send(200, "GET", "/v1/sources/"+name, "", "").body, &s); err != nil {
		u.t.Fatal(err)
	}
	return s
}

// One thoonkd follows a feed of another through its hub: what a foreign client publishes on the first is an item in the
// second within a second, once, and what it edits and retracts follows.
func TestOneServerFollowsAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := filepath.Join(dir, "first.yaml")
	if err := os.WriteFile(config, []byte(`public: [{match: "blog", can: [read]}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	redis := thoonktest.Redis(t)
	first := serveReady(t, "--redis", redis.URL(), "--config", config, "--outbound-allow", allowLoopback).user("*=admin")
	second := serveReady(t, "--redis", thoonktest.Redis(t).URL(), "--outbound-allow", allowLoopback).user("*=admin")
	first.send(201, "PUT", "/v1/feeds/blog", "", `{"content":"entry"}`)
	first.send(201, "PUT", "/v1/feeds/blog/items/old", "", `{"body":{"title":"Old"}}`)
	second.send(201, "PUT", "/v1/feeds/copy", "", `{"content":"entry"}`)
	second.send(201, "PUT", "/v1/sources/blog", "", `{"url":"`+first.url+`/feeds/blog.atom","feed":"copy"}`)
	thoonktest.Eventually(t, "the subscription", func() bool { return second.source("blog").Hub.Status == "verified" })
	events, _ := second.watch("/v1/feeds/copy/events?snapshot=true", "")
	var id string
	for e := thoonktest.Next(t, events); e.Event != "live"; e = thoonktest.Next(t, events) {
		id = e.Data.ID
	}
	if !strings.HasSuffix(id, ":blog/old") {
		t.Fatalf("the item is %q", id)
	}

	other := thoonktest.NewForeign(t, redis.Client())
	began := time.Now()
	other.Publish("blog", "new", `{"title":"By an old client"}`)
	e := thoonktest.Next(t, events)
	t.Logf("it took %v", time.Since(began))
	if e.Event != "publish" || !strings.HasSuffix(e.Data.ID, ":blog/new") || !strings.Contains(e.Data.content(), "By an old client") {
		t.Fatalf("%+v", e)
	}
	if took := time.Since(began); took > time.Second && os.Getenv("THOONKD_TEST_SOAK") != "" {
		t.Errorf("it took %v", took)
	}
	other.Publish("blog", "new", `{"title":"Edited"}`)
	if again := thoonktest.Next(t, events); again.Event != "edit" || again.Data.ID != e.Data.ID || !strings.Contains(again.Data.content(), "Edited") {
		t.Fatalf("%+v", again)
	}
	other.Retract("blog", "new")
	if again := thoonktest.Next(t, events); again.Event != "retract" || again.Data.ID != e.Data.ID {
		t.Fatalf("%+v", again)
	}
	other.Publish("blog", "end", `{"title":"End"}`)
	if again := thoonktest.Next(t, events); !strings.HasSuffix(again.Data.ID, ":blog/end") {
		t.Fatalf("%+v", again)
	}
	// Looking at it, as happens now and then, brings nothing twice.
	second.send(202, "POST", "/v1/sources/blog/refresh", "", "")
	thoonktest.Eventually(t, "another look", func() bool { return second.source("blog").Counts.Fetches > 1 })
	if s := second.source("blog"); s.Counts.New != 3 || s.Counts.Updated != 1 || s.Counts.Deleted != 1 || s.Counts.Pushes != 4 || s.Status != "ok" || s.Counts.Forged != 0 {
		t.Errorf("%+v", s)
	}
	second.send(204, "DELETE", "/v1/sources/blog", "", "")
	second.send(404, "GET", "/v1/sources/blog", "", "")
	if items, _ := second.items("copy"); len(items) != 2 {
		t.Errorf("%v", items)
	}
}

func TestSourcesOverREST(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL(), "--outbound-allow", allowLoopback)
	all, some := p.user("*=admin"), p.user("team:*=configure,read")
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Outside</title><item><guid>1</guid><title>One</title></item></channel></rss>`)
	}))
	t.Cleanup(outside.Close)
	all.send(201, "PUT", "/v1/feeds/team:1", "", "")
	all.send(201, "PUT", "/v1/feeds/other", "", "")
	all.send(201, "PUT", "/v1/feeds/text", "", `{"content":"text"}`)
	good := `{"url":"` + outside.URL + `","feed":"team:1","min_interval":"5m","max_interval":"1h"}`
	for body, want := range map[string]int{
		`{}`: 400, `{"url":"ftp://x/","feed":"team:1"}`: 400, `{"url":"` + outside.URL + `"}`: 400, `{"url":"` + outside.URL + `","feed":"a*"}`: 400,
		`{"url":"` + outside.URL + `","feed":"team:1","min_interval":"1ns"}`: 400, `{"url":"` + outside.URL + `","feed":"team:1","min_interval":5}`: 400,
		`{"url":"` + outside.URL + `","feed":"team:1","kind":"gopher"}`: 400, `{"url":"xmpp:x","feed":"team:1","kind":"xmpp"}`: 400, `{"url":"` + outside.URL + `","feed":"team:1","secret":"x"}`: 400,
		`{"url":"` + outside.URL + `","feed":"text"}`: 422, `{"url":"` + outside.URL + `","feed":"none"}`: 422, `{"url":"http://169.254.169.254/","feed":"team:1"}`: 422,
	} {
		all.send(want, "PUT", "/v1/sources/s", "", body)
	}
	some.send(403, "PUT", "/v1/sources/s", "", strings.Replace(good, "team:1", "other", 1))
	some.send(201, "PUT", "/v1/sources/s", "", good)
	some.send(200, "PUT", "/v1/sources/s", "", good)
	all.send(201, "PUT", "/v1/sources/t", "", strings.Replace(good, "team:1", "other", 1))
	some.send(404, "GET", "/v1/sources/t", "", "")
	some.send(404, "DELETE", "/v1/sources/t", "", "")
	some.send(409, "PUT", "/v1/sources/t", "", good)
	if r := p.do("GET", "/v1/sources/t", "", ""); r.StatusCode != 401 {
		t.Error(r.Status)
	}
	if r := p.do("GET", "/v1/sources", "", ""); r.StatusCode != 401 {
		t.Error(r.Status)
	}
	for u, want := range map[user]int{all: 2, some: 1} {
		var page struct{ Sources []shownSource }
		if err := json.Unmarshal(u.send(200, "GET", "/v1/sources", "", "").body, &page); err != nil || len(page.Sources) != want {
			t.Errorf("%+v, %v", page, err)
		}
	}
	thoonktest.Eventually(t, "an entry", func() bool { return some.source("s").Counts.New == 1 })
	all.send(200, "PATCH", "/v1/sources/s", "Content-Type: application/merge-patch+json", `{"paused":true,"min_interval":null}`)
	all.send(409, "POST", "/v1/sources/s/refresh", "", "")
	if s := all.source("s"); s.Counts.New != 1 || s.Status != "ok" {
		t.Errorf("what was known is lost: %+v", s)
	}
	some.send(204, "DELETE", "/v1/sources/s", "", "")
	some.send(404, "POST", "/v1/sources/s/refresh", "", "")
}

// A source has the preconditions and the idempotency keys that all has which is written.
func TestSourcePreconditions(t *testing.T) {
	t.Parallel()
	const merge = "Content-Type: application/merge-patch+json"
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL(), "--outbound-allow", allowLoopback)
	u, other := p.user("*=admin"), p.user("team:*=configure")
	u.send(201, "PUT", "/v1/feeds/news", "", "")
	declaration := func(interval string) string {
		return `{"url":"http://127.0.0.1:9/","feed":"news","paused":true,"max_interval":"` + interval + `"}`
	}
	u.send(412, "PUT", "/v1/sources/s", `If-Match: *`, declaration("1h"))
	u.send(400, "PUT", "/v1/sources/s", `If-Match: x`, declaration("1h"))
	const key = "If-None-Match: *\nIdempotency-Key: make"
	made := u.send(201, "PUT", "/v1/sources/s", key, declaration("1h"))
	first := made.Header.Get("ETag")
	if !strings.HasPrefix(first, `"1-`) || !strings.Contains(string(made.body), `"revision":`+first) || made.Header.Get("Location") != "/v1/sources/s" {
		t.Fatalf("ETag %s, Location %s, %s", first, made.Header.Get("Location"), made.body)
	}
	u.send(412, "PUT", "/v1/sources/s", `If-None-Match: *`, declaration("1h"))
	second := u.send(200, "PUT", "/v1/sources/s", "If-Match: "+first, declaration("2h")).Header.Get("ETag")
	for _, r := range []response{
		u.send(200, "GET", "/v1/sources/s", "", ""), u.send(200, "HEAD", "/v1/sources/s", "", ""),
		u.send(200, "PUT", "/v1/sources/s", "", declaration("2h")), // which says the same
	} {
		if got := r.Header.Get("ETag"); got != second || second == first {
			t.Errorf("%s: the tag is %s, want %s, after %s", r.Request.Method, got, second, first)
		}
	}
	u.send(412, "PUT", "/v1/sources/s", "If-Match: "+first, declaration("3h"))
	u.send(412, "PATCH", "/v1/sources/s", merge+"\nIf-Match: "+first, `{"hub":false}`)
	u.send(412, "DELETE", "/v1/sources/s", "If-Match: "+first, "")

	// Sent again, it is answered as the first time and changes nothing; another request is refused.
	again := u.send(201, "PUT", "/v1/sources/s", key, declaration("1h"))
	if again.Header.Get("ETag") != first || !strings.Contains(string(again.body), `"max_interval":"1h0m0s"`) {
		t.Errorf("%s %s", again.Header.Get("ETag"), again.body)
	}
	u.send(422, "PUT", "/v1/sources/s", key, declaration("3h"))
	other.send(403, "PUT", "/v1/sources/s", key, declaration("1h"))
	patched := u.send(200, "PATCH", "/v1/sources/s", merge+"\nIdempotency-Key: patch\nIf-Match: "+second, `{"hub":false}`)
	third := patched.Header.Get("ETag")
	u.send(200, "PUT", "/v1/sources/s", "If-Match: "+third, declaration("4h"))
	if r := u.send(200, "PATCH", "/v1/sources/s", merge+"\nIdempotency-Key: patch\nIf-Match: "+second, `{"hub":false}`); r.Header.Get("ETag") != third || string(r.body) != string(patched.body) {
		t.Errorf("%s: %s, want %s", r.Header.Get("ETag"), r.body, patched.body)
	}
	u.send(412, "DELETE", "/v1/sources/s", "If-Match: "+third, "")
	u.send(204, "DELETE", "/v1/sources/s", "Idempotency-Key: remove", "")
	u.send(404, "DELETE", "/v1/sources/s", "", "")
	u.send(204, "DELETE", "/v1/sources/s", "Idempotency-Key: remove", "")
	u.send(200, "PATCH", "/v1/sources/s", merge+"\nIdempotency-Key: patch\nIf-Match: "+second, `{"hub":false}`)
	u.send(201, "PUT", "/v1/sources/s", key, declaration("1h"))
	u.send(404, "GET", "/v1/sources/s", "", "")
	u.send(400, "DELETE", "/v1/sources/s?x=1", "", "")
}

// sourceCommand runs a source command that has to succeed.
func (p *process) sourceCommand(args ...string) string {
	p.t.Helper()
	r := thoonkd(p.t, p.feedEnv(), append([]string{"source"}, args...)...)
	if r.code != 0 || r.stderr != "" {
		p.t.Fatalf("%q: %+v", args, r)
	}
	return r.stdout
}

func TestSourceCommands(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL(), "--outbound-allow", allowLoopback)
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Outside</title><item><guid>1</guid><title>One</title></item></channel></rss>`)
	}))
	t.Cleanup(outside.Close)
	p.feedOK("create", "news", "--content", "entry")
	if out := p.sourceCommand("add", "planet", outside.URL, "news", "--min-interval", "5m", "--no-hub"); out != "planet new\n" {
		t.Errorf("%q", out)
	}
	thoonktest.Eventually(t, "an entry", func() bool { return strings.Contains(p.sourceCommand("get", "planet"), "Outside") })
	if out := p.sourceCommand("ls"); !strings.Contains(out, "planet  ok ") || !strings.Contains(out, outside.URL) {
		t.Errorf("%q", out)
	}
	if out := p.sourceCommand("pause", "planet"); !strings.Contains(out, "paused") {
		t.Errorf("%q", out)
	}
	p.sourceCommand("resume", "planet")
	p.sourceCommand("refresh", "planet")
	var doc struct {
		Sources []struct {
			MinInterval string `json:"min_interval"`
			Hub         bool
		}
	}
	if err := json.Unmarshal([]byte(p.sourceCommand("ls", "--output", "json")), &doc); err != nil || len(doc.Sources) != 1 || doc.Sources[0].MinInterval != "5m0s" || doc.Sources[0].Hub {
		t.Errorf("%+v, %v", doc, err)
	}
	if metrics := string(p.do("GET", "/metrics", "", "").body); !strings.Contains(metrics, `thoonkd_sources{state="ok"} 1`) || !strings.Contains(metrics, "# HELP thoonkd_sources ") {
		t.Error("the metrics do not tell of a source that is well")
	}
	p.sourceCommand("delete", "planet")
	if r := thoonkd(t, p.feedEnv(), "source", "get", "planet"); r.code != 3 {
		t.Errorf("%+v", r)
	}
	metrics := string(p.do("GET", "/metrics", "", "").body)
	for _, want := range []string{`thoonkd_source_entries_total{what="new"} 1`, "thoonkd_source_fetches_total ", "thoonkd_source_working "} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
}

// Sources of the configuration are there when the server runs, with their feeds, and go with their lines.
func TestConfiguredSources(t *testing.T) {
	t.Parallel()
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[{"id":"1","title":"One","content_text":"x"}]}`)
	}))
	t.Cleanup(outside.Close)
	config, redis := filepath.Join(t.TempDir(), "thoonkd.yaml"), thoonktest.Redis(t)
	write := func(yaml string) {
		if err := os.WriteFile(config, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`sources: {planet: {url: "` + outside.URL + `", feed: news}}`)
	u := serveReady(t, "--redis", redis.URL(), "--config", config, "--outbound-allow", allowLoopback).user("*=admin")
	thoonktest.Eventually(t, "an entry", func() bool {
		r := u.do("GET", "/v1/sources/planet", u.bearer, "")
		return r.StatusCode == 200 && strings.Contains(string(r.body), `"new":1`) && strings.Contains(string(r.body), `"configured":true`)
	})
	if items, _ := u.items("news"); len(items) != 1 {
		t.Errorf("%v", items)
	}
	u.send(201, "PUT", "/v1/sources/by-hand", "", `{"url":"`+outside.URL+`","feed":"news"}`)
	write("{}")
	again := serveReady(t, "--redis", redis.URL(), "--config", config, "--outbound-allow", allowLoopback).user("*=admin")
	thoonktest.Eventually(t, "it is gone", func() bool { return again.do("GET", "/v1/sources/planet", again.bearer, "").StatusCode == 404 })
	again.send(200, "GET", "/v1/sources/by-hand", "", "")
}
