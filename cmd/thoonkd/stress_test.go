package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// stress is how much the tests below do: a little by default, and all with THOONKD_TEST_SOAK=1 (make soak).
type stress struct{ clients, cuts, changes int }

func size() stress {
	if os.Getenv("THOONKD_TEST_SOAK") == "1" {
		return stress{clients: 200, cuts: 50, changes: 20_000}
	}
	return stress{clients: 24, cuts: 6, changes: 1500}
}

// Clients of event streams are cut at random, again and again, while REST, the command line and foreign clients change
// feeds and sorted feeds: no gap, no revision twice, and in the end all have the same state.
func TestStressCuts(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	p := serveReady(t, "--redis", server.URL())
	runStress(t, p, server, size(), nil)
}

// The same with Redis restarted in the middle.
func TestStressRedisRestart(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t, thoonktest.WithAOF(), thoonktest.WithArgs("--appendfsync", "always"))
	p := serveReady(t, "--redis", server.URL())
	s := size()
	s.changes /= 2
	runStress(t, p, server, s, func() {
		server.Kill()
		server.Start()
	})
}

// The same with the process that adopts killed in the middle, while the clients are at another.
func TestStressAdopterKilled(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	adopter := startBinary(t, "--redis", server.URL())
	p := serveReady(t, "--redis", server.URL())
	s := size()
	s.changes /= 2
	runStress(t, p, server, s, adopter.kill)
}

// load is one run: four feeds, writers and clients.
type load struct {
	t       *testing.T
	user    user
	feeds   []string
	pause   sync.RWMutex // writers hold it for reading; the disturbance in the middle for writing
	left    atomic.Int64 // changes to be made
	middle  int64
	written atomic.Int64
	half    chan struct{} // closed when half of the changes are made
}

func runStress(t *testing.T, p *process, server *thoonktest.RedisServer, s stress, disturb func()) {
	t.Helper()
	l := &load{t: t, user: p.user("*=admin"), half: make(chan struct{}), feeds: []string{"plain a", "plain b", "sorted a", "sorted b"}}
	for _, feed := range l.feeds {
		kind := map[bool]string{true: "sorted_feed", false: "feed"}[sortedName(feed)]
		l.user.send(201, "PUT", feedPath(feed), "", `{"type":"`+kind+`","history":{"count":100000,"bytes":1000000000}}`)
		l.user.send(200, "POST", feedPath(feed)+"/batch", "", `[{"op":"publish","id":"1","text":"a"},{"op":"publish","id":"2","text":"b"},{"op":"publish","id":"3","text":"c"}]`)
	}
	var clients sync.WaitGroup
	states := make([]*follower, s.clients)
	for i := range states {
		states[i] = &follower{load: l, feed: l.feeds[i%len(l.feeds)], bodies: map[string]string{}}
		clients.Go(func() { states[i].follow(s.cuts, s.changes/len(l.feeds)) })
	}
	l.left.Store(int64(s.changes))
	l.middle = int64(s.changes / 2)
	var writers sync.WaitGroup
	foreign := thoonktest.NewForeign(t, server.Client())
	for i, write := range []func(*rand.Rand, string, string){
		l.rest, l.rest, l.batch, l.cli, l.foreign(foreign), l.foreign(foreign.Python()), l.foreign(foreign),
	} {
		writers.Go(func() { l.write(i, write) })
	}
	if disturb != nil {
		<-l.half
		l.pause.Lock()
		disturb()
		l.pause.Unlock()
	}
	writers.Wait()
	p.ready()
	for _, feed := range l.feeds {
		thoonktest.Eventually(t, "all moves are told", func() bool { return orderTold(t, server, feed) })
	}
	// What is written last by a foreign client is adopted last: then every stream has all when it has this.
	for _, feed := range l.feeds {
		if sortedName(feed) {
			foreign.Insert(feed, "the end", ":end")
		} else {
			foreign.Publish(feed, "the end", "the end")
		}
	}
	clients.Wait()
	cuts := 0
	for _, f := range states {
		f.check()
		cuts += f.cuts
	}
	t.Logf("%d changes, %d clients, %d cuts", s.changes, s.clients, cuts)
	if cuts < s.clients*s.cuts*9/10 {
		t.Errorf("only %d cuts", cuts)
	}
}

// orderTold reports whether the log has told the order that a sorted feed has: an order is told after the messages about
// its single items.
func orderTold(t *testing.T, server *thoonktest.RedisServer, feed string) bool {
	t.Helper()
	if !sortedName(feed) {
		return true
	}
	there, err1 := server.Client().LRange(t.Context(), "feed.ids:"+feed, 0, -1).Result()
	told, err2 := server.Client().LRange(t.Context(), "thoonk.order:"+feed, 0, -1).Result()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return slices.Equal(there, told)
}

