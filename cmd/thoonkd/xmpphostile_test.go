package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// siege is a component under attack: one user sends what no client should, and with another one all has to be well after each.
type siege struct {
	t         *testing.T
	server    *thoonktest.XMPPServer
	process   *process
	component string
	name      string // of the attacker
	mallory   xmppUser
	good      xmppUser
	rounds    int
}

func besiege(t *testing.T, s *thoonktest.XMPPServer) *siege {
	t.Helper()
	c := s.Component(t)
	id := strings.SplitN(c.Domain, ".", 2)[0] // servers are shared: other tests have their own users
	w := &siege{t: t, server: s, component: c.Domain, name: "mallory" + id}
	config := writeFile(t, fmt.Sprintf(`
jids:
  "mallory%[1]s@%[2]s": [{match: "mallory*", can: [configure, publish, read, retract]}, {match: "queue", can: [submit]}]
  "good%[1]s@%[2]s": [{match: "*", can: [read]}, {match: "good", can: [publish]}]
`, id, s.Host))
	w.process = serveReady(t, "--redis", thoonktest.Redis(t).URL(), "--config", config, "--xmpp-addr", c.Addr, "--xmpp-domain", c.Domain, "--xmpp-secret", c.Secret)
	w.process.attached()
	rest := w.process.user("*=admin")
	for feed, body := range map[string]string{
		"good": `{}`, "open": `{"pubsub":{"access_model":"open","publish_model":"open"}}`, "closed": `{}`,
		"list": `{"type":"sorted_feed","pubsub":{"access_model":"open","publish_model":"open"}}`,
		"json": `{"content":"json","schema":{"type":"object","required":["a"]},"pubsub":{"access_model":"open","publish_model":"open"}}`,
	} {
		rest.send(201, "PUT", feedPath(feed), "", body)
	}
	rest.send(201, "PUT", "/v1/jobs/queue", "", `{}`)
	w.mallory, w.good = login(t, s, c.Domain, w.name), login(t, s, c.Domain, "good"+id)
	w.good.subscribe(t, "good")
	w.good.subscribe(t, "open")
	w.mallory.ask(t, "set", strings.ReplaceAll(pubsubOf("<create node='mallory'/>"), "TO", ""))
	return w
}

// attack sends stanzas and returns the answer to the last of them, which has the id ID; "" if the server cuts the attacker off.
func (w *siege) attack(stanzas string) string {
	w.t.Helper()
	w.rounds++
	id := fmt.Sprintf("attack%d", w.rounds)
	text := strings.NewReplacer("ID", id, "TO", w.component, "MALLORY", w.mallory.bare()).Replace(stanzas)
	if w.mallory.TrySend(text) == nil {
		for {
			select {
			case got, open := <-w.mallory.Stanzas():
				if got = strings.ReplaceAll(got, `"`, "'"); open && strings.Contains(got, "id='"+id+"'") {
					return got
				} else if open {
					continue
				}
			case <-time.After(30 * time.Second):
				w.t.Fatalf("no answer to %s", text)
			}
			break
		}
	}
	w.mallory = login(w.t, w.server, w.component, w.name)
	return ""
}

// well checks that the other user's publish arrives, there and in the archive, and that no connection was lost.
func (w *siege) well(after string) {
	w.t.Helper()
	w.rounds++
	id := fmt.Sprintf("round%d", w.rounds)
	w.good.Send(fmt.Sprintf("<iq type='set' id='%s' to='%s'>%s</iq>", id, w.component,
		pubsubOf("<publish node='good'><item id='"+id+"'><json xmlns='urn:xmpp:json:0'>1</json></item></publish>")))
	published, told := false, false
	for !published || !told {
		got := strings.ReplaceAll(w.good.Next(), `"`, "'")
		if strings.Contains(got, "id='"+id+"'") {
			told = told || strings.Contains(got, "#event")
			published = published || strings.HasPrefix(got, "<iq") && strings.Contains(got, "type='result'")
			if strings.Contains(got, "type='error'") {
				w.t.Fatalf("after %.300s: %s", after, got)
			}
		}
	}
	if got := w.good.ask(w.t, "get", pubsubOf("<items node='good'><item id='"+id+"'/></items>")); !strings.Contains(got, ">1<") {
		w.t.Fatalf("after %.300s: %s", after, got)
	}
	if got := w.process.metric("thoonkd_xmpp_connects_total"); got != "1" {
		w.t.Fatalf("after %.300s: %s connections", after, got)
	}
}

