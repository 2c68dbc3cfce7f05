package mirror_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// plain is a service as most are: no history, no result sets, items in the order of their publication.
type plain struct {
	*world
	domain jid.JID

	mu     sync.Mutex
	items  []*stanza.Element
	subs   map[string]string // JID → expiry
	lease  time.Duration
	asked  []string // what was asked for
	refuse *stanza.Error
	most   int // items that may be asked for at once; 0: any number
}

func (w *world) plain(domain string) *plain {
	p := &plain{world: w, domain: jid.MustParse(domain), subs: make(map[string]string)}
	w.settle(domain, p)
	return p
}

func (p *plain) iq(_ context.Context, q *stanza.IQ) (*stanza.Element, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	verb := q.Payload.First()
	if q.Payload.Name.Local == "query" {
		return stanza.New(q.Payload.Name.Space, "query"), p.answer()
	}
	p.asked = append(p.asked, verb.Name.Local)
	out := stanza.New(stanza.NSPubsub, "pubsub")
	sub := func(jid string) *stanza.Element {
		return stanza.New(stanza.NSPubsub, "subscription").Set("jid", jid).Set("subscription", "subscribed").Set("expiry", p.subs[jid]).Set("node", "n")
	}
	switch verb.Name.Local {
	case "subscriptions":
		list := stanza.New(stanza.NSPubsub, "subscriptions")
		for jid := range p.subs {
			list.Add(sub(jid))
		}
		return out.Add(list), p.answer()
	case "subscribe":
		p.subs[verb.Attr("jid")] = ""
		if p.lease > 0 {
			p.subs[verb.Attr("jid")] = time.Now().Add(p.lease).UTC().Format(time.RFC3339)
		}
		return out.Add(sub(verb.Attr("jid"))), p.answer()
	case "unsubscribe":
		delete(p.subs, verb.Attr("jid"))
		return nil, nil
	case "items":
		list := stanza.New(stanza.NSPubsub, "items").Set("node", "n")
		one := verb.First().Attr("id")
		asked, _ := strconv.Atoi(q.Payload.Child(rsm.NS, "set").Child(rsm.NS, "max").Text())
		if p.most > 0 && asked > p.most {
			return nil, stanza.Err(stanza.NotAcceptable)
		}
		for _, item := range p.items {
			if one == "" && len(item.String()) > 1000 {
				item = stanza.New(stanza.NSPubsub, "item").Set("id", item.Attr("id")) // too long for a list
			}
			if one == "" || item.Attr("id") == one {
				list.Add(item)
			}
		}
		return out.Add(list), p.answer()
	}
	return nil, stanza.Err(stanza.FeatureNotImplemented)
}

func (p *plain) answer() error {
	if p.refuse != nil {
		return p.refuse
	}
	return nil
}

func (p *plain) message(context.Context, *stanza.Stanza) {}

func item(id, text string) *stanza.Element {
	return stanza.New(stanza.NSPubsub, "item").Set("id", id).Add(stanza.New("urn:x", "note").AddText(text))
}

func (p *plain) put(id, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(id)
	p.items = append(p.items, item(id, text))
}

func (p *plain) drop(id string) {
	p.items = slices.DeleteFunc(p.items, func(e *stanza.Element) bool { return e.Attr("id") == id })
}

// says sends a message with an event, from whomever.
func (p *plain) says(from string, event string) {
	text := fmt.Sprintf("<message from='%s' to='thoonk.b.test'><event xmlns='http://jabber.org/protocol/pubsub#event'>%s</event></message>", from, event)
	w := wire{p.world, p.domain}
	_ = w.Send(context.Background(), []byte(text))
}

// A service without a history: messages are taken for what they say, and it is listed when they may not have said all.
func TestPlainService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, b := w.plain("pubsub.a.test"), w.thoonkd("thoonk.b.test")
	b.feed("y", thoonk.Config{})
	p.put("1", "one")
	p.put("2", "two")
	b.follow("y", "pubsub.a.test", "n")
	down := b.up()
	note := func(texts ...string) string {
		s := ""
		for _, text := range texts {
			id, body, _ := strings.Cut(text, ":")
			s += id + "=<note xmlns='urn:x'>" + body + "</note> "
		}
		return s
	}
	b.becomes("y", note("1:one", "2:two"))
	b.synced("y")
	p.says("pubsub.a.test", "<items node='n'><item id='3'><note xmlns='urn:x'>three</note></item></items>")
	b.becomes("y", note("1:one", "2:two", "3:three"))
	p.put("3", "three") // or it would be gone with the next list
	p.says("pubsub.a.test", "<items node='n'><retract id='1'/></items>")
	p.mu.Lock()
	p.drop("1")
	p.mu.Unlock()
	b.becomes("y", note("2:two", "3:three"))
	p.put("4", "four") // told of without its payload
	p.says("pubsub.a.test", "<items node='n'><item id='4'/></items>")
	b.becomes("y", note("2:two", "3:three", "4:four"))

	down()
	p.put("5", "five")
	p.mu.Lock()
	p.drop("2")
	p.mu.Unlock()
	b.up()
	b.becomes("y", note("3:three", "4:four", "5:five"))
	p.mu.Lock()
	p.items = nil
	p.mu.Unlock()
	p.says("pubsub.a.test", "<purge node='n'/>")
	b.becomes("y", "")
}

