package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// befriend has a user see another one's presence.
func befriend(t *testing.T, owner, friend xmppUser) {
	t.Helper()
	friend.own().ask(t, "get", "<query xmlns='jabber:iq:roster'/>") // a Prosody tells only those who are interested
	friend.Send("<presence type='subscribe' to='" + owner.bare() + "'/>")
	owner.Until("subscribe")
	owner.Send("<presence type='subscribed' to='" + friend.bare() + "'/>")
	friend.Until("subscribed")
}

func (u xmppUser) bare() string {
	bare, _, _ := strings.Cut(u.JID, "/")
	return bare
}

// own is the user asking the own server.
func (u xmppUser) own() xmppUser { return xmppUser{u.XMPPClient, u.bare(), u.asked} }

// group puts a contact into groups of the user's own roster.
func (u xmppUser) group(t *testing.T, contact string, groups ...string) {
	t.Helper()
	var b strings.Builder
	for _, g := range groups {
		b.WriteString("<group>" + g + "</group>")
	}
	u.own().ask(t, "set", "<query xmlns='jabber:iq:roster'><item jid='"+contact+"'>"+b.String()+"</item></query>")
}

// refused sends a request and wants an error with this element in it.
func (u xmppUser) refused(t *testing.T, kind, payload, want string) {
	t.Helper()
	*u.asked++
	id := fmt.Sprintf("ask%d", *u.asked)
	u.Send(fmt.Sprintf("<iq type='%s' id='%s' to='%s'>%s</iq>", kind, id, u.component, payload))
	if got := u.Until("id='" + id + "'"); !strings.Contains(got, "type='error'") || !strings.Contains(got, want) {
		t.Fatalf("%s: got %s, want %s", payload, got, want)
	}
}

const (
	discoService = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
	subscribeTo  = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='%s' jid='%s'/></pubsub>"
	createNode   = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='%s'/><configure><x xmlns='jabber:x:data' type='submit'>" +
		"<field var='pubsub#access_model'><value>%s</value></field><field var='pubsub#roster_groups_allowed'><value>%s</value></field></x></configure></pubsub>"
)

// Whom an owner knows may subscribe, where the server grants rosters, and is notified as long as the server does.
func TestXMPPRosters(t *testing.T) {
	onServers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		redis, c := thoonktest.Redis(t), s.PrivilegedComponent(t)
		id := strings.SplitN(c.Domain, ".", 2)[0] // servers are shared: other tests have their own users
		config := writeFile(t, "jids: {\"owner"+id+"@"+s.Host+"\": [{match: \"*\", can: [configure]}]}\n")
		serve := func() *process {
			p := serveReady(t, "--redis", redis.URL(), "--config", config, "--xmpp-addr", c.Addr, "--xmpp-domain", c.Domain, "--xmpp-secret", c.Secret)
			p.attached()
			return p
		}
		p := serve()
		owner, friend, stranger := login(t, s, c.Domain, "owner"+id), login(t, s, c.Domain, "ally"+id), login(t, s, c.Domain, "stranger"+id)
		befriend(t, owner, friend)
		owner.group(t, stranger.bare(), "team")
		thoonktest.Eventually(t, "the models are offered", func() bool {
			return strings.Contains(owner.ask(t, "get", discoService), "#access-roster")
		})
		owner.ask(t, "set", fmt.Sprintf(createNode, "diary", "presence", ""))
		owner.ask(t, "set", fmt.Sprintf(createNode, "plans", "roster", "team"))
		p.user("*=admin").patch(200, feedPath("plans"), `{"pubsub":{"title":"Plans","roster_groups_allowed":["team","x y"]}}`)

		p.user("*=admin").send(201, "PUT", feedPath("made"), "", `{"pubsub":{"access_model":"roster"}}`)
		if got := p.user("*=admin").send(200, "GET", feedPath("plans"), "", "").body; !strings.Contains(string(got), `"roster_groups_allowed":["team","x y"]`) {
			t.Errorf("REST shows %s", got)
		}

		subscribe := func(u xmppUser, node string) string { return fmt.Sprintf(subscribeTo, node, u.bare()) }
		owns := "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='%s'/></pubsub>"
		friend.subscribe(t, "diary")
		stranger.refused(t, "set", subscribe(stranger, "diary"), "presence-subscription-required")
		stranger.refused(t, "get", fmt.Sprintf(owns, "diary"), "presence-subscription-required")
		stranger.subscribe(t, "plans")
		friend.refused(t, "set", subscribe(friend, "plans"), "not-in-roster-group")

		rest := p.user("*=admin")
		rest.send(201, "PUT", itemPath("diary", "a"), "", `{"body":1}`)
		if got := friend.Until("#event"); !strings.Contains(got, "id='a'") {
			t.Fatal(got)
		}

		// What is published while the component is away is told after, to those who are known then.
		p.stop()
		owner.group(t, stranger.bare(), "others")
		alone := serveReady(t, "--redis", redis.URL()).user("*=admin")
		alone.send(501, "PUT", feedPath("new"), "", `{"pubsub":{"access_model":"presence"}}`)
		alone.send(201, "PUT", itemPath("diary", "b"), "", `{"body":2}`)
		alone.send(201, "PUT", itemPath("plans", "secret"), "", `{"body":3}`)
		alone.stop()
		p = serve()
		friend.Until("id='b'") // what was told before may be told again
		rest = p.user("*=admin")
		rest.patch(200, feedPath("plans"), `{"pubsub":{"access_model":"open"}}`)
		rest.send(201, "PUT", itemPath("plans", "public"), "", `{"body":4}`)
		if got := stranger.Until("#event"); !strings.Contains(got, "id='public'") {
			t.Errorf("who is in no group any more is told %s", got)
		}
	})
}