func pubsubOf(parts string) string {
	return "<pubsub xmlns='http://jabber.org/protocol/pubsub'>" + parts + "</pubsub>"
}

func ownerOf(parts string) string {
	return "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>" + parts + "</pubsub>"
}

// formOf is a form that is filled in.
func formOf(formType, fields string) string {
	return "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>" + formType + "</value></field>" + fields + "</x>"
}

func iqSet(payload string) string { return "<iq type='set' id='ID' to='TO'>" + payload + "</iq>" }
func iqGet(payload string) string { return "<iq type='get' id='ID' to='TO'>" + payload + "</iq>" }

func publishOf(node, item string) string {
	return iqSet(pubsubOf("<publish node='" + node + "'>" + item + "</publish>"))
}

func archiveOf(parts string) string {
	return iqSet("<query xmlns='urn:xmpp:mam:2' node='open'>" + parts + "</query>")
}

func itemsOf(node, set string) string {
	return iqGet(pubsubOf("<items node='" + node + "'/><set xmlns='http://jabber.org/protocol/rsm'>" + set + "</set>"))
}

func configureOf(fields string) string {
	return iqSet(ownerOf("<configure node='mallory'>" + formOf("http://jabber.org/protocol/pubsub#node_config", fields) + "</configure>"))
}

func affiliateOf(parts string) string {
	return iqSet(ownerOf("<affiliations node='mallory'>" + parts + "</affiliations>"))
}

// many writes a text, in which N is a number, so many times.
func many(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "N", fmt.Sprint(i)))
	}
	return b.String()
}

const (
	field    = "<field var='vN'><value>x</value></field>"
	jsonItem = "<item id='i'><json xmlns='urn:xmpp:json:0'>{}</json></item>"
	fine     = "type='result'"
	control  = "&#9;"
)

// quotes are six times as long when they are sent back.
var quotes = strings.Repeat("'", 200_000)

