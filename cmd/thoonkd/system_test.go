package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// Foreign clients of both makes and REST change one feed at once while SSE clients watch and an old client listens:
// every change arrives, in order, no revision twice; what REST writes, the old client hears.
func TestEveryChangeArrivesEverywhere(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	u := serveReady(t, "--redis", server.URL()).user("*=admin")
	u.send(201, "PUT", "/v1/feeds/live", "", `{"history":{"count":10000}}`)
	heard := thoonktest.Listen(t, server.Client(), "live")

	const each = 100
	var watchers []<-chan told
	for range 3 {
		events, _ := u.watch("/v1/feeds/live/events?snapshot=true", "")
		if first := thoonktest.Next(t, events); first.Event != "live" || first.ID != first.Data.Revision.String() {
			t.Fatalf("%+v", first)
		}
		watchers = append(watchers, events)
	}

	writers := map[string]func(id, body string){}
	for name, other := range map[string]*thoonktest.Foreign{
		"js": thoonktest.NewForeign(t, server.Client()), "py": thoonktest.NewForeign(t, server.Client()).Python(),
	} {
		writers[name] = func(id, body string) { other.Publish("live", id, body) }
	}
	writers["rest"] = func(id, body string) {
		u.do("PUT", itemPath("live", id), u.bearer, `{"text":"`+body+`"}`)
	}
	var writing sync.WaitGroup
	want := map[string]string{} // each writer's items, as they are in the end
	for name, write := range writers {
		for i := range each {
			want[fmt.Sprint(name, i%10)] = fmt.Sprint(name, "-", i)
		}
		writing.Go(func() {
			for i := range each {
				write(fmt.Sprint(name, i%10), fmt.Sprint(name, "-", i))
			}
		})
	}
	writing.Wait()
	thoonktest.NewForeign(t, server.Client()).Publish("live", "end", "end") // adopted after all that was announced before

	for _, events := range watchers {
		u.checkWatcher(events, len(writers)*each, want)
	}
	own := map[string]bool{}
	for m := thoonktest.Next(t, heard); m.Payload != "end\x00end"; m = thoonktest.Next(t, heard) {
		if _, body, _ := strings.Cut(m.Payload, "\x00"); strings.HasPrefix(body, "rest-") {
			own[body] = true
		}
	}
	if len(own) != each {
		t.Errorf("the old client heard %d of %d", len(own), each)
	}
}

// checkWatcher reads up to the item "end" and compares.
func (u user) checkWatcher(events <-chan told, changes int, want map[string]string) {
	u.t.Helper()
	state, bodies := map[string]string{}, map[string]bool{}
	last := uint64(1)
	for e := thoonktest.Next(u.t, events); ; e = thoonktest.Next(u.t, events) {
		if e.ID != e.Data.Revision.String() || e.Data.Revision.Number != last+1 || e.Event != e.Data.Kind {
			u.t.Fatalf("after %d came %+v", last, e)
		}
		last++
		if e.Data.ID == "end" {
			break
		}
		state[e.Data.ID] = e.Data.content()
		bodies[e.Data.content()] = true
	}
	if !maps.Equal(state, want) || len(bodies) != changes {
		u.t.Errorf("%d bodies, want %d; in the end\n%v\nwant\n%v", len(bodies), changes, state, want)
	}
}

// The whole way back: REST writes, with its own contract messages, and the kinds that old clients know.
func TestContractListenerHearsREST(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	u := serveReady(t, "--redis", server.URL()).user("*=admin")
	heard := thoonktest.Listen(t, server.Client())
	u.send(201, "PUT", "/v1/feeds/a", "", `{"max_length":2}`)
	u.send(201, "PUT", "/v1/feeds/a/items/1", "", `{"body":{"n": 1}}`)
	u.send(200, "PUT", "/v1/feeds/a/items/1", "", `{"base64":"AAH/"}`)
	u.send(201, "PUT", "/v1/feeds/a/items/2", "", `{"text":"t"}`)
	u.send(201, "PUT", "/v1/feeds/a/items/3", "", `{"xml":"<a/>"}`)
	u.send(204, "DELETE", "/v1/feeds/a/items/3", "", "")
	u.send(204, "DELETE", "/v1/feeds/a", "", "")
	for _, want := range []string{
		"newfeed a", "conffeed a",
		"feed.publish:a 1\x00{\"n\": 1}", "feed.edit:a 1\x00\x00\x01\xff", "feed.publish:a 2\x00t",
		"feed.retract:a 1", "feed.publish:a 3\x00<a/>", "feed.retract:a 3", "delfeed a",
	} {
		m := thoonktest.Next(t, heard)
		if got := m.Channel + " " + m.Payload; got != want && !strings.HasPrefix(got, want+"\x00") {
			t.Fatalf("heard %q, want %q", got, want)
		}
	}
}

