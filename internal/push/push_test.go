package push_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// The secret is that of the examples of Standard Webhooks.
const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	key    = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// answers returns a webhook's answer.
func answers(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func breaksOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, "a part")
}

// What the webhook answers is what becomes of the job.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   end
		own    bool // the delay is the pusher's own: about a second, after the first attempt
	}{
		"200":           {answers(200, `{"sent": true}`), end{verb: "finish", result: `{"sent": true}`, hasResult: true}, false},
		"201":           {answers(201, "so"), end{verb: "finish", result: "so", hasResult: true}, false},
		"204":           {answers(204, ""), end{verb: "finish"}, false},
		"the longest":   {answers(200, strings.Repeat("x", thoonk.MaxJobResult)), end{verb: "finish", result: strings.Repeat("x", thoonk.MaxJobResult), hasResult: true}, false},
		"too long":      {answers(200, strings.Repeat("x", thoonk.MaxJobResult+1)), end{verb: "cancel", why: "the answer, status 200, is too long", hasDelay: true}, true},
		"400":           {answers(400, "no such\n field"), end{verb: "cancel", why: "the webhook answered 400: no such\n field", hasDelay: true}, true},
		"404":           {answers(404, ""), end{verb: "cancel", why: "the webhook answered 404 Not Found", hasDelay: true}, true},
		"410":           {answers(410, "for good"), end{verb: "stall", why: "the webhook answered 410: for good"}, false},
		"500, no text":  {answers(500, "\xff\xfe"), end{verb: "cancel", why: "the webhook answered 500 Internal Server Error", hasDelay: true}, true},
		"500, much":     {answers(500, strings.Repeat("y", 1000)), end{verb: "cancel", why: "the webhook answered 500: " + strings.Repeat("y", 300), hasDelay: true}, true},
		"503, later":    {answers(503, "busy", "Retry-After", "7"), end{verb: "cancel", why: "the webhook answered 503: busy", hasDelay: true, delay: 7 * time.Second}, false},
		"503, never":    {answers(503, "busy", "Retry-After", "99999999"), end{verb: "cancel", why: "the webhook answered 503: busy", hasDelay: true, delay: time.Hour}, false},
		"503, when":     {answers(503, "busy", "Retry-After", "soon"), end{verb: "cancel", why: "the webhook answered 503: busy", hasDelay: true}, true},
		"no answer":     {hangs, end{verb: "cancel", why: "no answer in time", hasDelay: true}, true},
		"half of one":   {breaksOff, end{verb: "cancel", why: "the host cannot be reached", hasDelay: true}, true},
		"not modified":  {answers(304, ""), end{verb: "cancel", why: "the webhook answered 304 Not Modified", hasDelay: true}, true},
		"gone elsewise": {answers(451, "law"), end{verb: "cancel", why: "the webhook answered 451: law", hasDelay: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, tc.answer)
			cfg := hooked(url)
			if name == "no answer" {
				cfg.Webhook.Timeout = 50 * time.Millisecond
			}
			p := start(t, newStore(cfg), client(t))
			p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: 1}
			got := thoonktest.Next(t, p.ends)
			if tc.own {
				if got.delay < 700*time.Millisecond || got.delay > time.Second {
					t.Errorf("the delay is %v", got.delay)
				}
				got.delay = 0
			}
			tc.want.id, tc.want.token, tc.want.actor = "a", token, "webhook"
			if got != tc.want {
				t.Errorf("told %.300v\nwant %.300v", got, tc.want)
			}
			if told := thoonktest.Next(t, p.told); told != tc.want.verb {
				t.Errorf("counted as %s", told)
			}
		})
	}
}

// A redirect is an answer that is no success, and where it leads is not asked.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere, asked := serve(t, answers(200, "done"))
	url, _ := serve(t, answers(307, "", "Location", elsewhere))
	p := start(t, newStore(hooked(url)), client(t))
	p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: 1}
	if got := thoonktest.Next(t, p.ends); got.verb != "cancel" || got.why != "the webhook answered 307 Temporary Redirect" {
		t.Errorf("told %+v", got)
	}
	if len(asked) != 0 {
		t.Error("the redirect was followed")
	}
}

