package mirror_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/mam"
	"github.com/thoonkd/thoonkd/xmpp/mirror"
	"github.com/thoonkd/thoonkd/xmpp/service"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// world is a network of services without servers: what one sends the other has at once.
type world struct {
	*testing.T
	mu       sync.Mutex
	entities map[string]entity
}

// entity is who has an address.
type entity interface {
	iq(context.Context, *stanza.IQ) (*stanza.Element, error)
	message(context.Context, *stanza.Stanza)
}

func newWorld(t *testing.T) *world {
	return &world{T: t, entities: make(map[string]entity)}
}

func (w *world) at(domain string) entity {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.entities[domain]
}

func (w *world) settle(domain string, e entity) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entities[domain] = e
}

// wire is the link of one address.
type wire struct {
	w      *world
	domain jid.JID
}

func (l wire) Domain() jid.JID { return l.domain }

func (l wire) Request(ctx context.Context, to jid.JID, kind string, payload *stanza.Element) (*stanza.Element, error) {
	e := stanza.New(stanza.NSClient, stanza.KindIQ).Set("type", kind).Set("id", "1").Set("from", l.domain.String()).Set("to", to.String()).Add(payload)
	s, err := stanza.ParseStanza(reparsed(e))
	if err != nil {
		return nil, err
	}
	q, err := stanza.ParseIQ(s)
	if err != nil {
		return nil, err
	}
	other := l.w.at(to.String())
	if other == nil {
		return nil, stanza.Err(stanza.RemoteServerNotFound)
	}
	answer, err := other.iq(ctx, q)
	if err != nil {
		return nil, stanza.FromError(err)
	}
	return reparsed(answer), nil
}

func (l wire) Send(ctx context.Context, stanzas []byte) error {
	all, err := stanza.Parse(append(append([]byte("<all>"), stanzas...), "</all>"...))
	if err != nil {
		l.w.Errorf("%s sends %q: %v", l.domain, stanzas, err)
		return nil
	}
	for e := range all.Children() {
		s, err := stanza.ParseStanza(e)
		if err != nil {
			l.w.Errorf("%s sends %s: %v", l.domain, e, err)
			continue
		}
		if other := l.w.at(s.To.Domain().String()); other != nil {
			other.message(ctx, &s)
		}
	}
	return nil
}

// reparsed is an element as it comes out of a stream.
func reparsed(e *stanza.Element) *stanza.Element {
	if e == nil {
		return nil
	}
	again, err := stanza.Parse([]byte(e.String()))
	if err != nil {
		panic(err)
	}
	return again
}

// thoonkd is a service of ours with its own Redis.
type thoonkd struct {
	*world
	domain  string
	store   *store.Store
	service *service.Service
	archive *mam.Archive
	mirrors *mirror.Mirrors
	sender  wire

	mu   sync.Mutex
	told map[thoonk.FeedName]thoonk.Revision
	deaf bool // notifications are lost
}

func (w *world) thoonkd(domain string) *thoonkd {
	w.Helper()
	st, err := store.Open(store.Options{URL: thoonktest.Redis(w.T).URL()})
	w.ok(err)
	w.Cleanup(func() { _ = st.Close() })
	n := &thoonkd{world: w, domain: domain, store: st, sender: wire{w, jid.MustParse(domain)}, told: make(map[thoonk.FeedName]thoonk.Revision)}
	n.service = service.New(service.Options{Store: st, Subscriptions: st, Jobs: st, Sender: n.sender, MAM: true, JIDs: auth.JIDs{}})
	n.archive = mam.New(mam.Options{Store: st, Reader: n.service.Replayer, Sender: n.sender})
	n.mirrors = mirror.New(mirror.Options{Store: st, Sender: n.sender, First: true, Own: func(s string) bool { return s == domain }})
	w.settle(domain, n)
	return n
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// up runs the mirrors; the function that it returns ends them and waits for that.
func (n *thoonkd) up() (down func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { n.mirrors.Run(ctx) })
	var once sync.Once
	down = func() {
		once.Do(func() {
			cancel()
			running.Wait()
		})
	}
	n.Cleanup(down)
	return down
}

func (n *thoonkd) iq(ctx context.Context, q *stanza.IQ) (*stanza.Element, error) {
	if mam.Handles(q) {
		return n.archive.IQ(ctx, q)
	}
	return n.service.IQ(ctx, q)
}

