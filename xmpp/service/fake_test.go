package service_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/xmpp/service"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// subscriptions keeps subscriptions in memory, by the rules of [service.Subscriptions].
type subscriptions struct {
	mu   sync.Mutex
	all  []thoonk.NodeSubscription
	made int
	feed func(context.Context, thoonk.FeedName) (thoonk.Feed, error)
}

func (f *subscriptions) PutNodeSubscription(ctx context.Context, s thoonk.NodeSubscription) (thoonk.NodeSubscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.Node.Literal() {
		if _, err := f.feed(ctx, thoonk.FeedName(s.Node)); err != nil {
			return s, err
		}
	}
	own := 0
	for i, have := range f.all {
		if have.Bare() != s.Bare() {
			continue
		}
		if own++; have.ID == s.ID {
			f.all[i] = s
			return s, nil
		}
	}
	if own >= 5 {
		return s, thoonk.E(thoonk.Limited, "too many")
	}
	if s.ID == "" {
		f.made++
		s.ID = fmt.Sprint("sub", f.made)
	}
	f.all = append(f.all, s)
	slices.SortFunc(f.all, func(a, b thoonk.NodeSubscription) int { return cmp.Compare(a.JID+" "+a.ID, b.JID+" "+b.ID) })
	return s, nil
}

func (f *subscriptions) DeleteNodeSubscription(_ context.Context, s thoonk.NodeSubscription) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.all)
	f.all = slices.DeleteFunc(f.all, func(have thoonk.NodeSubscription) bool {
		return have.Node == s.Node && have.Bare() == s.Bare() && have.ID == s.ID
	})
	if len(f.all) == before {
		return thoonk.E(thoonk.NotFound, "no such subscription")
	}
	return nil
}

func (f *subscriptions) NodeSubscriptionsOf(_ context.Context, bare string, node thoonk.Pattern) ([]thoonk.NodeSubscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []thoonk.NodeSubscription
	for _, s := range f.all {
		if s.Bare() == bare && (node == "" || node == s.Node) {
			found = append(found, s)
		}
	}
	return found, nil
}

func (f *subscriptions) NodeSubscriptionsTo(_ context.Context, node thoonk.Pattern, after string, limit int) ([]thoonk.NodeSubscription, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []thoonk.NodeSubscription
	for _, s := range f.all {
		if s.Node != node || s.JID+" "+s.ID <= after {
			continue
		}
		if len(found) == limit {
			last := found[limit-1]
			return found, last.JID + " " + last.ID, nil
		}
		found = append(found, s)
	}
	return found, "", nil
}

func (f *subscriptions) PendingNodeSubscriptions(_ context.Context, node thoonk.Pattern) (pending []thoonk.NodeSubscription, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.all {
		if s.Node == node && s.Pending {
			pending = append(pending, s)
		}
	}
	return pending, nil
}

func (f *subscriptions) CountNodeSubscriptions(_ context.Context, node thoonk.Pattern) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, s := range f.all {
		if s.Node == node && !s.Pending {
			n++
		}
	}
	return n, nil
}

// sender keeps what is sent.
type sender struct {
	mu   sync.Mutex
	sent []string
}

func (s *sender) Send(_ context.Context, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, string(b))
	return nil
}

func (s *sender) Request(context.Context, jid.JID, string, *stanza.Element) (*stanza.Element, error) {
	return nil, stanza.Err(stanza.ServiceUnavailable)
}

func (s *sender) Domain() jid.JID { return jid.MustParse("thoonk.a.test") }

// take returns what was sent since it was last called.
func (s *sender) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// rosters are those of owners who see and group as a test has it, while the server grants it.
type rosters struct {
	granted atomic.Bool
}

func (r *rosters) Offered() bool { return r.granted.Load() }

