package hub

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// The tests of this file and of its neighbours are named by the points of the hub's checklist: what WebSub (W) and
// PubSubHubbub 0.3 and 0.4 ask of a hub. faults_test.go says how each was seen to fail.

const blogTopic = publicURL + "/feeds/blog.atom"

// withBlog is a hub with one feed, and a subscriber that has not subscribed.
func withBlog(t *testing.T, settings Settings) (*fixture, *callback) {
	t.Helper()
	t.Parallel()
	f := newFixture(t, settings)
	f.feed("blog", thoonk.Config{})
	return f, newCallback(t, "/cb")
}

func (f *fixture) refuses(status int, reason string, form ...string) {
	f.Helper()
	w := f.post("", form...)
	text := w.Body.String()
	if w.Code != status || !strings.Contains(text, reason) || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		f.Errorf("%q is answered %d %s: %s; want %d: …%s…", form, w.Code, w.Header().Get("Content-Type"), text, status, reason)
	}
}

func TestPoint01AcceptsAForm(t *testing.T) {
	f, c := withBlog(t, quick)
	f.accepted("hub.callback", c.url, "hub.mode", "subscribe", "hub.topic", blogTopic)
	c.asked("subscribe")
	f.settled()
	if s := f.only().Subscription; s.Callback != c.url || s.Topic != blogTopic || s.Feed != "blog" {
		t.Fatalf("%+v", s)
	}
	r := httptest.NewRequest(http.MethodPost, publicURL+"/hub?hub.mode=subscribe", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	if w := f.serve("", r); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("JSON is answered %d", w.Code)
	}
}

func TestPoint02TakesSecretsUnder200Bytes(t *testing.T) {
	f, c := withBlog(t, quick)
	f.refuses(400, "hub.secret is longer than 199 bytes", "hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic, "hub.secret", strings.Repeat("s", 200))
	f.subscribe(c, "/feeds/blog.atom", "hub.secret", strings.Repeat("s", 199))
	if s := f.only().Subscription; len(s.Secret) != 199 {
		t.Fatalf("the secret has %d bytes", len(s.Secret))
	}
}

func TestPoint03IgnoresUnknownParameters(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog.atom", "hub.foo", "1", "hub.foo", "2", "foo", "3", "hub.challenge", "mine")
	f.only()
}

func TestPoint04LeaseIsAPositiveInteger(t *testing.T) {
	f, c := withBlog(t, Settings{LeaseMax: 20 * day})
	for _, bad := range []string{"0", "-5", "1.5", "ten", "1e3", "0x10", " 5"} {
		f.refuses(400, "hub.lease_seconds is not a positive whole number", "hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic, "hub.lease_seconds", bad)
	}
	for asked, got := range map[string]string{"600": "600", "99999999999999999999999": "1728000"} {
		f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic, "hub.lease_seconds", asked)
		if q := c.asked("subscribe"); q.Get("hub.lease_seconds") != got {
			t.Errorf("a lease of %s is %s", asked, q.Get("hub.lease_seconds"))
		}
		f.settled()
	}
}

func TestPoint05IgnoresTheLeaseOnUnsubscribe(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog.atom")
	f.accepted("hub.mode", "unsubscribe", "hub.callback", c.url, "hub.topic", blogTopic, "hub.lease_seconds", "none")
	if q := c.asked("unsubscribe"); q.Has("hub.lease_seconds") {
		t.Errorf("%v", q)
	}
	f.settled()
	if n := len(f.subscriptions()); n != 0 {
		t.Fatalf("%d are left", n)
	}
}

func TestPoint06ASubscriptionIsAPair(t *testing.T) {
	f, c := withBlog(t, quick)
	other := newCallback(t, "/other")
	f.subscribe(c, "/feeds/blog.atom")
	f.subscribe(c, "/feeds/blog.json")
	f.subscribe(other, "/feeds/blog.atom")
	f.subscribe(c, "/feeds/blog.atom")
	if n := len(f.subscriptions()); n != 3 {
		t.Fatalf("there are %d subscriptions, want 3", n)
	}
	f.accepted("hub.mode", "unsubscribe", "hub.callback", c.url, "hub.topic", blogTopic)
	c.asked("unsubscribe")
	f.settled()
	if n := len(f.subscriptions()); n != 2 {
		t.Fatalf("there are %d subscriptions, want 2", n)
	}
}

func TestPoint07RenewalTakesEffectOnceVerified(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog.atom", "hub.lease_seconds", "600")
	before := f.only().Subscription
	gate, arrived := make(chan struct{}), make(chan struct{}, 1)
	c.verifies(func(w http.ResponseWriter, q url.Values) {
		arrived <- struct{}{}
		<-gate
		_, _ = io.WriteString(w, q.Get("hub.challenge"))
	})
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic, "hub.lease_seconds", "6000")
	thoonktest.Next(t, arrived)
	if s := f.only().Subscription; !s.Expires.Equal(before.Expires) {
		t.Error("it was renewed before it was verified")
	}
	close(gate)
	c.asked("subscribe")
	f.settled()
	if s := f.only().Subscription; s.Expires.Sub(before.Expires) < time.Hour {
		t.Errorf("it ends at %v, before at %v", s.Expires, before.Expires)
	}
}