// assaults are what is sent, and what the answer has to have in it. Where a server may end the attacker's own stream, as it may for
// what is not well-formed, the answer may be missing.
var assaults = []struct {
	name, in, want string
	mayCut         bool
}{
	// Stanzas.
	{"an iq without a child", "<iq type='set' id='ID' to='TO'/>", "type='error'", false},
	{"text in an iq", "<iq type='set' id='ID' to='TO'>x<pubsub xmlns='http://jabber.org/protocol/pubsub'/>y</iq>", "type='error'", false},
	{"attributes of the request", iqSet("<pubsub xmlns='http://jabber.org/protocol/pubsub'" + many(1000, " aN='v'") + "/>"), "bad-request", false},
	{"attributes of a payload", publishOf("open", "<item><x xmlns='u'"+many(1000, " aN='v'")+"/></item>"), "bad-request", false},
	{"a deep request", iqSet(strings.Repeat("<a xmlns='u'>", 200) + strings.Repeat("</a>", 200)), "bad-request", false},
	{"a deep payload", publishOf("open", "<item><x xmlns='u'>"+strings.Repeat("<a>", 200)+strings.Repeat("</a>", 200)+"</x></item>"), "bad-request", false},
	{"a payload as deep as it may be", publishOf("open", "<item id='deep'><x xmlns='u'>"+strings.Repeat("<a>", 50)+strings.Repeat("</a>", 50)+"</x></item>"), fine, false},
	{"elements", publishOf("open", "<item><x xmlns='u'>"+strings.Repeat("<a/>", 40_000)+"</x></item>"), "bad-request", false},
	{"an entity", publishOf("open", "<item><x xmlns='u'>&e;</x></item>"), "", true},
	{"a declaration", "<!DOCTYPE a [<!ENTITY e 'x'>]>" + publishOf("open", jsonItem), "", true},
	{"a control character", publishOf("open", "<item><x xmlns='u'>&#1;</x></item>"), "", true},
	{"a long id", `<iq type='get' id="` + quotes + `" to='TO'><x xmlns='u'/></iq>` + iqGet("<x xmlns='u'/>"), "service-unavailable", false},
	{"a long session", iqSet("<command xmlns='http://jabber.org/protocol/commands' node='urn:thoonk:job:0#submit' sessionid=" + `"` + quotes + `"/>`), "not-acceptable", false},

	// Long items.
	{"a long body", publishOf("open", "<item id='long'><x xmlns='u'>"+strings.Repeat("x", 200_000)+"</x></item>"), fine, false},
	{"a body that is longer when it comes back", publishOf("open", `<item id='quotes'><json xmlns="urn:xmpp:json:0">"`+quotes+`"</json></item>`), fine, false},
	{"which can be listed", iqGet(pubsubOf("<items node='open'/>")), "id='quotes'", false},
	{"and in pages", itemsOf("open", "<max>1</max><after>long</after>"), "id='quotes'", false},
	{"and not alone", iqGet(pubsubOf("<items node='open'><item id='quotes'/></items>")), "not-acceptable", false},
	{"a job that is longer when it comes back", publishOf("queue", `<item id='quotes'><json xmlns="urn:xmpp:json:0">"`+quotes+`"</json></item>`), fine, false},
	{"which can be listed too", iqGet(pubsubOf("<items node='queue'/>")), "id='quotes'", false},
	{"deep JSON", publishOf("open", "<item><json xmlns='urn:xmpp:json:0'>"+strings.Repeat("[", 100_000)+"</json></item>"), "invalid-payload", false},

	// Nodes and verbs.
	{"no such namespace", iqSet("<pubsub xmlns='urn:x'><publish node='open'/></pubsub>"), "service-unavailable", false},
	{"a verb of another namespace", iqSet(pubsubOf("<publish xmlns='urn:x' node='open'>" + jsonItem + "</publish>")), "feature-not-implemented", false},
	{"a verb of the owner's", iqSet(pubsubOf("<purge node='mallory'/>")), "feature-not-implemented", false},
	{"a verb with a long name", iqSet(pubsubOf("<a" + strings.Repeat("b", 200_000) + "/>")), "feature-not-implemented", false},
	{"no verb", iqSet(pubsubOf("")), "bad-request", false},
	{"two verbs", iqSet(pubsubOf("<publish node='open'>" + jsonItem + "</publish><retract node='open'><item id='deep'/></retract>")), "bad-request", false},
	{"a verb twice", iqSet(pubsubOf("<publish node='open'>" + jsonItem + "</publish><publish node='open'>" + jsonItem + "</publish>")), "bad-request", false},
	{"options twice", iqSet(pubsubOf("<publish node='open'>" + jsonItem + "</publish><publish-options/><publish-options/>")), "bad-request", false},
	{"the other type", iqGet(pubsubOf("<publish node='open'>" + jsonItem + "</publish>")), "bad-request", false},
	{"no node", publishOf("", jsonItem), "nodeid-required", false},
	{"a node that is not there", publishOf("nowhere", jsonItem), "item-not-found", false},
	{"a node that cannot be", publishOf("a"+control+"b", jsonItem), "item-not-found", false},
	{"a node with a long name", publishOf(strings.Repeat("x", 100_000), jsonItem), "item-not-found", false},
	{"making a node that cannot be", iqSet(pubsubOf("<create node='mallory" + control + "'/>")), "not-acceptable", false},
	{"making a node with a long name", iqSet(pubsubOf("<create node='mallory" + strings.Repeat("x", 100_000) + "'/>")), "not-acceptable", false},
	{"making somebody else's node", iqSet(pubsubOf("<create node='closed2'/>")), "forbidden", false},
	{"making a node twice", iqSet(pubsubOf("<create node='mallory'/>")), "conflict", false},
	{"a closed node", iqGet(pubsubOf("<items node='closed'/>")), "closed-node", false},
	{"somebody else's node", iqSet(ownerOf("<delete node='open'/>")), "forbidden", false},
	{"a collection", iqSet(ownerOf("<collection node='mallory'><associate node='open'/></collection>")), "unsupported", false},
	{"a redirect", iqSet(ownerOf("<delete node='mallory'><redirect uri='xmpp:x'/></delete>")), "feature-not-implemented", false},

	// Items.
	{"no item", publishOf("open", ""), "item-required", false},
	{"two items", publishOf("open", jsonItem+jsonItem), "bad-request", false},
	{"an item of another namespace", publishOf("open", "<item xmlns='urn:x'/>"), "item-required", false},
	{"no payload", publishOf("json", "<item/>"), "payload-required", false},
	{"two payloads", publishOf("open", "<item><a xmlns='u'/><b xmlns='u'/></item>"), "invalid-payload", false},
	{"a payload of another kind", publishOf("json", "<item><a xmlns='u'/></item>"), "invalid-payload", false},
	{"a payload that the schema refuses", publishOf("json", jsonItem), "invalid-payload", false},
	{"an item id that cannot be", publishOf("open", "<item id='a"+control+"'><x xmlns='u'/></item>"), "bad-request", false},
	{"a long item id", publishOf("open", "<item id='"+strings.Repeat("x", 100_000)+"'><x xmlns='u'/></item>"), "bad-request", false},
	{"a position at nothing", iqSet(pubsubOf("<publish node='list'>" + jsonItem + "</publish><position xmlns='urn:thoonk:feed:0' before='nothing'/>")), "item-not-found", false},
	{"two places", iqSet(pubsubOf("<publish node='list'>" + jsonItem + "</publish><position xmlns='urn:thoonk:feed:0' first='true' last='true'/>")), "bad-request", false},
	{"a place in a feed", iqSet(pubsubOf("<publish node='open'>" + jsonItem + "</publish><position xmlns='urn:thoonk:feed:0' first='true'/>")), "conflict", false},
	{"options that nobody knows", iqSet(pubsubOf("<publish node='open'>" + jsonItem + "</publish><publish-options>" + formOf("http://jabber.org/protocol/pubsub#publish-options", field) + "</publish-options>")), "precondition-not-met", false},
	{"options of 10,000 fields", iqSet(pubsubOf("<publish node='open'>" + jsonItem + "</publish><publish-options>" + formOf("", many(10_000, "<field var='N'/>")) + "</publish-options>")), "bad-request", false},
	{"retracting nothing", iqSet(pubsubOf("<retract node='open'/>")), "item-required", false},
	{"retracting two", iqSet(pubsubOf("<retract node='open'><item id='deep'/><item id='long'/></retract>")), "bad-request", false},
	{"retracting what is not there", iqSet(pubsubOf("<retract node='mallory'><item id='x'/></retract>")), "item-not-found", false},
	{"a job id twice", publishOf("queue", `<item id='quotes'><json xmlns='urn:xmpp:json:0'>1</json></item>`), "conflict", false},

	// Pages.
	{"a negative page", itemsOf("open", "<max>-1</max>"), "bad-request", false},
	{"a page of no number", itemsOf("open", "<max>x</max>"), "bad-request", false},
	{"an empty number", itemsOf("open", "<max/>"), "bad-request", false},
	{"a huge number", itemsOf("open", "<max>100000000000000000000000000</max>"), "bad-request", false},
	{"a large number", itemsOf("json", "<max>9223372036854775807</max>"), fine, false},
	{"a negative index", itemsOf("open", "<index>-1</index>"), "bad-request", false},
	{"an index beyond the end", itemsOf("json", "<index>9223372036854775807</index>"), fine, false},
	{"before and after", itemsOf("open", "<after>deep</after><before>long</before>"), "bad-request", false},
	{"after what is not there", itemsOf("open", "<after>nothing</after>"), "item-not-found", false},
	{"after what cannot be", itemsOf("open", "<after>"+quotes+"</after>"), "item-not-found", false},
	{"two sets", iqGet(pubsubOf("<items node='open'/><set xmlns='http://jabber.org/protocol/rsm'><max>1</max></set><set xmlns='http://jabber.org/protocol/rsm'/>")), "bad-request", false},
	{"a negative number of items", iqGet(pubsubOf("<items node='open' max_items='-1'/>")), "bad-request", false},
	{"items without ids", iqGet(pubsubOf("<items node='open'>" + many(50, "<item/>") + "</items>")), "item-required", false},
	{"too many items", iqGet(pubsubOf("<items node='open'>" + many(5000, "<item id='N'/>") + "</items>")), "not-acceptable", false},
	{"the list of one's own after what cannot be", iqGet(pubsubOf("<subscriptions/><set xmlns='http://jabber.org/protocol/rsm'><after>" + quotes + "</after></set>")), "item-not-found", false},
	{"disco after what cannot be", iqGet("<query xmlns='http://jabber.org/protocol/disco#items'><set xmlns='http://jabber.org/protocol/rsm'><max>-2</max></set></query>"), "bad-request", false},

	// Archives.
	{"the archive after what is no id", archiveOf("<set xmlns='http://jabber.org/protocol/rsm'><after>x</after></set>"), "item-not-found", false},
	{"the archive after what never was", archiveOf("<set xmlns='http://jabber.org/protocol/rsm'><after>999-1</after></set>"), "item-not-found", false},
	{"a negative page of the archive", archiveOf("<set xmlns='http://jabber.org/protocol/rsm'><max>-1</max></set>"), "bad-request", false},
	{"the archive since no time", archiveOf(formOf("urn:xmpp:mam:2", "<field var='start'><value>x</value></field>")), "bad-request", false},
	{"the archive of a form of 10,000 fields", archiveOf(formOf("urn:xmpp:mam:2", many(4000, field))), "bad-request", false},
	{"the archive by 5,000 ids", archiveOf(formOf("urn:xmpp:mam:2", "<field var='ids'>"+many(900, "<value>N-1</value>")+"</field>")), "not-acceptable", false},
	{"an archive of another namespace's form", archiveOf(formOf("urn:x", "")), "bad-request", false},
	{"an archive with a long queryid", iqSet("<query xmlns='urn:xmpp:mam:2' node='open' queryid='" + strings.Repeat("x", 100_000) + "'/>"), "bad-request", false},
	{"an archive of no node", iqSet("<query xmlns='urn:xmpp:mam:2'/>"), "nodeid-required", false},
	{"the archive of what cannot be", iqSet("<query xmlns='urn:xmpp:mam:2' node='a" + control + "'/>"), "item-not-found", false},
	{"the archive with all in it", archiveOf("<set xmlns='http://jabber.org/protocol/rsm'><max>500</max></set>"), fine, false},

	// Forms.
	{"a configuration of 10,000 fields", configureOf(many(4000, field)), "bad-request", false},
	{"a field of 10,000 values", configureOf("<field var='pubsub#title'>" + many(10_000, "<value/>") + "</field>"), "bad-request", false},
	{"a field twice", configureOf("<field var='pubsub#title'/><field var='pubsub#title'/>"), "bad-request", false},
	{"a field without a name", configureOf("<field><value>x</value></field>"), "bad-request", false},
	{"a field with a long name", configureOf(`<field var="` + quotes + `"/>`), "not-acceptable", false},
	{"a setting that nobody knows", configureOf(field), "not-acceptable", false},
	{"a model that nobody knows", configureOf("<field var='pubsub#access_model'><value>everybody</value></field>"), "not-acceptable", false},
	{"a negative bound", configureOf("<field var='pubsub#max_items'><value>-1</value></field>"), "not-acceptable", false},
	{"a long title", configureOf("<field var='pubsub#title'><value>" + strings.Repeat("x", 100_000) + "</value></field>"), "not-acceptable", false},
	{"a form of another type", iqSet(ownerOf("<configure node='mallory'>" + formOf("urn:x", "") + "</configure>")), "bad-request", false},
	{"no form", iqSet(ownerOf("<configure node='mallory'/>")), "bad-request", false},

	// People.
	{"an affiliation that nobody knows", affiliateOf("<affiliation jid='a@b' affiliation='king'/>"), "not-acceptable", false},
	{"an affiliation of nobody", affiliateOf("<affiliation jid='@' affiliation='member'/>"), "not-acceptable", false},
	{"an affiliation twice", affiliateOf("<affiliation jid='a@b' affiliation='member'/><affiliation jid='a@b/c' affiliation='none'/>"), "not-acceptable", false},
	{"2,000 affiliations", affiliateOf(many(2000, "<affiliation jid='N@b' affiliation='member'/>")), "not-acceptable", false},
	{"the last owner", affiliateOf("<affiliation jid='MALLORY' affiliation='none'/>"), "not-acceptable", false},
	{"a long address", affiliateOf("<affiliation jid='" + strings.Repeat("&#xe4;", 20_000) + "@b' affiliation='member'/>"), "not-acceptable", false},
	{"a subscription that nobody knows", iqSet(ownerOf("<subscriptions node='mallory'><subscription jid='a@b' subscription='unsure'/></subscriptions>")), "not-acceptable", false},
	{"the end of no subscription", iqSet(ownerOf("<subscriptions node='mallory'><subscription jid='a@b' subscription='none'/></subscriptions>")), "not-acceptable", false},
	{"1,500 subscriptions", iqSet(ownerOf("<subscriptions node='mallory'>" + many(1500, "<subscription jid='N@b' subscription='subscribed'/>") + "</subscriptions>")), "not-acceptable", false},
	{"somebody else's subscription", iqSet(pubsubOf("<subscribe node='open' jid='somebody@else'/>")), "invalid-jid", false},
	{"a subscription of nobody", iqSet(pubsubOf("<subscribe node='open'/>")), "invalid-jid", false},
	{"a subscription to nothing", iqSet(pubsubOf("<subscribe node='nowhere' jid='MALLORY'/>")), "item-not-found", false},
	{"a subscription to everything", iqSet(pubsubOf("<subscribe node='*' jid='MALLORY'/>")), "closed-node", false},
	{"options that nobody has", iqSet(pubsubOf("<subscribe node='open' jid='MALLORY'/><options>" + formOf("http://jabber.org/protocol/pubsub#subscribe_options", field) + "</options>")), "invalid-options", false},
	{"an end of the past", iqSet(pubsubOf("<subscribe node='open' jid='MALLORY'/><options>" + formOf("", "<field var='pubsub#expire'><value>2001-01-01T00:00:00Z</value></field>") + "</options>")), "invalid-options", false},
	{"unsubscribing from what one has not", iqSet(pubsubOf("<unsubscribe node='open' jid='MALLORY'/>")), "not-subscribed", false},
	{"unsubscribing nobody", iqSet(pubsubOf("<unsubscribe node='open'/>")), "jid-required", false},
	{"unsubscribing somebody else", iqSet(pubsubOf("<unsubscribe node='open' jid='somebody@else'/>")), "forbidden", false},

	// Commands.
	{"a command that nobody knows", iqSet("<command xmlns='http://jabber.org/protocol/commands' node='x'/>"), "item-not-found", false},
	{"an action that nobody knows", iqSet("<command xmlns='http://jabber.org/protocol/commands' node='urn:thoonk:job:0#submit' action='jump'/>"), "bad-action", false},
	{"a command with 10,000 fields", iqSet("<command xmlns='http://jabber.org/protocol/commands' node='urn:thoonk:job:0#submit'>" + formOf("", many(4000, field)) + "</command>"), "bad-payload", false},
	{"a command on what is no queue", iqSet("<command xmlns='http://jabber.org/protocol/commands' node='urn:thoonk:job:0#cancel'>" + formOf("", "<field var='queue'><value>open</value></field><field var='id'><value>x</value></field>") + "</command>"), "not-allowed", false},
	{"somebody else's command", iqSet("<command xmlns='http://jabber.org/protocol/commands' node='urn:thoonk:job:0#retry'/>"), "forbidden", false},

	// What is not answered.
	{"a result that nobody waits for", "<iq type='result' id='x' to='TO'><pubsub xmlns='http://jabber.org/protocol/pubsub'/></iq>" + iqGet("<ping xmlns='urn:xmpp:ping'/>"), fine, false},
	{"an error that nobody waits for", "<iq type='error' id='x' to='TO'/>" + iqGet("<ping xmlns='urn:xmpp:ping'/>"), fine, false},
	{"a bounce of nothing", "<message type='error' to='TO'/><message type='error' to='TO'><error/></message>" + iqGet("<ping xmlns='urn:xmpp:ping'/>"), fine, false},
	{"presence", many(50, "<presence to='TO'/><presence type='probe' to='TO'/><presence type='subscribe' to='TO'/>") + iqGet("<ping xmlns='urn:xmpp:ping'/>"), fine, false},
	{"an approval of nothing", "<message to='TO' id='ID'>" + formOf("http://jabber.org/protocol/pubsub#subscribe_authorization",
		"<field var='pubsub#node'><value>closed</value></field><field var='pubsub#subscriber_jid'><value>MALLORY</value></field><field var='pubsub#allow'><value>1</value></field>") + "</message>", "forbidden", false},
	{"an event of ours", "<message to='TO'><event xmlns='http://jabber.org/protocol/pubsub#event'>" + many(2000, "<items node='N'/>") + "</event></message>" + iqGet("<ping xmlns='urn:xmpp:ping'/>"), fine, false},
	{"a privilege", "<message to='TO'><privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both'/></privilege></message>" + iqGet("<ping xmlns='urn:xmpp:ping'/>"), fine, false},
}

