package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// as returns a user with another subject.
func (p *process) as(subject string, grants ...string) user {
	p.t.Helper()
	args := []string{"token", "--auth-key", p.key, "--subject", subject}
	for _, g := range grants {
		args = append(args, "--grant", g)
	}
	r := thoonkd(p.t, nil, args...)
	if r.code != 0 {
		p.t.Fatal(r.stderr)
	}
	return user{p, "Authorization: Bearer " + strings.TrimSpace(r.stdout) + "\n"}
}

type claimedJob struct {
	ID      string
	Payload json.RawMessage
	Attempt int
	Error   string
	Lease   struct {
		Token   string
		Expires time.Time
	}
}

// claim claims jobs.
func (u user) claim(queue, request string) []claimedJob {
	u.t.Helper()
	var got struct{ Jobs []claimedJob }
	u.read(u.send(200, "POST", "/v1/jobs/"+queue+"/claims", "", request), &got)
	return got.Jobs
}

func (u user) read(r response, into any) {
	u.t.Helper()
	if err := json.Unmarshal(r.body, into); err != nil {
		u.t.Fatalf("%v: %s", err, r.body)
	}
}

type shownJob struct {
	ID, State, Error, Held, Submitter, Worker string
	Payload, Result                           json.RawMessage
	Attempt                                   int
	CancelRequested                           bool `json:"cancel_requested"`
	Existing                                  bool
}

func (u user) job(r response) shownJob {
	u.t.Helper()
	var j shownJob
	u.read(r, &j)
	return j
}

// one claims the next job, which has to be there.
func (u user) one(queue string) claimedJob {
	u.t.Helper()
	jobs := u.claim(queue, `{"wait":"20s"}`)
	if len(jobs) != 1 {
		u.t.Fatalf("claimed %v", jobs)
	}
	return jobs[0]
}

func jobPath(queue, id string) string { return "/v1/jobs/" + queue + "/items/" + id }

func TestJobsOverREST(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin, worker, submitter := p.as("root", "*=admin"), p.as("w", "*=work"), p.as("s", "*=submit")

	admin.send(201, "PUT", "/v1/jobs/q", "", `{"max_attempts":2,"backoff":{"first":"1ms"},"content":"json"}`)
	j := admin.job(submitter.send(201, "POST", "/v1/jobs/q/items", "", `{"payload":{"n": 1}}`))
	if j.State != "queued" || j.ID == "" {
		t.Errorf("submitted %+v", j)
	}
	got := worker.one("q")
	if got.ID != j.ID || string(got.Payload) != `{"n": 1}` || got.Attempt != 1 || got.Lease.Token == "" || got.Lease.Expires.IsZero() {
		t.Errorf("claimed %+v", got)
	}
	worker.send(200, "POST", jobPath("q", j.ID)+"/progress", "", `{"lease":"`+got.Lease.Token+`","progress":{"percent":50}}`)
	if seen := string(submitter.send(200, "GET", jobPath("q", j.ID), "", "").body); !strings.Contains(seen, `"progress":{"percent":50}`) || strings.Contains(seen, `"worker"`) {
		t.Errorf("shown %s", seen)
	}
	worker.send(409, "POST", jobPath("q", j.ID)+"/finish", "", `{"lease":"another"}`)
	worker.send(200, "POST", jobPath("q", j.ID)+"/finish", "", `{"lease":{"token":"`+got.Lease.Token+`","expires":"x"},"result":{"ok": true}}`)
	if done := admin.job(submitter.send(200, "GET", jobPath("q", j.ID)+"/result?wait=10", "", "")); done.State != "finished" || string(done.Result) != `{"ok": true}` {
		t.Errorf("the result is %+v", done)
	}

	// Two attempts, then it is stalled; edited and retried it is done.
	j = admin.job(submitter.send(201, "POST", "/v1/jobs/q/items", "", `{"payload":{"to": "bob", "n":2},"priority":"high"}`))
	for attempt := 1; attempt <= 2; attempt++ {
		got = worker.one("q")
		if got.Attempt != attempt {
			t.Errorf("attempt %d is %+v", attempt, got)
		}
		worker.send(200, "POST", jobPath("q", j.ID)+"/cancel", "", `{"lease":"`+got.Lease.Token+`","error":"no answer"}`)
	}
	if seen := admin.job(admin.send(200, "GET", jobPath("q", j.ID), "", "")); seen.State != "stalled" || seen.Error != "no answer" {
		t.Errorf("it is %+v", seen)
	}
	metrics := string(p.do("GET", "/metrics", "", "").body)
	for what, n := range map[string]int{"submit": 2, "claim": 3, "finish": 1, "cancel": 2, "lost": 1} {
		if line := fmt.Sprintf("thoonkd_jobs_total{what=%q} %d\n", what, n); !strings.Contains(metrics, line) {
			t.Errorf("the metrics have no %s", line)
		}
	}
}

