package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func TestJobWork(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", `{"max_attempts":1,"lease":"300ms"}`)
	for _, job := range []string{
		`{"id":"json","payload":{"n": 1}}`, `{"id":"text","text":"so"}`, `{"id":"none","text":"silent"}`, `{"id":"bad","text":"fail"}`, `{"id":"slow","text":"slow"}`, `{"id":"long","text":"long"}`,
	} {
		admin.send(201, "POST", "/v1/jobs/q/items", "", job)
	}
	program := `in=$(cat); case $in in
		silent) ;;
		fail) echo "no such address" >&2; exit 3 ;;
		slow) sleep 1; echo "$THOONKD_QUEUE $THOONKD_JOB $THOONKD_ATTEMPT" ;;
		long) head -c 1048577 /dev/zero ;;
		*) echo "$in" ;; esac`
	r := thoonkd(t, p.feedEnv(), "job", "work", "--count", "6", "q", "sh", "-c", program)
	if want := "json finished\n"; r.code != 0 || !strings.HasPrefix(r.stdout, want) || r.stderr != "no such address\n" {
		t.Errorf("%+v", r)
	}
	for id, want := range map[string]shownJob{
		"json": {State: "finished", Result: json.RawMessage(`{"n":1}`)},
		"text": {State: "finished", Result: json.RawMessage(`"so"`)},
		"none": {State: "finished"},
		"bad":  {State: "stalled", Error: "exit status 3: no such address"},
		"slow": {State: "finished", Result: json.RawMessage(`"q slow 1"`)}, // the lease is extended
		"long": {State: "stalled", Error: "it printed more than the 1048576 bytes that a result may have"},
	} {
		if got := admin.job(admin.send(200, "GET", jobPath("q", id), "", "")); got.State != want.State || got.Error != want.Error || string(got.Result) != string(want.Result) {
			t.Errorf("%s is %+v", id, got)
		}
	}
	p.cliFails(1, "not found", "job", "work", "q", "no-such-program-of-ours")
	p.cliFails(3, "", "job", "work", "none", "true")
}

// A program is killed when its job is not wanted any more.
func TestJobWorkIsGivenUp(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", `{"lease":"300ms"}`)
	admin.send(201, "POST", "/v1/jobs/q/items", "", `{"id":"a","payload":1}`)
	ended := make(chan result, 1)
	go func() { ended <- thoonkd(t, p.feedEnv(), "job", "work", "--count", "1", "q", "sleep", "1000") }()
	thoonktest.Eventually(t, "it is claimed", func() bool {
		return admin.job(admin.send(200, "GET", jobPath("q", "a"), "", "")).State == "claimed"
	})
	admin.send(202, "DELETE", jobPath("q", "a"), "", "")
	if r := thoonktest.Next(t, ended); r.code != 0 || r.stdout != "a retracted\n" {
		t.Errorf("%+v", r)
	}
}
