package hub_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/hub"
	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// ingestion is an ingest on a Redis of its own, reachable for hubs, and an outside site.
type ingestion struct {
	*testing.T
	*store.Store
	ingest *hub.Ingest
	site   *site
}

func newIngestion(t *testing.T, wrap ...func(*store.Store) hub.SourceStore) *ingestion {
	t.Helper()
	t.Parallel()
	st, err := store.Open(store.Options{URL: thoonktest.Redis(t).URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	n := &ingestion{T: t, Store: st, site: newSite(t)}
	callbacks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := n.ingest.ServeCallback(w, r, auth.Principal{}); err != nil {
			status := http.StatusInternalServerError
			if thoonk.KindOf(err) == thoonk.NotFound {
				status = http.StatusNotFound
			}
			http.Error(w, err.Error(), status)
		}
	}))
	t.Cleanup(callbacks.Close)
	addresses, err := hub.NewAddresses(callbacks.URL)
	if err != nil {
		t.Fatal(err)
	}
	dialler := outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	var keeps hub.SourceStore = st
	for _, w := range wrap {
		keeps = w(st)
	}
	n.ingest = hub.NewIngest(hub.IngestOptions{Store: keeps, Dialler: dialler, Addresses: addresses})
	n.run(n.ingest)
	n.declare("news", thoonk.Config{Content: thoonk.Entry})
	return n
}

func (n *ingestion) run(g *hub.Ingest) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { g.Run(ctx) })
	n.Cleanup(func() { cancel(); running.Wait() })
}

func (n *ingestion) declare(feed thoonk.FeedName, c thoonk.Config) {
	n.Helper()
	if _, _, err := n.PutFeed(n.Context(), thoonk.PutFeed{Name: feed, Config: c}); err != nil {
		n.Fatal(err)
	}
}

// follow declares the site's feed as a source.
func (n *ingestion) follow(path string, change ...func(*thoonk.Source)) {
	n.Helper()
	s := thoonk.Source{Name: "s", Kind: thoonk.WebFeed, URL: n.site.URL + path, Feed: "news"}
	for _, c := range change {
		c(&s)
	}
	if _, _, err := n.PutSource(n.Context(), s); err != nil {
		n.Fatal(err)
	}
	n.ingest.Wake()
}

// look makes the ingest look at the source, and returns what is known of it then.
func (n *ingestion) look() thoonk.SourceState {
	n.Helper()
	before := n.state().Counts.Fetches
	if err := n.RefreshSource(n.Context(), "s"); err != nil {
		n.Fatal(err)
	}
	n.ingest.Wake()
	return n.until("a look", func(s thoonk.SourceState) bool {
		return s.Counts.Fetches > before && (!s.Worked.Before(s.Tried) || !s.ErrorAt.Before(s.Tried))
	})
}

func (n *ingestion) state() thoonk.SourceState {
	n.Helper()
	_, state, err := n.Source(n.Context(), "s")
	if err != nil {
		n.Fatal(err)
	}
	return state
}

func (n *ingestion) until(what string, done func(thoonk.SourceState) bool) (state thoonk.SourceState) {
	n.Helper()
	thoonktest.Eventually(n, what, func() bool {
		state = n.state()
		return done(state)
	})
	return state
}

// items returns "id=title" of the feed's items, in their order.
func (n *ingestion) items() []string {
	n.Helper()
	page, err := n.Items(n.Context(), thoonk.ItemQuery{Feed: "news", Limit: 1000})
	if err != nil {
		n.Fatal(err)
	}
	var found []string
	for _, i := range page.Items {
		e, err := syndication.ParseEntry(i.Body)
		if err != nil {
			n.Fatal(err)
		}
		found = append(found, string(i.ID)+"="+e.Title)
	}
	return found
}

func (n *ingestion) wants(want ...string) {
	n.Helper()
	if got := n.items(); !slices.Equal(got, want) {
		n.Errorf("the feed has %q, want %q", got, want)
	}
}

// site serves documents, and is a hub.
type site struct {
	*httptest.Server
	mu       sync.Mutex
	pages    map[string]http.HandlerFunc
	asked    []url.Values // of the hub
	requests []*http.Request
}

