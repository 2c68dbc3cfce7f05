package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// otherService is the pubsub service that comes with a server, and a user who may make nodes there.
type otherService struct {
	t    *testing.T
	name string // its address
	user xmppUser
	node string
}

// withArchive is an ejabberd that keeps archives of messages, and takes one component.
func withArchive(t testing.TB) *thoonktest.XMPPServer {
	return thoonktest.ConfiguredEjabberd(t, "d.test",
		"listen:\n  - {port: 5347, ip: 127.0.0.1, module: ejabberd_service, hosts: {thoonk.d.test: {password: s3cret}}}\n",
		"modules:\n  mod_mam: {default: always}\n")
}

func (o otherService) set(payload string) {
	o.t.Helper()
	o.user.ask(o.t, "set", payload)
}

func (o otherService) create() {
	o.t.Helper()
	fields := ""
	for name, value := range map[string]string{"access_model": "open", "max_items": "125", "persist_items": "1", "notify_retract": "1", "send_last_published_item": "never"} {
		fields += "<field var='pubsub#" + name + "'><value>" + value + "</value></field>"
	}
	o.set(pubsubOf("<create node='" + o.node + "'/><configure>" + formOf("http://jabber.org/protocol/pubsub#node_config", fields) + "</configure>"))
}

func (o otherService) publish(id string, n int) {
	o.t.Helper()
	o.set(pubsubOf(fmt.Sprintf("<publish node='%s'><item id='%s'><note xmlns='urn:x'>%d</note></item></publish>", o.node, id, n)))
}

func (o otherService) retract(id, notify string) {
	o.t.Helper()
	o.set(pubsubOf("<retract node='" + o.node + "' notify='" + notify + "'><item id='" + id + "'/></retract>"))
}

// copyOf is a thoonkd with a feed that follows a node.
type copyOf struct {
	*mirrored
}

func (c copyOf) becomes(what string, want ...string) {
	c.t.Helper()
	var got []string
	defer func() {
		if c.t.Failed() {
			_, state, _ := c.store.Source(context.Background(), "other")
			c.t.Logf("%s: there are %q; the source is %+v; want %q", what, got, state, want)
		}
	}()
	thoonktest.Eventually(c.t, what, func() bool {
		got = strings.Fields(strings.NewReplacer("<note xmlns='urn:x'>", "", "</note>", "").Replace(c.content()))
		return slices.Equal(got, want)
	})
}

// The pubsub services that come with both servers are followed, though they have no archives of nodes: what they have, in its order,
// what they tell of, and what they leave untold or told while nobody heard it.
func TestXMPPMirrorOfOthers(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) (ours, others *thoonktest.XMPPServer){
		"prosody": func(t testing.TB) (*thoonktest.XMPPServer, *thoonktest.XMPPServer) {
			return alone(thoonktest.SharedProsody(t))
		},
		"ejabberd": func(t testing.TB) (*thoonktest.XMPPServer, *thoonktest.XMPPServer) {
			return alone(thoonktest.SharedEjabberd(t))
		},
		"ejabberd with archives":  func(t testing.TB) (*thoonktest.XMPPServer, *thoonktest.XMPPServer) { return alone(withArchive(t)) },
		"ejabberd from a prosody": thoonktest.ProsodyAndEjabberd,
		"prosody from an ejabberd": func(t testing.TB) (*thoonktest.XMPPServer, *thoonktest.XMPPServer) {
			a, c := thoonktest.ProsodyAndEjabberd(t)
			return c, a
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, others := start(t)
			component := thoonktest.Component{Addr: ours.ConfiguredAddr(), Domain: "thoonk." + ours.Host, Secret: "s3cret"}
			if ours.Host != "d.test" {
				component = ours.Component(t)
			}
			// Of Prosody's service nobody but the admin may make nodes.
			o := otherService{t, others.PubsubDomain(), login(t, others, others.PubsubDomain(), "admin"), "node" + strings.SplitN(component.Domain, ".", 2)[0]}
			m := &mirrored{t: t, component: component, redis: thoonktest.Redis(t).URL()}
			var err error
			if m.store, err = store.Open(store.Options{URL: m.redis}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = m.store.Close() })
			m.start()
			followOther(t, o, copyOf{m})
		})
	}
}

// alone is a server for both.
func alone(s *thoonktest.XMPPServer) (ours, others *thoonktest.XMPPServer) { return s, s }

func followOther(t *testing.T, o otherService, c copyOf) {
	o.create()
	var want []string
	for i := range 120 { // more than a page
		o.publish(fmt.Sprint("i", i), i)
		want = append(want, fmt.Sprintf("i%d=%d", i, i))
	}
	c.rest.send(201, "PUT", feedPath("shared"), "", `{"content":"xml"}`)
	c.rest.send(201, "PUT", "/v1/sources/other", "", `{"kind":"xmpp","feed":"shared","url":"xmpp:`+o.name+`?;node=`+o.node+`","max_interval":"2s"}`)
	c.becomes("what was there", want...)

	o.publish("live", 1)
	want = append(want, "live=1")
	c.becomes("an item", want...)
	o.publish("live", 2)
	want[len(want)-1] = "live=2"
	c.becomes("an edit", want...)
	o.retract("i0", "1")
	want = want[1:]
	c.becomes("a retraction", want...)
	o.retract("i1", "0")
	want = want[1:]
	c.becomes("a retraction of which nobody is told", want...)

	c.process.stop()
	o.publish("late", 3)
	o.retract("i2", "1")
	want = append(want[1:], "late=3")
	c.start()
	c.becomes("what happened meanwhile", want...)

	for i := range 20 { // more than the node keeps: which go is told by nobody
		o.publish(fmt.Sprint("more", i), i)
		want = append(want, fmt.Sprintf("more%d=%d", i, i))
	}
	want = want[len(want)-125:]
	c.becomes("what is kept", want...)

	o.set(ownerOf("<purge node='" + o.node + "'/>"))
	c.becomes("nothing")
	o.publish("after", 4)
	c.becomes("what came after", "after=4")
	o.set(ownerOf("<delete node='" + o.node + "'/>"))
	thoonktest.Eventually(t, "the source says so", func() bool {
		_, state, err := c.store.Source(t.Context(), "other")
		return err == nil && state.Status == thoonk.SourceFailing && strings.Contains(state.Error, "item-not-found")
	})
	o.create()
	o.publish("again", 5)
	c.becomes("another node of the name", "again=5")
}
