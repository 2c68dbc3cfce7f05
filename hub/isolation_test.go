package hub

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// Callbacks that do not answer, more than there are places, delay nobody else: not even those on the same host.
func TestSilentCallbacksDelayNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Settings{Workers: 4, PerHost: 2, Timeout: time.Minute})
	f.feed("blog", thoonk.Config{})
	release := make(chan struct{})
	arrived := make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
		case strings.HasPrefix(r.URL.Path, "/silent"):
			select {
			case <-release:
			case <-r.Context().Done():
			}
		default:
			body, _ := io.ReadAll(r.Body)
			arrived <- r.URL.Path + " " + string(body)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	for i := range 12 {
		for _, kind := range []string{"silent", "healthy"} {
			f.accepted("hub.mode", "subscribe", "hub.callback", fmt.Sprintf("%s/%s/%d", server.URL, kind, i), "hub.topic", publicURL+"/feeds/blog/latest", "hub.verify", "async")
		}
	}
	f.settled()
	for i := range 3 {
		f.text("blog", "x", fmt.Sprint("item ", i))
		for range 12 {
			if got := thoonktest.Next(t, arrived); !strings.HasSuffix(got, fmt.Sprint("item ", i)) {
				t.Errorf("out of order: %s", got)
			}
		}
	}
}

// Whatever a callback answers with is bounded, and others get their deliveries.
func TestBadAnswersAreBounded(t *testing.T) {
	t.Parallel()
	settings := quick
	settings.Timeout = 500 * time.Millisecond
	f := newFixture(t, settings)
	f.feed("blog", thoonk.Config{})
	hijacked := func(do func(net.Conn)) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				do(conn)
				_ = conn.Close()
			}
		}
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	callbacks := map[string]*callback{}
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"endless": endless,
		"10 GB": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10000000000")
			endless(w, r)
		},
		"loop":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		"reset":   hijacked(func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }),
		"garbage": hijacked(func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n\r\n") }),
		"trickle": hijacked(func(c net.Conn) { trickle(c) }),
		"headers": hijacked(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 1000))
		}),
		"the good": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) },
	} {
		c := newCallback(t, "/"+strings.ReplaceAll(name, " ", ""))
		f.subscribe(c, "/feeds/blog/latest")
		c.answers(answer)
		callbacks[name] = c
	}
	f.text("blog", "x", "1")
	f.text("blog", "y", "2")
	for range 2 {
		callbacks["the good"].next()
	}
	thoonktest.Eventually(t, "all are over", func() bool {
		for _, d := range f.subscriptions() {
			if good := strings.HasSuffix(d.Subscription.Callback, "/thegood") || strings.HasSuffix(d.Subscription.Callback, "/endless") || strings.HasSuffix(d.Subscription.Callback, "/10GB"); good != (d.State.Delivered == 2) || good == d.State.Stalled {
				return false // what a body says does not matter: its status came
			}
		}
		return true
	})
}

// trickle sends a header that never ends.
func trickle(c net.Conn) {
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
	for {
		time.Sleep(20 * time.Millisecond)
		if _, err := io.WriteString(c, "X: y\r\n"); err != nil {
			return
		}
	}
}

// A callback whose address is not public is not connected to, whatever was thought of it when it subscribed.
func TestCallbacksAreCheckedWhenTheyAreDialled(t *testing.T) {
	t.Parallel()
	settings := quick
	settings.Retries = []time.Duration{time.Hour}
	f := newFixture(t, settings)
	f.feed("blog", thoonk.Config{})
	for i, address := range []string{"http://10.255.255.1/", "http://[::1]:1/", "http://169.254.169.254/latest/", "http://100.64.1.1/", "http://[::ffff:192.168.0.1]/", "http://[64:ff9b::7f00:1]/"} {
		sub := thoonk.HubSubscription{
			ID: fmt.Sprint(i), Topic: publicURL + "/feeds/blog/latest", Feed: "blog", Format: "latest", Callback: address, Principal: "anonymous",
			Holder: []byte(`{"name":"anonymous"}`), Created: time.Now(), Expires: time.Now().Add(time.Hour),
		}
		_, err := f.PutHubSubscription(f.ctx, sub, time.Time{}, thoonk.HubIntent{})
		f.ok(err)
	}
	f.text("blog", "x", "1")
	thoonktest.Eventually(t, "all are refused", func() bool {
		for _, d := range f.subscriptions() {
			if !strings.Contains(d.State.Error, "may not be dialled") {
				return false
			}
		}
		return true
	})
}

// rebinding is a client for whom all names are public when an address is checked, and this machine from then on.
type rebinding struct {
	*outbound.Client
	moved *atomic.Bool
}

