package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// ingestCrash is how much the tests below do.
type ingestCrash struct{ rounds, entries int }

func ingestCrashSize() ingestCrash {
	if os.Getenv("THOONKD_TEST_SOAK") == "1" {
		return ingestCrash{rounds: 30, entries: 300}
	}
	return ingestCrash{rounds: 4, entries: 120}
}

// press is an outside site: a document that grows and is edited, and a hub that delivers.
type press struct {
	*httptest.Server
	mu       sync.Mutex
	versions []int // of the entries of the document, from the oldest
	form     url.Values
}

func newPress(t *testing.T) *press {
	t.Helper()
	p := &press{}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *press) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.URL.Path {
	case "/hub":
		if err := r.ParseForm(); err == nil && r.PostForm.Get("hub.mode") == "subscribe" {
			p.form = r.PostForm
		}
		w.WriteHeader(http.StatusAccepted)
	case "/hubbed.atom":
		w.Header().Set("Link", "<"+p.URL+`/hub>; rel="hub", <`+p.URL+`/hubbed.atom>; rel="self"`)
		_, _ = io.WriteString(w, atomOf(nil, 0))
	default:
		_, _ = io.WriteString(w, atomOf(p.versions, 0))
	}
}

// next adds entries to the document, and edits every third of those before.
func (p *press) next(entries int) (versions []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; i < len(p.versions); i += 3 {
		p.versions[i]++
	}
	p.versions = append(p.versions, make([]int, entries)...)
	return slices.Clone(p.versions)
}

// atomOf writes entries first, first+1, … of these versions, the newest first.
func atomOf(versions []int, first int) string {
	var b strings.Builder
	b.WriteString(`<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:press</id><title>Press</title>`)
	for i := len(versions) - 1; i >= 0; i-- {
		at := time.Date(2026, 1, 1, 0, 0, first+i, 0, time.UTC).Format(time.RFC3339)
		fmt.Fprintf(&b, "<entry><id>%s</id><title>%s</title><published>%s</published><updated>%s</updated><content>%s</content></entry>",
			entryID(first+i), entryTitle(first+i, versions[i]), at, at, strings.Repeat("word ", 40))
	}
	return b.String() + "</feed>"
}

func entryID(i int) string             { return fmt.Sprintf("urn:press:%05d", i) }
func entryTitle(i, version int) string { return fmt.Sprintf("Entry %d, version %d", i, version) }