func TestPoint08AFailedVerificationChangesNothing(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog.atom", "hub.secret", "old")
	before := f.only()
	c.verifies(func(w http.ResponseWriter, _ url.Values) { http.NotFound(w, nil) })
	for _, mode := range []string{"subscribe", "unsubscribe"} {
		f.accepted("hub.mode", mode, "hub.callback", c.url, "hub.topic", blogTopic, "hub.secret", "new")
		c.asked(mode)
		f.settled()
		if s := f.only().Subscription; s.Secret != "old" || !s.Expires.Equal(before.Subscription.Expires) {
			t.Errorf("after a failed %s: %+v", mode, s)
		}
	}
	f.text("blog", "x", "1")
	if got := c.next().header.Get("X-Hub-Signature"); got == "" {
		t.Error("it is not signed any more")
	}
}

func TestPoint09ARenewalMayChangeOrDropTheSecret(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog.atom", "hub.secret", "one")
	f.subscribe(c, "/feeds/blog.atom", "hub.secret", "two")
	f.text("blog", "x", "1")
	if d := c.next(); d.header.Get("X-Hub-Signature") != signature("sha256", "two", []byte(d.body)) {
		t.Error("it is not signed with the new secret")
	}
	f.subscribe(c, "/feeds/blog.atom")
	f.text("blog", "x", "2")
	if d := c.next(); d.header.Get("X-Hub-Signature") != "" {
		t.Error("it is signed without a secret")
	}
}

func TestPoint10DecodesUnreservedCharacters(t *testing.T) {
	f, c := withBlog(t, quick)
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", publicURL+"/f%65eds/blo%67%2Eatom")
	c.asked("subscribe")
	f.settled()
	f.text("blog", "x", "1")
	c.next()
	// It is the same subscription, however it is spelt.
	f.subscribe(c, "/feeds/blog.atom")
	f.only()
}

func TestPoint11KeepsTheCallbacksQuery(t *testing.T) {
	f, _ := withBlog(t, quick)
	c := newCallback(t, "/cb?hub.mode=mine&a=%41+b&a=2&hub.topic")
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic)
	q := thoonktest.Next(t, c.gets)
	if got := q["hub.mode"]; len(got) != 2 || got[0] != "mine" || got[1] != "subscribe" {
		t.Errorf("hub.mode is %q", got)
	}
	if got := q["a"]; len(got) != 2 || got[0] != "A b" || got[1] != "2" || len(q["hub.topic"]) != 2 {
		t.Errorf("the query is %v", q)
	}
	if got := questioned("http://a/?x=%41+b&y", "subscribe", "t", nil); got != "http://a/?x=%41+b&y&hub.mode=subscribe&hub.topic=t" {
		t.Error(got)
	}
}

