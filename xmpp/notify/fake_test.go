package notify_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/notify"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

const domain = "thoonk.a.test"

// fake is all that a notifier works with, in memory: what is kept, the log, and the link.
type fake struct {
	t *testing.T

	mu           sync.Mutex
	place, end   thoonk.Revision
	kept         []thoonk.Revision // places, in their order
	away         bool              // what is kept cannot be reached
	slow         bool              // a subscription that is made cannot be read yet
	subs         []thoonk.NodeSubscription
	feeds        map[thoonk.FeedName]thoonk.Feed
	affiliations map[thoonk.FeedName][]thoonk.Affiliated
	items        map[thoonk.FeedName][]thoonk.Item
	histories    map[thoonk.FeedName][]thoonk.Event
	bouncing     map[string]time.Time

	steps   chan logStep
	broken  bool            // the log cannot be read
	taken   int             // steps
	at      thoonk.Revision // place of the follower
	allowed func(thoonk.FeedName) bool

	sent    []string      // stanzas
	pieces  []int         // their bytes, as they were handed to the link
	stuck   chan struct{} // while it is there and open the link takes nothing
	pings   int
	unheard bool // pings are not answered
	most    int
}

type logStep struct {
	stream.Step
	place thoonk.Revision
	err   error
}

func newFake(t *testing.T) *fake {
	return &fake{
		t: t, feeds: map[thoonk.FeedName]thoonk.Feed{}, affiliations: map[thoonk.FeedName][]thoonk.Affiliated{}, items: map[thoonk.FeedName][]thoonk.Item{},
		histories: map[thoonk.FeedName][]thoonk.Event{}, bouncing: map[string]time.Time{}, steps: make(chan logStep, 100), most: 480 << 10, place: rev(0),
	}
}

// rev is a revision, or a place, of the n-th second of the test.
func rev(n int) thoonk.Revision {
	return thoonk.Revision{Number: uint64(n), Stamp: uint64(start.Add(time.Duration(n) * time.Second).UnixMicro())}
}

// start is when time begins in a bubble.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (f *fake) reach() error {
	if f.away {
		return thoonk.E(thoonk.Unavailable, "away")
	}
	return nil
}

func (f *fake) LinkPlace(context.Context, string) (thoonk.Revision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.place, f.reach()
}

func (f *fake) SetLinkPlace(_ context.Context, fence thoonk.Fence, of string, place thoonk.Revision) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fence != aFence || of != domain {
		f.t.Errorf("the place of %s is kept with %v", of, fence)
	}
	if err := f.reach(); err != nil {
		return err
	}
	f.place = place
	f.kept = append(f.kept, place)
	return nil
}

func (f *fake) LogEnd(context.Context) (thoonk.Revision, error) { return f.end, nil }

func (f *fake) SubscribedNodes(context.Context) (nodes []thoonk.Pattern, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.subs {
		nodes = append(nodes, s.Node)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes), nil
}

func (f *fake) NodeSubscribers(_ context.Context, node thoonk.Pattern, after string, limit int) (page []thoonk.NodeSubscription, next string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.subs {
		if place := s.JID + " " + s.ID; s.Node == node && place > after {
			if len(page) == limit {
				return page, next, nil
			}
			page, next = append(page, s), place
		}
	}
	return page, "", nil
}

func (f *fake) NodeSubscriptionsOf(_ context.Context, bare string, node thoonk.Pattern) (own []thoonk.NodeSubscription, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.subs {
		if s.Bare() == bare && (node == "" || node == s.Node) {
			own = append(own, s)
		}
	}
	return own, nil
}

func (f *fake) PutNodeSubscription(_ context.Context, s thoonk.NodeSubscription) (thoonk.NodeSubscription, error) {
	if !f.slow {
		f.subscribe(s)
	}
	return s, nil
}

func (f *fake) DeleteNodeSubscriptions(_ context.Context, over []thoonk.NodeSubscription) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs = slices.DeleteFunc(f.subs, func(s thoonk.NodeSubscription) bool { return slices.Contains(over, s) })
	return nil
}

func (f *fake) EndedNodeSubscriptions(_ context.Context, now time.Time, limit int) (over []thoonk.NodeSubscription, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.subs {
		if !s.Expires.IsZero() && !s.Expires.After(now) && len(over) < limit {
			over = append(over, s)
		}
	}
	return over, nil
}

