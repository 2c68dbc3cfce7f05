package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
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

// A program is stopped when its job is not wanted any more, and has its job for as long as it takes to end.
func TestJobWorkIsGivenUp(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", `{"lease":"300ms"}`)
	admin.send(201, "POST", "/v1/jobs/q/items", "", `{"id":"a","payload":1}`)
	ended := make(chan result, 1)
	go func() {
		ended <- thoonkd(t, p.feedEnv(), "job", "work", "--count", "1", "q", "sh", "-c", `trap "sleep 1; exit 0" TERM; sleep 1000 & wait`)
	}()
	thoonktest.Eventually(t, "it is claimed", func() bool {
		return admin.job(admin.send(200, "GET", jobPath("q", "a"), "", "")).State == "claimed"
	})
	admin.send(202, "DELETE", jobPath("q", "a"), "", "")
	if r := thoonktest.Next(t, ended); r.code != 0 || r.stdout != "a retracted\n" {
		t.Errorf("%+v", r)
	}
}

// What a program did is told again where the server was away at that moment.
func TestJobWorkTellsAgain(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", "{}")
	admin.send(201, "POST", "/v1/jobs/q/items", "", `{"id":"a","payload":1}`)
	server, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	to := httputil.NewSingleHostReverseProxy(server)
	var tries atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/finish") {
			switch tries.Add(1) {
			case 1:
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			case 2: // it is told, and the answer is lost
				to.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
		}
		to.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	env := append(slices.Clone(p.feedEnv()), "THOONKD_SERVER="+proxy.URL)
	r := thoonkd(t, env, "job", "work", "--count", "1", "q", "sh", "-c", "echo '{\"done\":true}'")
	if r.code != 0 || r.stdout != "a finished\n" || strings.Count(r.stderr, "trying again") != 2 {
		t.Errorf("%+v", r)
	}
	if j := admin.job(admin.send(200, "GET", jobPath("q", "a"), "", "")); j.State != "finished" || string(j.Result) != `{"done":true}` {
		t.Errorf("%+v", j)
	}
}

// workBinary is "thoonkd job work" in a process of its own. The program finds the directory in DIR, and what is in a file of it is
// what it has done.
type workBinary struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string
	stderr chan string // lines
	stdout bytes.Buffer
}

func startWork(p *process, flags []string, program string) *workBinary {
	p.t.Helper()
	path, err := build()
	if err != nil {
		p.t.Fatal(err)
	}
	w := &workBinary{t: p.t, dir: p.t.TempDir(), stderr: make(chan string, 100)}
	w.cmd = exec.Command(path, append(append([]string{"job", "work"}, flags...), "q", "sh", "-c", "exec 2>/dev/null; "+program)...)
	w.cmd.Env = append(p.feedEnv(), "HOME="+p.t.TempDir(), "PATH="+os.Getenv("PATH"), "DIR="+w.dir)
	w.cmd.Stdout = &w.stdout
	said, err := w.cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	go func() {
		defer close(w.stderr)
		for lines := bufio.NewScanner(said); lines.Scan(); {
			w.stderr <- lines.Text()
		}
	}()
	return w
}

// file waits for a file that the program writes a line into.
func (w *workBinary) file(name string) (line string) {
	w.t.Helper()
	thoonktest.Eventually(w.t, "there is "+name, func() bool {
		text, err := os.ReadFile(filepath.Join(w.dir, name))
		line = strings.TrimSuffix(string(text), "\n")
		return err == nil && line != string(text)
	})
	return line
}

// signal sends a signal, and waits until it is heard of.
func (w *workBinary) signal(s os.Signal) {
	w.t.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		w.t.Fatal(err)
	}
	if said := thoonktest.Next(w.t, w.stderr); !strings.HasPrefix(said, "thoonkd: ending with this job, or in ") {
		w.t.Errorf("it said %q", said)
	}
}

// ends waits for the end, which has to be a good one.
func (w *workBinary) ends(stdout string) {
	w.t.Helper()
	for said := range w.stderr {
		w.t.Errorf("it said %q", said)
	}
	if err := w.cmd.Wait(); err != nil || w.stdout.String() != stdout {
		w.t.Errorf("it ended with %v, %q", err, w.stdout.String())
	}
}