func TestPoint12AcceptedIs202(t *testing.T) {
	f, c := withBlog(t, quick)
	for _, mode := range []string{"subscribe", "unsubscribe"} {
		if w := f.post("", "hub.mode", mode, "hub.callback", c.url, "hub.topic", blogTopic); w.Code != 202 || w.Body.Len() != 0 {
			t.Errorf("%s is answered %d %s", mode, w.Code, w.Body)
		}
	}
}

func TestPoint13BadRequestsGetAPlainReason(t *testing.T) {
	f, c := withBlog(t, quick)
	good := []string{"hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic}
	with := func(name, value string) []string {
		form := append([]string(nil), good...)
		for i := 0; i < len(form); i += 2 {
			if form[i] == name {
				form[i+1] = value
				return form
			}
		}
		return append(form, name, value)
	}
	for _, test := range []struct {
		status int
		reason string
		form   []string
	}{
		{400, "hub.mode is missing", nil},
		{400, "hub.mode is missing", with("hub.mode", "")},
		{400, "hub.mode is none of", with("hub.mode", "list")},
		{400, "hub.mode is given more than once", append(good, "hub.mode", "subscribe")},
		{400, "hub.callback is missing", with("hub.callback", "")},
		{400, "hub.callback is not an absolute", with("hub.callback", "/cb")},
		{400, "hub.callback is not an absolute", with("hub.callback", "ftp://a/cb")},
		{400, "hub.callback is not an absolute", with("hub.callback", "http://[::1/cb")},
		{400, "hub.callback has a fragment", with("hub.callback", c.url+"#x")},
		{400, "hub.callback is longer than", with("hub.callback", c.url+"?"+strings.Repeat("x", 2048))},
		{400, "hub.callback is given more than once", append(good, "hub.callback", c.url)},
		{400, "hub.topic is missing", with("hub.topic", "")},
		{400, "hub.topic is not an absolute", with("hub.topic", "blog")},
		{400, "hub.verify is neither", with("hub.verify", "maybe")},
		{400, "hub.algorithm is none of", with("hub.algorithm", "md5")},
		{400, "hub.url is missing", []string{"hub.mode", "publish"}},
		{400, "hub.url is not an absolute", []string{"hub.mode", "publish", "hub.url", "blog"}},
		{422, "may not be dialled", with("hub.callback", "http://169.254.169.254/latest/meta-data")},
		{422, "user or a password", with("hub.callback", "http://u:p@sub.test/cb")},
	} {
		f.refuses(test.status, test.reason, test.form...)
	}
	r := httptest.NewRequest(http.MethodPost, publicURL+"/hub", strings.NewReader(strings.Repeat("a=b&", 20_000)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if w := f.serve("", r); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("80 KB are answered %d", w.Code)
	}
	for _, body := range []string{"hub.mode=%zz", "hub.mode=subscribe;hub.topic=x"} {
		r := httptest.NewRequest(http.MethodPost, publicURL+"/hub", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if w := f.serve("", r); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "not a form") {
			t.Errorf("%q is answered %d: %s", body, w.Code, w.Body)
		}
	}
	if len(f.subscriptions()) != 0 || len(c.gets) != 0 {
		t.Error("something came of it")
	}
}

func TestPoint14TheAnswerDoesNotDependOnVerification(t *testing.T) {
	f, c := withBlog(t, quick)
	asked := make(chan struct{})
	answer := sync.OnceFunc(func() { close(asked) })
	t.Cleanup(answer) // before the callback's server is closed, which waits for it
	c.verifies(func(w http.ResponseWriter, _ url.Values) {
		<-asked
		http.Error(w, "no", http.StatusForbidden)
	})
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic) // while the callback has not answered
	answer()
	c.asked("subscribe")
	f.settled()
	f.accepted("hub.mode", "subscribe", "hub.callback", "http://127.0.0.1:1/nobody", "hub.topic", blogTopic)
}

// We redirect nobody: whatever equivalent address of the hub is used answers itself (W5.1.2 allows 307 and 308).
func TestPoint15AnswersWithoutARedirect(t *testing.T) {
	f, c := withBlog(t, quick)
	w := f.post("", "hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic)
	if w.Code/100 == 3 || w.Header().Get("Location") != "" {
		t.Errorf("%d to %s", w.Code, w.Header().Get("Location"))
	}
}

func TestPoint16RefusesByPolicy(t *testing.T) {
	f, c := withBlog(t, quick)
	f.feed("private", thoonk.Config{})
	for _, callback := range []string{
		"http://10.0.0.1/", "http://192.168.1.1:8080/", "http://[::1]/", "http://[fe80::1]/", "http://0xa000001/",
		"http://012.1/", "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a00:1]/", "http://100.64.0.1/", "http://169.254.169.254/",
	} {
		w := f.post("", "hub.mode", "subscribe", "hub.callback", callback, "hub.topic", blogTopic)
		if w.Code/100 != 4 {
			t.Errorf("%s is answered %d", callback, w.Code)
		}
	}
	for _, topic := range []string{publicURL + "/feeds/private.atom", publicURL + "/feeds/nothing.atom", "https://elsewhere.test/feed", publicURL + "/feeds.atom?match=*"} {
		f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", topic)
		if q := c.asked("denied"); q.Get("hub.topic") != topic {
			t.Errorf("%v", q)
		}
	}
	f.settled()
	if len(f.subscriptions()) != 0 {
		t.Error("there is a subscription")
	}
}

func TestPoint17Denial(t *testing.T) {
	f, c := withBlog(t, quick)
	f.feed("private", thoonk.Config{})
	topic := publicURL + "/feeds/private.atom"
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url+"?a=b", "hub.topic", topic)
	q := c.asked("denied")
	if q.Get("a") != "b" || q.Get("hub.topic") != topic || q.Get("hub.reason") == "" || q.Has("hub.challenge") {
		t.Errorf("%v", q)
	}
	// Also later: when the right to read is lost.
	token := f.token("alice", time.Hour, "private=read")
	if w := f.post(token, "hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", topic); w.Code != 202 {
		t.Fatal(w.Code)
	}
	c.asked("subscribe")
	f.settled()
	f.text("private", "x", "1")
	c.next()
	d := f.only()
	d.Subscription.Holder = []byte(`{"name":"jwt:test|alice"}`) // as if its role had been taken away
	_, err := f.PutHubSubscription(f.ctx, d.Subscription, time.Time{}, thoonk.HubIntent{})
	f.ok(err)
	f.text("private", "x", "2")
	if q := c.asked("denied"); q.Get("hub.topic") != topic || q.Get("hub.reason") == "" {
		t.Errorf("%v", q)
	}
	thoonktest.Eventually(t, "it is over", func() bool { return len(f.subscriptions()) == 0 })
	c.quiet()
}

func TestPoint18UnsubscribesAreNotValidated(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog.atom")
	f.ok(f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "blog"}))
	f.accepted("hub.mode", "unsubscribe", "hub.callback", c.url, "hub.topic", blogTopic)
	c.asked("unsubscribe")
	f.settled()
	if len(f.subscriptions()) != 0 {
		t.Error("it is still there")
	}
}

