package hub

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// fixture is a hub that runs, on a Redis of the test's own. Its public URL is https://hub.test; anonymous may read all
// feeds whose names do not begin with "private".
type fixture struct {
	*testing.T
	*store.Store
	ctx    context.Context
	hub    *Hub
	server *thoonktest.RedisServer
	keys   *auth.Keys
	verify *auth.Verifier
	public []auth.Grant
	sender Sender
}

const publicURL = "https://hub.test"

// quick are settings that let a test see what otherwise takes days.
var quick = Settings{
	Retries: []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond}, Breaker: 50 * time.Millisecond, Timeout: time.Second,
	AskRetries: []time.Duration{20 * time.Millisecond, 40 * time.Millisecond},
}

func newFixture(t *testing.T, settings Settings) *fixture {
	t.Helper()
	return newFixtureSending(t, settings, outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, PerHost: 256}))
}

func newFixtureSending(t *testing.T, settings Settings, sender Sender) *fixture {
	t.Helper()
	f := &fixture{T: t, ctx: t.Context(), server: thoonktest.Redis(t), sender: sender}
	for _, match := range []thoonk.Pattern{"blog*", "a*", "b*", "jobs*"} {
		f.public = append(f.public, auth.Grant{Match: match, Can: []auth.Verb{auth.Read}})
	}
	keyFile := filepath.Join(t.TempDir(), "key")
	f.ok(os.WriteFile(keyFile, []byte(strings.Repeat("k", 48)), 0o600))
	var err error
	f.keys, err = auth.LoadKeys(keyFile)
	f.ok(err)
	f.verify = auth.NewVerifier(auth.Options{Keys: f.keys, Public: f.public})
	f.Store, err = store.Open(store.Options{URL: f.server.URL()})
	f.ok(err)
	t.Cleanup(func() { _ = f.Store.Close() })
	f.hub = f.newHub(settings)
	f.run(f.hub)
	return f
}

// newHub is one more process.
func (f *fixture) newHub(settings Settings) *Hub {
	f.Helper()
	addresses, err := NewAddresses(publicURL)
	f.ok(err)
	broker := stream.NewBroker(f.Store, slog.New(slog.DiscardHandler))
	f.background(broker.Run)
	return New(Options{
		Store: f.Store, Log: followers{broker}, Auth: f.verify, Addresses: addresses, Settings: settings,
		Renderer: &Renderer{Store: f.Store, Addresses: addresses},
		Sender:   f.sender,
		Logger:   slog.New(slog.NewTextHandler(writer{f.T}, nil)),
	})
}

func (f *fixture) run(h *Hub) { f.background(h.Run) }

// background runs until the test ends, and is waited for.
func (f *fixture) background(run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	f.Cleanup(func() {
		cancel()
		<-done
	})
}

type writer struct{ t *testing.T }

func (w writer) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

type followers struct{ *stream.Broker }

func (f followers) FollowMany(ctx context.Context, o stream.ManyOptions) (Follower, error) {
	return f.Broker.FollowMany(ctx, o)
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) feed(name thoonk.FeedName, c thoonk.Config) {
	f.Helper()
	_, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: name, Config: c})
	f.ok(err)
}

func (f *fixture) publish(feed thoonk.FeedName, id thoonk.ItemID, form thoonk.Form, body string) thoonk.Revision {
	f.Helper()
	p, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: feed, ID: id, Form: form, Body: []byte(body)})
	f.ok(err)
	return p.Item.Revision
}

func (f *fixture) text(feed thoonk.FeedName, id thoonk.ItemID, body string) thoonk.Revision {
	f.Helper()
	return f.publish(feed, id, thoonk.FormText, body)
}

// token is one of a principal with these grants.
func (f *fixture) token(subject string, ttl time.Duration, grants ...string) string {
	f.Helper()
	c := auth.Claims{Issuer: "test", Subject: subject, Expires: time.Now().Add(ttl)}
	for _, text := range grants {
		g, err := auth.ParseGrant(text)
		f.ok(err)
		c.Grants = append(c.Grants, g)
	}
	token, err := f.keys.Sign(c)
	f.ok(err)
	return token
}