func newSite(t *testing.T) *site {
	s := &site{pages: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.mu.Lock()
		s.requests = append(s.requests, r)
		if r.URL.Path == "/hub" {
			s.asked = append(s.asked, r.PostForm)
		}
		serve := s.pages[r.URL.Path]
		s.mu.Unlock()
		if serve == nil {
			http.NotFound(w, r)
			return
		}
		serve(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) on(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = h
}

// has serves a document with an entity tag.
func (s *site) has(path, contentType, doc string) {
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(doc)))
	s.on(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, doc)
	})
}

// atomFeed writes a document of "id=title@minute" entries, the newest first; "-id" is a tombstone.
func atomFeed(more string, entries ...string) string {
	doc := `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0" xmlns:fh="http://purl.org/syndication/history/1.0"><id>urn:x</id><title>Outside</title>` + more
	for _, e := range entries {
		if gone, ok := strings.CutPrefix(e, "-"); ok {
			doc += `<at:deleted-entry ref="` + gone + `" when="2026-01-01T13:00:00Z"/>`
			continue
		}
		id, rest, _ := strings.Cut(e, "=")
		title, minute, _ := strings.Cut(rest, "@")
		doc += fmt.Sprintf(`<entry><id>%s</id><title>%s</title><updated>2026-01-01T12:%s:00Z</updated><content type="html">&lt;p onclick="x()"&gt;%s&lt;/p&gt;</content></entry>`, id, title, minute, title)
	}
	return doc + "</feed>"
}

const atomType = "application/atom+xml"