func (u user) patch(want int, path, body string) response {
	u.t.Helper()
	return u.send(want, "PATCH", path, "Content-Type: application/merge-patch+json\n", body)
}

func TestStalledJobs(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin, worker, submitter := p.as("root", "*=admin"), p.as("w", "*=work"), p.as("s", "*=submit")
	admin.send(201, "PUT", "/v1/jobs/q", "", `{"max_attempts":1,"stamp":{"by":"sub"}}`)
	stalls, _ := admin.watch("/v1/jobs/q/events?kind=stall", "")
	j := admin.job(submitter.send(201, "POST", "/v1/jobs/q/items", "", `{"payload":{"to": "bob", "by":"eve"}}`))
	got := worker.one("q")
	if string(got.Payload) != `{"to": "bob","by":"s"}` {
		t.Errorf("claimed %s", got.Payload)
	}
	admin.send(409, "POST", jobPath("q", j.ID)+"/retry", "", "")
	if end := admin.job(worker.send(200, "POST", jobPath("q", j.ID)+"/cancel", "", `{"lease":"`+got.Lease.Token+`","error":"no such address"}`)); end.State != "stalled" {
		t.Errorf("it is %+v", end)
	}
	if e := thoonktest.Next(t, stalls); e.Event != "stall" || e.Data.ID != j.ID || e.Data.Actor == "" {
		t.Errorf("told %+v", e)
	}
	if seen := admin.job(submitter.send(200, "GET", jobPath("q", j.ID)+"/result?wait=20s", "", "")); seen.State != "stalled" || seen.Error != "no such address" {
		t.Errorf("shown %+v", seen)
	}
	submitter.patchRefused(jobPath("q", j.ID))
	if edited := admin.job(admin.patch(200, jobPath("q", j.ID), `{"payload":{"to":"bob@example.org","by":"root"}}`)); string(edited.Payload) != `{"to":"bob@example.org","by":"s"}` {
		t.Errorf("edited %s", edited.Payload)
	}
	var done struct{ Jobs []shownJob }
	admin.read(admin.send(200, "POST", "/v1/jobs/q/retry", "", `{"state":"stalled"}`), &done)
	if len(done.Jobs) != 1 || done.Jobs[0].State != "queued" {
		t.Errorf("retried %+v", done)
	}
	got = worker.one("q")
	worker.send(200, "POST", jobPath("q", j.ID)+"/stall", "", `{"lease":"`+got.Lease.Token+`","error":"x"}`)
	admin.read(admin.send(200, "POST", "/v1/jobs/q/retract", "", `{"ids":["`+j.ID+`"]}`), &done)
	if len(done.Jobs) == 0 || done.Jobs[0].State != "retracted" {
		t.Errorf("retracted %+v", done)
	}
}

func (u user) patchRefused(path string) {
	u.t.Helper()
	u.patch(403, path, `{"payload":1}`)
}