// post sends a form to the hub: names and values. token may be empty.
func (f *fixture) post(token string, form ...string) *httptest.ResponseRecorder {
	f.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, publicURL+"/hub", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return f.serve(token, r)
}

func (f *fixture) serve(token string, r *http.Request) *httptest.ResponseRecorder {
	f.Helper()
	who := f.verify.Anonymous()
	if token != "" {
		var err error
		who, err = f.verify.Verify(token)
		f.ok(err)
	}
	w := httptest.NewRecorder()
	f.ok(f.hub.Serve(w, r, who))
	return w
}

// accepted posts a request that the hub has to accept.
func (f *fixture) accepted(form ...string) {
	f.Helper()
	if w := f.post("", form...); w.Code != http.StatusAccepted {
		f.Fatalf("%q is answered %d: %s", form, w.Code, w.Body)
	}
}

// subscribe subscribes a callback, and waits until it is.
func (f *fixture) subscribe(c *callback, topic string, more ...string) {
	f.Helper()
	f.accepted(append([]string{"hub.mode", "subscribe", "hub.callback", c.url, "hub.topic", publicURL + topic}, more...)...)
	c.asked("subscribe")
	f.settled()
}

// settled waits until no request waits for its callback.
func (f *fixture) settled() {
	f.Helper()
	thoonktest.Eventually(f, "all callbacks are asked", func() bool {
		s, err := f.HubStats(f.ctx)
		return err == nil && s.Intents == 0
	})
}

// subscriptions returns all there are.
func (f *fixture) subscriptions() []thoonk.HubDelivery {
	f.Helper()
	page, err := f.HubSubscriptions(f.ctx, thoonk.HubQuery{Limit: 1000})
	f.ok(err)
	return page.Subscriptions
}

// only returns the one subscription there is.
func (f *fixture) only() thoonk.HubDelivery {
	f.Helper()
	subs := f.subscriptions()
	if len(subs) != 1 {
		f.Fatalf("there are %d subscriptions", len(subs))
	}
	return subs[0]
}

// callback is a subscriber's server.
type callback struct {
	t   *testing.T
	url string

	connections atomic.Int64

	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request) // of deliveries; nil: 204
	verify func(w http.ResponseWriter, q url.Values)    // nil: the challenge
	got    chan delivery
	gets   chan url.Values
}

type delivery struct {
	header http.Header
	body   string
	uri    string
}

// newCallback starts a subscriber; path may have a query.
func newCallback(t *testing.T, path string) *callback {
	t.Helper()
	c := &callback{t: t, got: make(chan delivery, 10_000), gets: make(chan url.Values, 1000)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c.url = server.URL + path
	return c
}

func (c *callback) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	answer, verify := c.answer, c.verify
	c.mu.Unlock()
	if r.Method == http.MethodGet {
		q := r.URL.Query()
		if verify != nil {
			verify(w, q)
		} else {
			_, _ = io.WriteString(w, q.Get("hub.challenge"))
		}
		c.gets <- q
		return
	}
	body, _ := io.ReadAll(r.Body)
	c.got <- delivery{r.Header, string(body), r.RequestURI}
	if answer != nil {
		answer(w, r)
	} else {
		w.WriteHeader(http.StatusNoContent)
	}
}

func (c *callback) answers(do func(http.ResponseWriter, *http.Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = do
}

func (c *callback) status(code int) {
	c.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

func (c *callback) verifies(do func(http.ResponseWriter, url.Values)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verify = do
}

// asked waits for a GET of this mode, the next one.
func (c *callback) asked(mode string) url.Values {
	c.t.Helper()
	q := thoonktest.Next(c.t, c.gets)
	if q.Get("hub.mode") != mode {
		c.t.Fatalf("the callback is asked %v, not to %s", q, mode)
	}
	return q
}

// next waits for the next delivery.
func (c *callback) next() delivery {
	c.t.Helper()
	return thoonktest.Next(c.t, c.got)
}

// quiet fails the test if something was delivered that was not looked at.
func (c *callback) quiet() {
	c.t.Helper()
	select {
	case d := <-c.got:
		c.t.Fatalf("there was one more delivery: %s", d.body)
	default:
	}
}