func sortedName(feed string) bool { return strings.HasPrefix(feed, "sorted") }

func (l *load) write(seed int, write func(r *rand.Rand, feed, body string)) {
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	for n := 0; l.left.Add(-1) >= 0; n++ {
		l.pause.RLock()
		write(r, l.feeds[r.IntN(len(l.feeds))], fmt.Sprintf("%d-%d", seed, n))
		if l.written.Add(1) == l.middle {
			close(l.half)
		}
		l.pause.RUnlock()
	}
}

// ids are few, so that writers meet.
func someID(r *rand.Rand) string { return strconv.Itoa(1 + r.IntN(20)) }

// rest writes over HTTP. What is refused because another writer was faster is nothing to this test.
func (l *load) rest(r *rand.Rand, feed, body string) {
	position := []string{`{"first":true}`, `{"last":true}`, `{"before":"` + someID(r) + `"}`, `{"after":"` + someID(r) + `"}`}[r.IntN(4)]
	switch k := r.IntN(10); {
	case k == 0:
		l.try("DELETE", itemPath(feed, someID(r)), "")
	case sortedName(feed) && k < 4:
		l.try("PUT", itemPath(feed, someID(r))+"/position", position)
	case sortedName(feed) && k < 7:
		l.try("POST", feedPath(feed)+"/items", `{"text":"`+body+`","position":`+position+`}`)
	default:
		l.try("PUT", itemPath(feed, someID(r)), `{"text":"`+body+`"}`)
	}
}

func (l *load) batch(r *rand.Rand, feed, body string) {
	l.try("POST", feedPath(feed)+"/batch", fmt.Sprintf(`[{"op":"publish","id":%q,"text":%q},{"op":"publish","id":%q,"text":%q}]`,
		someID(r), body, someID(r), body))
}

// try sends a write, again as long as Redis is away.
func (l *load) try(method, path, body string) {
	for {
		r := l.user.do(method, path, l.user.bearer, body)
		switch {
		case r.StatusCode == http.StatusServiceUnavailable:
			time.Sleep(20 * time.Millisecond) // no client comes back at once
		case r.StatusCode >= 500 || r.StatusCode == http.StatusBadRequest:
			l.t.Errorf("%s %s %s: %s %s", method, path, body, r.Status, r.body)
			return
		default:
			return
		}
	}
}

// cli writes by the command line; starting it is slow, so it does so now and then.
func (l *load) cli(r *rand.Rand, feed, body string) {
	if r.IntN(20) > 0 {
		l.batch(r, feed, body)
		return
	}
	env := []string{"THOONKD_SERVER=" + l.user.url, "THOONKD_TOKEN=" + strings.TrimSpace(strings.TrimPrefix(l.user.bearer, "Authorization: Bearer "))}
	if res := thoonkd(l.t, env, "feed", "publish", feed, someID(r), "--text", body); res.code != 0 && !strings.Contains(res.stderr, "503") {
		l.t.Errorf("feed publish: %+v", res)
	}
}

func (l *load) foreign(c *thoonktest.Foreign) func(*rand.Rand, string, string) {
	return func(r *rand.Rand, feed, body string) {
		place := []thoonktest.Place{"begin:", ":end", thoonktest.Place(":" + someID(r)), thoonktest.Place(someID(r) + ":")}[r.IntN(4)]
		switch k := r.IntN(10); {
		case !sortedName(feed) && k == 0:
			c.Retract(feed, someID(r))
		case !sortedName(feed):
			c.Publish(feed, someID(r), body)
		case k == 0:
			c.Remove(feed, someID(r))
		case k < 4:
			c.Insert(feed, body, place)
		case k < 7:
			c.Move(feed, someID(r), place)
		default:
			c.Edit(feed, someID(r), body)
		}
	}
}

// follower is one client of an event stream. It keeps what the stream tells.
type follower struct {
	*load
	feed   string
	last   thoonk.Revision // of the last event with an id
	bodies map[string]string
	order  []string
	ended  bool // the last change was seen
	cuts   int  // so far
	faults []string
}

