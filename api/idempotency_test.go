package api

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestParseIdempotencyKey(t *testing.T) {
	long := strings.Repeat("x", 255)
	for value, want := range map[string]string{
		`"8e03978e-40d5-43e8-bc93-6894a57f9324"`: `8e03978e-40d5-43e8-bc93-6894a57f9324`,
		`8e03978e-40d5-43e8-bc93-6894a57f9324`:   `8e03978e-40d5-43e8-bc93-6894a57f9324`,
		` "a" `:                                  `a`,
		`"a,b;c=\"\\"`:                           `a,b;c="\`,
		`order:17/x~\`:                           `order:17/x~\`,
		long:                                     long,
		`"` + long + `"`:                         long,
	} {
		if got, err := parseIdempotencyKey([]string{value}); err != nil || got != want {
			t.Errorf("%s: %q, %v", value, got, err)
		}
	}
	for _, value := range []string{
		``, ` `, `""`, `"`, `"a`, `a"`, `"a"b"`, `"a";x=1`, `"a", "b"`, `a,b`, `a b`, `"a b"`, `"\a"`, `"\`, `ä`, "a\tb", "\x7f", long + "x", `"` + long + `x"`,
	} {
		if got, err := parseIdempotencyKey([]string{value}); thoonk.KindOf(err) != thoonk.Invalid {
			t.Errorf("%s: %q, %v", value, got, err)
		}
	}
	if _, err := parseIdempotencyKey([]string{"a", "a"}); err == nil {
		t.Error("given twice")
	}
	if got, err := parseIdempotencyKey(nil); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzIdempotencyKey(f *testing.F) {
	f.Add(`"a\"b"`)
	f.Add("a")
	f.Fuzz(func(t *testing.T, value string) {
		key, err := parseIdempotencyKey([]string{value})
		if err != nil {
			return
		}
		if key == "" || len(key) > maxIdempotencyKey || !utf8.ValidString(key) {
			t.Fatalf("%q is %q", value, key)
		}
		quoted := `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(key) + `"`
		if again, err := parseIdempotencyKey([]string{quoted}); err != nil || again != key {
			t.Fatalf("%q is %q, %v", quoted, again, err)
		}
	})
}

// Every write can be sent again: it is answered as the first time, and happens once.
func TestIdempotency(t *testing.T) {
	writes := []struct{ method, path, body, mediaType string }{
		{"PUT", "", `{"max_length":3}`, ""},
		{"PATCH", "", `{"max_length":3}`, mediaMerge},
		{"DELETE", "", ``, ""},
		{"POST", "/items", `{"body":1}`, ""},
		{"PUT", "/items/x", `{"body":1}`, ""},
		{"PATCH", "/items/x", `{"body":{"n":null}}`, mediaMerge},
		{"DELETE", "/items/x", ``, ""},
		{"PUT", "/items/x/position", `{"last":true}`, ""},
		{"POST", "/batch", `[{"op":"publish","body":1},{"op":"retract","id":"x"}]`, ""},
		{"POST", "/batch", `{"op":"retract","id":"x"}`, mediaNDJSON},
	}
	for _, w := range writes {
		e := newEdge(t, nil)
		e.sorted("s", "x", "y")
		header := func(key string) []string {
			h := []string{"Idempotency-Key", key}
			if w.mediaType != "" {
				h = append(h, "Content-Type", w.mediaType)
			}
			return h
		}
		target := "/v1/feeds/s" + w.path
		first := e.do(w.method, target, w.body, as("all", header(`"a"`)...))
		if first.status >= 300 {
			t.Fatalf("%s %s: %d %s", w.method, w.path, first.status, first.body)
		}
		stamp := e.store.stamp
		again := e.do(w.method, target, w.body, as("all", header("a")...))
		if w.method+w.path != "PUT" { // the fake forgets what was there before
			again.is(first.status)
		}
		again.says(first.body).has("Etag", first.header.Get("Etag"))
		if e.store.stamp != stamp {
			t.Errorf("%s %s was done twice", w.method, w.path)
		}
		if w.method != "DELETE" {
			e.do(w.method, target, w.body+" ", as("all", header("a")...)).faults(422, "unprocessable", "Idempotency-Key:")
		}
		e.do(w.method, target, w.body, as("all", append(header("a"), "If-Match", "*")...)).is(map[bool]int{false: 422, true: 400}[w.path == "/batch"])
		for _, bad := range []string{"", `"`, "a b"} {
			e.do(w.method, target, w.body, as("all", header(bad)...)).faults(400, "invalid", "Idempotency-Key:")
		}
	}
}

// A key is of one principal, for one method and path.
func TestIdempotencyScope(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	e.feed("g", "")
	for i, r := range [][3]string{
		{"PUT", "/v1/feeds/f/items/x", "all"}, {"PUT", "/v1/feeds/f/items/y", "all"}, {"PUT", "/v1/feeds/g/items/x", "all"},
		{"PUT", "/v1/feeds/f/items/x", "writer"}, {"POST", "/v1/feeds/f/items", "all"},
	} {
		e.do(r[0], r[1], `{"body":1}`, as(r[2], "Idempotency-Key", "a"))
		if len(e.store.done) != i+1 {
			t.Errorf("%v: %d keys", r, len(e.store.done))
		}
	}
	for key, done := range e.store.done {
		if len(key) != 64 || len(done.hash) != 64 {
			t.Errorf("key %q, hash %q", key, done.hash)
		}
	}
	e.do("GET", "/v1/feeds/f", "", as("all", "Idempotency-Key", `"`)).is(200) // has no meaning there
	e.do("PUT", "/v1/feeds/f/items/x", `{"body":1}`, as("reader", "Idempotency-Key", `"`)).problem(403, "forbidden")
}

// A patch that was done is answered as the first time, whatever became of what it was applied to.
func TestIdempotentPatch(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "", "x")
	h := as("all", "Content-Type", mediaMerge, "Idempotency-Key", "a", "If-Match", `"2-1763874399000002"`)
	const target = "/v1/feeds/f/items/x"
	first := e.do("PATCH", target, `{"body":{"n":1}}`, h).is(200)
	e.do("PATCH", target, `{"body":{"n":1}}`, h).is(200).says(first.body) // though its precondition fails now
	e.do("PATCH", target, `{"body":{"n":2}}`, h).faults(422, "unprocessable", "Idempotency-Key:")
	e.do("PUT", target, `{"text":"x"}`, as("all")).is(200)
	e.do("PATCH", target, `{"body":{"n":1}}`, h).is(200).says(first.body) // though it cannot be applied now
	e.do("DELETE", target, ``, as("all")).is(204)
	e.do("PATCH", target, `{"body":{"n":1}}`, h).is(200).says(first.body) // though nothing is there now

	// One that was not done is refused for its own reason, and nothing is kept under its key.
	h.Set("Idempotency-Key", "b")
	kept := len(e.store.done)
	e.do("PATCH", target, `{"body":{"n":1}}`, h).problem(404, "not_found")
	e.do("PUT", target, `{"text":"x"}`, as("all")).is(201)
	e.do("PATCH", target, `{"body":{"n":1}}`, h).faults(422, "unprocessable", "#/body")
	h.Del("If-Match")
	e.do("PATCH", target, `{"text":"y"}`, h).is(200)
	if len(e.store.done) != kept+1 || string(e.store.feeds["f"].items[0].Body) != "y" {
		t.Errorf("%d keys, %s", len(e.store.done), e.store.feeds["f"].items[0].Body)
	}
}
