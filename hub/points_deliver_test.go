package hub

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// entries returns the text of the entries of a document, in their order.
func entries(t *testing.T, d delivery) []string {
	t.Helper()
	f, err := syndication.Parse([]byte(d.body), d.header.Get("Content-Type"), "")
	if err != nil {
		t.Fatalf("%v\n%s", err, d.body)
	}
	var texts []string
	for _, e := range f.Entries {
		texts = append(texts, e.ContentText+e.ContentHTML)
	}
	return texts
}

func (f *fixture) wantEntries(d delivery, want ...string) {
	f.Helper()
	if got := entries(f.T, d); strings.Join(got, " ") != strings.Join(want, " ") {
		f.Fatalf("delivered %q, want %q:\n%s", got, want, d.body)
	}
}

func TestPoint24PostsToTheExactCallback(t *testing.T) {
	f, _ := withBlog(t, quick)
	const path = "/a%2Fb/c;d?x=%41+b&&y#"
	c := newCallback(t, strings.TrimSuffix(path, "#"))
	f.subscribe(c, "/feeds/blog.atom")
	f.text("blog", "x", "1")
	if d := c.next(); d.uri+"#" != path {
		t.Errorf("it is posted to %s", d.uri)
	}
}

func TestPoint25TheContentTypeIsTheTopics(t *testing.T) {
	f, _ := withBlog(t, quick)
	callbacks := map[string]*callback{}
	for path, want := range map[string]string{
		"/feeds/blog.atom": "application/atom+xml; charset=utf-8", "/feeds/blog.rss": "application/rss+xml; charset=utf-8",
		"/feeds/blog.json": "application/feed+json", "/feeds/blog/latest": "text/plain; charset=utf-8",
	} {
		c := newCallback(t, "/")
		f.subscribe(c, path)
		callbacks[want] = c
	}
	f.text("blog", "x", "some text")
	for want, c := range callbacks {
		if got := c.next().header.Get("Content-Type"); got != want {
			t.Errorf("Content-Type: %s, want %s", got, want)
		}
	}
}

func TestPoint26FullContent(t *testing.T) {
	f, c := withBlog(t, quick)
	long := strings.TrimSpace(strings.Repeat("long ", 2000))
	f.text("blog", "before", "0")
	raw, asJSON, asRSS := newCallback(t, "/"), newCallback(t, "/"), newCallback(t, "/")
	f.subscribe(c, "/feeds/blog.atom")
	f.subscribe(raw, "/feeds/blog/latest")
	f.subscribe(asJSON, "/feeds/blog.json")
	f.subscribe(asRSS, "/feeds/blog.rss")
	_, err := f.Batch(f.ctx, thoonk.Batch{Feed: "blog", Operations: []thoonk.Operation{
		{Kind: thoonk.Publish, ID: "x", Form: thoonk.FormText, Body: []byte(long)},
		{Kind: thoonk.Publish, ID: "y", Form: thoonk.FormText, Body: []byte("2")},
		{Kind: thoonk.Retract, ID: "before"},
	}})
	f.ok(err)
	d := c.next() // what was delivered already, or came before, is left out
	f.wantEntries(d, long, "2")
	if !strings.Contains(d.body, "deleted-entry") {
		t.Errorf("no tombstone:\n%s", d.body)
	}
	f.wantEntries(asJSON.next(), long, "2")
	f.wantEntries(asRSS.next(), long, "2")
	if one, two := raw.next().body, raw.next().body; one != long || two != "2" {
		t.Errorf("raw: %q, %q", one, two)
	}
	c.quiet()
	raw.quiet()
}

func TestPoint27OneLinkHeader(t *testing.T) {
	f, c := withBlog(t, quick)
	const spelling = "HTTPS://hub.test:443/feeds/bl%6Fg.atom"
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", spelling)
	if q := c.asked("subscribe"); q.Get("hub.topic") != spelling {
		t.Errorf("asked for %s", q.Get("hub.topic"))
	}
	f.settled()
	f.text("blog", "x", "1")
	d := c.next()
	want := `<https://hub.test/hub>; rel="hub", <` + spelling + `>; rel="self"`
	if got := d.header.Values("Link"); len(got) != 1 || got[0] != want {
		t.Errorf("Link: %q, want %q", got, want)
	}
	if !strings.Contains(d.body, `rel="self"`) || !strings.Contains(d.body, `href="`+spelling+`"`) {
		t.Errorf("the document says otherwise:\n%s", d.body)
	}
}

func TestPoint28Signatures(t *testing.T) {
	f, _ := withBlog(t, quick)
	callbacks := map[string]*callback{}
	for _, a := range []string{"", "sha1", "sha256", "sha384", "sha512"} {
		c := newCallback(t, "/"+a)
		f.subscribe(c, "/feeds/blog.atom", "hub.secret", "sésame", "hub.algorithm", a)
		callbacks[a] = c
	}
	f.text("blog", "x", "ä")
	for a, c := range callbacks {
		d := c.next()
		if a == "" {
			a = "sha256"
		}
		got := d.header.Get("X-Hub-Signature")
		if got != signature(a, "sésame", []byte(d.body)) || !regexp.MustCompile(`^`+a+`=[0-9a-f]+$`).MatchString(got) {
			t.Errorf("%s: %s", a, got)
		}
	}
	if got := signature("sha1", "Jefe", []byte("what do ya want for nothing?")); got != "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" { // RFC 2202
		t.Error(got)
	}
}

