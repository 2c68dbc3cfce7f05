package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// chaos is one run of TestStressXMPP.
type chaos struct {
	t       *testing.T
	server  *thoonktest.XMPPServer
	domain  string
	items   int
	done    chan struct{} // closed when all is published and everything runs
	readers []*chaosReader
}

// Component, server and Redis are killed and started again at random while items are published. With what the archive has
// after the last one that it saw, each subscriber has every item, in order. What the pushes alone lose and repeat is counted.
func TestStressXMPP(t *testing.T) {
	t.Parallel()
	items, disturbances := 500, 6
	if os.Getenv("THOONKD_TEST_SOAK") == "1" {
		items, disturbances = 10_000, 40
	}
	server := thoonktest.Prosody(t)
	redis := thoonktest.Redis(t, thoonktest.WithAOF(), thoonktest.WithArgs("--appendfsync", "always"))
	c := server.Component(t)
	component := []string{"--redis", redis.URL(), "--config", xmppConfig(t, server), "--xmpp-addr", c.Addr, "--xmpp-domain", c.Domain, "--xmpp-secret", c.Secret}
	attached := startBinary(t, component...)
	rest := serveReady(t, "--redis", redis.URL()).user("*=admin")
	rest.send(201, "PUT", feedPath("n"), "", `{"history":{"count":100000,"bytes":1000000000}}`)
	rest.send(201, "PUT", itemPath("n", "start"), "", `{"text":"x"}`)

	run := &chaos{t: t, server: server, domain: c.Domain, items: items, done: make(chan struct{})}
	var reading sync.WaitGroup
	for i := range 4 {
		r := run.subscribe(fmt.Sprintf("reader%d", i))
		reading.Go(r.read)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for n := range items {
		rest.publishOnce(n)
		if n%(items/disturbances) != items/disturbances-1 {
			continue
		}
		switch random.IntN(3) {
		case 0:
			attached.kill()
			attached = startBinary(t, component...)
		case 1:
			server.Restart(t)
		case 2:
			redis.Kill()
			redis.Start()
		}
	}
	close(run.done)
	reading.Wait()
	for _, r := range run.readers {
		t.Logf("%s: %d pushes lost, %d repeated, %d connections", r.name, r.lost, r.repeated, r.connections)
		for i, id := range r.got {
			if id != fmt.Sprint(i) {
				t.Fatalf("%s has %s as its item %d", r.name, id, i)
			}
		}
		if len(r.got) != items {
			t.Errorf("%s has %d items", r.name, len(r.got))
		}
	}
}

// publishOnce publishes an item, however often Redis is away on the way.
func (u user) publishOnce(n int) {
	for {
		r := u.do("PUT", itemPath("n", fmt.Sprint(n)), u.bearer+"If-None-Match: *", `{"text":"x"}`)
		switch r.StatusCode {
		case http.StatusCreated, http.StatusPreconditionFailed: // done before, and not confirmed
			return
		case http.StatusServiceUnavailable:
			time.Sleep(20 * time.Millisecond) // no client comes back at once
		default:
			u.t.Errorf("publishing gave %s %s", r.Status, r.body)
			return
		}
	}
}

// chaosReader is a subscriber that connects again whenever it is cut off, and then asks for what it has missed.
type chaosReader struct {
	*chaos
	name                        string
	last                        thoonk.Revision // that it has seen
	got                         []string        // ids of items
	lost, repeated, connections int
}

func (c *chaos) subscribe(name string) *chaosReader {
	c.t.Helper()
	r := &chaosReader{chaos: c, name: name}
	u := login(c.t, c.server, c.domain, name)
	defer u.Close()
	thoonktest.Eventually(c.t, "the component answers", func() bool {
		u.Send(fmt.Sprintf("<iq type='get' id='p' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>", c.domain))
		return strings.Contains(u.Until("id='p'"), "result")
	})
	u.subscribe(c.t, "n")
	r.last = revisionIn(u.Until("id='start'"))
	c.readers = append(c.readers, r)
	return r
}

var (
	archiveID = regexp.MustCompile(`\bid='(\d+-\d+)'`)
	itemID    = regexp.MustCompile(`<item [^>]*id='(\d+)'`)
)

func revisionIn(stanza string) thoonk.Revision {
	if m := archiveID.FindStringSubmatch(stanza); m != nil {
		rev, _ := thoonk.ParseRevision(m[1])
		return rev
	}
	return thoonk.Revision{}
}

// read follows until it has all, or has asked for all after everything was published.
func (r *chaosReader) read() {
	for deadline := time.Now().Add(10 * time.Minute); len(r.got) < r.items; {
		if time.Now().After(deadline) {
			r.t.Errorf("%s has only %d items", r.name, len(r.got))
			return
		}
		c, err := r.server.TryLogin(r.t, r.name)
		if err != nil {
			time.Sleep(20 * time.Millisecond) // the server is away
			continue
		}
		r.connections++
		_ = c.TrySend("<presence/>")
		r.follow(c)
		c.Close()
	}
}

// follow reads from one connection until it breaks, or until what follows is not what should.
func (r *chaosReader) follow(c *thoonktest.XMPPClient) {
	if !r.catchUp(c) {
		return
	}
	for len(r.got) < r.items {
		select {
		case s, ok := <-c.Stanzas():
			if !ok || strings.Contains(s, "#event") && !r.push(s) {
				return
			}
		case <-r.done:
			r.catchUp(c)
			return
		}
	}
}

// push takes a notification. It reports false if there is something missing before it.
func (r *chaosReader) push(s string) bool {
	rev, id := revisionIn(s), itemID.FindStringSubmatch(s)
	switch {
	case id == nil:
		return true
	case rev.Number <= r.last.Number:
		r.repeated++
		return true
	case rev.Number > r.last.Number+1:
		r.lost += int(rev.Number - r.last.Number - 1)
		return false
	}
	r.last, r.got = rev, append(r.got, id[1])
	return true
}

// catchUp asks the archive for what came after the last change that was seen, page by page.
func (r *chaosReader) catchUp(c *thoonktest.XMPPClient) bool {
	for {
		query := fmt.Sprintf("<iq type='set' id='mam' to='%s'><query xmlns='urn:xmpp:mam:2' node='n'>"+
			"<set xmlns='http://jabber.org/protocol/rsm'><max>50</max><after>%s</after></set></query></iq>", r.domain, r.last)
		if c.TrySend(query) != nil {
			return false
		}
		fin, ok := r.page(c)
		switch {
		case !ok:
			return false
		case strings.Contains(fin, "complete='true'"):
			return true
		case strings.Contains(fin, "type='error'"):
			if !strings.Contains(fin, "type='cancel'") && !strings.Contains(fin, "type='wait'") {
				r.t.Errorf("the archive answers %s", fin)
			}
			time.Sleep(50 * time.Millisecond) // the component, or Redis, is away
		}
	}
}

// page reads the results of one query up to the answer that ends them.
func (r *chaosReader) page(c *thoonktest.XMPPClient) (fin string, ok bool) {
	for timeout := time.After(5 * time.Second); ; {
		select {
		case s, open := <-c.Stanzas():
			switch {
			case !open:
				return "", false
			case strings.Contains(s, "id='mam'"):
				return s, true
			case strings.Contains(s, "<result"):
				_, inner, _ := strings.Cut(s, "<result")
				if rev, id := revisionIn(inner), itemID.FindStringSubmatch(s); id != nil && rev.Number == r.last.Number+1 {
					r.last, r.got = rev, append(r.got, id[1])
				}
			}
		case <-timeout: // the component was killed while it answered
			return "", false
		}
	}
}