// Entries come in once, in the order in which they came about, are updated in place, and go when they are gone.
func TestSourceIsFollowed(t *testing.T) {
	n := newIngestion(t)
	n.site.has("/feed", atomType, atomFeed("", "urn:2=Two@02", "urn:1=One@01"))
	n.follow("/feed")
	s := n.until("the first look", func(s thoonk.SourceState) bool { return s.Status == thoonk.SourceOK })
	n.wants("urn:1=One", "urn:2=Two")
	if s.Title != "Outside" || s.Counts.New != 2 || s.Error != "" || s.Hub.Status != thoonk.SourceHubNone {
		t.Errorf("%+v", s)
	}
	item, _, err := n.Item(t.Context(), "news", "urn:1")
	if err != nil || strings.Contains(string(item.Body), "onclick") || !strings.Contains(string(item.Body), "<p>One</p>") {
		t.Errorf("%s, %v", item.Body, err)
	}
	if s := n.look(); s.Counts.Unchanged != 1 || s.Counts.New != 2 { // 304
		t.Errorf("%+v", s)
	}

	n.site.has("/feed", atomType, atomFeed("", "urn:3=Three@03", "urn:2=Two, again@05", "urn:1=One@01"))
	if s := n.look(); s.Counts.New != 3 || s.Counts.Updated != 1 {
		t.Errorf("%+v", s)
	}
	n.wants("urn:1=One", "urn:3=Three", "urn:2=Two, again")

	// What was removed here does not come back by itself; what was changed here is left alone until it changes there.
	if err := n.Retract(t.Context(), thoonk.RetractItem{Feed: "news", ID: "urn:1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Publish(t.Context(), thoonk.PublishItem{Feed: "news", ID: "urn:3", Form: thoonk.FormBody, Body: []byte(`{"title":"ours"}`)}); err != nil {
		t.Fatal(err)
	}
	n.site.has("/feed", atomType, atomFeed("", "-urn:2", "urn:4=Four@04", "urn:3=Three@03", "urn:1=One@01"))
	if s := n.look(); s.Counts.Deleted != 1 || s.Counts.New != 4 {
		t.Errorf("%+v", s)
	}
	n.wants("urn:3=ours", "urn:4=Four")

	// A complete document says what is gone by not having it.
	n.site.has("/feed", atomType, atomFeed("<fh:complete/>", "urn:5=Five@06", "urn:4=Four@04"))
	n.look()
	n.wants("urn:4=Four", "urn:5=Five")
}

// Two sources that bring the same, processes that look at one moment, a look that is repeated: each entry comes once.
func TestEntriesComeOnce(t *testing.T) {
	n := newIngestion(t)
	var entries []string
	for i := range 50 {
		entries = append(entries, fmt.Sprintf("urn:%d=T%d@%02d", i, i, 59-i))
	}
	n.site.has("/feed", atomType, atomFeed("", entries...))
	addresses, err := hub.NewAddresses("https://feeds.example.org")
	if err != nil {
		t.Fatal(err)
	}
	dialler := outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for range 3 { // other processes
		other := hub.NewIngest(hub.IngestOptions{Store: n.Store, Dialler: dialler, Addresses: addresses})
		n.run(other)
		other.Wake()
	}
	n.follow("/feed", func(s *thoonk.Source) { s.Name = "other" })
	n.follow("/feed")
	for range 3 {
		n.look()
	}
	thoonktest.Eventually(t, "the other", func() bool {
		_, s, err := n.Source(t.Context(), "other")
		return err == nil && s.Status == thoonk.SourceOK
	})
	page, err := n.Changes(t.Context(), thoonk.ChangeQuery{Feed: "news", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	told := map[thoonk.ItemID]int{}
	for _, e := range page.Changes {
		if e.HasBody() {
			told[e.ItemID]++
		}
	}
	for id, times := range told {
		if times != 1 {
			t.Errorf("%s was told %d times", id, times)
		}
	}
	if len(told) != 50 {
		t.Errorf("%d entries", len(told))
	}
}

func TestSourceOfJobs(t *testing.T) {
	n := newIngestion(t)
	n.declare("work", thoonk.Config{Type: thoonk.TypeJob})
	n.site.has("/feed", atomType, atomFeed("", "urn:2=Two@02", "urn:1=One@01"))
	n.follow("/feed", func(s *thoonk.Source) { s.Feed = "work" })
	n.until("the first look", func(s thoonk.SourceState) bool { return s.Counts.New == 2 })
	n.site.has("/feed", atomType, atomFeed("", "urn:3=Three@03", "urn:2=Two, again@04", "urn:1=One@01"))
	if s := n.look(); s.Counts.New != 3 || s.Status != thoonk.SourceOK {
		t.Errorf("%+v", s)
	}
	claimed, err := n.ClaimJobs(t.Context(), "work", []thoonk.ClaimJobs{{Count: 10, Lease: time.Minute, Actor: "w"}})
	if err != nil || len(claimed[0].Jobs) != 3 || claimed[0].Jobs[0].ID != "urn:1" || !strings.Contains(string(claimed[0].Jobs[2].Payload), "Three") {
		t.Errorf("%+v, %v", claimed, err)
	}
}

// A page names its feed; a feed names its hub in the header or in itself.
func TestDiscovery(t *testing.T) {
	n := newIngestion(t)
	n.site.has("/", "text/html", `<!DOCTYPE html><html><head><link rel=stylesheet href=x><link rel="alternate home" type="application/rss+xml" href="feeds/rss"></head>`)
	n.site.has("/feeds/rss", "application/rss+xml", `<rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom"><channel><title>T</title><a:link rel="hub" href="`+n.site.URL+`/hub"/>
		<a:link rel="self" href="`+n.site.URL+`/feeds/self"/><item><guid>1</guid><title>One</title></item></channel></rss>`)
	n.site.on("/hub", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	n.follow("/")
	s := n.until("the hub is asked", func(s thoonk.SourceState) bool { return s.Hub.Status == thoonk.SourceHubAsked })
	n.wants("1=One")
	if s.Hub.URL != n.site.URL+"/hub" || s.Hub.Topic != n.site.URL+"/feeds/self" || s.Document != n.site.URL+"/feeds/rss" {
		t.Errorf("%+v", s)
	}
	for name, page := range map[string]http.HandlerFunc{
		"/header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Link", `<https://other.example/x>; rel="next", </hub>; rel="hub other"; x=y`)
			w.Header().Add("Link", `</self>; title="a, b; rel=no"; rel=self`)
			_, _ = io.WriteString(w, `{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[]}`)
		},
		"/json": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"version":"https://jsonfeed.org/version/1.1","feed_url":"`+n.site.URL+`/self","hubs":[{"type":"WebSub","url":"`+n.site.URL+`/hub"}],"items":[]}`)
		},
	} {
		n.site.on(name, page)
		n.follow(name)
		n.until("the hub of "+name, func(s thoonk.SourceState) bool {
			return s.Hub.URL == n.site.URL+"/hub" && s.Hub.Topic == n.site.URL+"/self"
		})
	}
}

// subscribed is the hub's last request.
func (s *site) subscribed() url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) == 0 {
		return nil
	}
	return s.asked[len(s.asked)-1]
}

func request(t *testing.T, method, address, body string, header http.Header) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header[k] = v
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func verification(callback, mode, topic string) string {
	return callback + "?" + url.Values{"hub.mode": {mode}, "hub.topic": {topic}, "hub.challenge": {"c+h a"}, "hub.lease_seconds": {"3600"}, "hub.reason": {"no"}}.Encode()
}

func sign(secret, body string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return http.Header{"Content-Type": {atomType}, "X-Hub-Signature": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
}

// A hub is asked, asks back, and delivers.
func TestSourceWithHub(t *testing.T) {
	n := newIngestion(t)
	topic := n.site.URL + "/feed"
	const links = `<link rel="hub" href="/hub"/>` // relative to where the document is
	n.site.has("/feed", atomType, atomFeed(links, "urn:1=One@01"))
	n.site.on("/hub", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	n.follow("/feed")
	thoonktest.Eventually(t, "the hub is asked", func() bool { return n.site.subscribed() != nil })
	asked := n.site.subscribed()
	callback, secret := asked.Get("hub.callback"), asked.Get("hub.secret")
	if asked.Get("hub.mode") != "subscribe" || asked.Get("hub.topic") != topic || len(secret) < 20 || asked.Get("hub.lease_seconds") != "864000" {
		t.Errorf("%v", asked)
	}
	n.until("the first look", func(s thoonk.SourceState) bool { return s.Hub.Status == thoonk.SourceHubAsked })
	for _, bad := range []string{
		verification(callback, "subscribe", topic+"x"), verification(callback, "unsubscribe", topic), verification(callback, "other", topic), verification(callback+"x", "subscribe", topic),
	} {
		if status, body := request(t, "GET", bad, "", nil); status != 404 {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}
	if status, body := request(t, "GET", verification(callback, "subscribe", topic), "", nil); status != 200 || body != "c+h a" {
		t.Fatalf("%d %s", status, body)
	}
	s := n.state()
	if left := time.Until(s.Hub.Expires); !s.Hub.Works(time.Now()) || left < 59*time.Minute || left > time.Hour || time.Until(s.Hub.Renew) > 40*time.Minute {
		t.Errorf("%+v", s.Hub)
	}

	forged := atomFeed("", "urn:evil=Evil@02")
	for _, header := range []http.Header{
		nil, sign("wrong", forged), {"X-Hub-Signature": {"sha256="}}, {"X-Hub-Signature": {"md5=00"}}, {"X-Hub-Signature": {"sha256=zz"}},
	} {
		if status, body := request(t, "POST", callback, forged, header); status != 202 {
			t.Errorf("%d %s", status, body)
		}
	}
	n.wants("urn:1=One")
	for range 2 { // a hub that did not hear us delivers again
		delivery := atomFeed(links, "urn:1=One, again@03", "urn:2=Two@02")
		if status, body := request(t, "POST", callback, delivery, sign(secret, delivery)); status != 202 {
			t.Errorf("%d %s", status, body)
		}
		n.wants("urn:2=Two", "urn:1=One, again")
	}
	gone := atomFeed("", "-urn:2")
	request(t, "POST", callback, gone, sign(secret, gone))
	n.wants("urn:1=One, again")
	s = n.state()
	if c := s.Counts; c.Pushes != 3 || c.Forged != 5 || c.New != 2 || c.Updated != 1 || c.Deleted != 1 || c.Fetches != 1 {
		t.Errorf("%+v", c)
	}
	if !strings.Contains(s.Error, "signature") {
		t.Errorf("%q", s.Error)
	}
	if status, _ := request(t, "POST", callback+"x", gone, sign(secret, gone)); status != 404 {
		t.Error(status)
	}
	if status, _ := request(t, "GET", verification(callback+"x", "unsubscribe", topic), "", nil); status != 200 {
		t.Error("an address that we know nothing of is not let go of")
	}

	// Only a ping: the source is looked at.
	n.site.has("/feed", atomType, atomFeed(links, "urn:3=Three@04", "urn:1=One, again@03"))
	request(t, "POST", callback, "", sign(secret, ""))
	n.until("a look after the ping", func(s thoonk.SourceState) bool { return s.Counts.Fetches == 2 && s.Status == thoonk.SourceOK })
	n.wants("urn:1=One, again", "urn:3=Three")

	if status, _ := request(t, "GET", verification(callback, "denied", topic), "", nil); status != 200 {
		t.Error(status)
	}
	if s := n.state(); s.Hub.Status != thoonk.SourceHubDenied || s.Hub.Reason != "no" {
		t.Errorf("%+v", s.Hub)
	}
}

// contended is a store in which somebody else is always a little faster, as often as it says.
type contended struct {
	*store.Store
	times atomic.Int64
}

func (c *contended) Publish(ctx context.Context, p thoonk.PublishItem) (thoonk.Published, error) {
	if p.ID == "urn:2" && c.times.Add(-1) >= 0 {
		return thoonk.Published{}, thoonk.E(thoonk.Stale, "somebody was faster")
	}
	return c.Store.Publish(ctx, p)
}

// An entry that could not be written because somebody else wrote at the same moment is not forgotten: the document is taken
// again though it has not changed, and a delivery is not answered with success.
func TestContendedEntriesAreNotLost(t *testing.T) {
	c := &contended{}
	n := newIngestion(t, func(s *store.Store) hub.SourceStore {
		c.Store = s
		return c
	})
	links := `<link rel="hub" href="` + n.site.URL + `/hub"/>`
	n.site.has("/feed", atomType, atomFeed(links, "urn:3=Three@03", "urn:2=Two@02", "urn:1=One@01"))
	n.site.on("/hub", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	c.times.Store(1)
	n.follow("/feed")
	n.until("all entries", func(s thoonk.SourceState) bool { return s.Counts.New == 3 && s.Status == thoonk.SourceOK })
	n.wants("urn:1=One", "urn:3=Three", "urn:2=Two")

	thoonktest.Eventually(t, "the hub is asked", func() bool { return n.site.subscribed() != nil })
	asked := n.site.subscribed()
	callback, secret := asked.Get("hub.callback"), asked.Get("hub.secret")
	if status, body := request(t, "GET", verification(callback, "subscribe", asked.Get("hub.topic")), "", nil); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	c.times.Store(1)
	delivery := atomFeed("", "urn:2=Two, again@05", "urn:4=Four@04")
	if status, _ := request(t, "POST", callback, delivery, sign(secret, delivery)); status/100 == 2 {
		t.Errorf("a delivery of which an entry is missing was answered %d", status)
	}
	if status, _ := request(t, "POST", callback, delivery, sign(secret, delivery)); status != 202 {
		t.Error(status)
	}
	n.wants("urn:1=One", "urn:3=Three", "urn:4=Four", "urn:2=Two, again")
}

// A lease is renewed before it ends, under the same address and secret.
func TestRenewal(t *testing.T) {
	n := newIngestion(t)
	n.site.has("/feed", atomType, atomFeed(`<link rel="hub" href="`+n.site.URL+`/hub"/>`))
	n.site.on("/hub", func(w http.ResponseWriter, r *http.Request) { // which asks back before it answers
		resp, err := http.Get(r.PostForm.Get("hub.callback") + "?" + url.Values{"hub.mode": {"subscribe"}, "hub.topic": {r.PostForm.Get("hub.topic")}, "hub.challenge": {"c"}, "hub.lease_seconds": {"1"}}.Encode())
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%v %v", resp, err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	n.follow("/feed")
	n.until("the hub has verified", func(s thoonk.SourceState) bool { return s.Hub.Works(time.Now()) })
	first := n.site.subscribed()
	thoonktest.Eventually(t, "the renewal", func() bool {
		n.site.mu.Lock()
		defer n.site.mu.Unlock()
		return len(n.site.asked) > 1
	})
	if again := n.site.subscribed(); again.Get("hub.callback") != first.Get("hub.callback") || again.Get("hub.secret") != first.Get("hub.secret") || !n.state().Hub.Works(time.Now()) {
		t.Errorf("%v, then %v", first, again)
	}
}

// Whatever a source does, it is told on the source, and nothing in the feed is lost.
func TestBadSources(t *testing.T) {
	n := newIngestion(t)
	n.site.has("/feed", atomType, atomFeed("", "urn:1=One@01"))
	n.follow("/feed")
	n.until("the first look", func(s thoonk.SourceState) bool { return s.Status == thoonk.SourceOK })
	bomb := `<!DOCTYPE r [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><feed xmlns="http://www.w3.org/2005/Atom"><title>&b;</title>` + strings.Repeat("<a>", 100_000)
	for want, serve := range map[string]http.HandlerFunc{
		"500":                    func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "x", 500) },
		"404":                    http.NotFound,
		"elements in each other": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, bomb) },
		"no feed": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html><body>Please log in</body></html>")
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) { // 50 MB
			for range 50 {
				_, _ = w.Write(make([]byte, 1<<20))
			}
		},
		"connection": func(w http.ResponseWriter, _ *http.Request) {
			c, _, _ := w.(http.Hijacker).Hijack()
			_ = c.Close()
		},
		"410": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gone", http.StatusGone) },
	} {
		n.site.on("/feed", serve)
		s := n.look()
		status := thoonk.SourceFailing
		if want == "410" {
			status = thoonk.SourceGone
		}
		if s.Status != status || s.Error == "" || s.Failures == 0 || want != "connection" && !strings.Contains(s.Error, want) {
			t.Errorf("%s: %+v", want, s)
		}
		n.wants("urn:1=One")
	}
	n.site.has("/feed", "text/xml", strings.Replace(atomFeed("", "urn:2=caf\xe9@02", "urn:2=caf\xe9@03", "urn:3=A@00", "urn:3=B@00"), "2026-01-01T12:02", "9999-99-99T", 1))
	if s := n.look(); s.Status != thoonk.SourceOK || s.Failures != 0 || s.Counts.Duplicates != 2 || s.Error == "" {
		t.Errorf("%+v", s)
	}
	if got := n.items(); len(got) != 4 || !slices.Contains(got, "urn:2=café") || !slices.Contains(got, "urn:3=B") {
		t.Errorf("%q", got)
	}

	// An address that may not be dialled.
	n.follow("", func(s *thoonk.Source) { s.URL = "http://10.255.255.1/feed" })
	if s := n.until("a refusal", func(s thoonk.SourceState) bool { return s.Status == thoonk.SourceFailing }); !strings.Contains(s.Error, "not public") {
		t.Errorf("%+v", s)
	}
}

// Where there is no feed that takes entries, that is said on the source.
func TestBadTargets(t *testing.T) {
	n := newIngestion(t)
	n.site.has("/feed", atomType, atomFeed("", "urn:1=One@01"))
	n.declare("text", thoonk.Config{Content: thoonk.Text})
	n.follow("/feed", func(s *thoonk.Source) { s.Feed = "text" })
	if s := n.until("a refusal", func(s thoonk.SourceState) bool { return s.Status == thoonk.SourceFailing }); !strings.Contains(s.Error, "content text") {
		t.Errorf("%+v", s)
	}
	n.follow("/feed", func(s *thoonk.Source) { s.Feed = "none" })
	if s := n.until("a refusal", func(s thoonk.SourceState) bool { return s.Status == thoonk.SourceFailing }); !strings.Contains(s.Error, "no such feed") {
		t.Errorf("%+v", s)
	}
}
