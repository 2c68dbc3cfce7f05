package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// cli runs a command that has to succeed, and returns what it printed.
func (p *process) cli(args ...string) string {
	p.t.Helper()
	r := thoonkd(p.t, p.feedEnv(), args...)
	if r.code != 0 || r.stderr != "" {
		p.t.Fatalf("%q: %+v", args, r)
	}
	return r.stdout
}

// cliFails runs a command that has to fail with this code and a line that contains the text.
func (p *process) cliFails(code int, text string, args ...string) {
	p.t.Helper()
	if r := thoonkd(p.t, p.feedEnv(), args...); r.code != code || !strings.Contains(r.stderr, text) || !strings.HasPrefix(r.stderr, "thoonkd: ") {
		p.t.Errorf("%q: %+v, want code %d and %q", args, r, code, text)
	}
}

func (p *process) cliLike(want string, args ...string) {
	p.t.Helper()
	if got := p.cli(args...); !like(got, want) {
		p.t.Errorf("%q: %q, want %s", args, got, want)
	}
}

func TestJobCommands(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	p.cliLike("a/b job\n", "queue", "create", "a/b", "--max-attempts", "1", "--content", "json", "--lease", "1m")
	p.cliFails(4, "", "queue", "create", "a/b")
	p.cliFails(1, "#/webhook/url", "queue", "create", "pushed", "--webhook", "http://127.0.0.1/")
	p.cliLike("one queued\n", "job", "submit", "a/b", "--id", "one", "--body", `{"n": 1}`)
	p.cliLike("later held\n", "job", "submit", "a/b", "--id", "later", "--body", "2", "--delay", "1h", "--unique", "u", "--group", "g")
	p.cliFails(1, "content json", "job", "submit", "a/b", "--text", "no JSON")
	p.cliLike(`ID STATE ATTEMPT AGE\none queued 1 \d+s \{"n":1}\nlater held 1 \d+s 2`+"\n", "job", "ls", "a/b")
	p.cliLike(`NAME TYPE QUEUED HELD CLAIMED STALLED FINISHED\na/b job 1 1 0 0 0`+"\n", "queue", "ls")

	p.cliLike("a/b paused\n", "queue", "pause", "a/b")
	if got := p.cli("job", "claim", "a/b"); got != "" {
		t.Errorf("a paused queue gave %q", got)
	}
	p.cliLike("a/b running\n", "queue", "resume", "a/b")
	var claimed struct{ Lease struct{ Token string } }
	if err := json.Unmarshal([]byte(p.cli("job", "claim", "a/b", "--wait", "10s", "--output", "json")), &claimed); err != nil {
		t.Fatal(err)
	}
	p.cliFails(1, "not claimed", "job", "finish", "a/b", "one", "--lease", "other")
	p.cliFails(1, "required", "job", "finish", "a/b", "one")
	p.cliFails(1, "JSON", "job", "finish", "a/b", "one", "--lease", "x", "--result", "{")
	p.cliLike("one stalled\n", "job", "cancel", "a/b", "one", "--lease", claimed.Lease.Token, "--error", "no such address")
	p.cliLike("ID STATE ATTEMPT AGE\none stalled \\d+ - no such address\n", "job", "ls", "a/b", "--state", "stalled")
	p.cliFails(1, "name jobs", "job", "retry", "a/b")
	p.cliFails(1, "1 of 1 jobs were refused", "job", "retry", "a/b", "later")
	p.cliLike("one queued\n", "job", "retry", "a/b", "--stalled")
	if err := json.Unmarshal([]byte(p.cli("job", "claim", "a/b", "--output", "json")), &claimed); err != nil {
		t.Fatal(err)
	}
	p.cliLike("one finished\n", "job", "finish", "a/b", "one", "--lease", claimed.Lease.Token, "--result", `{"ok":true}`)
	if got := p.cli("job", "get", "a/b", "one", "--wait", "5s"); !strings.Contains(got, `"result":{"ok":true}`) {
		t.Errorf("got %s", got)
	}
	p.cliLike("later retracted\n", "job", "retract", "a/b", "later")
	p.cliFails(3, "", "job", "get", "a/b", "none")
	p.cliLike("TIME submit one\nTIME claim one\n", "job", "tail", "a/b", "--id", "one", "--since", since(t, p), "--count", "2")

	p.cliLike("box queue\n", "queue", "create", "box", "--type", "queue")
	p.cliLike("box paused\n", "queue", "pause", "box")
	if got := p.cli("queue", "get", "box"); !strings.Contains(got, `"paused":true`) {
		t.Errorf("got %s", got)
	}
	p.cliFails(1, "--yes", "queue", "delete", "box")
	p.cli("queue", "delete", "box", "--yes")
	p.cliFails(3, "", "queue", "get", "box")
}

// since returns the revision at which the queue was made.
func since(t *testing.T, p *process) string {
	t.Helper()
	var page struct {
		Changes []struct{ Revision string }
	}
	admin := p.as("root", "*=admin")
	admin.read(admin.send(200, "GET", "/v1/jobs/a%2Fb/events", "Accept: application/json\n", ""), &page)
	return page.Changes[0].Revision
}