func (f *fake) Bounced(_ context.Context, bare string, now time.Time) (time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.bouncing[bare]; !known {
		f.bouncing[bare] = now
	}
	return f.bouncing[bare], nil
}

func (f *fake) Bouncing(context.Context) (all []string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for bare := range f.bouncing {
		all = append(all, bare)
	}
	return all, nil
}

func (f *fake) Arrived(_ context.Context, bare string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.bouncing, bare)
	return nil
}

func (f *fake) Feed(_ context.Context, name thoonk.FeedName) (thoonk.Feed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	feed, ok := f.feeds[name]
	if !ok {
		return feed, thoonk.E(thoonk.NotFound, "no feed")
	}
	return feed, f.reach()
}

func (f *fake) Feeds(_ context.Context, q thoonk.FeedQuery) (found []thoonk.Feed, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, feed := range f.feeds {
		if q.Match.Match(name) && name > q.After {
			found = append(found, feed)
		}
	}
	slices.SortFunc(found, func(a, b thoonk.Feed) int { return cmp.Compare(a.Name, b.Name) })
	return found[:min(len(found), q.Limit)], nil
}

func (f *fake) Affiliations(_ context.Context, name thoonk.FeedName) ([]thoonk.Affiliated, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.affiliations[name], nil
}

func (f *fake) Items(_ context.Context, q thoonk.ItemQuery) (page thoonk.ItemPage, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.items[q.Feed]
	if q.Order != thoonk.Backward || q.Limit != 1 {
		f.t.Errorf("items are asked for by %+v", q)
	}
	if len(all) > 0 {
		page.Items = all[len(all)-1:]
	}
	page.Content = f.feeds[q.Feed].Config.Content
	return page, nil
}

func (f *fake) Changes(_ context.Context, q thoonk.ChangeQuery) (page thoonk.ChangePage, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ev := range f.histories[q.Feed] {
		if (q.After.IsZero() || ev.Revision.Number > q.After.Number) && len(page.Changes) < q.Limit {
			page.Changes = append(page.Changes, ev)
		}
	}
	return page, nil
}

func (f *fake) FollowMany(_ context.Context, o stream.ManyOptions) (notify.Follower, error) {
	if o.Since != f.place || !slices.Equal(o.Match, []thoonk.Pattern{"*"}) {
		f.t.Errorf("followed is %+v, and the place is %v", o, f.place)
	}
	f.at, f.allowed = o.Since, o.Allow
	return f, nil
}

func (f *fake) Next(ctx context.Context) (stream.Step, error) {
	f.mu.Lock()
	broken := f.broken
	f.mu.Unlock()
	if broken {
		return stream.Step{}, thoonk.E(thoonk.Unavailable, "away")
	}
	select {
	case s := <-f.steps:
		f.mu.Lock()
		defer f.mu.Unlock()
		f.taken++
		if !s.place.IsZero() {
			f.at = s.place
		}
		return s.Step, s.err
	case <-ctx.Done():
		return stream.Step{}, ctx.Err()
	}
}