func (n *thoonkd) message(ctx context.Context, s *stanza.Stanza) {
	n.mu.Lock()
	deaf := n.deaf
	n.mu.Unlock()
	if deaf && s.Child(mam.NS, "result") == nil {
		return
	}
	if !n.mirrors.Message(s) {
		n.service.Message(ctx, s)
	}
}

func (n *thoonkd) feed(name thoonk.FeedName, c thoonk.Config) {
	n.Helper()
	c.Node.Access = thoonk.Open
	_, _, err := n.store.PutFeed(n.Context(), thoonk.PutFeed{Name: name, Config: c})
	n.ok(err)
}

func (n *thoonkd) publish(feed thoonk.FeedName, id thoonk.ItemID, body string, at ...thoonk.Position) {
	n.Helper()
	p := thoonk.PublishItem{Feed: feed, ID: id, Form: thoonk.FormText, Body: []byte(body)}
	if len(at) > 0 {
		p.Position = at[0]
	}
	_, err := n.store.Publish(n.Context(), p)
	n.ok(err)
	n.notify(feed)
}

func (n *thoonkd) retract(feed thoonk.FeedName, id thoonk.ItemID) {
	n.Helper()
	n.ok(n.store.Retract(n.Context(), thoonk.RetractItem{Feed: feed, ID: id}))
	n.notify(feed)
}

// notify tells subscribers what happened since it was last called.
func (n *thoonkd) notify(feed thoonk.FeedName) {
	n.mu.Lock()
	defer n.mu.Unlock()
	page, err := n.store.Archive(context.Background(), thoonk.ArchiveQuery{Feed: feed, After: n.told[feed], Limit: 1000})
	n.ok(err)
	subs, _, err := n.store.NodeSubscriptionsTo(context.Background(), thoonk.Pattern(feed), "", 100)
	n.ok(err)
	for _, ev := range page.Changes {
		n.told[feed] = ev.Revision
		p := event.Encode(syndication.Source{}, ev, true)
		for _, sub := range subs {
			m := stanza.New(stanza.NSClient, stanza.KindMessage).Set("from", n.domain).Set("to", sub.JID).
				Add(p.Event, p.Position, event.Headers(event.HeaderOrigin, p.Origin), event.ArchiveID(n.domain, ev.Revision))
			_ = n.sender.Send(context.Background(), m.AppendXML(nil, stanza.NSClient))
		}
	}
}

// follow has a feed follow a node.
func (n *thoonkd) follow(feed thoonk.FeedName, service, node string) {
	n.Helper()
	_, _, err := n.store.PutSource(n.Context(), thoonk.Source{Name: "from-" + feed, Kind: thoonk.XMPPNode, URL: thoonk.NodeURL(service, node), Feed: feed})
	n.ok(err)
}

func (n *thoonkd) state(feed thoonk.FeedName) thoonk.SourceState {
	_, state, err := n.store.Source(context.Background(), "from-"+feed)
	n.ok(err)
	return state
}

// content returns the items of a feed, in its order.
func (n *thoonkd) content(feed thoonk.FeedName) string {
	page, err := n.store.Items(context.Background(), thoonk.ItemQuery{Feed: feed, Limit: 1000})
	n.ok(err)
	s := ""
	for _, item := range page.Items {
		s += fmt.Sprintf("%s=%s ", item.ID, item.Body)
	}
	return s
}

func (n *thoonkd) changes(feed thoonk.FeedName) []thoonk.Event {
	page, err := n.store.Archive(context.Background(), thoonk.ArchiveQuery{Feed: feed, Limit: 10_000})
	n.ok(err)
	return page.Changes
}

// becomes waits until a feed has these items.
func (n *thoonkd) becomes(feed thoonk.FeedName, want string) {
	n.Helper()
	until(n.T, func() error {
		if got := n.content(feed); got != want {
			return fmt.Errorf("%s of %s has %q, want %q; the source is %+v", feed, n.domain, got, want, n.state(feed))
		}
		return nil
	})
}

// synced waits until a source works.
func (n *thoonkd) synced(feed thoonk.FeedName) {
	n.Helper()
	until(n.T, func() error {
		if s := n.state(feed); s.Status != thoonk.SourceOK {
			return fmt.Errorf("the source is %+v", s)
		}
		return nil
	})
}

// until waits until cond has nothing to complain of.
func until(t testing.TB, cond func() error) {
	t.Helper()
	var last error
	defer func() {
		if last != nil {
			t.Log(last)
		}
	}()
	thoonktest.Eventually(t, "see the next line", func() bool {
		last = cond()
		return last == nil
	})
}