// verify asks back what the hub was asked for.
func (p *press) verify() bool {
	p.mu.Lock()
	form := p.form
	p.mu.Unlock()
	if form == nil {
		return false
	}
	q := url.Values{"hub.mode": {"subscribe"}, "hub.topic": form["hub.topic"], "hub.challenge": {"c"}, "hub.lease_seconds": {"86400"}}
	resp, err := http.Get(form.Get("hub.callback") + "?" + q.Encode()) //nolint:noctx // it is near
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// deliver posts a document once, and reports whether it was taken.
func (p *press) deliver(doc string) bool {
	p.mu.Lock()
	form := p.form
	p.mu.Unlock()
	req, err := http.NewRequest(http.MethodPost, form.Get("hub.callback"), strings.NewReader(doc)) //nolint:noctx // it is near
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(form.Get("hub.secret")))
	mac.Write([]byte(doc))
	req.Header.Set("X-Hub-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	req.Header.Set("Content-Type", "application/atom+xml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode/100 == 2
}

// told returns what the history of a feed tells of its items, in order: "kind title" by id, and of a queue "kind".
func (s *killable) told(path string) map[string][]string {
	s.t.Helper()
	found := map[string][]string{}
	for since := ""; ; {
		var page struct {
			Changes []wireEvent
			Next    string
		}
		if err := json.Unmarshal([]byte(s.do("GET", path+"/events?limit=1000"+since, "")), &page); err != nil {
			s.t.Fatal(err)
		}
		for _, c := range page.Changes {
			var entry struct{ Title string }
			if c.Body != nil && json.Unmarshal(c.Body, &entry) != nil {
				s.t.Fatalf("half an entry: %s", c.Body)
			}
			if c.ID != "" {
				found[c.ID] = append(found[c.ID], strings.TrimSpace(c.Kind+" "+entry.Title))
			}
			since = "&since=" + c.Revision.String()
		}
		if page.Next == "" || len(page.Changes) == 0 {
			return found
		}
	}
}

// crash kills thoonkd or Redis once the history of a feed has grown to a length. What is done meanwhile is done before it
// is started again.
func (s *killable) crash(redis bool, feed string, length int64, meanwhile func()) {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for s.changes(feed) < length {
		if time.Now().After(deadline) {
			s.t.Fatalf("nothing comes into %s", feed)
		}
	}
	if redis {
		s.redis.Kill()
		s.redis.Start()
		meanwhile()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.kill()
	meanwhile()
	s.start()
}

func (s *killable) changes(feed string) int64 {
	s.t.Helper()
	n, err := s.redis.Client().XLen(s.t.Context(), "thoonk.history:"+feed).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func newIngestCrash(t *testing.T) *killable {
	t.Helper()
	redis := thoonktest.Redis(t, thoonktest.WithAOF(), thoonktest.WithArgs("--appendfsync", "always"))
	s := &killable{t: t, redis: redis, address: freeAddress(t), key: writeFile(t, testKey)}
	s.config = writeFile(t, "public-url: http://"+s.address+"\n")
	s.start()
	return s
}

// thoonkd and Redis are killed in the middle of what sources bring in, into a feed, a short one, and a job queue whose jobs
// are done at once: in the end every entry is there whole, was told once as new and once for each edit, and was one job.
func TestSourcesSurviveCrashes(t *testing.T) {
	t.Parallel()
	const short = 20
	size, outside, s := ingestCrashSize(), newPress(t), newIngestCrash(t)
	worker := thoonktest.NewForeign(t, s.redis.Client())
	work := func() {
		for job, ok := worker.GetJob("work"); ok; job, ok = worker.GetJob("work") {
			worker.FinishJob("work", job.ID, nil)
		}
	}
	const history = `"content":"entry","history":{"count":100000,"bytes":1000000000}`
	s.do("PUT", "/v1/feeds/copy", "{"+history+"}")
	s.do("PUT", "/v1/feeds/short", fmt.Sprintf(`{"max_length":%d,%s}`, short, history))
	s.do("PUT", "/v1/jobs/work", "{"+history+"}")
	targets := []string{"copy", "short", "work"}
	want, changes := map[string][]string{}, 0 // what the copy is to tell
	var versions []int
	for round := range size.rounds {
		versions = outside.next(size.entries)
		for i, version := range versions {
			id := entryID(i)
			if len(want[id]) > version {
				continue
			}
			kind := map[bool]string{true: "publish", false: "edit"}[version == 0]
			want[id] = append(want[id], kind+" "+entryTitle(i, version))
			changes++
		}
		target := targets[round%len(targets)]
		before := s.changes(target)
		for _, name := range targets {
			if round == 0 {
				s.do("PUT", "/v1/sources/"+name, fmt.Sprintf(`{"url":%q,"feed":%q,"hub":false,"min_interval":"24h","max_interval":"24h"}`, outside.URL, name))
			} else {
				s.do("POST", "/v1/sources/"+name+"/refresh", "")
			}
		}
		s.crash(round%4 == 3, target, before+1+rand.Int64N(int64(size.entries/2)), work)
		newest := entryID(len(versions) - 1)
		thoonktest.Eventually(t, "all is in", func() bool {
			work()
			return s.changes("copy") > int64(changes) && len(s.told("/v1/jobs/work")) == len(versions) && len(s.told("/v1/feeds/short")[newest]) > 0
		})
	}
	if got := s.told("/v1/feeds/copy"); !maps.EqualFunc(got, want, slices.Equal) {
		differ(t, "copy", got, want)
	}
	s.toldOnce("/v1/feeds/short", "publish")
	s.toldOnce("/v1/jobs/work", "submit")
	titles := s.titles("short")
	if len(titles) != short {
		t.Errorf("the short feed has %d entries", len(titles))
	}
	for i := len(versions) - short; i < len(versions); i++ {
		if got := titles[entryID(i)]; got != entryTitle(i, versions[i]) {
			t.Errorf("the short feed has %q as its entry %d", got, i)
		}
	}
}

// differ says what is told otherwise than wanted.
func differ(t *testing.T, feed string, got, want map[string][]string) {
	t.Helper()
	for id, told := range want {
		if !slices.Equal(got[id], told) && !t.Failed() { // one says enough
			t.Errorf("%s tells of %s %q, want %q", feed, id, got[id], told)
		}
	}
	for id, told := range got {
		if want[id] == nil && !t.Failed() {
			t.Errorf("%s tells of %s %q", feed, id, told)
		}
	}
}

// toldOnce checks that there is one change of a kind for each item or job.
func (s *killable) toldOnce(path, kind string) {
	s.t.Helper()
	more, example := 0, ""
	for id, told := range s.told(path) {
		told = slices.DeleteFunc(told, func(change string) bool { return !strings.HasPrefix(change, kind) })
		if len(told) != 1 {
			more++
			example = fmt.Sprintf("of %s %q", id, told)
		}
	}
	if more > 0 {
		s.t.Errorf("%s tells %d times otherwise than once of a %s: %s", path, more, kind, example)
	}
}

// titles are those of the entries of a feed, by their ids.
func (s *killable) titles(feed string) map[string]string {
	s.t.Helper()
	var page struct{ Items []wireEvent }
	if err := json.Unmarshal([]byte(s.do("GET", "/v1/feeds/"+feed+"/items?limit=1000", "")), &page); err != nil {
		s.t.Fatal(err)
	}
	found := map[string]string{}
	for _, i := range page.Items {
		var entry struct{ Title string }
		if err := json.Unmarshal(i.Body, &entry); err != nil {
			s.t.Errorf("half an entry: %s", i.Body)
		}
		found[i.ID] = entry.Title
	}
	return found
}

// A hub delivers while thoonkd and Redis are killed in the middle: a delivery that was not answered with success is
// delivered again, as hubs do, and none other. Once it was, thoonkd is killed again: every entry of it is there, told once.
func TestDeliveriesToSourcesSurviveCrashes(t *testing.T) {
	t.Parallel()
	size, outside, s := ingestCrashSize(), newPress(t), newIngestCrash(t)
	s.do("PUT", "/v1/feeds/copy", `{"content":"entry","history":{"count":100000,"bytes":1000000000}}`)
	s.do("PUT", "/v1/sources/copy", fmt.Sprintf(`{"url":%q,"feed":"copy","min_interval":"24h","max_interval":"24h"}`, outside.URL+"/hubbed.atom"))
	thoonktest.Eventually(t, "the subscription", outside.verify)
	want := map[string][]string{}
	cut := 0
	for round := range size.rounds {
		first := round * size.entries
		doc := atomOf(make([]int, size.entries), first)
		for i := first; i < first+size.entries; i++ {
			want[entryID(i)] = []string{"publish " + entryTitle(i, 0)}
		}
		taken := make(chan int, 1)
		go func() {
			tries := 1
			for !outside.deliver(doc) {
				time.Sleep(20 * time.Millisecond)
				tries++
			}
			taken <- tries
		}()
		s.crash(round%3 == 2, "copy", s.changes("copy")+1+rand.Int64N(int64(size.entries/2)), func() {})
		if tries := thoonktest.Next(t, taken); tries > 1 {
			cut++
		}
		s.restart()
		if got := s.told("/v1/feeds/copy"); !maps.EqualFunc(got, want, slices.Equal) {
			differ(t, "after a delivery that was taken, copy", got, want)
		}
	}
	if titles := s.titles("copy"); len(titles) != min(1000, len(want)) {
		t.Errorf("there are %d entries, want %d", len(titles), len(want))
	}
	if cut == 0 {
		t.Error("no delivery was cut off")
	}
	t.Logf("%d deliveries of %d entries, %d were cut off and came again", size.rounds, size.entries, cut)
}