// Who may only submit sees, awaits and cancels its own jobs, and no others.
func TestSubmittersSeeTheirOwn(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin, worker := p.as("root", "*=admin"), p.as("w", "*=work")
	one, two := p.as("one", "*=submit"), p.as("two", "*=submit")
	admin.send(201, "PUT", "/v1/jobs/q", "", "")
	mine, _ := one.watch("/v1/jobs/q/events", "")
	other := one.job(two.send(201, "POST", "/v1/jobs/q/items", "", `{"payload":2}`))
	own := one.job(one.send(201, "POST", "/v1/jobs/q/items", "", `{"payload":1}`))

	one.send(404, "GET", jobPath("q", other.ID), "", "")
	one.send(404, "GET", jobPath("q", other.ID)+"/result?wait=1s", "", "")
	one.send(404, "DELETE", jobPath("q", other.ID), "", "")
	if r := one.send(200, "POST", "/v1/jobs/q/retract", "", `{"ids":["`+other.ID+`"]}`); strings.Contains(string(r.body), `"retracted"`) {
		t.Errorf("another's job: %s", r.body)
	}
	one.send(403, "POST", "/v1/jobs/q/claims", "", "")
	one.send(403, "POST", jobPath("q", own.ID)+"/retry", "", "")
	var page struct{ Jobs []shownJob }
	one.read(one.send(200, "GET", "/v1/jobs/q/items", "", ""), &page)
	if len(page.Jobs) != 1 || page.Jobs[0].ID != own.ID {
		t.Errorf("listed %+v", page)
	}
	admin.read(admin.send(200, "GET", "/v1/jobs/q/items?state=queued", "", ""), &page)
	if len(page.Jobs) != 2 || !strings.HasSuffix(page.Jobs[0].Submitter, "|two") {
		t.Errorf("listed %+v", page)
	}

	// Of a claimed job the worker is asked.
	claimed := worker.claim("q", `{"count":2}`)
	if len(claimed) != 2 {
		t.Fatalf("claimed %+v", claimed)
	}
	one.send(202, "DELETE", jobPath("q", own.ID), "", "")
	var extended struct{ Cancelled []string }
	one.read(worker.send(200, "POST", jobPath("q", own.ID)+"/extend", "", `{"lease":"`+claimed[0].Lease.Token+`","for":"1m"}`), &extended)
	if fmt.Sprint(extended.Cancelled) != fmt.Sprint([]string{own.ID}) {
		t.Errorf("cancelled are %v", extended.Cancelled)
	}
	worker.send(200, "POST", jobPath("q", own.ID)+"/cancel", "", `{"lease":"`+claimed[0].Lease.Token+`"}`)
	if seen := one.job(one.send(200, "GET", jobPath("q", own.ID)+"/result", "", "")); seen.State != "retracted" {
		t.Errorf("it is %+v", seen)
	}
	for _, want := range []string{"submit", "claim", "askcancel"} {
		if e := thoonktest.Next(t, mine); e.Event != want || e.Data.ID != own.ID || e.Data.Actor != "" {
			t.Errorf("told %+v, want %s", e, want)
		}
	}
}

// Prefer: wait is answered when the job is over.
func TestSubmitAndWait(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", "")
	answered := make(chan response, 1)
	go func() {
		answered <- admin.do("POST", "/v1/jobs/q/items", admin.bearer+"Prefer: respond-async, wait=30\n", `{"payload":"work"}`)
	}()
	got := admin.one("q")
	admin.send(200, "POST", "/v1/jobs/q/finish", "", `[{"id":"`+got.ID+`","lease":"`+got.Lease.Token+`","result":[1, 2]},{"id":"none","lease":"x"}]`)
	r := thoonktest.Next(t, answered)
	if done := admin.job(r); r.StatusCode != 200 || r.Header.Get("Preference-Applied") != "wait=30" || done.State != "finished" || string(done.Result) != `[1, 2]` {
		t.Errorf("%s %v: %s", r.Status, r.Header, r.body)
	}
	// A queue that keeps no results has this one for as long as it takes to read it.
	admin.patch(200, "/v1/jobs/q", `{"results":{"keep":"0s"}}`)
	id := admin.job(admin.send(201, "POST", "/v1/jobs/q/items", "", `{"payload":"work"}`)).ID
	go func() { answered <- admin.do("GET", jobPath("q", id)+"/result?wait=30", admin.bearer, "") }()
	got = admin.one("q")
	admin.send(200, "POST", jobPath("q", id)+"/finish", "", `{"lease":"`+got.Lease.Token+`","result":"done"}`)
	if r := thoonktest.Next(t, answered); r.StatusCode != 200 || admin.job(r).State != "finished" || string(admin.job(r).Result) != `"done"` {
		t.Errorf("%s: %s", r.Status, r.body)
	}
	r = admin.send(202, "POST", "/v1/jobs/q/items", "Prefer: wait=0\n", `{"payload":1}`)
	if done := admin.job(r); done.State != "queued" || r.Header.Get("Location") == "" {
		t.Errorf("%v %s", r.Header, r.body)
	}
}