// What may not be dialled is dialled by no attempt, so there is none after the first.
func TestForbiddenAddressStalls(t *testing.T) {
	t.Parallel()
	url, asked := serve(t, answers(200, ""))
	strict := outbound.New(outbound.Options{})
	t.Cleanup(strict.Close)
	p := start(t, newStore(hooked(url)), strict)
	p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: 1}
	if got := thoonktest.Next(t, p.ends); got.verb != "stall" || got.why != "the address may not be dialled: it is not public" {
		t.Errorf("told %+v", got)
	}
	if len(asked) != 0 {
		t.Error("it was dialled")
	}
}

// signed computes what Standard Webhooks has a receiver compute: HMAC-SHA256 of id, time and body, with the decoded key.
func signed(t *testing.T, r received) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, raw)
	_, _ = io.WriteString(mac, r.header.Get("Webhook-Id")+"."+r.header.Get("Webhook-Timestamp")+"."+r.body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// The headers say what it is, and whose.
func TestRequests(t *testing.T) {
	t.Parallel()
	url, asked := serve(t, answers(204, ""))
	p := start(t, newStore(hooked(url)), client(t))
	submitted := time.Now()
	ids := map[string]string{}
	for name, job := range map[string]struct {
		thoonk.Job
		contentType string
	}{
		"first":  {thoonk.Job{ID: "a/ü 1", Payload: []byte(`{"n": 1}`), Attempt: 1, Submitted: submitted}, "application/json"},
		"again":  {thoonk.Job{ID: "a/ü 1", Payload: []byte(`{"n": 1}`), Attempt: 2, Submitted: submitted}, "application/json"},
		"later":  {thoonk.Job{ID: "a/ü 1", Payload: []byte(`so`), Attempt: 1, Submitted: submitted.Add(time.Microsecond)}, "text/plain; charset=utf-8"},
		"xml":    {thoonk.Job{ID: "b", Payload: []byte(`<a/>`), Attempt: 1, Content: thoonk.XML, Submitted: submitted}, "application/xml"},
		"binary": {thoonk.Job{ID: "c", Payload: []byte("\xff\x00"), Attempt: 1, Submitted: submitted}, "application/octet-stream"},
	} {
		p.jobs <- job.Job
		got := thoonktest.Next(t, asked)
		if got.body != string(job.Payload) || got.header.Get("Webhook-Signature") != signed(t, got) {
			t.Errorf("%s: sent %q, signed %s", name, got.body, got.header.Get("Webhook-Signature"))
		}
		at, err := strconv.ParseInt(got.header.Get("Webhook-Timestamp"), 10, 64)
		if err != nil || at < submitted.Unix() || at > time.Now().Unix() {
			t.Errorf("%s: sent at %d, %v", name, at, err)
		}
		for header, want := range map[string]string{
			"Content-Type": job.contentType, "Thoonk-Queue": "team:1%2Fmail", "Thoonk-Attempt": strconv.Itoa(job.Attempt),
			"Thoonk-Job": map[string]string{"a/ü 1": "a%2F%C3%BC%201", "b": "b", "c": "c"}[string(job.ID)],
		} {
			if seen := got.header.Get(header); seen != want {
				t.Errorf("%s: %s is %q, want %q", name, header, seen, want)
			}
		}
		ids[name] = got.header.Get("Webhook-Id")
		thoonktest.Next(t, p.ends)
	}
	if !strings.HasPrefix(ids["first"], "job_") || ids["first"] != ids["again"] || ids["first"] == ids["later"] || ids["first"] == ids["xml"] {
		t.Errorf("the ids are %v", ids)
	}
}

// The queue's backoff is the store's to know; without one each attempt waits about twice as long, and an hour at most.
func TestDelays(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, answers(500, ""))
	p := start(t, newStore(hooked(url)), client(t))
	for attempt, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 13: time.Hour, 1000: time.Hour} {
		p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: attempt}
		if got := thoonktest.Next(t, p.ends); !got.hasDelay || got.delay > most || got.delay < most*3/4-1 {
			t.Errorf("attempt %d waits %v", attempt, got.delay)
		}
	}
	p.stop()

	cfg := hooked(url)
	cfg.Job.Backoff.First = time.Minute
	p = start(t, newStore(cfg), client(t))
	p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: 3}
	if got := thoonktest.Next(t, p.ends); got.verb != "cancel" || got.hasDelay {
		t.Errorf("told %+v", got)
	}
}

