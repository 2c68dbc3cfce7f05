package hub

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func TestPoint38Sync(t *testing.T) {
	f, c := withBlog(t, quick)
	ask := func(mode string, verify ...string) int {
		t.Helper()
		form := []string{"hub.mode", mode, "hub.callback", c.url, "hub.topic", blogTopic}
		for _, v := range verify {
			form = append(form, "hub.verify", v)
		}
		return f.post("", form...).Code
	}
	if code := ask("subscribe", "sync", "async"); code != 204 || len(f.subscriptions()) != 1 {
		t.Fatalf("sync is answered %d, and there are %d", code, len(f.subscriptions()))
	}
	c.asked("subscribe")
	if code := ask("unsubscribe", "sync"); code != 204 || len(f.subscriptions()) != 0 {
		t.Fatalf("sync is answered %d, and there are %d", code, len(f.subscriptions()))
	}
	c.asked("unsubscribe")
	if code := ask("subscribe", "async", "sync"); code != 202 {
		t.Errorf("async first is answered %d", code)
	}
	c.asked("subscribe")
	f.settled()
	c.verifies(func(w http.ResponseWriter, _ url.Values) { http.NotFound(w, nil) })
	if code := ask("unsubscribe", "sync"); code/100 != 4 || len(f.subscriptions()) != 1 {
		t.Errorf("what was not confirmed is answered %d", code)
	}
	c.asked("unsubscribe")
	// It is bounded: with 32 who wait there is no room for more, who get async if they take it.
	for range maxSync {
		f.hub.sync <- struct{}{}
	}
	if code := ask("unsubscribe", "sync"); code != 503 {
		t.Errorf("without room it is answered %d", code)
	}
	if code := ask("unsubscribe", "sync", "async"); code != 202 {
		t.Errorf("without room, and with async, it is answered %d", code)
	}
	c.asked("unsubscribe")
}

// watched is a client that notes how long a request may take.
type watched struct {
	Sender
	longest *atomic.Int64
}

func (w watched) Do(ctx context.Context, r outbound.Request) (*outbound.Response, error) {
	if end, ok := ctx.Deadline(); ok && r.Purpose == "verification" {
		w.longest.Store(int64(time.Until(end)))
	}
	return w.Sender.Do(ctx, r)
}

// A callback that does not answer is waited for 10 s at most, however long others are; then it is asked later, if the
// subscriber takes that.
func TestSyncIsBounded(t *testing.T) {
	t.Parallel()
	w := watched{outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}), new(atomic.Int64)}
	settings := quick
	settings.Timeout = time.Minute
	f := newFixtureSending(t, settings, w)
	f.feed("blog", thoonk.Config{})
	c := newCallback(t, "/cb")
	form := []string{"hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic, "hub.verify", "sync"}
	if r := f.post("", form...); r.Code != 204 {
		t.Fatal(r.Code, r.Body)
	}
	c.asked("subscribe")
	if longest := time.Duration(w.longest.Load()); longest <= 0 || longest > 10*time.Second {
		t.Errorf("the subscriber may wait %v", longest)
	}
	fails := 0
	c.verifies(func(w http.ResponseWriter, q url.Values) {
		if fails++; fails <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, q.Get("hub.challenge"))
	})
	form[1] = "unsubscribe"
	if r := f.post("", form...); r.Code != 503 || len(f.subscriptions()) != 1 {
		t.Errorf("a callback that cannot answer: %d %s", r.Code, r.Body)
	}
	c.asked("unsubscribe")
	if r := f.post("", append(form, "hub.verify", "async")...); r.Code != 202 {
		t.Errorf("and with async: %d %s", r.Code, r.Body)
	}
	c.asked("unsubscribe")
	c.asked("unsubscribe") // again, now that nobody waits
	f.settled()
	if n := len(f.subscriptions()); n != 0 {
		t.Errorf("there are %d subscriptions", n)
	}
}

func TestPoint39TheVerifyTokenIsEchoed(t *testing.T) {
	f, c := withBlog(t, quick)
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic, "hub.verify", "async", "hub.verify_token", "tök en&")
	if q := c.asked("subscribe"); q.Get("hub.verify_token") != "tök en&" {
		t.Errorf("%v", q)
	}
	f.settled()
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic)
	if q := c.asked("subscribe"); q.Has("hub.verify_token") {
		t.Errorf("%v", q)
	}
}

func TestPoint40VerificationIsRetriedAndOldSubscribersRefreshed(t *testing.T) {
	f, c := withBlog(t, quick)
	tries := 0
	c.verifies(func(w http.ResponseWriter, q url.Values) {
		if tries++; tries == 1 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, q.Get("hub.challenge"))
	})
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic, "hub.verify", "async", "hub.lease_seconds", "4")
	c.asked("subscribe")
	c.asked("subscribe") // again, after the failure
	f.settled()
	first := f.only().Subscription
	c.asked("subscribe") // again, before the end
	thoonktest.Eventually(t, "it is refreshed", func() bool {
		subs := f.subscriptions()
		return len(subs) == 1 && subs[0].Subscription.Expires.After(first.Expires)
	})
}

