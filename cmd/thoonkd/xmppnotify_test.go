package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// onServers runs a test against each real XMPP server.
func onServers(t *testing.T, test func(t *testing.T, s *thoonktest.XMPPServer)) {
	t.Helper()
	t.Parallel()
	for name, start := range xmppServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// xmppConfig is a file that lets all users of the server do everything.
func xmppConfig(t *testing.T, s *thoonktest.XMPPServer) string {
	t.Helper()
	return writeFile(t, "jids: {\"*@"+s.Host+"\": [{match: \"*\", can: [admin]}]}\n")
}

// serveXMPP starts thoonkd with a component that is attached.
func serveXMPP(t *testing.T, s *thoonktest.XMPPServer, c thoonktest.Component, redis string) *process {
	t.Helper()
	p := serveReady(t, "--redis", redis, "--config", xmppConfig(t, s), "--xmpp-addr", c.Addr, "--xmpp-domain", c.Domain, "--xmpp-secret", c.Secret)
	p.attached()
	return p
}

func (p *process) metric(name string) string {
	p.t.Helper()
	for line := range strings.Lines(string(p.do("GET", "/metrics", "", "").body)) {
		if rest, ok := strings.CutPrefix(line, name+"{"); ok {
			return strings.TrimSpace(rest[strings.LastIndexByte(rest, ' '):])
		}
	}
	return ""
}

func (p *process) attached() {
	p.t.Helper()
	thoonktest.Eventually(p.t, "the component is attached", func() bool { return p.metric("thoonkd_xmpp_attached") == "1" })
}

// xmppUser is a user who asks a component.
type xmppUser struct {
	*thoonktest.XMPPClient
	component string
	asked     *int
}

func login(t *testing.T, s *thoonktest.XMPPServer, component, name string) xmppUser {
	t.Helper()
	return xmppUser{s.Login(t, name, true), component, new(int)}
}

// ask sends a request and returns the result, which has to be one. Notifications that come before it are left out.
func (u xmppUser) ask(t *testing.T, kind, payload string) string {
	t.Helper()
	*u.asked++
	id := fmt.Sprintf("ask%d", *u.asked)
	u.Send(fmt.Sprintf("<iq type='%s' id='%s' to='%s'>%s</iq>", kind, id, u.component, payload))
	answer := u.Until("id='" + id + "'")
	if !strings.Contains(answer, "type='result'") {
		t.Fatalf("%s: %s", payload, answer)
	}
	return answer
}

func (u xmppUser) subscribe(t *testing.T, node string) {
	t.Helper()
	bare, _, _ := strings.Cut(u.JID, "/")
	u.ask(t, "set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='"+node+"' jid='"+bare+"'/></pubsub>")
}

// A subscriber gets what REST and a foreign client write, in order, and what was written while component or server were down.
func TestXMPPNotifications(t *testing.T) {
	onServers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		redis := thoonktest.Redis(t)
		c := s.Component(t)
		p := serveXMPP(t, s, c, redis.URL())
		rest := p.user("*=admin")
		rest.send(201, "PUT", feedPath("news"), "", `{}`)
		rest.send(201, "PUT", feedPath("list"), "", `{"type":"sorted_feed"}`)
		rest.send(201, "PUT", itemPath("news", "old"), "", `{"body":{"n":0}}`)
		juliet := login(t, s, c.Domain, "juliet")
		juliet.subscribe(t, "news")
		if last := juliet.Until("#event"); !strings.Contains(last, "id='old'") || !strings.Contains(last, "urn:xmpp:delay") {
			t.Errorf("on subscribing comes %s", last)
		}
		juliet.subscribe(t, "list")
		want := func(parts ...string) {
			t.Helper()
			got := juliet.Until("#event")
			for _, part := range parts {
				if !strings.Contains(got, part) {
					t.Fatalf("got %s, want %s", got, part)
				}
			}
		}
		rest.send(201, "PUT", itemPath("news", "a"), "", `{"body":{"n":1}}`)
		want("node='news'", "id='a'", "urn:xmpp:json:0", `{&quot;n&quot;:1}`)
		thoonktest.NewForeign(t, redis.Client()).Publish("news", "b", "from afar")
		want("id='b'", "from afar")
		rest.send(201, "PUT", itemPath("list", "x"), "", `{"text":"1"}`)
		want("node='list'", "id='x'")
		rest.send(201, "PUT", itemPath("list", "y"), "", `{"text":"2", "position": {"before": "x"}}`)
		want("id='y'", "<position", "before='x'")
		rest.send(204, "DELETE", itemPath("news", "a"), "", "")
		want("<retract id='a'")

		p.stop()
		rest = serveReady(t, "--redis", redis.URL()).user("*=admin")
		for _, id := range []string{"1", "2", "3"} {
			rest.send(201, "PUT", itemPath("news", id), "", `{"text":"`+strings.Repeat(id, 2000)+`"}`)
		}
		serveXMPP(t, s, c, redis.URL())
		for _, id := range []string{"1", "2", "3"} {
			// What was not acknowledged before is told again.
			if got := juliet.Until("<item id='" + id + "'"); !strings.Contains(got, strings.Repeat(id, 2000)) {
				t.Fatal(got)
			}
		}
		rest.send(204, "DELETE", feedPath("news"), "", "")
		juliet.Until("<delete node='news'")
		thoonktest.Eventually(t, "the subscription is gone", func() bool {
			return redis.Client().Exists(t.Context(), "thoonk.nodesubs:news").Val() == 0
		})
	})
}

// What administrators see of it on the command line.
func TestXMPPCommand(t *testing.T) {
	t.Parallel()
	s := thoonktest.SharedProsody(t)
	c := s.Component(t)
	p := serveXMPP(t, s, c, thoonktest.Redis(t).URL())
	p.user("*=admin").send(201, "PUT", feedPath("news"), "", `{}`)
	juliet := login(t, s, c.Domain, "juliet")
	juliet.subscribe(t, "news")
	env := []string{"THOONKD_SERVER=" + p.url, "THOONKD_TOKEN=" + p.token("*=admin")}
	for args, want := range map[string]string{
		"links":                            c.Domain + "  " + c.Addr + "  true",
		"nodes":                            "news  1              0",
		"subscriptions news":               "juliet@a.test  ",
		"pending news":                     "JID  ID  STATE  EXPIRES\n",
		"subscriptions news --output json": `"jid":"juliet@a.test"`,
	} {
		if r := thoonkd(t, env, append([]string{"xmpp"}, strings.Fields(args)...)...); r.code != 0 || !strings.Contains(r.stdout, want) {
			t.Errorf("%s: %+v", args, r)
		}
	}
	p.user("news=read").send(403, "GET", "/v1/xmpp/links", "", "")
	p.user("news=read").send(403, "GET", "/v1/xmpp/subscriptions?node=news", "", "")
	p.user("news=admin").send(200, "GET", "/v1/xmpp/subscriptions?node=news", "", "")
	p.user("news=admin").send(403, "GET", "/v1/xmpp/subscriptions?node=*", "", "")
	p.user("*=admin").send(400, "GET", "/v1/xmpp/nodes?odd=1", "", "")
}
