package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// hook is a webhook: what it answers is up to the payload.
type hook struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	attempts map[string][]string // by job, the ids of the messages
	busy     atomic.Int64
	most     atomic.Int64
	hold     chan struct{} // what "hold" waits for
	verify   func(body []byte, h http.Header) error
}

func newHook(t *testing.T) *hook {
	h := &hook{t: t, attempts: make(map[string][]string), hold: make(chan struct{})}
	h.Server = httptest.NewServer(http.HandlerFunc(h.answer))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	verify := h.verify
	job := r.Header.Get("Thoonk-Job")
	h.attempts[job] = append(h.attempts[job], r.Header.Get("Webhook-Id"))
	attempt := len(h.attempts[job])
	h.mu.Unlock()
	if verify != nil {
		if err := verify(body, r.Header); err != nil {
			h.t.Errorf("the signature: %v", err)
		}
	}
	for n := h.busy.Add(1); n > h.most.Load(); n = h.busy.Load() {
		h.most.Store(n)
	}
	defer h.busy.Add(-1)
	switch {
	case strings.Contains(string(body), "fail once") && attempt == 1:
		http.Error(w, "not now", http.StatusServiceUnavailable)
	case strings.Contains(string(body), "fail"):
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"attempt":%s,"type":%q}`, r.Header.Get("Thoonk-Attempt"), r.Header.Get("Content-Type"))
	case strings.Contains(string(body), "gone"):
		http.Error(w, "no such thing", http.StatusGone)
	case strings.Contains(string(body), "hold"):
		select {
		case <-h.hold:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		_, _ = w.Write(body)
	}
}

func (h *hook) messages(job string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.attempts[job]
}

func TestPush(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL(), "--outbound-allow", "127.0.0.0/8")
	admin := p.as("root", "*=admin")
	var declared struct{ Webhook struct{ Secret string } }
	admin.read(admin.send(201, "PUT", "/v1/jobs/q", "", `{"backoff":{"first":"1ms"},"webhook":{"url":"`+h.URL+`","concurrency":3}}`), &declared)
	receiver, err := standardwebhooks.NewWebhook(declared.Webhook.Secret)
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.verify = receiver.Verify
	h.mu.Unlock()
	// The secret stays where none is given, and is not for everybody.
	if r := admin.send(200, "PUT", "/v1/jobs/q", "", `{"backoff":{"first":"1ms"},"webhook":{"url":"`+h.URL+`","concurrency":3}}`); !strings.Contains(string(r.body), declared.Webhook.Secret) {
		t.Errorf("the secret has changed: %s", r.body)
	}
	if r := p.as("r", "*=read").send(200, "GET", "/v1/jobs/q", "", ""); strings.Contains(string(r.body), "whsec_") {
		t.Errorf("everybody sees %s", r.body)
	}

	ask := func(id, payload string) shownJob {
		t.Helper()
		return admin.job(admin.send(200, "POST", "/v1/jobs/q/items", "Prefer: wait=60\n", `{"id":"`+id+`",`+payload+`}`))
	}
	if j := ask("echo", `"payload":{"n": 1}`); j.State != "finished" || string(j.Result) != `{"n": 1}` {
		t.Errorf("it is %+v", j)
	}
	if j := ask("retried", `"text":"fail once"`); j.State != "finished" || string(j.Result) != `{"attempt":2,"type":"text/plain; charset=utf-8"}` {
		t.Errorf("it is %+v", j)
	}
	if ids := h.messages("retried"); len(ids) != 2 || ids[0] != ids[1] || !strings.HasPrefix(ids[0], "job_") {
		t.Errorf("the messages were %v", ids)
	}
	admin.send(201, "POST", "/v1/jobs/q/items", "", `{"id":"gone","payload":"gone"}`)
	thoonktest.Eventually(t, "410 stalls", func() bool {
		j := admin.job(admin.send(200, "GET", jobPath("q", "gone"), "", ""))
		return j.State == "stalled" && j.Error == "the webhook answered 410: no such thing"
	})
	metrics := string(p.do("GET", "/metrics", "", "").body)
	for _, line := range []string{
		`thoonkd_outbound_duration_seconds_count{outcome="2xx",purpose="push"} 2`,
		`thoonkd_outbound_duration_seconds_count{outcome="4xx",purpose="push"} 1`,
		`thoonkd_outbound_duration_seconds_count{outcome="5xx",purpose="push"} 1`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics have no %s", line)
		}
	}

	// No more at once than asked for, and all of them in the end.
	var many []string
	for n := range 20 {
		many = append(many, fmt.Sprintf(`{"id":"h%d","payload":"hold"}`, n))
	}
	admin.send(201, "POST", "/v1/jobs/q/items", "", "["+strings.Join(many, ",")+"]")
	thoonktest.Eventually(t, "three at once", func() bool { return h.busy.Load() == 3 })
	close(h.hold)
	thoonktest.Eventually(t, "all are finished", func() bool {
		var q struct{ Counts map[string]int }
		admin.read(admin.send(200, "GET", "/v1/jobs/q", "", ""), &q)
		return q.Counts["finishes"] == 22
	})
	if most := h.most.Load(); most > 3 {
		t.Errorf("%d at once", most)
	}

	// Without a webhook they wait for workers again.
	admin.patch(200, "/v1/jobs/q", `{"webhook":null}`)
	thoonktest.Eventually(t, "a worker gets a job", func() bool {
		admin.send(201, "POST", "/v1/jobs/q/items", "", `{"payload":"mine"}`)
		return len(admin.claim("q", "")) == 1
	})
}

// A lease is extended while its push is under way; who submitted the job can have it given up.
func TestPushIsGivenUp(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL(), "--outbound-allow", "127.0.0.0/8")
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", `{"lease":"300ms","webhook":{"url":"`+h.URL+`"}}`)
	admin.send(201, "POST", "/v1/jobs/q/items", "", `{"id":"a","payload":"hold"}`)
	var first string
	thoonktest.Eventually(t, "its lease is extended", func() bool {
		var j struct{ Expires string }
		if err := json.Unmarshal(admin.send(200, "GET", jobPath("q", "a"), "", "").body, &j); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = j.Expires
		}
		return first != "" && j.Expires > first
	})
	if n := len(h.messages("a")); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
	admin.send(202, "DELETE", jobPath("q", "a"), "", "")
	thoonktest.Eventually(t, "it is retracted", func() bool {
		return admin.job(admin.send(200, "GET", jobPath("q", "a"), "", "")).State == "retracted"
	})
}

// What a process was pushing when it was killed is pushed by another one, long before its lease ends.
func TestPushOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	redis := thoonktest.Redis(t)
	args := []string{"--redis", redis.URL(), "--outbound-allow", "127.0.0.0/8"}
	first := serveReady(t, args...)
	first.as("root", "*=admin").send(201, "PUT", "/v1/jobs/q", "", `{"lease":"1h","webhook":{"url":"`+h.URL+`"}}`)
	if r := first.stop(); r.code != 0 {
		t.Fatal(r.stderr)
	}
	killed := startBinary(t, args...)
	id := thoonktest.NewForeign(t, redis.Client()).PutJob("q", "hold", false)
	thoonktest.Eventually(t, "it is sent", func() bool { return len(h.messages(id)) == 1 })
	killed.kill()

	admin := serveReady(t, args...).as("root", "*=admin")
	thoonktest.Eventually(t, "it is sent again", func() bool { return len(h.messages(id)) == 2 })
	close(h.hold)
	if j := admin.job(admin.send(200, "GET", jobPath("q", id)+"/result?wait=60s", "", "")); j.State != "finished" {
		t.Errorf("it is %+v", j)
	}
}