func newRebinding(t *testing.T, allow ...netip.Prefix) rebinding {
	moved := new(atomic.Bool)
	return rebinding{moved: moved, Client: outbound.New(outbound.Options{Allow: allow, Resolver: thoonktest.Resolver(t, func(string) []string {
		if moved.Load() {
			return []string{"127.0.0.1"}
		}
		return []string{"93.184.216.34"}
	})})}
}

func (r rebinding) CheckURL(ctx context.Context, address string) error {
	defer r.moved.Store(true)
	return r.Client.CheckURL(ctx, address)
}

// A callback whose name is moved to this machine once it was checked is not connected to: it is neither asked nor
// delivered to.
func TestRebindingCallbacksAreNotConnectedTo(t *testing.T) {
	t.Parallel()
	settings := quick
	settings.Retries = []time.Duration{time.Hour}
	f := newFixtureSending(t, settings, newRebinding(t))
	f.feed("blog", thoonk.Config{})
	inside := newCallback(t, "/cb")
	outside := strings.Replace(inside.url, "127.0.0.1", "rebind.test", 1)
	f.accepted("hub.mode", "subscribe", "hub.callback", outside, "hub.topic", blogTopic)
	f.settled()
	if n := len(f.subscriptions()); n != 0 {
		t.Errorf("there are %d subscriptions", n)
	}
	// Another one was confirmed while its name was public.
	_, err := f.PutHubSubscription(f.ctx, thoonk.HubSubscription{
		ID: "1", Topic: blogTopic, Feed: "blog", Format: string(Atom), Callback: outside, Principal: "anonymous",
		Holder: []byte(`{"name":"anonymous"}`), Created: time.Now(), Expires: time.Now().Add(time.Hour),
	}, time.Time{}, thoonk.HubIntent{})
	f.ok(err)
	f.text("blog", "x", "1")
	thoonktest.Eventually(t, "the delivery is refused", func() bool { return strings.Contains(f.only().State.Error, "may not be dialled") })
	if inside.connections.Load() != 0 || len(inside.gets)+len(inside.got) != 0 {
		t.Errorf("there were %d connections", inside.connections.Load())
	}
}

// The same callback is asked where this machine may be dialled: what the test above watches is where it would arrive.
func TestRebindingCallbacksWouldBeReached(t *testing.T) {
	t.Parallel()
	f := newFixtureSending(t, quick, newRebinding(t, netip.MustParsePrefix("127.0.0.0/8")))
	f.feed("blog", thoonk.Config{})
	inside := newCallback(t, "/cb")
	f.accepted("hub.mode", "subscribe", "hub.callback", strings.Replace(inside.url, "127.0.0.1", "rebind.test", 1), "hub.topic", blogTopic)
	inside.asked("subscribe")
	if inside.connections.Load() == 0 {
		t.Error("connections are not counted")
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	f, c := withBlog(t, quick)
	f.subscribe(c, "/feeds/blog/latest")
	c.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	f.text("blog", "x", "1")
	c.next()
	thoonktest.Eventually(t, "it waits", func() bool {
		s, err := f.HubStats(f.ctx)
		return err == nil && s.Later == 1
	})
	at := int64(f.server.Client().ZScore(f.ctx, "thoonk.hub.later", f.only().Subscription.ID).Val())
	if wait := time.Until(time.UnixMilli(at)); wait < 55*time.Minute || wait > time.Hour {
		t.Errorf("it waits %v", wait)
	}
	f.text("blog", "y", "2") // what is new does not hurry it
	attempts, err := f.HubAttempts(f.ctx, f.only().Subscription.ID)
	if err != nil || len(attempts) != 1 || attempts[0].Status != 429 {
		t.Errorf("%+v %v", attempts, err)
	}
	c.quiet()
}

func TestRetrySchedule(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	settings := Settings{}.withDefaults()
	var state thoonk.HubState
	for i, wait := range DefaultRetries {
		verdict, at := settings.afterFailure(&state, 0, now)
		if got := at.Sub(now); verdict != thoonk.HubLater || got < wait*8/10 || got > wait*12/10 || state.Failures != i+1 {
			t.Errorf("after failure %d: %s, %v", i+1, verdict, got)
		}
	}
	if verdict, _ := settings.afterFailure(&state, 0, now); verdict != thoonk.HubIdle || !state.Stalled {
		t.Errorf("in the end: %s, %+v", verdict, state)
	}
	for value, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "0": 0, "-1": 0, "soon": 0, "": 0, "99999999": day, now.Add(time.Minute).UTC().Format(http.TimeFormat): time.Minute,
		now.Add(-time.Minute).UTC().Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("Retry-After %q: %v, want %v", value, got, want)
		}
	}
}