func TestPoint19VerificationSaysWhat(t *testing.T) {
	f, c := withBlog(t, Settings{LeaseDefault: 1234 * time.Second})
	f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic)
	q := c.asked("subscribe")
	if q.Get("hub.topic") != blogTopic || q.Get("hub.challenge") == "" || q.Get("hub.lease_seconds") != "1234" {
		t.Errorf("%v", q)
	}
	f.settled()
	f.accepted("hub.mode", "unsubscribe", "hub.callback", c.url, "hub.topic", blogTopic)
	q = c.asked("unsubscribe")
	if q.Get("hub.topic") != blogTopic || q.Get("hub.challenge") == "" || q.Has("hub.lease_seconds") {
		t.Errorf("%v", q)
	}
}

func TestPoint20ChallengesAreUsedOnce(t *testing.T) {
	f, c := withBlog(t, quick)
	seen := map[string]bool{}
	for range 5 {
		f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic)
		challenge := c.asked("subscribe").Get("hub.challenge")
		if len(challenge) < 20 || seen[challenge] {
			t.Errorf("%q after %v", challenge, seen)
		}
		seen[challenge] = true
		f.settled()
	}
}

func TestPoint21OnlyTheChallengeConfirms(t *testing.T) {
	f, c := withBlog(t, quick)
	for name, answer := range map[string]func(http.ResponseWriter, url.Values){
		"404": func(w http.ResponseWriter, q url.Values) {
			w.WriteHeader(404)
			_, _ = io.WriteString(w, q.Get("hub.challenge"))
		},
		"redirect": func(w http.ResponseWriter, q url.Values) {
			w.Header().Set("Location", c.url+"?hub.mode=subscribe&hub.challenge="+q.Get("hub.challenge"))
			w.WriteHeader(302)
		},
		"empty":     func(http.ResponseWriter, url.Values) {},
		"a newline": func(w http.ResponseWriter, q url.Values) { _, _ = io.WriteString(w, q.Get("hub.challenge")+"\n") },
		"twice": func(w http.ResponseWriter, q url.Values) {
			_, _ = io.WriteString(w, q.Get("hub.challenge")+q.Get("hub.challenge"))
		},
		"long": func(w http.ResponseWriter, q url.Values) {
			_, _ = io.WriteString(w, q.Get("hub.challenge")+strings.Repeat("x", 100_000))
		},
	} {
		c.verifies(answer)
		f.accepted("hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", blogTopic)
		c.asked("subscribe")
		f.settled()
		if len(f.subscriptions()) != 0 {
			t.Errorf("%s confirms", name)
		}
	}
	c.verifies(func(w http.ResponseWriter, q url.Values) {
		w.WriteHeader(206)
		_, _ = io.WriteString(w, q.Get("hub.challenge"))
	})
	f.subscribe(c, "/feeds/blog.atom")
	f.only()
}

