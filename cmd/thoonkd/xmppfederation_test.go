package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// A user of another server, whom a grant knows, subscribes by way of both servers and gets what REST and a foreign client
// publish; one whom no grant knows does not.
func TestXMPPFederation(t *testing.T) {
	t.Parallel()
	a, b := thoonktest.ProsodyPair(t)
	redis := thoonktest.Redis(t)
	c := a.Component(t)
	p := serveReady(t, "--redis", redis.URL(), "--xmpp-addr", c.Addr, "--xmpp-domain", c.Domain, "--xmpp-secret", c.Secret,
		"--config", writeFile(t, `jids: {"romeo@b.test": [{match: "team:*", can: [read]}]}`))
	p.attached()
	rest := p.user("*=admin")
	rest.send(201, "PUT", feedPath("team:1"), "", `{}`)
	romeo, tybalt := login(t, b, c.Domain, "romeo"), login(t, b, c.Domain, "tybalt")
	romeo.subscribe(t, "team:1")
	tybalt.Send(fmt.Sprintf("<iq type='set' id='no' to='%s'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='team:1' jid='tybalt@b.test'/></pubsub></iq>", c.Domain))
	if got := tybalt.Until("id='no'"); !strings.Contains(got, "closed-node") {
		t.Error(got)
	}
	foreign := thoonktest.NewForeign(t, redis.Client())
	for i := range 20 {
		if i%2 == 0 {
			rest.send(201, "PUT", itemPath("team:1", fmt.Sprint(i)), "", `{"body":{"by":"rest"}}`)
		} else {
			foreign.Publish("team:1", fmt.Sprint(i), `{"by":"another"}`)
		}
		got := romeo.Until("#event")
		if !strings.Contains(got, fmt.Sprintf("id='%d'", i)) || !strings.Contains(got, "from='"+c.Domain+"'") {
			t.Fatalf("item %d: got %s", i, got)
		}
	}
	// A pattern, which tells of the node and of itself.
	romeo.subscribe(t, "team:*")
	rest.send(201, "PUT", feedPath("team:2"), "", `{}`)
	rest.send(201, "PUT", itemPath("team:2", "x"), "", `{"text":"y"}`)
	if got := romeo.Until("node='team:2'"); !strings.Contains(got, "<header name='Collection'>team:*</header>") {
		t.Error(got)
	}
}

// Where two processes have the same component one is attached, and the other takes over within seconds, whether the first
// one stops or is killed.
func TestXMPPTakeover(t *testing.T) {
	onServers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		redis := thoonktest.Redis(t)
		c := s.Component(t)
		args := []string{"--redis", redis.URL(), "--config", xmppConfig(t, s), "--xmpp-addr", c.Addr, "--xmpp-domain", c.Domain, "--xmpp-secret", c.Secret}
		first := startBinary(t, args...)
		thoonktest.Eventually(t, "the first is attached", func() bool {
			return redis.Client().Exists(t.Context(), "thoonk.linkplace:"+c.Domain, "thoonk.lease:xmpp:"+c.Domain).Val() > 0
		})
		second := serveReady(t, args...)
		rest := second.user("*=admin")
		rest.send(201, "PUT", feedPath("n"), "", `{}`)
		juliet := login(t, s, c.Domain, "juliet")
		thoonktest.Eventually(t, "the component answers", func() bool {
			juliet.Send(fmt.Sprintf("<iq type='get' id='ping' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>", c.Domain))
			return strings.Contains(juliet.Until("id='ping'"), "result")
		})
		juliet.subscribe(t, "n")
		if got := second.metric("thoonkd_xmpp_attached"); got != "0" {
			t.Fatal("both are attached: ", got)
		}
		first.kill()
		killed := time.Now()
		second.attached()
		t.Logf("taken over after %v", time.Since(killed))
		rest.send(201, "PUT", itemPath("n", "after"), "", `{"text":"x"}`)
		juliet.Until("id='after'")
	})
}

// A server that is restarted gets what was published meanwhile.
func TestXMPPServerRestart(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *thoonktest.XMPPServer{"prosody": thoonktest.Prosody, "ejabberd": thoonktest.Ejabberd} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			redis := thoonktest.Redis(t)
			c := s.Component(t)
			p := serveXMPP(t, s, c, redis.URL())
			rest := p.user("*=admin")
			rest.send(201, "PUT", feedPath("n"), "", `{}`)
			login(t, s, c.Domain, "juliet").subscribe(t, "n")
			s.Kill()
			thoonktest.Eventually(t, "the link is down", func() bool { return p.metric("thoonkd_xmpp_attached") == "0" })
			for i := range 5 {
				rest.send(201, "PUT", itemPath("n", fmt.Sprint(i)), "", `{"text":"x"}`)
			}
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			p.attached()
			// What was told at once went to nobody, who had not logged in yet; the archive has it.
			juliet := login(t, s, c.Domain, "juliet")
			rest.send(201, "PUT", itemPath("n", "last"), "", `{"text":"x"}`)
			juliet.Until("id='last'")
			thoonktest.Eventually(t, "all is told", func() bool { return p.metric("thoonkd_xmpp_notifications_total") == "6" })
		})
	}
}

// One process is attached to two servers; each link has grants of its own, whoever its server says that a sender is.
func TestXMPPTwoLinks(t *testing.T) {
	t.Parallel()
	prosody, ejabberd := thoonktest.SharedProsody(t), thoonktest.SharedEjabberd(t)
	a, b := prosody.Component(t), ejabberd.Component(t)
	redis := thoonktest.Redis(t)
	p := serveReady(t, "--redis", redis.URL(), "--config", writeFile(t, fmt.Sprintf(`
xmpp:
  - {addr: "%s", domain: %s, secret: %s, jids: {"*@a.test": [{match: "*", can: [read]}]}}
  - {addr: "%s", domain: %s, secret: %s, jids: {"paris@c.test": [{match: "*", can: [read]}]}}
`, a.Addr, a.Domain, a.Secret, b.Addr, b.Domain, b.Secret)))
	thoonktest.Eventually(t, "both are attached", func() bool {
		metrics := string(p.do("GET", "/metrics", "", "").body)
		return strings.Contains(metrics, `attached{domain="`+a.Domain+`"} 1`) && strings.Contains(metrics, `attached{domain="`+b.Domain+`"} 1`)
	})
	rest := p.user("*=admin")
	rest.send(201, "PUT", feedPath("n"), "", `{}`)
	juliet, paris, stranger := login(t, prosody, a.Domain, "juliet2"), login(t, ejabberd, b.Domain, "paris"), login(t, ejabberd, b.Domain, "stranger")
	juliet.subscribe(t, "n")
	paris.subscribe(t, "n")
	stranger.Send(fmt.Sprintf("<iq type='set' id='no' to='%s'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' jid='stranger@c.test'/></pubsub></iq>", b.Domain))
	if got := stranger.Until("id='no'"); !strings.Contains(got, "closed-node") {
		t.Error(got)
	}
	rest.send(201, "PUT", itemPath("n", "1"), "", `{"text":"x"}`)
	for domain, u := range map[string]xmppUser{a.Domain: juliet, b.Domain: paris} {
		if got := u.Until("<item id='1'"); !strings.Contains(got, "from='"+domain+"'") {
			t.Error(got)
		}
	}
}
