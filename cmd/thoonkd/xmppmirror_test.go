package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// mirrored is a thoonkd with a feed that follows a node on another server.
type mirrored struct {
	t         *testing.T
	component thoonktest.Component
	redis     string
	store     *store.Store
	process   *process
	rest      user
}

func newMirrored(t *testing.T, server *thoonktest.XMPPServer) *mirrored {
	t.Helper()
	m := &mirrored{t: t, component: server.Component(t), redis: thoonktest.Redis(t).URL()}
	var err error
	if m.store, err = store.Open(store.Options{URL: m.redis}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.store.Close() })
	m.start()
	m.rest.send(201, "PUT", feedPath("shared"), "", `{"content":"json","history":{"count":5000},"pubsub":{"access_model":"open"}}`)
	return m
}

func (m *mirrored) start() {
	m.t.Helper()
	c := m.component
	m.process = serveReady(m.t, "--redis", m.redis, "--xmpp-addr", c.Addr, "--xmpp-domain", c.Domain, "--xmpp-secret", c.Secret)
	m.process.attached()
	m.rest = m.process.user("*=admin")
}

func (m *mirrored) follow(other *mirrored) {
	m.t.Helper()
	m.rest.send(201, "PUT", "/v1/sources/other", "", `{"kind":"xmpp","feed":"shared","url":"xmpp:`+other.component.Domain+`?;node=shared","max_interval":"2s"}`) // what servers lose on the way is asked for by then
}

func (m *mirrored) put(id string, body int) {
	m.t.Helper()
	if r := m.rest.do("PUT", itemPath("shared", id), m.rest.bearer, fmt.Sprintf(`{"body":%d}`, body)); r.StatusCode/100 != 2 {
		m.t.Fatalf("%s: %s %s", id, r.Status, r.body)
	}
}

// last is the place up to which the other's history was taken in, and how many changes there are here.
func (m *mirrored) last() (last, newest string, changes int, status thoonk.SourceStatus) {
	_, state, err1 := m.store.Source(context.Background(), "other")
	page, err2 := m.store.Archive(context.Background(), thoonk.ArchiveQuery{Feed: "shared", Backward: true, Limit: 1})
	if err1 != nil || err2 != nil || len(page.Changes) == 0 {
		m.t.Fatal(err1, err2, len(page.Changes))
	}
	return state.Node.Last, page.Changes[0].Revision.String(), page.Count, state.Status
}

func (m *mirrored) content() string {
	page, err := m.store.Items(context.Background(), thoonk.ItemQuery{Feed: "shared", Limit: 1000})
	if err != nil {
		m.t.Fatal(err)
	}
	var items []string
	for _, item := range page.Items {
		items = append(items, string(item.ID)+"="+string(item.Body))
	}
	return strings.Join(items, " ")
}

// settled waits until each has all that the other has told.
func settled(t *testing.T, a, b *mirrored) {
	t.Helper()
	said := ""
	defer func() {
		if t.Failed() {
			t.Log(said)
		}
	}()
	thoonktest.Eventually(t, "both have everything", func() bool {
		lastA, newestA, changesA, statusA := a.last()
		lastB, newestB, changesB, statusB := b.last()
		said = fmt.Sprintf("a is at %s of %s (%s), and b at %s of %s (%s); %d and %d changes", lastA, newestB, statusA, lastB, newestA, statusB, changesA, changesB)
		return lastA == newestB && lastB == newestA && statusA == thoonk.SourceOK && statusB == thoonk.SourceOK
	})
}

// Two thoonkd on two servers that reach each other mirror a node both ways: each change arrives, once, and none goes round; what was
// missed while one of them or its server was down is taken in after.
func TestXMPPMirror(t *testing.T) {
	t.Parallel()
	for name, pair := range map[string]func(testing.TB) (a, b *thoonktest.XMPPServer){"prosody": thoonktest.ProsodyPair, "ejabberd": thoonktest.ProsodyAndEjabberd} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			serverA, serverB := pair(t)
			a, b := newMirrored(t, serverA), newMirrored(t, serverB)
			mirrorEachOther(t, a, b)
			if name == "ejabberd" { // what is asked while it is killed may be lost without a word, and is asked again after 30 s
				return
			}
			serverB.Kill()
			a.put("late", 1)
			b.put("late-too", 2)
			if err := serverB.Start(); err != nil {
				t.Fatal(err)
			}
			settled(t, a, b)
			same(t, a, b, "late=1", "late-too=2")
		})
	}
}

func mirrorEachOther(t *testing.T, a, b *mirrored) {
	a.put("before", 1)
	a.follow(b)
	b.follow(a)
	settled(t, a, b)

	for i := range 30 { // the same item at both ends at once, and an own one at each
		a.put("both", i)
		b.put("both", 100+i)
		a.put("a", i)
		b.put("b", i)
	}
	b.rest.send(204, "DELETE", itemPath("shared", "before"), "", "")
	settled(t, a, b)
	same(t, a, b, "a=29", "b=29", "both=")
	if got := string(a.rest.send(200, "GET", "/v1/sources/other", "", "").body); !strings.Contains(got, `"synced":true`) || !strings.Contains(got, `"max_interval":"2s"`) {
		t.Errorf("the source is %s", got)
	}
	_, _, changesA, _ := a.last()
	_, _, changesB, _ := b.last()
	const most = 2 * (1 + 30*4 + 2) // the creations, all that was written, at both
	if changesA+changesB > most {
		t.Errorf("%d and %d changes, of %d that were made", changesA, changesB, most/2)
	}

	b.process.stop()
	for i := range 120 { // more than a page
		a.put(fmt.Sprint("i", i%110), i)
	}
	a.rest.send(204, "DELETE", itemPath("shared", "a"), "", "")
	b.start()
	settled(t, a, b)
	same(t, a, b, "i9=119", "i109=109", "b=29")
}

// same compares the items of both.
func same(t *testing.T, a, b *mirrored, parts ...string) {
	t.Helper()
	x, y := byID(a.content()), byID(b.content())
	if x != y {
		t.Errorf("a has\n%s\nand b has\n%s", x, y)
	}
	for _, part := range parts {
		if !strings.Contains(x, part) {
			t.Errorf("%s is missing in\n%s", part, x)
		}
	}
}

// byID puts the items of a list into one order: two feeds may have them in different ones.
func byID(content string) string {
	lines := strings.Split(content, " ")
	slices.Sort(lines)
	return strings.Join(lines, " ")
}