// crowded is a store in which too many requests wait for their callbacks.
type crowded struct{ Store }

func (crowded) PutHubIntent(context.Context, thoonk.HubIntent) error {
	return thoonk.E(thoonk.Limited, "too many")
}

// Where too many requests wait, old subscribers are asked later, and the leader goes on.
func TestOldSubscribersAreRefreshedInTheirTurn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, quick)
	f.feed("blog", thoonk.Config{})
	standing, err := json.Marshal(f.verify.Anonymous().Standing())
	f.ok(err)
	h := f.newHub(quick)
	sub := thoonk.HubSubscription{
		ID: "s", Topic: blogTopic, Feed: "blog", Format: string(Atom), Callback: "http://127.0.0.1:9/", Algorithm: "sha1", Holder: standing, Legacy: true,
		Created: time.Now(), Expires: time.Now().Add(time.Hour),
	}
	due := time.Now().Add(time.Minute) // so that the hub that runs leaves it alone
	_, err = f.PutHubSubscription(f.ctx, sub, due, thoonk.HubIntent{})
	f.ok(err)
	h.o.Store = crowded{refreshAt{f.Store, due}}
	if err := h.refresh(f.ctx); err != nil {
		t.Error(err)
	}
	if subs, err := f.RefreshHub(f.ctx, due, 10); err != nil || len(subs) != 1 {
		t.Errorf("it is not asked later: %v, %v", subs, err)
	}
}

// refreshAt is a store at another time.
type refreshAt struct {
	Store
	now time.Time
}

func (r refreshAt) RefreshHub(ctx context.Context, _ time.Time, limit int) ([]thoonk.HubSubscription, error) {
	return r.Store.RefreshHub(ctx, r.now, limit)
}

func TestPoint41NoLeaseIsTheDefault(t *testing.T) {
	f, c := withBlog(t, Settings{LeaseDefault: time.Hour})
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic, "hub.verify", "async", "hub.lease_seconds", "")
	if q := c.asked("subscribe"); q.Get("hub.lease_seconds") != "3600" {
		t.Errorf("%v", q)
	}
	f.settled()
	if s := f.only().Subscription; s.Expires.Sub(s.Created) != time.Hour {
		t.Errorf("it lasts %v", s.Expires.Sub(s.Created))
	}
}

func TestPoint42AudiencesAreSummed(t *testing.T) {
	f, s := elsewhere(t)
	s.document(atomType, atomDoc("t", atomEntry("1", "one")))
	for _, audience := range []string{"40", "2", "", "none"} {
		c := newCallback(t, "/")
		c.answers(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Hub-On-Behalf-Of", audience) })
		f.subscribeElsewhere(c, s)
	}
	thoonktest.Next(t, s.requests)
	s.document(atomType, atomDoc("t", atomEntry("2", "two")))
	f.ping(s)
	thoonktest.Eventually(t, "all have got it", func() bool {
		for _, d := range f.subscriptions() {
			if d.State.Delivered == 0 {
				return false
			}
		}
		return true
	})
	if r := f.ping(s); !strings.Contains(r.UserAgent(), "44 subscribers") || r.Header.Get("X-Hub-On-Behalf-Of") != "44" {
		t.Errorf("User-Agent: %s", r.UserAgent())
	}
}

func TestPoint43TheAlgorithmIsTheSubscriptions(t *testing.T) {
	f, c := withBlog(t, quick)
	old := newCallback(t, "/old")
	f.subscribe(c, "/feeds/blog.atom", "hub.secret", "s", "hub.algorithm", "sha1")
	f.subscribe(old, "/feeds/blog.json", "hub.secret", "s", "hub.verify", "async") // who speaks 0.3 knows no other
	f.text("blog", "x", "1")
	for _, d := range []delivery{c.next(), old.next()} {
		if got := d.header.Get("X-Hub-Signature"); got != signature("sha1", "s", []byte(d.body)) {
			t.Error(got)
		}
	}
	f.subscribe(c, "/feeds/blog.atom", "hub.secret", "s")
	f.text("blog", "x", "2")
	if d := c.next(); d.header.Get("X-Hub-Signature") != signature("sha256", "s", []byte(d.body)) {
		t.Error(d.header)
	}
}

func TestPoint44OneAddressForAll(t *testing.T) {
	f, c := withBlog(t, quick)
	if got := f.hub.o.Addresses.Hub(); got != publicURL+"/hub" {
		t.Fatal(got)
	}
	for mode, want := range map[string]int{"subscribe": 202, "unsubscribe": 202, "publish": 204} {
		if w := f.post("", "hub.mode", mode, "hub.callback", c.url, "hub.topic", blogTopic); w.Code != want {
			t.Errorf("%s is answered %d", mode, w.Code)
		}
	}
}
