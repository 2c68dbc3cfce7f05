package hub

import (
	"errors"
	"net/http"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// A topic that its origin does not have is denied, and nothing is kept of it.
func TestTopicsThatTheirOriginDoesNotHave(t *testing.T) {
	f, s := elsewhere(t)
	c := newCallback(t, "/")
	for _, status := range []int{http.StatusNotFound, http.StatusGone, http.StatusForbidden} {
		s.serves(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", s.url)
		if q := c.asked("denied"); q.Get("hub.topic") != s.url || q.Get("hub.reason") == "" {
			t.Errorf("%d: %v", status, q)
		}
		f.settled()
		if w := f.post("", "hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", s.url, "hub.verify", "sync"); w.Code != http.StatusForbidden {
			t.Errorf("%d: %d %s", status, w.Code, w.Body)
		}
	}
	if feeds, err := f.Feeds(f.ctx, thoonk.FeedQuery{Limit: 10}); err != nil || len(feeds) != 0 {
		t.Errorf("%v, %v", feeds, err)
	}
	if _, err := f.HubOrigin(f.ctx, s.url); thoonk.KindOf(err) != thoonk.NotFound {
		t.Error(err)
	}
}

// An origin that is away is tried a few times; then its topic is denied.
func TestAnOriginThatIsAway(t *testing.T) {
	f, s := elsewhere(t)
	c := newCallback(t, "/")
	s.serves(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", s.url)
	c.asked("denied")
	f.settled()
	if n := len(s.requests); n != 1+len(quick.AskRetries) {
		t.Errorf("it was fetched %d times", n)
	}
	for range len(s.requests) {
		<-s.requests
	}
	tries := 0
	s.serves(func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	f.subscribeElsewhere(c, s)
	if f.only().Subscription.Topic != s.url {
		t.Errorf("%+v", f.only())
	}
}

// What begins with an origin and climbs out of it is no topic of it.
func TestOriginsAreNotClimbedOutOf(t *testing.T) {
	t.Parallel()
	h := New(Options{Settings: Settings{Origins: []string{"https://example.org/pub/"}}})
	for topic, want := range map[string]bool{
		"https://example.org/pub/a.xml": true, "https://example.org/pub/a..b/...": true, "https://example.org/pub/?x=/../": true,
		"https://example.org/pub/../private": false, "https://example.org/pub/%2e%2e/private": false, "https://example.org/pub/.%2E%2fprivate": false,
		"https://example.org/pub/..%5Cprivate": false, "https://example.org/pub/./a": false, "https://user@example.org/pub/a": false,
		"https://example.org.evil.test/pub/": false, "https://example.org/publish": false, "http://example.org/pub/": false,
	} {
		if got := h.foreign(topic); got != want {
			t.Errorf("%s: %v", topic, got)
		}
	}
}

// However many spellings of a topic there are, a page keeps so many documents and no more.
func TestPagesKeepABoundedNumberOfDocuments(t *testing.T) {
	t.Parallel()
	p := &page{docs: map[docKey]*doc{}}
	made := 0
	for range 2 {
		for i := range 2 * maxDocs {
			d, err := p.render(docKey{Atom, "", i}, func() (Document, error) {
				made++
				return Document{ContentType: "text/plain", Body: []byte{byte(i)}}, nil
			})
			if err != nil || d.Body[0] != byte(i) {
				t.Fatal(d, err)
			}
		}
	}
	if len(p.docs) != maxDocs || made != 3*maxDocs {
		t.Errorf("%d documents are kept, %d were made", len(p.docs), made)
	}
	_, err := p.render(docKey{Raw, "", 0}, func() (Document, error) { return Document{}, errors.New("no") })
	if err == nil {
		t.Error("an error is lost")
	}
}
