package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// serveHub serves feeds that anybody may read, to callbacks on this machine.
func serveHub(t *testing.T, args ...string) *process {
	t.Helper()
	cfg := writeFile(t, "public: [{match: \"blog*\", can: [read]}]\nhub: {retries: [50ms, 100ms], breaker: 100ms, timeout: 2s}\n")
	return serveReady(t, append([]string{"--config", cfg, "--outbound-allow", "127.0.0.0/8"}, args...)...)
}

// receiver is a subscriber's server.
type receiver struct {
	t    *testing.T
	url  string
	fail func() bool
	gets chan url.Values
	got  chan received
}

type received struct {
	header http.Header
	body   string
}

func newReceiver(t *testing.T, fail func() bool) *receiver {
	t.Helper()
	r := &receiver{t: t, fail: fail, gets: make(chan url.Values, 100), got: make(chan received, 10_000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet {
			r.gets <- req.URL.Query()
			_, _ = io.WriteString(w, req.URL.Query().Get("hub.challenge"))
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil || r.fail != nil && r.fail() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		r.got <- received{req.Header, string(body)}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/cb?x=1"
	return r
}

func (r *receiver) next() received {
	r.t.Helper()
	return thoonktest.Next(r.t, r.got)
}

// hub posts a form to the hub.
func (p *process) hub(want int, form ...string) {
	p.t.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	r := p.do("POST", "/hub", "Content-Type: application/x-www-form-urlencoded\n", values.Encode())
	if r.StatusCode != want {
		p.t.Fatalf("%q is answered %s, want %d\n%s", form, r.Status, want, r.body)
	}
}

// subscribe subscribes and looks at how the callback is asked.
func (p *process) subscribe(r *receiver, topic string, more ...string) {
	p.t.Helper()
	p.hub(202, append([]string{"hub.mode", "subscribe", "hub.callback", r.url, "hub.topic", topic}, more...)...)
	q := thoonktest.Next(p.t, r.gets)
	if q.Get("hub.mode") != "subscribe" || q.Get("hub.topic") != topic || q.Get("hub.challenge") == "" || q.Get("hub.lease_seconds") == "" || q.Get("x") != "1" {
		p.t.Errorf("the callback is asked %v", q)
	}
	thoonktest.Eventually(p.t, "the subscription is there", func() bool {
		return strings.Contains(string(p.do("GET", "/metrics", "", "").body), "thoonkd_hub_verifications_pending 0\n")
	})
}

// The checks of the W3C's test site for hubs, from their description: https://websub.rocks/hub
func TestHubAsW3CTestsIt(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	p := serveHub(t, "--redis", server.URL())
	u := p.user("*=admin")
	u.send(201, "PUT", "/v1/feeds/blog", "", `{}`)
	u.send(201, "PUT", "/v1/feeds/blog:text", "", `{"content":"text"}`)
	u.send(201, "PUT", "/v1/feeds/blog:json", "", `{"content":"json"}`)
	links := func(d received, topic string) {
		t.Helper()
		if want := `<` + p.url + `/hub>; rel="hub", <` + topic + `>; rel="self"`; d.header.Get("Link") != want {
			t.Errorf("Link: %s, want %s", d.header.Get("Link"), want)
		}
	}
	atom := p.url + "/feeds/blog.atom"

	t.Run("100 a typical subscription, 102 with parameters that it does not know", func(t *testing.T) {
		r := newReceiver(t, nil)
		p.subscribe(r, atom, "unknown", "1", "hub.unknown", "2")
		u.send(201, "PUT", "/v1/feeds/blog/items/100", "", `{"text":"one hundred"}`)
		d := r.next()
		links(d, atom)
		served := p.do("GET", "/feeds/blog.atom", "", "")
		if d.header.Get("Content-Type") != served.Header.Get("Content-Type") || !strings.Contains(d.body, "one hundred") || d.header.Get("X-Hub-Signature") != "" {
			t.Errorf("%v\n%s", d.header, d.body)
		}
	})
	t.Run("101 with a secret", func(t *testing.T) {
		r := newReceiver(t, nil)
		p.subscribe(r, atom, "hub.secret", "sesame")
		u.send(201, "PUT", "/v1/feeds/blog/items/101", "", `{"text":"one hundred and one"}`)
		d := r.next()
		if got := d.header.Get("X-Hub-Signature"); got != "sha256="+hmacHex("sesame", d.body) {
			t.Errorf("X-Hub-Signature: %s", got)
		}
	})
	t.Run("103 a renewal is one subscription", func(t *testing.T) {
		r := newReceiver(t, nil)
		p.subscribe(r, atom)
		p.subscribe(r, atom)
		u.send(201, "PUT", "/v1/feeds/blog/items/103", "", `{"text":"one hundred and three"}`)
		r.next()
		u.send(201, "PUT", "/v1/feeds/blog/items/103b", "", `{"text":"the next"}`)
		if d := r.next(); strings.Contains(d.body, "one hundred and three") {
			t.Error("it came twice")
		}
	})
	t.Run("104 unsubscribing", func(t *testing.T) {
		r, other := newReceiver(t, nil), newReceiver(t, nil)
		p.subscribe(r, atom)
		p.subscribe(other, atom)
		p.hub(202, "hub.mode", "unsubscribe", "hub.callback", r.url, "hub.topic", atom)
		if q := thoonktest.Next(t, r.gets); q.Get("hub.mode") != "unsubscribe" || q.Get("hub.challenge") == "" {
			t.Errorf("%v", q)
		}
		thoonktest.Eventually(t, "it is over", func() bool {
			return !strings.Contains(string(u.send(200, "GET", "/v1/subscriptions?callback="+url.QueryEscape(r.url), "", "").body), `"id"`)
		})
		u.send(201, "PUT", "/v1/feeds/blog/items/104", "", `{"text":"one hundred and four"}`)
		other.next()
		if len(r.got) != 0 {
			t.Error("it still gets deliveries")
		}
	})
	for number, test := range map[string]struct{ feed, body, want, kind string }{
		"105 plain text": {"blog:text", `{"text":"plain text"}`, "plain text", "text/plain; charset=utf-8"},
		"106 JSON":       {"blog:json", `{"body":{"a": [1.0]}}`, `{"a": [1.0]}`, "application/json"},
	} {
		t.Run(number, func(t *testing.T) {
			r := newReceiver(t, nil)
			topic := p.url + "/feeds/" + url.PathEscape(test.feed) + "/latest"
			p.subscribe(r, topic)
			u.send(201, "PUT", itemPath(test.feed, "x"), "", test.body)
			d := r.next()
			links(d, topic)
			if d.body != test.want || d.header.Get("Content-Type") != test.kind {
				t.Errorf("%s\n%s", d.header.Get("Content-Type"), d.body)
			}
		})
	}
}

// What another client of Redis publishes reaches a callback; what fails is seen and mended from the command line.
func TestHubFromTheCommandLine(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	failing := true
	answers := make(chan bool, 1)
	answers <- failing
	fail := func() bool { f := <-answers; answers <- f; return f }
	p := serveHub(t, "--redis", server.URL())
	foreign := thoonktest.NewForeign(t, server.Client())
	foreign.Create("blog", map[string]string{"type": "feed"})
	thoonktest.Eventually(t, "it is there", func() bool { return p.do("GET", "/feeds/blog.atom", "", "").StatusCode == 200 })
	r := newReceiver(t, fail)
	p.subscribe(r, p.url+"/feeds/blog/latest", "hub.secret", "hidden")
	foreign.Publish("blog", "x", "from afar")

	cli := func(args ...string) string {
		t.Helper()
		got := thoonkd(t, nil, append([]string{"hub", "--server", p.url, "--token", p.token("*=admin")}, args...)...)
		if got.code != 0 {
			t.Fatalf("%q ends with %d: %s", args, got.code, got.stderr)
		}
		return got.stdout
	}
	thoonktest.Eventually(t, "it is stalled", func() bool { return strings.Contains(cli("ls", "--state", "stalled"), "stalled") })
	var listed struct {
		Subscriptions []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(cli("ls", "--output", "json")), &listed); err != nil || len(listed.Subscriptions) != 1 {
		t.Fatalf("%v %+v", err, listed)
	}
	id := listed.Subscriptions[0].ID
	shown := cli("get", id)
	if !strings.Contains(shown, "the callback answered 500") || strings.Contains(shown, "hidden") || strings.Count(shown, "attempt") < 3 {
		t.Error(shown)
	}
	<-answers
	answers <- false
	if out := cli("redeliver", "--state", "stalled"); !strings.Contains(out, "1 are being tried") {
		t.Error(out)
	}
	if d := r.next(); d.body != "from afar" {
		t.Error(d.body)
	}
	cli("pause", id)
	foreign.Publish("blog", "y", "while it is paused")
	cli("resume", id)
	if d := r.next(); d.body != "while it is paused" {
		t.Error(d.body)
	}
	cli("redeliver", id)
	if got := thoonkd(t, nil, "hub", "--server", p.url, "--token", p.token("*=admin"), "redeliver"); got.code != 1 {
		t.Error(got)
	}
	cli("replay", id, "1-1") // which the history does not have: the whole document comes
	if d := r.next(); d.body != "while it is paused" || d.header.Get("Thoonk-Reset") != "true" {
		t.Errorf("%v %s", d.header, d.body)
	}
	cli("delete", id)
	if got := thoonkd(t, nil, "hub", "--server", p.url, "--token", p.token("*=admin"), "get", id); got.code != 3 {
		t.Error(got)
	}
	metrics := string(p.do("GET", "/metrics", "", "").body)
	for _, line := range []string{
		`thoonkd_hub_duration_seconds_count{what="failed"} 3`, `thoonkd_hub_duration_seconds_count{what="delivered"} 3`, `thoonkd_hub_subscriptions 0`,
		`thoonkd_hub_backlog{state="due"} 0`, `thoonkd_hub_leases_lapsing 0`, `thoonkd_hub_lag_seconds 0`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
}
