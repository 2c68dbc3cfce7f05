package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// xmppServers are the servers that every client has to do on.
var xmppServers = map[string]func(testing.TB) *thoonktest.XMPPServer{
	"prosody": thoonktest.SharedProsody, "ejabberd": thoonktest.SharedEjabberd,
}

// attached is a thoonkd that is a component of a server whose users alice and bob are known to it.
type attached struct {
	user
	server    *thoonktest.XMPPServer
	component thoonktest.Component
	alice     string // a JID
	bob       string
	store     *store.Store
}

// attach makes alice and bob of a test, so that tests which share a server do not share them.
func attach(t *testing.T, server *thoonktest.XMPPServer, test string) attached {
	t.Helper()
	redis := thoonktest.Redis(t)
	a := attached{server: server, component: server.Component(t), alice: server.User(t, "alice"+test), bob: server.User(t, "bob"+test)}
	file := filepath.Join(t.TempDir(), "thoonkd.yaml")
	err := os.WriteFile(file, []byte(`
jids:
  "`+a.alice+`": [{match: "alice*", can: [configure, publish, read, retract]}, {match: "team:*", can: [configure, publish]}]
  "`+a.bob+`": [{match: "queue*", can: [submit]}, {match: "team:*", can: [read]}]
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	a.user = serveReady(t, "--config", file, "--redis", redis.URL(), "--xmpp-addr", a.component.Addr,
		"--xmpp-domain", a.component.Domain, "--xmpp-secret", a.component.Secret).user("*=admin")
	a.store, err = store.Open(store.Options{URL: redis.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.store.Close() })
	for _, queue := range []thoonk.FeedName{"queue", "queue:worked"} {
		_, _, err = a.store.PutFeed(t.Context(), thoonk.PutFeed{Name: queue, Config: thoonk.Config{
			Type: thoonk.TypeJob, Content: thoonk.JSON,
			Schema: `{"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "urgent": {"type": "boolean"}}}`,
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	a.work(t, "queue:worked")
	return a
}

// work does the jobs of a queue as they come: the result of a job is its payload.
func (a attached) work(t *testing.T, queue thoonk.FeedName) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			claimed, err := a.store.ClaimJobs(ctx, queue, []thoonk.ClaimJobs{{Count: 1, Actor: "worker"}})
			if err != nil || len(claimed[0].Jobs) == 0 {
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
				continue
			}
			job := claimed[0].Jobs[0]
			_, _ = a.store.FinishJobs(ctx, queue, []thoonk.FinishJob{{
				ID: job.ID, Token: claimed[0].Lease.Token, Result: job.Payload, HasResult: true, Actor: "worker",
			}})
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// runClient runs a program with a bound on its time, and fails the test with what it wrote if it fails.
func runClient(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
	return string(out)
}

// slixmpp does everything that a user can do.
func TestSlixmpp(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import slixmpp").Run() != nil {
		thoonktest.Missing(t, "slixmpp is not installed (apt-get install python3-slixmpp): no client of another's uses the component")
	}
	for name, start := range xmppServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := attach(t, start(t), "slixmpp")
			out := runClient(t, ".", python, "testdata/slixmpp_client.py", a.server.C2S(), a.alice, a.bob, a.component.Domain)
			if n := strings.Count(out, "ok "); n != 8 {
				t.Errorf("%d parts were done:\n%s", n, out)
			}
			a.checkLeft()
		})
	}
}

// checkLeft checks what REST says of the node and the item that the client has left: one configuration, two views.
func (a attached) checkLeft() {
	a.t.Helper()
	feed := string(a.send(200, "GET", "/v1/feeds/alice:left", "", "").body)
	for _, part := range []string{`"max_length":7`, `"access_model":"open"`, `"title":"Left"`, `"notify_sub":true`} {
		if !strings.Contains(feed, part) {
			a.t.Errorf("no %s in %s", part, feed)
		}
	}
	if item := string(a.send(200, "GET", "/v1/feeds/alice:left/items/i", "", "").body); !strings.Contains(item, `"body":{"n":  1.0}`) {
		a.t.Error(item)
	}
	r := a.send(200, "GET", "/v1/feeds/alice:left/events?limit=10", "Accept: application/json\n", "")
	if !strings.Contains(string(r.body), `"actor":"xmpp:`+a.alice+`"`) {
		a.t.Error(string(r.body))
	}
}

// stanza speaks to the server's WebSocket, and has payloads as objects.
func TestStanza(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("npm"); err != nil {
		thoonktest.Missing(t, "npm is not installed (apt-get install nodejs npm): no second client of another's uses the component")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/stanza")); err != nil {
		t.Fatal(err)
	}
	runClient(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	for name, start := range xmppServers {
		t.Run(name, func(t *testing.T) {
			a := attach(t, start(t), "stanza")
			thoonktest.Eventually(t, "the server takes WebSockets", func() bool {
				resp, err := http.Get("http" + strings.TrimPrefix(a.server.WebSocket(), "ws"))
				if err == nil {
					_ = resp.Body.Close()
				}
				return err == nil
			})
			if out := runClient(t, dir, "node", "client.js", a.server.WebSocket(), a.alice, a.bob, a.component.Domain); !strings.Contains(out, "done") {
				t.Error(out)
			}
		})
	}
}
