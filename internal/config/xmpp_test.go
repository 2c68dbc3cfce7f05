package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/auth"
)

func TestXMPP(t *testing.T) {
	t.Parallel()
	file := writeFile(t, `
xmpp-secret: one
jids: {"*@a.test": [{match: "*", can: [read]}]}
xmpp:
  - {addr: "127.0.0.1:5348", domain: thoonk.b.test, secret: two, jids: {"me@b.test": [{match: x, can: [admin]}]}}
  - {addr: "127.0.0.1:5349", domain: thoonk.c.test, secret: three, rosters: [d.test, e.test]}
`)
	c, err := load(t, []string{"THOONKD_XMPP_DOMAIN=thoonk.a.test"}, "--config", file, "--xmpp-addr", "127.0.0.1:5347")
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, x := range c.XMPP {
		got += fmt.Sprint(x.Addr, " ", x.Domain, " ", x.Secret, " ", x.JIDs.Principal("x@a.test").Can(auth.Read, "f"), x.JIDs.Principal("me@b.test").Can(auth.Read, "x"), x.Rosters, "\n")
	}
	if got != "127.0.0.1:5347 thoonk.a.test one true false []\n127.0.0.1:5348 thoonk.b.test two false true []\n127.0.0.1:5349 thoonk.c.test three true false [d.test e.test]\n" {
		t.Error(got)
	}
	if text := c.LogValue().String(); strings.Contains(text, "one") || strings.Contains(text, "two") || !strings.Contains(text, "thoonk.b.test") {
		t.Error(text)
	}
	if _, err := load(t, nil, "--xmpp-domain", "a.test", "--xmpp-secret", "x"); err == nil || !strings.Contains(err.Error(), "xmpp-addr: is not given") {
		t.Error(err)
	}
	if _, err := load(t, nil, "--xmpp-addr", "a:1", "--xmpp-domain", "thoonk.c.test", "--xmpp-secret", "x", "--config", file); err == nil || !strings.Contains(err.Error(), "two components have the domain thoonk.c.test") {
		t.Error(err)
	}
}