func (f *fake) Place() thoonk.Revision {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

func (f *fake) Close() {}

func (f *fake) Domain() jid.JID { return jid.MustParse(domain) }

func (f *fake) MaxSend() int { return f.most }

func (f *fake) Send(ctx context.Context, b []byte) error {
	f.mu.Lock()
	stuck := f.stuck
	f.mu.Unlock()
	if stuck != nil {
		select {
		case <-stuck:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pieces = append(f.pieces, len(b))
	for rest := string(b); rest != ""; {
		one, more, found := strings.Cut(rest, "</message>")
		if _, err := stanza.Parse([]byte(one + "</message>")); err != nil || !found {
			f.t.Errorf("%q is sent: %v", rest, err)
			return nil
		}
		f.sent = append(f.sent, one+"</message>")
		rest = more
	}
	return nil
}

func (f *fake) Request(context.Context, jid.JID, string, *stanza.Element) (*stanza.Element, error) {
	return nil, errors.New("nothing is asked for")
}

func (f *fake) Ping(ctx context.Context) error {
	f.mu.Lock()
	f.pings++
	unheard := f.unheard
	f.mu.Unlock()
	if unheard {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return nil
}

// subscribe adds a subscription; one that says nothing else is to node "n", of this component, and older than all.
func (f *fake) subscribe(all ...thoonk.NodeSubscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range all {
		s.Node, s.Domain, s.ID = cmp.Or(s.Node, "n"), cmp.Or(s.Domain, domain), cmp.Or(s.ID, fmt.Sprint("s", len(f.subs)))
		if s.Created.IsZero() {
			s.Created = start.Add(-time.Hour)
		}
		f.subs = append(f.subs, s)
	}
	slices.SortStableFunc(f.subs, func(a, b thoonk.NodeSubscription) int { return cmp.Compare(a.JID+" "+a.ID, b.JID+" "+b.ID) })
}

// feed makes a feed, of texts.
func (f *fake) feed(name thoonk.FeedName, node thoonk.Node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.feeds[name] = thoonk.Feed{Name: name, Created: start.Add(-time.Hour), Config: thoonk.Config{Type: thoonk.TypeFeed, Content: thoonk.Text, Node: node}}
}

// event is a change of node "n" in the n-th second.
func event(n int, kind thoonk.EventKind, id string) thoonk.Event {
	ev := thoonk.Event{Feed: "n", Revision: rev(n), Kind: kind, ItemID: thoonk.ItemID(id)}
	if ev.HasBody() {
		ev.Body, ev.Content = []byte("body of "+id), thoonk.Text
		ev.BodySize = len(ev.Body)
	}
	return ev
}

func of(feed thoonk.FeedName, ev thoonk.Event) thoonk.Event {
	ev.Feed = feed
	return ev
}

// log puts changes into the log, in one step, after which the place is the last one's.
func (f *fake) log(events ...thoonk.Event) {
	step := logStep{Step: stream.Step{Kind: stream.Changes}}
	for _, ev := range events {
		step.Changes = append(step.Changes, &stream.Change{Event: ev})
		step.place = ev.Revision
	}
	f.steps <- step
}

// told returns what was sent since it was last called: for each message to whom and what.
func (f *fake) told() []string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	var told []string
	for _, m := range f.sent {
		what := whatIs.FindString(m)
		if strings.Contains(m, "<reset ") {
			what = "reset"
		}
		what = strings.TrimSpace(strings.NewReplacer("<", "", "/>", "", ">", "", "'", "").Replace(whichNode.ReplaceAllString(what, "")))
		if node := whichNode.FindStringSubmatch(m)[1]; node != "n" {
			what += " of " + node
		}
		told = append(told, toWhom.FindStringSubmatch(m)[1]+" "+what)
	}
	f.sent = nil
	return told
}

var (
	toWhom    = regexp.MustCompile(` to='([^']*)'`)
	whichNode = regexp.MustCompile(` node='([^']*)'`)
	whatIs    = regexp.MustCompile(`<(item|retract|purge|delete|configuration) [^>]*>`)
)

func (f *fake) want(what string, want ...string) {
	f.t.Helper()
	if got := f.told(); !slices.Equal(got, want) {
		f.t.Errorf("%s: told are %q, want %q", what, got, want)
	}
}

// places returns the places that were kept since it was last called.
func (f *fake) places() (kept []thoonk.Revision) {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	kept, f.kept = f.kept, nil
	return kept
}

var aFence = thoonk.Fence{Lease: "xmpp:" + domain, Token: "7"}

// run runs a notifier in a bubble of its own time until the test is over.
func run(t *testing.T, prepare func(*fake, *notify.Options), test func(*fake, *notify.Notifier)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.feed("n", thoonk.Node{Access: thoonk.Open})
		o := notify.Options{Store: f, Streams: f, Link: f, JIDs: auth.JIDs{"reader@a.test": {{Match: "*", Can: []auth.Verb{auth.Read}}}}}
		if prepare != nil {
			prepare(f, &o)
		}
		n := notify.New(o)
		ended := f.start(n)
		defer func() {
			if err := ended(); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}()
		test(f, n)
	})
}

// start runs a notifier; what it returns ends it and returns why it did.
func (f *fake) start(n *notify.Notifier) (ended func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, aFence) }()
	synctest.Wait()
	return func() error {
		synctest.Wait()
		cancel()
		return <-done
	}
}