// Only the very service that was asked, and only about the very node, is listened to.
func TestForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, b := w.plain("pubsub.a.test"), w.thoonkd("thoonk.b.test")
	b.feed("y", thoonk.Config{})
	b.follow("y", "pubsub.a.test", "n")
	b.up()
	b.synced("y")
	const forged = "<items node='n'><item id='evil'><note xmlns='urn:x'>evil</note></item></items>"
	for _, from := range []string{"mallory@a.test", "pubsub.mallory.test", "pubsub.a.test/x", "mallory@pubsub.a.test"} {
		p.says(from, forged)
	}
	p.says("pubsub.a.test", strings.ReplaceAll(forged, "node='n'", "node='other'"))
	p.says("pubsub.a.test", "<items node='n'><item id='good'><note xmlns='urn:x'>good</note></item></items>")
	b.becomes("y", "good=<note xmlns='urn:x'>good</note> ")
}

// A subscription that is gone or about to end is made anew, and ended with the source.
func TestSubscription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, b := w.plain("pubsub.a.test"), w.thoonkd("thoonk.b.test")
	p.lease = time.Hour
	b.feed("y", thoonk.Config{})
	_, _, err := b.store.PutSource(t.Context(), thoonk.Source{
		Name: "from-y", Kind: thoonk.XMPPNode, URL: "xmpp:pubsub.a.test?;node=n", Feed: "y", Min: time.Second, Max: time.Second,
	})
	w.ok(err)
	b.up()
	b.synced("y")
	if s := b.state("y"); s.Node.Expires.IsZero() {
		t.Errorf("%+v", s.Node)
	}
	subscribed := func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		_, ok := p.subs["thoonk.b.test"]
		return ok
	}
	p.mu.Lock()
	clear(p.subs) // the service forgot
	p.mu.Unlock()
	until(t, func() error {
		if !subscribed() {
			return fmt.Errorf("not subscribed")
		}
		return nil
	})
	p.mu.Lock()
	p.subs["thoonk.b.test"] = time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
	p.mu.Unlock()
	until(t, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if ends, _ := time.Parse(time.RFC3339, p.subs["thoonk.b.test"]); time.Until(ends) < 10*time.Minute {
			return fmt.Errorf("it ends at %v", ends)
		}
		return nil
	})
	w.ok(b.store.DeleteSource(t.Context(), "from-y"))
	until(t, func() error {
		if subscribed() {
			return fmt.Errorf("still subscribed")
		}
		return nil
	})
}

// What goes wrong stands on the source; what the feed does not take is counted, and the rest goes on.
func TestTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, b := w.plain("pubsub.a.test"), w.thoonkd("thoonk.b.test")
	b.feed("y", thoonk.Config{Content: thoonk.XML})
	p.refuse = stanza.Err(stanza.Forbidden).WithText("not you")
	b.follow("y", "pubsub.a.test", "n")
	b.up()
	until(t, func() error {
		if s := b.state("y"); s.Status != thoonk.SourceFailing || s.Error != "auth/forbidden: not you" || s.Failures == 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	p.mu.Lock()
	p.refuse = nil
	p.items = []*stanza.Element{item("1", "one"), stanza.New(stanza.NSPubsub, "item").Set("id", "2"), item(strings.Repeat("x", 600), "no id"), item("3", "three"), item("4", strings.Repeat("x", 2000))}
	p.mu.Unlock()
	b.becomes("y", "1=<note xmlns='urn:x'>one</note> 3=<note xmlns='urn:x'>three</note> 4=<note xmlns='urn:x'>"+strings.Repeat("x", 2000)+"</note> ")
	b.synced("y")
	if s := b.state("y"); s.Counts.Refused != 1 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

// Where so many items are too long for an answer, fewer are asked for.
func TestLongItems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, b := w.plain("pubsub.a.test"), w.thoonkd("thoonk.b.test")
	b.feed("y", thoonk.Config{})
	p.most = 3
	p.put("1", "one")
	b.follow("y", "pubsub.a.test", "n")
	b.up()
	b.becomes("y", "1=<note xmlns='urn:x'>one</note> ")
	b.synced("y")
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.asked); n < 4 || p.asked[n-1] != "items" {
		t.Errorf("asked for are %v", p.asked)
	}
}

// More at once than is kept waiting: the node is listed.
func TestFlood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, b := w.plain("pubsub.a.test"), w.thoonkd("thoonk.b.test")
	b.feed("y", thoonk.Config{})
	b.follow("y", "pubsub.a.test", "n")
	b.up()
	b.synced("y")
	for i := range 300 {
		p.put(fmt.Sprint(i), "x")
		p.says("pubsub.a.test", fmt.Sprintf("<items node='n'><item id='%d'><note xmlns='urn:x'>x</note></item></items>", i))
	}
	until(t, func() error {
		if n := strings.Count(b.content("y"), "="); n != 300*2 {
			return fmt.Errorf("%d items", n/2)
		}
		return nil
	})
}