func TestPoint22TheLeaseCountsFromTheVerification(t *testing.T) {
	f, c := withBlog(t, Settings{Timeout: 5 * time.Second})
	var asked time.Time
	c.verifies(func(w http.ResponseWriter, q url.Values) {
		asked = time.Now()
		time.Sleep(300 * time.Millisecond) // a slow subscriber gets no longer lease for it
		_, _ = io.WriteString(w, q.Get("hub.challenge"))
	})
	before := time.Now()
	f.subscribe(c, "/feeds/blog.atom", "hub.lease_seconds", "100")
	if end := f.only().Subscription.Expires; end.Before(before.Add(100*time.Second)) || end.After(asked.Add(100*time.Second)) {
		t.Errorf("it ends %v after it was asked for, %v after the callback was", end.Sub(before), end.Sub(asked))
	}
}

func TestPoint23LeasesExpire(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog.atom")
	if s := f.only().Subscription; s.Expires.Sub(s.Created) != 10*day {
		t.Errorf("the default is %v", s.Expires.Sub(s.Created))
	}
	f.subscribe(c, "/feeds/blog.atom", "hub.lease_seconds", "1")
	thoonktest.Eventually(t, "it is over", func() bool { return len(f.subscriptions()) == 0 })
	f.text("blog", "x", "1")
	other := newCallback(t, "/other")
	f.subscribe(other, "/feeds/blog.atom", "hub.lease_seconds", strconv.Itoa(1<<40))
	if s := f.only().Subscription; s.Expires.Sub(s.Created) > 30*day {
		t.Errorf("it lasts %v", s.Expires.Sub(s.Created))
	}
	f.text("blog", "x", "2")
	other.next()
	c.quiet()
}