// follow follows to the end, and is cut off as often as asked.
func (f *follower) follow(cuts, changes int) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 2))
	for !f.ended && len(f.faults) == 0 {
		events := -1
		if f.cuts < cuts {
			left := changes*6/10 - int(f.last.Number)       // some writes change nothing
			events = 1 + r.IntN(max(1, left/(cuts-f.cuts))) // spread over what is still to come
			if f.cuts == 0 {
				events = 2 // in the middle of the snapshot
			}
		}
		if f.connect(events) {
			f.cuts++
		}
	}
}

// connect follows until it has read so many events, and reports that, or to the end.
func (f *follower) connect(events int) (cut bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.user.url+feedPath(f.feed)+"/events?snapshot=true", nil)
	if err != nil {
		f.faults = append(f.faults, err.Error())
		return false
	}
	req.Header.Set("Authorization", strings.TrimSpace(strings.TrimPrefix(f.user.bearer, "Authorization: ")))
	if f.last.IsZero() {
		f.bodies, f.order = map[string]string{}, nil // a snapshot that was cut off before its live event is worth nothing
	} else {
		req.Header.Set("Last-Event-ID", f.last.String())
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.faults = append(f.faults, err.Error())
		return false
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable {
		time.Sleep(20 * time.Millisecond) // Redis is away
		return false
	}
	_ = thoonktest.ReadSSE(resp.Body, func(e thoonktest.SSEvent) bool {
		events--
		f.take(e)
		return !f.ended && len(f.faults) == 0 && events != 0
	})
	return events == 0 && !f.ended
}

func (f *follower) take(e thoonktest.SSEvent) {
	var data struct {
		wireEvent
		Position struct {
			First, Last   bool
			Before, After string
		}
	}
	if err := json.Unmarshal([]byte(e.Data), &data); err != nil {
		f.faults = append(f.faults, err.Error())
		return
	}
	switch e.Event {
	case "item":
		if !f.last.IsZero() {
			f.faults = append(f.faults, "a snapshot came again")
		}
		f.bodies[data.ID] = data.content()
		f.order = append(f.order, data.ID)
		return
	case "live":
		f.last = data.Revision
		return
	case "reset":
		f.faults = append(f.faults, "reset after "+f.last.String())
		return
	case "publish", "edit":
		f.bodies[data.ID] = data.content()
		f.ended = data.content() == "the end"
	case "retract":
		delete(f.bodies, data.ID)
		f.order = slices.DeleteFunc(f.order, func(id string) bool { return id == data.ID })
	}
	if data.Revision.Number != f.last.Number+1 || e.ID != data.Revision.String() {
		f.faults = append(f.faults, fmt.Sprintf("after %v came %+v", f.last, e))
	}
	f.last = data.Revision
	p := data.Position
	if !sortedName(f.feed) || !p.First && !p.Last && p.Before == "" && p.After == "" {
		return
	}
	f.order = slices.DeleteFunc(f.order, func(id string) bool { return id == data.ID })
	i := len(f.order)
	switch {
	case p.First:
		i = 0
	case p.Before != "":
		i = slices.Index(f.order, p.Before)
	case p.After != "":
		i = slices.Index(f.order, p.After) + 1
	}
	if i < 0 || p.After != "" && i == 0 {
		f.faults = append(f.faults, fmt.Sprintf("a position by an unknown item: %+v", e))
		return
	}
	f.order = slices.Insert(f.order, i, data.ID)
}

// check compares with what REST says in the end.
func (f *follower) check() {
	f.t.Helper()
	if len(f.faults) > 0 {
		f.t.Errorf("%s: %q", f.feed, f.faults)
		return
	}
	bodies, order := f.user.items(f.feed)
	if !maps.Equal(f.bodies, bodies) {
		f.t.Errorf("%s: the client has %d items, REST %d, or others", f.feed, len(f.bodies), len(bodies))
	}
	if sortedName(f.feed) && !slices.Equal(f.order, order) {
		f.t.Errorf("%s: the client's order is %v, REST's %v", f.feed, f.order, order)
	}
}

// items reads all items of a feed.
func (u user) items(feed string) (bodies map[string]string, order []string) {
	u.t.Helper()
	bodies = map[string]string{}
	for path := feedPath(feed) + "/items?limit=1000"; path != ""; {
		var page struct {
			Items []wireEvent
			Next  string
		}
		if err := json.Unmarshal(u.send(200, "GET", path, "", "").body, &page); err != nil {
			u.t.Fatal(err)
		}
		for _, item := range page.Items {
			bodies[item.ID] = item.content()
			order = append(order, item.ID)
		}
		path = ""
		if page.Next != "" {
			path = feedPath(feed) + "/items?limit=1000&cursor=" + page.Next
		}
	}
	return bodies, order
}
