package xmpp_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/xmpp"
	"github.com/thoonkd/thoonkd/xmpp/notify"
)

type streams struct{ broker *stream.Broker }

func (s streams) FollowMany(ctx context.Context, o stream.ManyOptions) (notify.Follower, error) {
	return s.broker.FollowMany(ctx, o)
}

// fixture is a component on a server of which there is only the port for components.
type fixture struct {
	*testing.T
	store  *store.Store
	redis  *thoonktest.RedisServer
	server *thoonktest.FakeXMPP
	link   *thoonktest.FakeLink
	stop   func()
	grace  time.Duration
}

func newFixture(t *testing.T, o store.Options, grace time.Duration) *fixture {
	t.Helper()
	f := &fixture{T: t, redis: thoonktest.Redis(t), server: thoonktest.NewFakeXMPP(t, "s3cret"), grace: grace}
	o.URL = f.redis.URL()
	var err error
	if f.store, err = store.Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.store.Close() })
	f.feed("n", thoonk.Config{Content: thoonk.Text})
	f.attach()
	return f
}

// attach runs a component until stop.
func (f *fixture) attach() {
	f.Helper()
	broker := stream.NewBroker(f.store, slog.New(slog.DiscardHandler))
	c, err := xmpp.New(xmpp.Options{
		Addr: f.server.Addr(), Domain: "thoonk.a.test", Secret: "s3cret", Store: f.store, Streams: streams{broker}, BounceGrace: f.grace,
		JIDs: auth.JIDs{"reader@a.test": {{Match: "*", Can: []auth.Verb{auth.Read}}}},
	})
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(f.Context())
	var running sync.WaitGroup
	running.Go(func() { broker.Run(ctx) })
	running.Go(func() { c.Run(ctx) })
	f.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	f.Cleanup(f.stop)
	f.link = f.server.Attached()
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) feed(name thoonk.FeedName, c thoonk.Config) {
	f.Helper()
	_, _, err := f.store.PutFeed(f.Context(), thoonk.PutFeed{Name: name, Config: c})
	f.ok(err)
}

func (f *fixture) publish(feed thoonk.FeedName, id thoonk.ItemID, text string) {
	f.Helper()
	_, err := f.store.Publish(f.Context(), thoonk.PublishItem{Feed: feed, ID: id, Form: thoonk.FormText, Body: []byte(text)})
	f.ok(err)
}

// subscribe has a JID subscribe over the link, with some options in a form.
func (f *fixture) subscribe(node, jid, options string) {
	f.Helper()
	bare, _, _ := strings.Cut(jid, "/")
	if options != "" {
		options = "<options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#subscribe_options</value></field>" + options + "</x></options>"
	}
	f.link.Send(fmt.Sprintf("<iq type='set' id='s' from='%s/r' to='thoonk.a.test'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='%s' jid='%s'/>%s</pubsub></iq>", bare, node, jid, options))
	if got := f.next(); !strings.Contains(got, "type='result' id='s'") {
		f.Fatal(got)
	}
}

func (f *fixture) open(node thoonk.FeedName) {
	f.Helper()
	f.feed(node, thoonk.Config{Content: thoonk.Text, Node: thoonk.Node{Access: thoonk.Open, NoLast: true}})
}

// next returns the next stanza that is no ping; pings are sent back.
func (f *fixture) next() string {
	f.Helper()
	for {
		if s := f.link.Next(); !f.link.Pong(s) {
			return s
		}
	}
}

func (f *fixture) want(parts ...string) string {
	f.Helper()
	got := f.next()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			f.Fatalf("got %s, want %s", got, part)
		}
	}
	return got
}

func (f *fixture) without(s, part string) {
	f.Helper()
	if strings.Contains(s, part) {
		f.Fatalf("%s has %s", s, part)
	}
}

// flag is a field of a form.
func flag(name, value string) string {
	return "<field var='pubsub#" + name + "'><value>" + value + "</value></field>"
}

