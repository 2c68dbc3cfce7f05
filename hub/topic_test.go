package hub

import (
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func addresses(t *testing.T, publicURL string) Addresses {
	t.Helper()
	a, err := NewAddresses(publicURL)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTopicAddresses(t *testing.T) {
	t.Parallel()
	a := addresses(t, "HTTPS://Feeds.Example.org:443/Base/")
	const base = "https://feeds.example.org/Base"
	for address, want := range map[string]Topic{
		base + "/feeds/blog.atom":             {Feed: "blog", Format: Atom},
		base + "/feeds/blog.atom.atom":        {Feed: "blog.atom", Format: Atom},
		base + "/feeds/blog.rss":              {Feed: "blog", Format: RSS},
		base + "/feeds/blog.json":             {Feed: "blog", Format: JSON},
		base + "/feeds/blog/latest":           {Feed: "blog", Format: Raw},
		base + "/feeds/blog.atom/latest":      {Feed: "blog.atom", Format: Raw},
		base + "/feeds/latest.atom":           {Feed: "latest", Format: Atom},
		base + "/feeds/a%2Fb.atom":            {Feed: "a/b", Format: Atom},
		base + "/feeds/a%252Fb.atom":          {Feed: "a%2Fb", Format: Atom},
		base + "/feeds/team:353:tasks.json":   {Feed: "team:353:tasks", Format: JSON},
		base + "/feeds/%C3%BC%20x.atom":       {Feed: "ü x", Format: Atom},
		base + "/feeds.atom?match=team%3A%2A": {Match: "team:*", Format: Atom},
	} {
		got, err := a.Parse(address)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", address, got, err, want)
		}
		if s := a.URL(want); s != address {
			t.Errorf("%+v has the address %s, want %s", want, s, address)
		}
	}
	if a.Hub() != base+"/hub" || a.Item("a/b", "..") != base+"/v1/feeds/a%2Fb/items/%2E%2E" {
		t.Error(a.Hub(), a.Item("a/b", ".."))
	}
}

func TestEquivalentSpellings(t *testing.T) {
	t.Parallel()
	a := addresses(t, "https://feeds.example.org/~b")
	for address, want := range map[string]Topic{
		"HTTPS://FEEDS.example.org:443/~b/feeds/blog.atom":              {Feed: "blog", Format: Atom},
		"https://feeds.example.org/%7eb/f%65eds/blo%67%2Eatom":          {Feed: "blog", Format: Atom},
		"https://feeds.example.org/~b/feeds/blog":                       {Feed: "blog", Format: Atom},
		"https://feeds.example.org/~b/feeds/team%3a353.json":            {Feed: "team:353", Format: JSON},
		"https://feeds.example.org/~b/feeds.atom?match=team:*":          {Match: "team:*", Format: Atom},
		"https://feeds.example.org/~b/feeds/%2561.atom":                 {Feed: "%61", Format: Atom},
		"https://feeds.example.org/~b/feeds/a%2Flatest.atom":            {Feed: "a/latest", Format: Atom},
		"https://feeds.example.org/~b/feeds/caf%c3%a9.rss":              {Feed: "café", Format: RSS},
		"https://feeds.example.org:443/%7Eb/feeds/blog%2Ejson/lat%65st": {Feed: "blog.json", Format: Raw},
	} {
		if got, err := a.Parse(address); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", address, got, err, want)
		}
	}
}

func TestNoTopic(t *testing.T) {
	t.Parallel()
	a := addresses(t, "https://feeds.example.org/b")
	for _, address := range []string{
		"", "blog", "/b/feeds/blog.atom", "http://feeds.example.org/b/feeds/blog.atom", "https://feeds.example.org:8443/b/feeds/blog.atom",
		"https://feeds.example.org/feeds/blog.atom", "https://feeds.example.org/b/feeds/", "https://feeds.example.org/b/feeds/.atom",
		"https://feeds.example.org/b/feeds/a/b.atom", "https://feeds.example.org/b/feeds/a/b/latest", "https://feeds.example.org/b/feeds//latest",
		"https://u:p@feeds.example.org/b/feeds/blog.atom", "https://feeds.example.org/b/feeds/blog.atom#f",
		"https://feeds.example.org/b/feeds/blog.atom?token=x", "https://feeds.example.org/b/feeds/%00.atom",
		"https://feeds.example.org/b/feeds/..", "https://feeds.example.org/b/feeds/a*.atom", "https://feeds.example.org/b/v1/feeds/a",
		"https://feeds.example.org/b/feeds/blog.html", "https://feeds.example.org/b/feeds.xml?match=*", "https://feeds.example.org/b/feeds/%zz.atom",
	} {
		if got, err := a.Parse(address); thoonk.KindOf(err) != thoonk.NotFound {
			t.Errorf("%s: %+v, %v", address, got, err)
		}
	}
	for _, address := range []string{
		"https://feeds.example.org/b/feeds.atom", "https://feeds.example.org/b/feeds.atom?match=", "https://feeds.example.org/b/feeds.atom?match=a&match=b",
		"https://feeds.example.org/b/feeds.atom?match=a&token=x", "https://feeds.example.org/b/feeds.json?match=%00",
	} {
		if got, err := a.Parse(address); thoonk.KindOf(err) != thoonk.Invalid {
			t.Errorf("%s: %+v, %v", address, got, err)
		}
	}
}

func FuzzTopic(f *testing.F) {
	f.Add("https://feeds.example.org/b/feeds/a%2Fb.atom")
	f.Add("https://feeds.example.org/b/feeds.json?match=team:*")
	f.Add("https://feeds.example.org/%62/feeds/%25zz/latest")
	f.Fuzz(func(t *testing.T, address string) {
		a := addresses(t, "https://feeds.example.org/b")
		topic, err := a.Parse(address)
		if err != nil {
			return
		}
		again, err := a.Parse(a.URL(topic))
		if err != nil || again != topic {
			t.Fatalf("%q is %+v, whose address %q is %+v, %v", address, topic, a.URL(topic), again, err)
		}
	})
}