// What is wrong with a request says so, and leaves nothing behind.
func TestBadJobs(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", `{"schema":{"required":["n"],"properties":{"n":{"type":"integer"}}},"lease":"1m","max_lease":"1h"}`)
	admin.send(201, "PUT", "/v1/feeds/f", "", "")
	for _, tc := range []struct {
		status             int
		method, path, body string
		place              string
	}{
		{404, "POST", "/v1/jobs/none/items", `{"payload":1}`, ""},
		{404, "POST", "/v1/jobs/none/claims", ``, ""},
		{409, "POST", "/v1/jobs/f/items", `{"payload":1}`, ""},
		{409, "GET", "/v1/jobs/f", ``, ""},
		{409, "GET", "/v1/queues/q", ``, ""},
		{409, "DELETE", "/v1/queues/q", ``, ""},
		{422, "POST", "/v1/jobs/q/items", `{"payload":{"n":"x"}}`, "#/payload/n"},
		{422, "POST", "/v1/jobs/q/items", `[{"payload":{"n":1}},{"payload":{}},{"payload":{"n":1}}]`, "#/1/payload"},
		{422, "POST", "/v1/jobs/q/items", `{"text":"n"}`, ""},
		{422, "POST", "/v1/jobs/q/items", `{"payload":{"n":1},"after":["none"]}`, ""},
		{422, "POST", "/v1/jobs/q/items", `[{"id":"a","payload":{"n":1},"after":["b"]},{"id":"b","payload":{"n":1},"after":["a"]}]`, ""},
		{400, "POST", "/v1/jobs/q/items", `{"payload":{"n":1},"delay":"-1s"}`, "#/delay"},
		{400, "POST", "/v1/jobs/q/items", `{"payload":{"n":1},"delay":5}`, "#/delay"},
		{400, "POST", "/v1/jobs/q/items", `{"payload":{"n":1},"at":"tomorrow"}`, "#/at"},
		{400, "POST", "/v1/jobs/q/items", `{"payload":{"n":1},"priority":1}`, "#/priority"},
		{400, "POST", "/v1/jobs/q/items", `{"payload":{"n":1},"urgent":true}`, "#/urgent"},
		{400, "POST", "/v1/jobs/q/items", `{"payload":{"n":1},"text":""}`, "#/text"},
		{400, "POST", "/v1/jobs/q/items", `{}`, ""},
		{400, "POST", "/v1/jobs/q/items", `[]`, ""},
		{413, "POST", "/v1/jobs/q/items", `{"payload":"` + strings.Repeat("x", 1<<20) + `"}`, "#/payload"},
		{400, "POST", "/v1/jobs/q/claims", `{"lease":"2h"}`, ""},
		{400, "POST", "/v1/jobs/q/claims", `{"lease":"1ms"}`, "#/lease"},
		{400, "POST", "/v1/jobs/q/claims", `{"count":0}`, "#/count"},
		{400, "POST", "/v1/jobs/q/claims", `{"wait":"61s"}`, "#/wait"},
		{400, "POST", "/v1/jobs/q/claims?wait=x", ``, ""},
		{409, "POST", "/v1/jobs/q/items/none/finish", `{"lease":"x"}`, "#/lease"},
		{409, "POST", "/v1/jobs/q/items/none/cancel", `{"lease":"x"}`, "#/lease"},
		{409, "POST", "/v1/jobs/q/items/none/stall", `{"lease":"x"}`, "#/lease"},
		{409, "POST", "/v1/jobs/q/items/none/extend", `{"lease":"x"}`, "#/lease"},
		{409, "POST", "/v1/jobs/q/items/none/progress", `{"lease":"x","progress":1}`, "#/lease"},
		{400, "POST", "/v1/jobs/q/items/none/finish", `{}`, "#/lease"},
		{404, "POST", "/v1/jobs/q/items/none/retry", ``, ""},
		{404, "DELETE", "/v1/jobs/q/items/none", ``, ""},
		{404, "GET", "/v1/jobs/q/items/none/result", ``, ""},
		{400, "POST", "/v1/jobs/q/retract", `{}`, ""},
		{400, "POST", "/v1/jobs/q/retract", `{"state":"gone"}`, "#/state"},
		{400, "GET", "/v1/jobs/q/events?kind=dance", ``, ""},
		{400, "PUT", "/v1/jobs/q", `{"max_length":1}`, "#/max_length"},
		{400, "PUT", "/v1/jobs/q", `{"lease":"1h","max_lease":"1m"}`, "#/lease"},
		{400, "PUT", "/v1/jobs/q", `{"backoff":{"factor":0}}`, "#/backoff/factor"},
		{400, "PUT", "/v1/jobs/q", `{"extra":{"lease":"1"}}`, "#/extra/lease"},
		{422, "PUT", "/v1/jobs/q", `{"schema":{"type":1}}`, "#/schema"},
		{422, "PUT", "/v1/jobs/q", `{"webhook":{"url":"http://127.0.0.1:1/"}}`, "#/webhook/url"},
		{422, "PUT", "/v1/jobs/q", `{"webhook":{"url":"http://0x7f.1/"}}`, "#/webhook/url"},
		{422, "PUT", "/v1/jobs/q", `{"webhook":{"url":"ftp://example.org/"}}`, "#/webhook/url"},
		{400, "PUT", "/v1/jobs/q", `{"webhook":{"url":"http://example.org/","secret":"short"}}`, "#/webhook/secret"},
		{400, "PUT", "/v1/jobs/q", `{"webhook":{}}`, "#/webhook/url"},
		{400, "PUT", "/v1/feeds/x", `{"type":"job"}`, "#/type"},
	} {
		r := admin.send(tc.status, tc.method, tc.path, "", tc.body)
		if !strings.Contains(string(r.body), `"pointer":"`+tc.place+`"`) && tc.place != "" {
			t.Errorf("%s %.80s: %s, want %s", tc.path, tc.body, r.body, tc.place)
		}
	}
	var q struct {
		Counts map[string]int
	}
	admin.read(admin.send(200, "GET", "/v1/jobs/q", "", ""), &q)
	if q.Counts["queued"]+q.Counts["held"]+q.Counts["submits"] != 0 {
		t.Errorf("something was left behind: %v", q.Counts)
	}

	// A result that is too long leaves the job with its worker.
	admin.send(201, "POST", "/v1/jobs/q/items", "", `{"payload":{"n":1}}`)
	got := admin.one("q")
	admin.send(413, "POST", jobPath("q", got.ID)+"/finish", "", `{"lease":"`+got.Lease.Token+`","result":"`+strings.Repeat("x", 1<<20)+`"}`)
	if j := admin.job(admin.send(200, "GET", jobPath("q", got.ID), "", "")); j.State != "claimed" {
		t.Errorf("it is %+v", j)
	}
	admin.patch(200, "/v1/jobs/q", `{"paused":true}`)
	admin.send(201, "POST", "/v1/jobs/q/items", "", `{"payload":{"n":2}}`)
	if r := admin.send(200, "POST", "/v1/jobs/q/claims", "", ""); !strings.Contains(string(r.body), `"reason":"paused"`) {
		t.Errorf("a paused queue gave %s", r.body)
	}
}