// Who asks the worker to end lets the program do so first.
func TestJobWorkEndsWithItsJob(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
			admin := p.as("root", "*=admin")
			admin.send(201, "PUT", "/v1/jobs/q", "", `{"lease":"300ms"}`)
			admin.send(201, "POST", "/v1/jobs/q/items", "", `[{"id":"a","payload":1},{"id":"b","payload":2}]`)
			w := startWork(p, []string{"--grace", "1m"}, `echo so > "$DIR/started"; until [ -e "$DIR/go" ]; do sleep 0.02; done; echo done`)
			w.file("started")
			w.signal(signal)
			if err := os.WriteFile(filepath.Join(w.dir, "go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			w.ends("a finished\n")
			if a := admin.job(admin.send(200, "GET", jobPath("q", "a"), "", "")); a.State != "finished" || string(a.Result) != `"done"` {
				t.Errorf("it is %+v", a)
			}
			if b := admin.job(admin.send(200, "GET", jobPath("q", "b"), "", "")); b.State != "queued" || b.Attempt != 1 {
				t.Errorf("the other is %+v", b)
			}
		})
	}
}

// Once the grace is over, or on a second signal, the program is stopped with all that it started, and its job is another's at once.
func TestJobWorkGivesItsJobBack(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		grace, program string
		again          bool
	}{
		"late":       {"1ms", `sleep 1000 & echo $! > "$DIR/child"; wait`, false},
		"again":      {"1h", `sleep 1000 & echo $! > "$DIR/child"; wait`, true},
		"stubborn":   {"1ms", `trap "" TERM; sleep 1000 & echo $! > "$DIR/child"; wait`, false},
		"half done":  {"1ms", `trap "echo told > $DIR/told; exit 0" TERM; sleep 1000 & echo $! > "$DIR/child"; wait`, false},
		"daughters":  {"1ms", `sh -c 'trap "" TERM; echo $$ > "$DIR/child"; while :; do sleep 1; done' & wait`, false},
		"by another": {"1h", `echo $$ > "$DIR/child"; until [ -e "$DIR/go" ]; do sleep 0.02; done; kill -TERM $$`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
			admin := p.as("root", "*=admin")
			admin.send(201, "PUT", "/v1/jobs/q", "", `{"lease":"1h","max_lease":"1h","backoff":{"first":"1h"}}`)
			admin.send(201, "POST", "/v1/jobs/q/items", "", `{"id":"a","payload":1}`)
			w := startWork(p, []string{"--grace", tc.grace}, tc.program)
			child, err := strconv.Atoi(w.file("child"))
			if err != nil {
				t.Fatal(err)
			}
			w.signal(syscall.SIGTERM)
			if tc.again {
				_ = w.cmd.Process.Signal(os.Interrupt)
			}
			if err := os.WriteFile(filepath.Join(w.dir, "go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			w.ends("a queued\n")
			if a := admin.job(admin.send(200, "GET", jobPath("q", "a"), "", "")); a.State != "queued" || a.Attempt != 2 || a.Error != "the worker was stopped" {
				t.Errorf("it is %+v", a)
			}
			if name == "half done" {
				w.file("told")
			}
			thoonktest.Eventually(t, "the program is gone", func() bool { return gone(child) })
		})
	}
}

// gone reports whether a process has ended, though maybe nobody has asked how.
func gone(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return syscall.Kill(pid, 0) != nil || bytes.Contains(stat, []byte(") Z "))
}

// Who waits for a job ends at once.
func TestJobWorkEndsIdle(t *testing.T) {
	t.Parallel()
	p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
	admin := p.as("root", "*=admin")
	admin.send(201, "PUT", "/v1/jobs/q", "", "")
	admin.send(201, "POST", "/v1/jobs/q/items", "", `{"id":"a","payload":1}`)
	w := startWork(p, nil, "true")
	thoonktest.Eventually(t, "it is finished", func() bool {
		return admin.job(admin.send(200, "GET", jobPath("q", "a"), "", "")).State == "finished"
	})
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.ends("a finished\n")
}
