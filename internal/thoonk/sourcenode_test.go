package thoonk_test

import (
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestNodeURL(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][2]string{
		"xmpp:pubsub.a.test?;node=news":                  {"pubsub.a.test", "news"},
		"xmpp:pubsub.a.test?pubsub;action=x;node=a%20b;": {"pubsub.a.test", "a b"},
		"xmpp:romeo@a.test?;node=urn%3Axmpp%3A%C3%A9":    {"romeo@a.test", "urn:xmpp:é"},
		"":                        {},
		"xmpp:":                   {},
		"xmpp:a.test":             {},
		"xmpp:a.test?;node=":      {},
		"xmpp:?;node=x":           {},
		"xmpp:a.test?;node=%zz":   {},
		"xmpp:a%zz?;node=x":       {},
		"xmpp:a b?;node=x":        {},
		"https://a.test/?;node=x": {},
		"xmpp:a.test?;node=%00":   {},
		"xmpp:a.test?;node=" + strings.Repeat("x", 1024): {},
	} {
		service, node, err := thoonk.ParseNodeURL(s)
		if (err == nil) != (want[0] != "") || service != want[0] && err == nil || node != want[1] {
			t.Errorf("%.50q: %q, %q, %v", s, service, node, err)
		}
		if err == nil {
			if again, n, err := thoonk.ParseNodeURL(thoonk.NodeURL(service, node)); again != service || n != node || err != nil {
				t.Errorf("%q comes back as %q, %q, %v", s, again, n, err)
			}
		}
	}
}

func TestNodeSourceCheck(t *testing.T) {
	t.Parallel()
	good := thoonk.Source{Name: "s", Kind: thoonk.XMPPNode, URL: "xmpp:a.test?;node=x", Feed: "f", Link: "thoonk.a.test"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for field, change := range map[string]func(*thoonk.Source){
		"kind": func(s *thoonk.Source) { s.Kind = "other" },
		"url":  func(s *thoonk.Source) { s.URL = "https://a.test/feed" },
		"hub":  func(s *thoonk.Source) { s.NoHub = true },
		"feed": func(s *thoonk.Source) { s.Feed = "" },
		"link": func(s *thoonk.Source) { s.Kind, s.URL = thoonk.WebFeed, "https://a.test/feed" },
	} {
		bad := good
		change(&bad)
		err := bad.Check()
		if e, ok := err.(*thoonk.Error); !ok || e.Field != field { //nolint:errorlint // it is never wrapped
			t.Errorf("%s: %v", field, err)
		}
	}
}
