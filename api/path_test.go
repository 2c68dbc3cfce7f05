package api

import (
	"net/url"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// A name in the path is decoded exactly once, whatever net/url and echo make of it.
func TestPathDecoding(t *testing.T) {
	e := newEdge(t, nil)
	for _, name := range []string{
		"a", "a/b", "a%2Fb", "a%252Fb", "a b", "a+b", "ä", "日本", "team:353:x", "a?b", "a#b", "a;b,c", "a&b=c", "%", "%%",
		"...", ".a", "a.", "items", "events", "a//b", "/", "//", "a\\b", "[x]{y}|z^`", "\"<>'", "@$!~()",
	} {
		e.feed(name, "")
		e.item(name, "x", thoonk.FormText, "found "+name)
		escaped := escape(name)
		every := "" // each byte escaped
		for _, b := range []byte(name) {
			every += "%" + strings.ToUpper(string("0123456789abcdef"[b>>4])) + string("0123456789abcdef"[b&15])
		}
		for _, path := range []string{escaped, every} {
			a := e.raw("GET", "/v1/feeds/"+path+"/items/x", "all").is(200)
			if want := string(appendMember([]byte("{"), "text", "found "+name)[1:]) + "}"; !strings.HasSuffix(a.body, want) {
				t.Errorf("%q as %s: %s", name, path, a.body)
			}
			e.raw("GET", "/v1/feeds/"+path, "all").is(200)
			e.raw("GET", "/v1/feeds/"+path+"/items", "all").is(200)
		}
	}
	// A slash stays escaped beside bytes that should have been escaped and were not.
	e.raw("GET", "/v1/feeds/a%2Fb{", "all").problem(404, "not_found")
	if d := e.raw("GET", "/v1/feeds/a%2Fitems%2Fx{", "all").problem(404, "not_found").Detail; !strings.Contains(d, "a/items/x{") {
		t.Error(d)
	}
	// Bytes that need no escape for the request to be understood are taken as they are.
	e.raw("GET", "/v1/feeds/ä", "all").is(200)
	e.raw("GET", `/v1/feeds/[x]{y}|z^`+"`", "all").is(200)
}

func TestPathDecodingOfItems(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	for _, id := range []string{"a/b", "a%2Fb", ".", "..", "*", "a b", "../f"} {
		a := e.do("PUT", itemPath("f", thoonk.ItemID(id)), `{"body":1}`, as("all")).is(201)
		if got := a.header.Get("Location"); got != itemPath("f", thoonk.ItemID(id)) {
			t.Errorf("Location of %q is %s", id, got)
		}
		e.raw("GET", a.header.Get("Location"), "all").is(200)
		if e.store.operation().ID != thoonk.ItemID(id) {
			t.Errorf("published %q, want %q", e.store.operation().ID, id)
		}
	}
}

func TestPathFaults(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	long := strings.Repeat("x", 513)
	for _, name := range []string{
		".", "..", "%2e", "%2E%2e", "*", "a*", "%2A", "%00", "a%00", "%0A", "%7F", "%C2%80", "%FF", "%ED%A0%80", "%EF%BF%BF", long, "",
	} {
		e.raw("GET", "/v1/feeds/"+name+"/items", "all").faults(400, "invalid", "?feed")
	}
	for _, id := range []string{"%00", "%FF", long} {
		e.raw("GET", "/v1/feeds/f/items/"+id, "all").faults(400, "invalid", "?id")
		e.raw("PUT", "/v1/feeds/f/items/"+id, "all").faults(400, "invalid", "?id")
		e.raw("DELETE", "/v1/feeds/f/items/"+id, "all").faults(400, "invalid", "?id")
	}
	// A slash that is not escaped separates segments.
	for _, path := range []string{"/v1/feeds/f/items/a/b", "/v1/feeds/f/items/", "/v1/feeds/", "/v1/feeds/f/", "//v1/feeds", "/V1/feeds", "/v1%2Ffeeds"} {
		e.raw("GET", path, "all").problem(404, "not_found")
	}
}

func TestPublicURL(t *testing.T) {
	e := newEdge(t, func(o *Options) { o.PublicURL = "https://thoonk.example/a%20b/" })
	e.do("PUT", "/v1/feeds/f", "", as("all")).is(201).has("Location", "/a%20b/v1/feeds/f")
	e.feed("g", "")
	e.do("GET", "/v1/feeds?limit=1", "", as("all")).is(200).
		has("Link", "</a%20b/v1/feeds?cursor="+listOf("feeds", "", "").cursor("f")+`&limit=1>; rel="next"`)
}

func FuzzSegment(f *testing.F) {
	for _, s := range []string{"a/b", "a%2Fb", ".", "..", "%", "ä", "\x00\xff", "%252F", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		escaped := escape(name)
		if strings.ContainsAny(escaped, "/?# ") || escaped == "." || escaped == ".." {
			t.Fatalf("%q is not one segment: %s", name, escaped)
		}
		got, err := segment(escaped)
		if err != nil || got != name {
			t.Fatalf("%q → %s → %q, %v", name, escaped, got, err)
		}
		// What the router sees of a request for it is what was escaped.
		u, err := url.ParseRequestURI("/v1/feeds/" + escaped)
		if err != nil || u.EscapedPath() != "/v1/feeds/"+escaped {
			t.Fatalf("%q: %v, %v", escaped, u, err)
		}
		if s, err := segment(name); err == nil && strings.Contains(s, "/") && !strings.Contains(strings.ToLower(name), "%2f") {
			t.Fatalf("%q has a slash from nowhere: %q", name, s)
		}
	})
}