// Admits knows alice's roster: bob sees her, and carol is in the group "team".
func (r *rosters) Admits(_ context.Context, node thoonk.Node, owners []string, bare string) (bool, error) {
	if !r.granted.Load() || !slices.Contains(owners, "alice@a.test") {
		return false, nil
	}
	return node.Access == thoonk.Presence && bare == "bob@a.test" ||
		node.Access == thoonk.Roster && bare == "carol@a.test" && slices.Contains(node.Groups(), "team"), nil
}

// hooked is a store in which a test does something between the last look at a node and the write.
type hooked struct {
	*store.Store
	before func() // is called once
}

func (h *hooked) meanwhile() {
	if before := h.before; before != nil {
		h.before = nil
		before()
	}
}

func (h *hooked) Publish(ctx context.Context, p thoonk.PublishItem) (thoonk.Published, error) {
	h.meanwhile()
	return h.Store.Publish(ctx, p)
}

func (h *hooked) SubmitJobs(ctx context.Context, sub thoonk.SubmitJobs) ([]thoonk.Submitted, error) {
	h.meanwhile()
	return h.Store.SubmitJobs(ctx, sub)
}

// fixture is a service on a real store. The principals are: admin, who may everything; alice, who may create and work on what
// begins with her name or with "q"; bob, carol and dave, who have no grants but one to submit jobs for bob and one to read
// for carol.
type fixture struct {
	*testing.T
	*service.Service
	store  *hooked
	redis  *thoonktest.RedisServer
	subs   *subscriptions
	sender *sender
	known  *rosters
	last   []string // subscriptions that were sent the last item
	ids    int
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	redis := thoonktest.Redis(t)
	opened, err := store.Open(store.Options{URL: redis.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	st := &hooked{Store: opened}
	f := &fixture{T: t, store: st, redis: redis, subs: &subscriptions{feed: st.Feed}, sender: &sender{}, known: &rosters{}}
	f.Service = service.New(service.Options{
		Store: st, Subscriptions: f.subs, Jobs: st, Sender: f.sender, Rosters: f.known, Version: "1.2", Host: "feeds.test",
		Last: func(_ context.Context, s thoonk.NodeSubscription) { f.last = append(f.last, s.JID+" "+s.ID) },
		Now:  func() time.Time { return time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC) },
		JIDs: auth.JIDs{
			"admin@a.test": {{Match: "*", Can: []auth.Verb{auth.Admin}}},
			"alice@a.test": {
				{Match: "alice*", Can: []auth.Verb{auth.Configure, auth.Publish, auth.Read}},
				{Match: "q*", Can: []auth.Verb{auth.Configure, auth.Work, auth.Read}},
			},
			"bob@a.test":   {{Match: "q*", Can: []auth.Verb{auth.Submit}}},
			"carol@a.test": {{Match: "team:*", Can: []auth.Verb{auth.Read}}},
		},
	})
	return f
}

// iq sends a request as name@a.test/x and returns the whole answer.
func (f *fixture) iq(name, kind, payload string) string {
	f.Helper()
	f.ids++
	e, err := stanza.Parse(fmt.Appendf(nil, `<iq type='%s' id='%d' from='%s@a.test/x' to='thoonk.a.test'>%s</iq>`, kind, f.ids, name, payload))
	if err != nil {
		f.Fatalf("%s: %v", payload, err)
	}
	s, err := stanza.ParseStanza(e)
	if err != nil {
		f.Fatal(err)
	}
	q, err := stanza.ParseIQ(s)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := f.IQ(f.Context(), q)
	if err != nil {
		return string(stanza.AppendError(nil, e, stanza.FromError(err)))
	}
	q.Replied(f.Context())
	return string(stanza.AppendResult(nil, e, answer))
}

// message sends a message as name@a.test/x.
func (f *fixture) message(name, payload string) {
	f.Helper()
	e, err := stanza.Parse(fmt.Appendf(nil, `<message id='m' from='%s@a.test/x' to='thoonk.a.test'>%s</message>`, name, payload))
	if err != nil {
		f.Fatalf("%s: %v", payload, err)
	}
	s, err := stanza.ParseStanza(e)
	if err != nil {
		f.Fatal(err)
	}
	f.Message(f.Context(), &s)
}