// Whatever a user sends, by way of a real server, is answered with the error that it deserves, and nobody else notices.
func TestXMPPHostile(t *testing.T) {
	onServers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		w := besiege(t, s)
		for _, a := range assaults {
			got := w.attack(a.in)
			if cut := got == "" && a.mayCut; !cut && !strings.Contains(got, a.want) {
				t.Errorf("%s: got %.600q, want %s", a.name, got, a.want)
			}
			w.well(a.name)
		}
		w.flood()
		w.oversize()
		w.mutate(rand.New(rand.NewPCG(1, 2)))
	})
}

// flood sends more than is taken at once: every request is answered, if only with the advice to wait.
func (w *siege) flood() {
	w.t.Helper()
	const n = 3000
	go func() {
		for i := range n {
			_ = w.mallory.TrySend(fmt.Sprintf("<iq type='get' id='flood%d' to='%s'>%s</iq>", i, w.component, pubsubOf("<items node='good'/>")))
		}
	}()
	w.well("the beginning of a flood")
	answered, refused := 0, 0
	for answered < n {
		switch got := w.mallory.Next(); {
		case !strings.Contains(got, "flood"):
			continue
		case strings.Contains(got, "resource-constraint"):
			refused++
		case !strings.Contains(got, "closed-node"):
			w.t.Errorf("in a flood: %s", got)
		}
		answered++
	}
	w.t.Logf("%d of %d were refused", refused, n)
	w.well("a flood")
}