func TestPoint29Only2xxIsSuccess(t *testing.T) {
	f, c := withBlog(t, Settings{Retries: []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond}})
	elsewhere := newCallback(t, "/elsewhere")
	f.subscribe(c, "/feeds/blog/latest")
	answers := []int{302, 307, 404, 500, 304, 299}
	c.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", elsewhere.url)
		w.WriteHeader(answers[0])
		if answers[0] != 304 {
			_, _ = io.WriteString(w, "what this says does not matter")
		}
		answers = answers[1:]
	})
	f.text("blog", "x", "1")
	for range 6 {
		if d := c.next(); d.body != "1" {
			t.Error(d.body)
		}
	}
	thoonktest.Eventually(t, "it was delivered", func() bool { return f.only().State.Delivered == 1 })
	c.quiet()
	elsewhere.quiet()
}

func TestPoint30GoneEndsIt(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog.atom")
	c.status(410)
	f.text("blog", "x", "1")
	c.next()
	thoonktest.Eventually(t, "it is over", func() bool { return len(f.subscriptions()) == 0 })
}

func TestPoint31RetriesEndAndTheSubscriptionDoesNot(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog.atom")
	c.status(500)
	f.text("blog", "x", "1")
	var first delivery
	for i := range 1 + len(quick.Retries) {
		d := c.next()
		if i == 0 {
			first = d
		} else if d.header.Get(headerDelivery) != first.header.Get(headerDelivery) || d.body != first.body {
			t.Error("the retry is another delivery")
		}
	}
	thoonktest.Eventually(t, "it is given up", func() bool { return f.only().State.Stalled })
	s, err := f.HubStats(f.ctx)
	if err != nil || s.Due+s.Later+s.Taken != 0 {
		t.Errorf("%+v %v", s, err)
	}
	c.quiet()
}

func TestPoint32AFailingSubscriberStays(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog.atom")
	c.status(500)
	f.text("blog", "x", "1")
	thoonktest.Eventually(t, "it is given up", func() bool { return f.only().State.Stalled })
	for range 1 + len(quick.Retries) {
		c.next()
	}
	f.text("blog", "y", "2") // a new update is tried
	c.next()
	c.status(200)
	f.text("blog", "z", "3")
	d := c.next()
	for len(entries(t, d)) < 3 { // one more that failed may have come between
		d = c.next()
	}
	f.wantEntries(d, "1", "2", "3")
	thoonktest.Eventually(t, "it works again", func() bool { s := f.only().State; return !s.Stalled && s.Failures == 0 })
}

func TestPoint33PublishTakesManyURLs(t *testing.T) {
	f, _ := withBlog(t, quick)
	for _, form := range [][]string{
		{"hub.url", blogTopic}, {"hub.url", blogTopic, "hub.url", publicURL + "/feeds/a.atom"}, {"hub.topic", blogTopic}, {"hub.url", publicURL + "/"}, {"hub.url", "HTTPS://hub.test:443"},
	} {
		if w := f.post("", append([]string{"hub.mode", "publish"}, form...)...); w.Code != 204 {
			t.Errorf("%q is answered %d: %s", form, w.Code, w.Body)
		}
	}
	for _, other := range []string{"https://elsewhere.test/", "https://hub.test.elsewhere.test/feeds/blog.atom", "http://hub.test/feeds/blog.atom"} {
		f.refuses(403, "no topic of this hub", "hub.mode", "publish", "hub.url", blogTopic, "hub.url", other)
	}
	f.refuses(400, "hub.url is given more than 100 times", append([]string{"hub.mode", "publish"}, strings.Split(strings.Repeat("hub.url "+blogTopic+" ", 101), " ")...)...)
}

func TestPoint34PublishIs204(t *testing.T) {
	f, c := withBlog(t, quick)
	ping := func() {
		t.Helper()
		if w := f.post("", "hub.mode", "publish", "hub.url", blogTopic); w.Code != 204 || w.Body.Len() != 0 {
			t.Fatal(w.Code, w.Body)
		}
	}
	ping() // without subscribers
	f.subscribe(c, "/feeds/blog.atom")
	f.text("blog", "x", "1")
	c.next()
	ping() // and it is harmless
	f.text("blog", "y", "2")
	f.wantEntries(c.next(), "2")
	c.quiet()
}

// elsewhere is a site with one feed, and a hub for which it is an origin.
func elsewhere(t *testing.T) (*fixture, *site) {
	t.Helper()
	t.Parallel()
	s := &site{requests: make(chan *http.Request, 100)}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL + "/blog.xml"
	settings := quick
	settings.Origins = []string{server.URL + "/"}
	return newFixture(t, settings), s
}

type site struct {
	url      string
	requests chan *http.Request
	mu       sync.Mutex
	serve    http.HandlerFunc
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	serve := s.serve
	s.mu.Unlock()
	s.requests <- r
	serve(w, r)
}