// A push under way is given up when the pusher is stopped, says nothing of its job, and the job goes back with its holder.
func TestStopGivesJobsBack(t *testing.T) {
	t.Parallel()
	url, asked := serve(t, hangs)
	p := start(t, newStore(hooked(url)), client(t))
	p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: 1}
	thoonktest.Next(t, asked)
	claim := thoonktest.Next(t, p.claimed)
	p.stop()
	select {
	case holder := <-p.released:
		if holder != claim.Holder || holder.Process != "p1" || holder.Stream == "" {
			t.Errorf("given back is %v, claimed was %v", holder, claim.Holder)
		}
	default:
		t.Error("nothing is given back")
	}
	if len(p.ends) != 0 {
		t.Errorf("told %+v", <-p.ends)
	}
}

// While a webhook takes its time the lease is extended. When it is lost, or the job is not wanted any more, the push is given up.
func TestLeases(t *testing.T) {
	t.Parallel()
	url, asked := serve(t, hangs)
	cfg := hooked(url)
	cfg.Job.Lease = 30 * time.Millisecond
	s := newStore(cfg)
	extended, after := make(chan thoonk.ExtendLease, 100), error(nil)
	var cancelled []thoonk.JobID
	s.extend = func(e thoonk.ExtendLease) (thoonk.Extended, error) {
		extended <- e
		return thoonk.Extended{Cancelled: cancelled}, after
	}
	set := func(ids []thoonk.JobID, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		cancelled, after = ids, err
	}
	p := start(t, s, client(t))
	push := func() {
		p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: 1}
		thoonktest.Next(t, asked)
		for range 3 { // of which the last is heard of before anything changes
			if e := thoonktest.Next(t, extended); e.Queue != queue || e.ID != "a" || e.Token != token || e.Lease != cfg.Job.Lease {
				t.Errorf("extended %+v", e)
			}
		}
	}

	push()
	for _, nothing := range []error{nil, thoonk.E(thoonk.Unavailable, "away")} {
		set([]thoonk.JobID{"another"}, nothing)
		for range 3 {
			thoonktest.Next(t, extended)
		}
	}
	set([]thoonk.JobID{"another", "a"}, nil)
	if got := thoonktest.Next(t, p.ends); got.verb != "cancel" || !strings.Contains(got.why, "given up") {
		t.Errorf("told %+v", got)
	}
	if told := thoonktest.Next(t, p.told); told != "cancel" {
		t.Errorf("counted as %s", told)
	}

	set(nil, nil)
	push()
	set(nil, thoonk.E(thoonk.Conflict, "another has it"))
	if told := thoonktest.Next(t, p.told); told != "lost" {
		t.Errorf("counted as %s", told)
	}
	if len(p.ends) != 0 {
		t.Errorf("told %+v", <-p.ends)
	}
}

// An outcome that comes too late is counted as such.
func TestLateOutcome(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, answers(200, ""))
	s := newStore(hooked(url))
	s.refuse = func() (*thoonk.Error, error) { return thoonk.E(thoonk.Conflict, "the lease is lost"), nil }
	p := start(t, s, client(t))
	p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: 1}
	if told := thoonktest.Next(t, p.told); told != "lost" {
		t.Errorf("counted as %s", told)
	}
}

// sender answers in the memory of this process.
type sender func(context.Context, outbound.Request) (*outbound.Response, error)

func (s sender) Do(ctx context.Context, r outbound.Request) (*outbound.Response, error) {
	return s(ctx, r)
}
