package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func TestFeedTail(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	p.feedOK("create", "a/b 100%")
	p.feedOK("publish", "a/b 100%", "x y", "--text", "one\ntwo")
	tail := p.tail("a/b 100%", "--snapshot")
	for _, want := range []string{`TIME item x y one\\ntwo`, "- live that was all; changes follow"} {
		if got := tail.next(); !like(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	p.feedReading(strings.NewReader("\x00\xff"), "publish", "a/b 100%", "bin")
	p.feedOK("edit", "a/b 100%", "x y", "--body", "{\n\"a\": [1,\n2]}")
	p.feedOK("retract", "a/b 100%", "bin")
	p.feedOK("delete", "a/b 100%", "--yes")
	for _, want := range []string{"TIME publish bin base64:AP8=", `TIME edit x y \{"a":\[1,2\]\}`, "TIME retract bin", "TIME delete"} {
		if got := tail.next(); !like(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	if r := tail.stop(); r != (result{}) {
		t.Errorf("interrupted: %+v", r)
	}
}

// What one tail gives as a cursor, another one begins after.
func TestFeedTailJSON(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	p.feedOK("create", "a")
	tail := p.tail("a", "--snapshot", "--output", "json", "--count", "2")
	if got := tail.next(); !like(got, `\{"event":"live","cursor":"REV","feed":"a","revision":"REV"\}`) {
		t.Fatal(got)
	}
	p.feedOK("publish", "a", "x", "--body", "{ \"n\" :\n1.0 }")
	p.feedOK("publish", "a", "y", "--text", "two")
	first := tail.next()
	if !like(first, `\{"event":"publish","cursor":"REV","feed":"a","revision":"REV","kind":"publish","id":"x",.*"body":\{ "n" : 1.0 \}\}`) {
		t.Fatal(first)
	}
	if got := tail.next(); !strings.Contains(got, `"text":"two"`) {
		t.Fatal(got)
	}
	<-tail.ended
	if r := tail.stop(); r != (result{}) {
		t.Errorf("%+v", r)
	}
	if got := p.feedOK("tail", "a", "--since", cursor(first), "--count", "1"); !like(got, "TIME publish y two\n") {
		t.Error(got)
	}
}

func cursor(line string) string {
	_, rest, _ := strings.Cut(line, `"cursor":"`)
	c, _, _ := strings.Cut(rest, `"`)
	return c
}

// The server stops, others write meanwhile, and another server begins on the same Redis: nothing is missed or repeated.
func TestFeedTailAcrossARestart(t *testing.T) {
	t.Parallel()
	redis := thoonktest.Redis(t)
	way := newRelay(t)
	first := serveReady(t, "--redis", redis.URL())
	p := way.to(first)
	p.feedOK("create", "a")
	tails := []*tailing{p.tail("a", "--snapshot", "--output", "json"), p.tail("a", "b*", "--snapshot", "--output", "json")}
	for _, tail := range tails {
		tail.next() // live
	}
	n := 0
	publish := func(write func(text string)) {
		t.Helper()
		for range 5 {
			n++
			write(fmt.Sprint("change ", n))
		}
	}
	rest := func(text string) { p.feedOK("publish", "a", text, "--text", text) }
	other := thoonktest.NewForeign(t, redis.Client())
	foreign := func(text string) { other.Publish("a", text, text) }
	read := func() {
		t.Helper()
		for i := n - 4; i <= n; i++ {
			for _, tail := range tails {
				if got := tail.next(); !strings.HasSuffix(got, fmt.Sprintf(`"text":"change %d"}`, i)) {
					t.Fatalf("%s, want change %d", got, i)
				}
			}
		}
	}
	publish(rest)
	read()
	for range 2 {
		way.cut()
		publish(rest)
		read()
	}
	if r := first.stop(); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	publish(foreign)
	p = way.to(serveReady(t, "--redis", redis.URL(), "--auth-key", p.key))
	read()
	publish(rest)
	read()
	for _, tail := range tails {
		if r := tail.stop(); r.code != 0 || strings.Count(r.stderr, "cut off") != strings.Count(r.stderr, "connected again") {
			t.Errorf("%+v", r)
		}
	}
}

func TestFeedTailReset(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	p.feedOK("create", "a", "--history-count", "1")
	p.feedOK("publish", "a", "x", "--text", "1")
	_, old, _ := strings.Cut(strings.TrimSpace(p.feedOK("edit", "a", "x", "--text", "2")), " ")
	p.feedOK("delete", "a", "--yes")
	p.feedOK("create", "a")
	tail := p.tail("a", "--since", old)
	if got := tail.next(); !like(got, "- reset changes .* not in the history.*") {
		t.Error(got)
	}
}

func TestFeedTailSeveral(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	p.feedOK("create", "a b")
	p.feedOK("publish", "a b", "x", "--text", "1")
	tail := p.tail("a b", "team:*", "--snapshot")
	for _, want := range []string{"TIME item a b x 1", "- live that was all; changes follow"} {
		if got := tail.next(); !like(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	p.feedOK("create", "team:1/2")
	p.feedOK("create", "other")
	p.feedOK("publish", "other", "x", "--text", "unheard")
	p.feedOK("publish", "team:1/2", "y", "--text", "2")
	p.feedOK("edit", "a b", "x", "--text", "3")
	for _, want := range []string{"TIME create team:1/2", "TIME publish team:1/2 y 2", "TIME edit a b x 3"} {
		if got := tail.next(); !like(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	again := p.tail("a*", "team:*", "--snapshot", "--output", "json")
	var live string
	for live = again.next(); !strings.Contains(live, `"event":"live"`); {
		live = again.next()
	}
	p.feedOK("retract", "a b", "x")
	if got := p.feedOK("tail", "a*", "team:*", "--since", cursor(live), "--count", "1"); !like(got, "TIME retract a b x\n") {
		t.Errorf("%q", got)
	}
}

func TestFeedTailMoves(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	p.feedOK("create", "s", "--type", "sorted_feed")
	p.feedOK("publish", "s", "a", "--text", "1")
	p.feedOK("publish", "s", "b", "--text", "2")
	tail := p.tail("s", "--snapshot")
	for range 3 {
		tail.next()
	}
	p.feedOK("mv", "s", "b", "--first")
	p.feedOK("mv", "s", "b", "--after", "a")
	for _, want := range []string{"TIME position b (to the first place|before a)", "TIME position b (to the last place|after a)"} {
		if got := tail.next(); !like(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
