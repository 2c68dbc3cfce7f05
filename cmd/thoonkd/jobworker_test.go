package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// A worker is this test binary in a process of its own, with the environment below. It writes each job that it does into a file,
// before it finishes it.
const workerEnv = "THOONKD_TEST_WORKER"

// workerConfig is what a worker is told.
type workerConfig struct {
	URLs   []string // of servers: it goes to another when one fails
	Token  string
	Queue  string
	Stream bool   // its leases are bound to a stream
	Keep   bool   // it finishes nothing
	Lease  string // of claims without a stream
	File   string
}

// startWorker starts a worker, which can be killed.
func startWorker(t *testing.T, c workerConfig) *exec.Cmd {
	t.Helper()
	doc, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{workerEnv + "=" + string(doc)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func killWorker(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// worker is the inside of such a process.
type worker struct {
	workerConfig
	url  string
	done *os.File
}

// workForEver never returns.
func workForEver() {
	w := &worker{}
	if err := json.Unmarshal([]byte(os.Getenv(workerEnv)), &w.workerConfig); err != nil {
		panic(err)
	}
	var err error
	if w.done, err = os.OpenFile(w.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		panic(err)
	}
	for n := 0; ; n++ {
		w.url = w.URLs[(os.Getpid()+n)%len(w.URLs)]
		if w.Stream {
			w.stream()
		} else {
			for w.pull() {
			}
		}
		time.Sleep(50 * time.Millisecond) // no worker comes back at once
	}
}

// pull claims and finishes once, and reports whether the server is well.
func (w *worker) pull() bool {
	resp, err := w.send("POST", "/claims", fmt.Sprintf(`{"count":5,"wait":"2s","lease":%q}`, w.Lease))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var claimed struct{ Jobs []claimedJob }
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&claimed) != nil {
		return false
	}
	for _, j := range claimed.Jobs {
		w.finish(j)
	}
	return true
}

// stream works until its stream breaks.
func (w *worker) stream() {
	resp, err := w.send("GET", "/claims?concurrency=5", "")
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_ = thoonktest.ReadSSE(resp.Body, func(e thoonktest.SSEvent) bool {
		var j claimedJob
		if e.Event == "job" && json.Unmarshal([]byte(e.Data), &j) == nil {
			return w.finish(j) // otherwise the stream would hold what this worker has forgotten
		}
		return true
	})
}

// finish does a job, and reports whether the server answered. If it did not, or the lease is lost, the job may be done again.
func (w *worker) finish(j claimedJob) bool {
	if _, err := fmt.Fprintln(w.done, j.ID, time.Now().UnixNano()); err != nil {
		panic(err)
	}
	if w.Keep {
		return true
	}
	resp, err := w.send("POST", "/items/"+j.ID+"/finish", fmt.Sprintf(`{"lease":%q,"result":{"by":%d}}`, j.Lease.Token, os.Getpid()))
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode < 500
}

func (w *worker) send(method, path, body string) (*http.Response, error) {
	req, err := http.NewRequest(method, w.url+"/v1/jobs/"+w.Queue+path, strings.NewReader(body)) //nolint:noctx // it is killed
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return http.DefaultClient.Do(req)
}

// doneJobs reads what workers did: how often each job.
func doneJobs(t *testing.T, dir string) map[string]int {
	t.Helper()
	done := map[string]int{}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			if id, at, ok := bytes.Cut(line, []byte(" ")); ok && bytes.HasSuffix(at, []byte("\n")) {
				done[string(id)]++
			}
		}
	}
	return done
}