// Each JID gets one message, which names its subscriptions if there are several.
func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, store.Options{}, 0)
	f.open("n")
	f.subscribe("n", "a@a.test", "")
	f.subscribe("n", "b@a.test", "")
	f.subscribe("n", "b@a.test", flag("include_body", "1"))
	f.subscribe("n", "c@a.test", flag("deliver", "0"))
	f.subscribe("n", "d@a.test/phone", "")
	f.subscribe("n", "e@a.test", flag("expire", time.Now().Add(2*time.Second).UTC().Format(time.RFC3339)))
	f.subscribe("n", "f@a.test", "")
	f.subscribe("*", "reader@a.test", "")
	f.ok(f.store.Affiliate(f.Context(), thoonk.Affiliate{Feed: "n", Changes: []thoonk.Affiliated{{JID: "f@a.test", Affiliation: thoonk.Outcast}}}))
	thoonktest.Eventually(t, "the lease is over", func() bool {
		own, err := f.store.NodeSubscriptionsOf(t.Context(), "e@a.test", "n")
		return err == nil && len(own) == 0
	})
	f.publish("n", "1", "hello & <goodbye>")
	a := f.want("to='a@a.test'", "<text xmlns='urn:thoonk:feed:0'>hello &amp; &lt;goodbye&gt;</text>", "type='headline'", "<stanza-id ")
	f.without(a, "<headers")
	f.without(a, "<body>")
	if b := f.want("to='b@a.test'", "<body>n: hello &amp; "); strings.Count(b, "<header name='SubID'>") != 2 {
		t.Error(b)
	}
	f.want("to='d@a.test/phone'")
	f.want("to='reader@a.test'", "<header name='Collection'>*</header>", "<header name='SubID'>")
	f.publish("n", "2", "x")
	f.want("to='a@a.test'", "id='2'")
}

// What the server has not acknowledged is told again; what it has is not.
func TestUnacknowledged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, store.Options{}, 0)
	f.open("n")
	f.subscribe("n", "a@a.test", "")
	f.publish("n", "1", "x")
	f.want("id='1'")
	place := f.redis.Client().Get(t.Context(), "thoonk.linkplace:thoonk.a.test").Val()
	thoonktest.Eventually(t, "it is acknowledged", func() bool {
		select {
		case s := <-f.link.Stanzas():
			f.link.Pong(s)
		default:
		}
		return f.redis.Client().Get(t.Context(), "thoonk.linkplace:thoonk.a.test").Val() != place
	})
	f.publish("n", "2", "x")
	f.want("id='2'")
	f.link.Close() // without a pong
	f.link = f.server.Attached()
	f.want("id='2'")
}

func TestPurgeAndEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t, store.Options{}, 0)
	f.open("n")
	for i := range 30 {
		f.publish("n", thoonk.ItemID(fmt.Sprint(i)), "x")
	}
	f.subscribe("n", "a@a.test", "")
	f.ok(f.store.Purge(t.Context(), thoonk.PurgeFeed{Name: "n"}))
	f.want("<purge node='n'/>")
	f.ok(f.store.DeleteFeed(t.Context(), thoonk.DeleteFeed{Name: "n"}))
	f.want("<delete node='n'/>")
	thoonktest.Eventually(t, "nobody is subscribed", func() bool {
		nodes, err := f.store.SubscribedNodes(t.Context())
		return err == nil && len(nodes) == 0
	})
}

// A server closes the link on stanzas that are too long for it.
func TestLongBody(t *testing.T) {
	t.Parallel()
	f := newFixture(t, store.Options{}, 0)
	f.open("n")
	f.subscribe("n", "a@a.test", "")
	f.publish("n", "1", strings.Repeat("<", 300_000))
	f.without(f.want("<item id='1'/>"), "&lt;")
}