// A worker on a stream has its jobs as long as the stream lasts.
func TestClaimsOnAStream(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", `{"lease":"3s"}`)
	for n := range 4 {
		admin.send(201, "POST", "/v1/jobs/q/items", "", fmt.Sprintf(`{"id":"j%d","payload":{"n":%d}}`, n, n))
	}
	jobs, leave := admin.watchJobs("/v1/jobs/q/claims?concurrency=2")
	first, second := thoonktest.Next(t, jobs), thoonktest.Next(t, jobs)
	if first.name != "job" || first.job.ID != "j0" || second.job.ID != "j1" || string(first.job.Payload) != `{"n":0}` {
		t.Fatalf("got %+v, %+v", first, second)
	}
	admin.send(200, "POST", jobPath("q", "j0")+"/finish", "", `{"lease":"`+first.job.Lease.Token+`"}`)
	if third := thoonktest.Next(t, jobs); third.job.ID != "j2" {
		t.Fatalf("got %+v", third)
	}
	// The leases of three seconds outlast them, and the worker is told what somebody wants to be given up.
	extended := func(until time.Time) {
		t.Helper()
		thoonktest.Eventually(t, "its lease is extended", func() bool {
			var j struct {
				State   string
				Attempt int
				Expires time.Time
			}
			admin.read(admin.send(200, "GET", jobPath("q", "j1"), "", ""), &j)
			if j.State != "claimed" || j.Attempt != 1 {
				t.Fatalf("it is %+v", j)
			}
			return j.Expires.After(until)
		})
	}
	extended(second.job.Lease.Expires.Add(4 * time.Second))
	admin.send(202, "DELETE", jobPath("q", "j1"), "", "")
	if told := thoonktest.Next(t, jobs); told.name != "cancel" || told.job.ID != "j1" {
		t.Fatalf("got %+v", told)
	}
	extended(time.Now().Add(3 * time.Second)) // it is told once
	admin.send(200, "POST", jobPath("q", "j1")+"/cancel", "", `{"lease":"`+second.job.Lease.Token+`"}`)
	if told := thoonktest.Next(t, jobs); told.name != "job" || told.job.ID != "j3" {
		t.Fatalf("got %+v", told)
	}
	leave()
	// At once, long before their leases would have ended, they are others'.
	seen := map[string]bool{}
	thoonktest.Eventually(t, "the jobs are given back", func() bool {
		for _, j := range admin.claim("q", `{"count":5}`) {
			seen[j.ID] = true
		}
		return seen["j2"] && seen["j3"]
	})
}