func (s *site) serves(do http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve = do
}

func (s *site) document(contentType, text string) {
	s.serves(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, text)
	})
}

func (f *fixture) ping(s *site) *http.Request {
	f.Helper()
	if w := f.post("", "hub.mode", "publish", "hub.url", s.url); w.Code != 204 {
		f.Fatal(w.Code, w.Body)
	}
	return thoonktest.Next(f.T, s.requests)
}

func (f *fixture) subscribeElsewhere(c *callback, s *site) {
	f.Helper()
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", s.url)
	c.asked("subscribe")
	f.settled()
}

const atomType = "application/atom+xml"

func atomDoc(title string, entries ...string) string {
	return `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>` + title + `</title><updated>` + time.Now().Format(time.RFC3339Nano) +
		`</updated>` + strings.Join(entries, "\n") + `<id>feed</id></feed>`
}

func atomEntry(id, text string) string {
	return `<entry><id>` + id + `</id><title>t</title><content>` + text + `</content></entry>`
}

func TestPoint35Fetch(t *testing.T) {
	f, s := elsewhere(t)
	c := newCallback(t, "/")
	s.document(atomType, atomDoc("t", atomEntry("1", "one")))
	f.subscribeElsewhere(c, s)
	thoonktest.Next(t, s.requests)
	text := atomDoc("t", atomEntry("2", "two"), atomEntry("1", "one"))
	s.serves(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/blog.xml":
			http.Redirect(w, r, "/moved.xml", http.StatusMovedPermanently)
		case r.Header.Get("If-None-Match") == `"v2"` && r.Header.Get("If-Modified-Since") != "":
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("ETag", `"v2"`)
			w.Header().Set("Last-Modified", "Sat, 28 Nov 2026 12:00:00 GMT")
			w.Header().Set("Content-Type", atomType)
			_, _ = io.WriteString(w, text)
		}
	})
	if r := f.ping(s); !strings.Contains(r.UserAgent(), "1 subscribers") || !strings.Contains(r.UserAgent(), "https://hub.test/hub") {
		t.Errorf("User-Agent: %s", r.UserAgent())
	}
	f.wantEntries(c.next(), "two")
	thoonktest.Next(t, s.requests)
	thoonktest.Eventually(t, "what was fetched is noted", func() bool {
		record, err := f.HubOrigin(f.ctx, s.url)
		return err == nil && strings.Contains(record, "v2")
	})
	f.ping(s)
	if r := thoonktest.Next(t, s.requests); r.Header.Get("If-None-Match") != `"v2"` {
		t.Errorf("it is not asked for conditionally: %v", r.Header)
	}
}

func TestPoint36WhatCountsAsNew(t *testing.T) {
	f, s := elsewhere(t)
	c := newCallback(t, "/")
	s.document(atomType, atomDoc("t", atomEntry("1", "one")))
	f.subscribeElsewhere(c, s)
	thoonktest.Next(t, s.requests)
	for _, change := range []struct {
		document string
		want     []string
	}{
		{atomDoc("t", atomEntry("2", "two"), atomEntry("1", "one")), []string{"two"}},                          // a new entry
		{atomDoc("t", atomEntry("2", "two"), atomEntry("1", "ONE")), []string{"ONE"}},                          // an updated one
		{atomDoc("T", atomEntry("2", "two"), atomEntry("1", "ONE")), nil},                                      // the feed itself
		{atomDoc("T", atomEntry("3", "three"), atomEntry("4", "four")), []string{"three", "four"}},             // entries that fell out
		{atomDoc("T", atomEntry("2", "two"), atomEntry("3", "three")), []string{"two"}},                        // one that came back
		{atomDoc("U", atomEntry("2", "2"), atomEntry("3", "3"), atomEntry("5", "5")), []string{"2", "3", "5"}}, // all at once
	} {
		s.document(atomType, change.document)
		f.ping(s)
		f.wantEntries(c.next(), change.want...)
	}
	f.ping(s) // nothing but the date is new
	s.document(atomType, atomDoc("V"))
	f.ping(s)
	if d := c.next(); !strings.Contains(d.body, "<title>V</title>") {
		t.Errorf("nothing was new, and yet it came: %s", d.body)
	}
}

func TestPoint37TheDiffKeepsWhatIsAroundEntries(t *testing.T) {
	t.Parallel()
	before := atomDoc("t", atomEntry("a", "1"), atomEntry("A", "2"), atomEntry("a ", "3"))
	_, known := diff(atomType, []byte(before), nil)
	if len(known) != 4 {
		t.Fatalf("ids are not compared exactly: %v", known)
	}
	after := strings.Replace(before, "<content>2<", "<content>two<", 1)
	fresh, _ := diff(atomType, []byte(after), known)
	want := strings.Replace(strings.Replace(after, atomEntry("a", "1"), "", 1), atomEntry("a ", "3"), "", 1)
	if string(fresh) != want {
		t.Errorf("%s\nwant\n%s", fresh, want)
	}
	if err := xml.Unmarshal(fresh, new(struct{})); err != nil {
		t.Error(err)
	}
}