// oversize sends what is longer than we take, where the server passes it on.
func (w *siege) oversize() {
	w.t.Helper()
	const name = "an oversized item"
	got := w.attack(publishOf("open", "<item id='oversize'><x xmlns='u'>"+strings.Repeat("x", 2_000_000)+"</x></item>"))
	switch w.server.Kind {
	case "ejabberd": // which is configured to pass it on
		if !strings.Contains(got, "payload-too-big") {
			w.t.Errorf("%s: %.600q", name, got)
		}
	default:
		if got != "" {
			w.t.Errorf("%s: %.600q", name, got)
		}
	}
	w.well(name)
}

// mutate sends what comes of assaults by chance: some answer comes, or the server ends the attacker's stream.
func (w *siege) mutate(random *rand.Rand) {
	w.t.Helper()
	rounds := 150
	if os.Getenv("THOONKD_TEST_SOAK") == "1" {
		rounds = 20_000
	}
	for i := range rounds {
		in := assaults[random.IntN(len(assaults))].in
		e, err := stanza.Parse([]byte(strings.ReplaceAll(in, control, "")))
		if err != nil || e.Name.Local != "iq" || len(in) > 20_000 {
			continue
		}
		for range 1 + random.IntN(3) {
			mutate(random, e)
		}
		e.Name.Local = "iq"
		e.Set("id", "ID").Set("to", "TO").Set("type", []string{"get", "set"}[random.IntN(2)])
		if got := w.attack(string(e.AppendXML(nil, stanza.NSClient))); strings.Contains(got, "internal-server-error") {
			w.t.Errorf("%s: %s", e, got)
		}
		if i%10 == 0 {
			w.well(e.String())
		}
	}
	w.well("chance")
}