func TestResumeAndReset(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	u := serveReady(t, "--redis", server.URL()).user("*=admin")
	u.send(201, "PUT", "/v1/feeds/a", "", `{"history":{"count":5}}`)
	other := thoonktest.NewForeign(t, server.Client())
	events, leave := u.watch("/v1/feeds/a/events", "")
	other.Publish("a", "x", "1")
	first := thoonktest.Next(t, events)
	if first.Event != "publish" || first.Data.content() != "1" {
		t.Fatalf("%+v", first)
	}
	leave()
	other.Publish("a", "x", "2")
	events, leave = u.watch("/v1/feeds/a/events", "Last-Event-ID: "+first.ID)
	if e := thoonktest.Next(t, events); e.Event != "edit" || e.Data.content() != "2" {
		t.Fatalf("%+v", e)
	}
	leave()
	for i := range 20 {
		other.Publish("a", "x", fmt.Sprint(i))
	}
	thoonktest.Eventually(t, "all is adopted", func() bool {
		return strings.Contains(string(u.send(200, "GET", "/v1/feeds/a/items/x", "", "").body), "19")
	})
	events, _ = u.watch("/v1/feeds/a/events?snapshot=true&since="+first.ID, "")
	for _, want := range []string{"reset", "item", "live"} {
		if e := thoonktest.Next(t, events); e.Event != want || want == "item" && e.Data.content() != "19" {
			t.Fatalf("%+v, want %s", e, want)
		}
	}
}

// Revisions over REST, in the gap between a foreign write and its announcement too.
func TestPreconditionsAgainstForeignWrites(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	u := serveReady(t, "--redis", server.URL()).user("*=admin")
	other := thoonktest.NewForeign(t, server.Client())
	other.Create("a", map[string]string{"type": "feed"})
	other.Publish("a", "x", "1")
	tag := u.send(200, "GET", "/v1/feeds/a/items/x", "", "").Header.Get("ETag")
	u.send(304, "GET", "/v1/feeds/a/items/x", "If-None-Match: "+tag, "")
	announce := other.WritePublish("a", "x", "2")
	u.send(412, "PUT", "/v1/feeds/a/items/x", "If-Match: "+tag, `{"text":"3"}`)
	announce()
	r := u.send(200, "GET", "/v1/feeds/a/items/x", "If-None-Match: "+tag, "")
	u.send(200, "PUT", "/v1/feeds/a/items/x", "If-Match: "+r.Header.Get("ETag"), `{"text":"3"}`)
	u.send(412, "PUT", "/v1/feeds/a/items/x", "If-None-Match: *", `{"text":"4"}`)
	u.send(412, "DELETE", "/v1/feeds/a/items/x", "If-Match: "+tag, "")
	u.send(204, "DELETE", "/v1/feeds/a/items/x", "If-Match: *", "")
}

// A stream shows who did it to administrators only, and ends with its token.
func TestActorsAndRights(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	admin, reader := p.user("*=admin"), p.user("team:1:*=read")
	admin.send(201, "PUT", feedPath("team:1:a/b"), "", "")
	all, _ := admin.watch(feedPath("team:1:a/b")+"/events", "")
	some, _ := reader.watch(feedPath("team:1:a/b")+"/events", "")
	admin.send(201, "POST", feedPath("team:1:a/b")+"/items", "", `{"body":null}`)
	a, s := thoonktest.Next(t, all), thoonktest.Next(t, some)
	if a.Data.Actor != "jwt:thoonkd|tester" || s.Data.Actor != "" || string(s.Data.Body) != "null" || time.Since(s.Data.At) > time.Minute {
		t.Fatalf("%+v\n%+v", a, s)
	}
	reader.send(403, "POST", feedPath("team:1:a/b")+"/items", "", `{"body":null}`)
	reader.send(403, "GET", "/v1/feeds/team:2:x", "", "")
	reader.send(403, "GET", "/v1/feeds/other", "", "")
	admin.send(404, "GET", "/v1/feeds/other", "", "")
	var list struct {
		Feeds []struct{ Name string }
	}
	if err := json.Unmarshal(reader.send(200, "GET", "/v1/feeds", "", "").body, &list); err != nil || len(list.Feeds) != 1 {
		t.Fatal(list, err)
	}
	if r := p.do("GET", "/v1/feeds", "", ""); r.StatusCode != 401 {
		t.Fatal(r.Status)
	}
}