// Where the log does not reach back, the histories tell; where they do not either, that is said.
func TestReset(t *testing.T) {
	t.Parallel()
	f := newFixture(t, store.Options{LogEntries: 100}, 0)
	f.open("n")
	f.feed("short", thoonk.Config{Content: thoonk.Text, History: thoonk.HistoryBounds{Count: 10}, Node: thoonk.Node{Access: thoonk.Open, NoLast: true}})
	f.subscribe("n", "a@a.test", "")
	f.subscribe("short", "b@a.test", "")
	f.publish("n", "seen", "x")
	f.want("id='seen'")
	f.publish("n", "also seen", "x")
	f.want("id='also seen'")
	f.stop()
	for i := range 400 {
		f.publish("n", thoonk.ItemID(fmt.Sprint(i)), "x")
	}
	for i := range 50 {
		f.publish("short", thoonk.ItemID(fmt.Sprint(i)), "x")
	}
	f.attach()
	got := map[string]int{}
	told := 0
	for got["b@a.test 49"] == 0 || got["a@a.test 399"] == 0 {
		s := f.next()
		to := between(s, " to='", "'")
		if strings.Contains(s, "<reset xmlns='urn:thoonk:feed:0'/>") {
			got[to+" reset"]++
			continue
		}
		told++
		got[to+" "+between(s, "<item id='", "'")]++
	}
	if got["b@a.test reset"] != 1 || got["a@a.test reset"] != 0 || got["a@a.test seen"] != 0 || got["a@a.test 0"] != 1 || told < 400 {
		t.Errorf("%d were told: %v", told, got)
	}
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

// Whoever nothing arrives at for the time of grace is forgotten, and whoever shows a sign of life is not.
func TestBounces(t *testing.T) {
	t.Parallel()
	const bounce = "<message type='error' from='%s' to='thoonk.a.test' id='n1'><error type='cancel'><%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
	f := newFixture(t, store.Options{}, 100*time.Millisecond)
	f.open("n")
	for _, jid := range []string{"dead@a.test", "alive@a.test", "busy@a.test"} {
		f.subscribe("n", jid, "")
		f.link.Send(fmt.Sprintf(bounce, jid, map[bool]string{true: "resource-constraint", false: "item-not-found"}[jid == "busy@a.test"]))
	}
	bouncing := func(want int) {
		t.Helper()
		thoonktest.Eventually(t, fmt.Sprintf("%d bounce", want), func() bool {
			all, err := f.store.Bouncing(t.Context())
			return err == nil && len(all) == want
		})
	}
	bouncing(2)
	f.link.Send("<presence from='alive@a.test/r' to='thoonk.a.test'/>")
	bouncing(1)
	since, err := f.store.Bounced(t.Context(), "dead@a.test", time.Now())
	f.ok(err)
	thoonktest.Eventually(t, "the grace is over", func() bool { return time.Since(since) > f.grace })
	for _, jid := range []string{"dead@a.test", "busy@a.test"} {
		f.link.Send(fmt.Sprintf(bounce, jid, map[bool]string{true: "resource-constraint", false: "item-not-found"}[jid == "busy@a.test"]))
	}
	bouncing(0)
	f.publish("n", "1", "x")
	f.want("to='alive@a.test'")
	f.want("to='busy@a.test'")
	if own, err := f.store.NodeSubscriptionsOf(t.Context(), "dead@a.test", ""); err != nil || len(own) != 0 {
		t.Error(own, err)
	}
}

// A subscription to a pattern needs its grant for as long as it is there.
func TestGrantTakenAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t, store.Options{}, 0)
	f.open("n")
	f.stop()
	for _, jid := range []string{"lost@a.test", "reader@a.test"} {
		_, err := f.store.PutNodeSubscription(t.Context(), thoonk.NodeSubscription{Node: "n*", JID: jid, Domain: "thoonk.a.test"})
		f.ok(err)
	}
	_, err := f.store.PutNodeSubscription(t.Context(), thoonk.NodeSubscription{Node: "n", JID: "another@a.test", Domain: "other.a.test"})
	f.ok(err)
	f.attach()
	f.publish("n", "1", "x")
	f.want("to='reader@a.test'", "id='1'")
	f.publish("n", "2", "x")
	f.want("to='reader@a.test'", "id='2'")
}

// A server may say some time after the session began that rosters may be read: until then it is asked, and nothing is withheld
// that was published while the component was away.
func TestGrantComesLate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, store.Options{}, 0)
	_, _, err := f.store.PutFeed(t.Context(), thoonk.PutFeed{Name: "diary", Owner: "owner@a.test", Config: thoonk.Config{Content: thoonk.Text, Node: thoonk.Node{Access: thoonk.Presence}}})
	f.ok(err)
	f.open("n")
	for jid, node := range map[string]thoonk.Pattern{"friend@a.test": "diary", "stranger@a.test": "diary", "friend@a.test/phone": "n"} {
		_, err := f.store.PutNodeSubscription(t.Context(), thoonk.NodeSubscription{Node: node, JID: jid, Domain: "thoonk.a.test"})
		f.ok(err)
	}
	f.stop()
	f.publish("diary", "1", "x")
	f.attach()
	id := between(f.want("type='get'", "to='owner@a.test'", "jabber:iq:roster"), " id='", "'")
	f.link.Send("<iq type='result' id='" + id + "' from='owner@a.test' to='thoonk.a.test'><query xmlns='jabber:iq:roster'><item jid='friend@a.test' subscription='from'/></query></iq>")
	f.want("to='friend@a.test'", "id='1'")
	f.publish("diary", "2", "x")
	f.want("to='friend@a.test'", "id='2'")
	f.link.Send("<message from='a.test' to='thoonk.a.test'><privilege xmlns='urn:xmpp:privilege:2'/></message><iq type='get' id='p' from='x@a.test/r' to='thoonk.a.test'><ping xmlns='urn:xmpp:ping'/></iq>")
	f.want("id='p'")
	f.publish("diary", "3", "x") // for nobody
	f.publish("n", "4", "x")
	f.want("to='friend@a.test/phone'", "node='n'", "id='4'")
}