// mutate changes one element in e, or e itself.
func mutate(random *rand.Rand, e *stanza.Element) {
	var all []*stanza.Element
	var gather func(*stanza.Element)
	gather = func(e *stanza.Element) {
		all = append(all, e)
		for c := range e.Children() {
			gather(c)
		}
	}
	gather(e)
	x, y := all[random.IntN(len(all))], all[random.IntN(len(all))]
	texts := []string{"", "0", "-1", "open", "mallory", "*", " ", "\n", "☺", "a@b/c", strings.Repeat("y", 3000), "18446744073709551616", "2026-01-01T00:00:00Z"}
	text := texts[random.IntN(len(texts))]
	switch random.IntN(7) {
	case 0:
		x.Nodes = nil
	case 1:
		x.AddText(text)
	case 2:
		if len(x.Attrs) > 0 {
			x.Set(x.Attrs[random.IntN(len(x.Attrs))].Name.Local, text)
		}
	case 3:
		x.Name.Space = []string{"urn:x", y.Name.Space}[random.IntN(2)]
	case 4:
		x.Name.Local = y.Name.Local
	case 5: // what is in it twice
		if c := x.First(); c != nil {
			x.Add(c)
		}
	case 6:
		x.Nodes, y.Nodes = append([]stanza.Node{}, y.Nodes...), nil
	}
}