// The lease of a stream's job would last for an hour, and ends with the stream.
func TestAStreamGivesItsJobsBack(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", `{"lease":"1h","max_lease":"1h"}`)
	admin.send(201, "POST", "/v1/jobs/q/items", "", `{"id":"a","payload":1}`)
	jobs, leave := admin.watchJobs("/v1/jobs/q/claims")
	if told := thoonktest.Next(t, jobs); told.job.ID != "a" {
		t.Fatalf("got %+v", told)
	}
	leave()
	if again := admin.one("q"); again.ID != "a" {
		t.Errorf("claimed %+v", again)
	}
}

type toldJob struct {
	name string
	job  claimedJob
}

func (u user) watchJobs(path string) (<-chan toldJob, func()) {
	u.t.Helper()
	out := make(chan toldJob, 1000)
	body, leave := u.open(path)
	go func() {
		defer close(out)
		_ = thoonktest.ReadSSE(body, func(e thoonktest.SSEvent) bool {
			told := toldJob{name: e.Event}
			if err := json.Unmarshal([]byte(e.Data), &told.job); err != nil {
				u.t.Errorf("%+v: %v", e, err)
			}
			out <- told
			return true
		})
	}()
	return out, leave
}

func TestQueuesOverREST(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	p := serveReady(t, "--redis", server.URL())
	admin, putter, getter := p.as("root", "*=admin"), p.as("s", "*=submit"), p.as("w", "*=work")
	admin.send(201, "PUT", "/v1/queues/q", "", `{"content":"text"}`)
	putter.send(201, "POST", "/v1/queues/q/items", "", `[{"id":"a","text":"1"},{"id":"b","text":"2"},{"id":"c","text":"3","priority":"high"}]`)
	putter.send(422, "POST", "/v1/queues/q/items", "", `{"body":1}`)
	putter.send(403, "POST", "/v1/queues/q/get", "", "")
	if r := getter.send(200, "GET", "/v1/queues/q/items?limit=1", "", ""); string(r.body) != `{"items":[{"id":"c","text":"3"}],"length":3,"leased":0}` {
		t.Errorf("peeked %s", r.body)
	}
	if r := getter.send(200, "POST", "/v1/queues/q/get", "", ""); string(r.body) != `{"items":[{"id":"c","text":"3"}]}` {
		t.Errorf("got %s", r.body)
	}
	var got struct {
		Items []struct{ ID string }
		Lease struct{ Token string }
	}
	getter.read(getter.send(200, "POST", "/v1/queues/q/get", "", `{"count":2,"ack":"manual","lease":"1m"}`), &got)
	if len(got.Items) != 2 || got.Lease.Token == "" {
		t.Fatalf("got %+v", got)
	}
	getter.send(204, "POST", "/v1/queues/q/items/a/ack", "", `{"lease":"`+got.Lease.Token+`"}`)
	getter.send(204, "POST", "/v1/queues/q/items/b/ack", "", `{"lease":"`+got.Lease.Token+`","back":true}`)
	getter.send(409, "POST", "/v1/queues/q/items/b/ack", "", `{"lease":"`+got.Lease.Token+`"}`)
	// A long poll, answered by a client of Redis itself.
	getter.send(200, "POST", "/v1/queues/q/get", "", "")
	answered := make(chan response, 1)
	go func() { answered <- getter.do("POST", "/v1/queues/q/get?wait=30s", getter.bearer, "") }()
	id := thoonktest.NewForeign(t, server.Client()).Put("q", "4", false)
	if r := thoonktest.Next(t, answered); string(r.body) != `{"items":[{"id":"`+id+`","text":"4"}]}` {
		t.Errorf("got %s", r.body)
	}
	if r := getter.send(200, "POST", "/v1/queues/q/get", "", `{"wait":0}`); string(r.body) != `{"items":[],"reason":"empty"}` {
		t.Errorf("got %s", r.body)
	}
	id = thoonktest.NewForeign(t, server.Client()).Put("q", "5", false)
	if r := getter.send(200, "GET", "/v1/queues/q/items", "", ""); string(r.body) != `{"items":[{"id":"`+id+`","text":"5"}],"length":1,"leased":0}` {
		t.Errorf("peeked %s", r.body)
	}
}