// Where rosters are not granted the models are neither offered nor taken.
func TestXMPPNoRosters(t *testing.T) {
	onServers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		c := s.Component(t)
		serveXMPP(t, s, c, thoonktest.Redis(t).URL())
		owner := login(t, s, c.Domain, "nobody"+strings.SplitN(c.Domain, ".", 2)[0])
		if got := owner.ask(t, "get", discoService); strings.Contains(got, "#access-presence") || !strings.Contains(got, "#access-open") {
			t.Error(got)
		}
		owner.refused(t, "set", fmt.Sprintf(createNode, "n", "presence", ""), "unsupported-access-model")
	})
}

// A component may have to do with several hosts of its server: what another one than its own grants counts if it is configured.
func TestXMPPRostersOfAnotherHost(t *testing.T) {
	onServers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		c, other := s.PrivilegedComponent(t), s.Second()
		id := strings.SplitN(c.Domain, ".", 2)[0]
		serve := func(rosters string) *process {
			p := serveReady(t, "--redis", thoonktest.Redis(t).URL(), "--config", writeFile(t, fmt.Sprintf(`
jids: {"*@%s": [{match: "*", can: [configure]}]}
xmpp:
  - {addr: "%s", domain: %s, secret: %s%s}
`, other.Host, c.Addr, c.Domain, c.Secret, rosters)))
			p.attached()
			return p
		}
		owner, friend := login(t, other, c.Domain, "owner"+id), login(t, other, c.Domain, "ally"+id)
		befriend(t, owner, friend)
		p := serve(", rosters: [" + other.Host + "]")
		thoonktest.Eventually(t, "the models are offered", func() bool {
			return strings.Contains(owner.ask(t, "get", discoService), "#access-roster")
		})
		owner.ask(t, "set", fmt.Sprintf(createNode, "diary", "presence", ""))
		friend.subscribe(t, "diary")
		p.user("*=admin").send(201, "PUT", itemPath("diary", "a"), "", `{"body":1}`)
		friend.Until("id='a'")
		p.stop()

		serve("")
		thoonktest.Eventually(t, "the own host grants it", func() bool {
			return strings.Contains(owner.ask(t, "get", discoService), "#access-roster")
		})
		owner.ask(t, "set", fmt.Sprintf(createNode, "diary", "presence", ""))
		friend.refused(t, "set", fmt.Sprintf(subscribeTo, "diary", friend.bare()), "presence-subscription-required")
	})
}