func TestRecurringJobsOverREST(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", `{"stamp":{"by":"sub"}}`)
	p.as("w", "*=work").send(403, "PUT", "/v1/jobs/q/schedules/often", "", `{"every":"1s","job":{"payload":{}}}`)
	admin.send(201, "PUT", "/v1/jobs/q/schedules/often", "", `{"every":"1s","job":{"payload":{"n":1}}}`)
	if got := admin.one("q"); string(got.Payload) != `{"n":1,"by":"root"}` {
		t.Errorf("claimed %s", got.Payload)
	}
	for body, place := range map[string]string{
		`{"cron":"0 0 30 2 *","job":{"payload":{}}}`:           "#/cron",
		`{"cron":"x","job":{"payload":{}}}`:                    "#/cron",
		`{"cron":"@daily","zone":"Here","job":{"payload":{}}}`: "#/zone",
	} {
		if r := admin.send(422, "PUT", "/v1/jobs/q/schedules/bad", "", body); !strings.Contains(string(r.body), `"`+place+`"`) {
			t.Errorf("%s: %s", body, r.body)
		}
	}
	for body, place := range map[string]string{
		`{"every":"1s"}`: "#/job", `{"every":"1ms","job":{"payload":{}}}`: "#/every", `{"every":"1s","job":{"payload":{},"delay":"1s"}}`: "#/job/delay",
		`{"every":"1s","job":{"payload":{},"more":1}}`: "#/job/more",
	} {
		if r := admin.send(400, "PUT", "/v1/jobs/q/schedules/bad", "", body); !strings.Contains(string(r.body), `"`+place+`"`) {
			t.Errorf("%s: %s", body, r.body)
		}
	}
	var page struct{ Schedules []struct{ Name, Next string } }
	admin.read(admin.send(200, "GET", "/v1/jobs/q/schedules", "", ""), &page)
	if len(page.Schedules) != 1 || page.Schedules[0].Name != "often" || page.Schedules[0].Next == "" {
		t.Errorf("listed %+v", page)
	}
	admin.send(204, "DELETE", "/v1/jobs/q/schedules/often", "", "")
	admin.send(404, "GET", "/v1/jobs/q/schedules/often", "", "")
}
