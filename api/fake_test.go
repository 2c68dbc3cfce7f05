package api

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// fakeStore is a store in memory, just good enough for an edge: it checks conditions and remembers what it was asked.
type fakeStore struct {
	mu    sync.Mutex
	feeds map[thoonk.FeedName]*fakeFeed
	stamp uint64

	history map[thoonk.FeedName][]thoonk.Event
	tickets map[string][]byte
	done    map[string]fakeOutcome // by idempotency key

	fail    error // answered by every method
	scans   []thoonk.FeedQuery
	wrote   thoonk.Batch // the last one, also if it was a single write
	asked   thoonk.ChangeQuery
	ttl     time.Duration
	changes func() // called in a write, before it looks at anything
	large   int    // so many items by id are a page; 0: all
	block   bool   // wait for the context
	panics  bool
}

type fakeFeed struct {
	feed   thoonk.Feed
	number uint64
	items  []thoonk.Item
}

func newFakeStore() *fakeStore {
	return &fakeStore{
		feeds: map[thoonk.FeedName]*fakeFeed{}, stamp: 1763874399000000,
		history: map[thoonk.FeedName][]thoonk.Event{}, tickets: map[string][]byte{}, done: map[string]fakeOutcome{},
	}
}

// begin locks the store. End has to be called in any case.
func (s *fakeStore) begin(ctx context.Context) error {
	s.mu.Lock()
	if s.panics {
		panic("the store fell over")
	}
	if s.block {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.fail
}

func (s *fakeStore) next(f *fakeFeed) thoonk.Revision {
	s.stamp++
	f.number++
	return thoonk.Revision{Number: f.number, Stamp: s.stamp}
}

func (s *fakeStore) find(name thoonk.FeedName) (*fakeFeed, error) {
	f, ok := s.feeds[name]
	if !ok {
		return nil, thoonk.E(thoonk.NotFound, "there is no feed %q", name)
	}
	return f, nil
}

func (f *fakeFeed) index(id thoonk.ItemID) int {
	return slices.IndexFunc(f.items, func(i thoonk.Item) bool { return i.ID == id })
}

// holds is what the store's scripts do.
func holds(c thoonk.Condition, present thoonk.Revision) error {
	exists := !present.IsZero()
	if c.MatchAny && !exists || c.Match != nil && !slices.Contains(c.Match, present) ||
		c.NoneAny && exists || slices.Contains(c.NoneMatch, present) {
		return thoonk.E(thoonk.Stale, "the present revision is another")
	}
	return nil
}

func (s *fakeStore) Feeds(ctx context.Context, q thoonk.FeedQuery) ([]thoonk.Feed, error) {
	defer s.mu.Unlock()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	s.scans = append(s.scans, q)
	var found []thoonk.Feed
	for _, f := range s.feeds {
		if f.feed.Name > q.After && (q.Match == "" || q.Match.Match(f.feed.Name)) && (q.Type == "" || q.Type == f.feed.Config.Type) {
			found = append(found, f.feed)
		}
	}
	slices.SortFunc(found, func(a, b thoonk.Feed) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return found[:min(len(found), q.Limit)], nil
}

func (s *fakeStore) Feed(ctx context.Context, name thoonk.FeedName) (thoonk.Feed, error) {
	defer s.mu.Unlock()
	if err := s.begin(ctx); err != nil {
		return thoonk.Feed{}, err
	}
	f, err := s.find(name)
	if err != nil {
		return thoonk.Feed{}, err
	}
	return f.feed, nil
}

func (s *fakeStore) PutFeed(ctx context.Context, p thoonk.PutFeed) (thoonk.Feed, bool, error) {
	defer s.mu.Unlock()
	if err := s.begin(ctx); err != nil {
		return thoonk.Feed{}, false, err
	}
	s.happen()
	created := false
	feed, err := once(s, p.Once, func() (thoonk.Feed, error) {
		f, ok := s.feeds[p.Name]
		if !ok {
			f = &fakeFeed{feed: thoonk.Feed{Name: p.Name}}
		}
		if err := holds(p.If, f.feed.Revision); err != nil {
			return thoonk.Feed{}, err
		}
		s.feeds[p.Name] = f
		f.feed.Config, f.feed.Revision = p.Config, s.next(f)
		if created = !ok; created {
			f.feed.Created = f.feed.Revision.Time()
		}
		return f.feed, nil
	})
	return feed, created, err
}

func (s *fakeStore) DeleteFeed(ctx context.Context, d thoonk.DeleteFeed) error {
	defer s.mu.Unlock()
	if err := s.begin(ctx); err != nil {
		return err
	}
	_, err := once(s, d.Once, func() (any, error) {
		f, err := s.find(d.Name)
		if err == nil {
			err = holds(d.If, f.feed.Revision)
		}
		if err == nil {
			delete(s.feeds, d.Name)
		}
		return nil, err
	})
	return err
}

func (s *fakeStore) Items(ctx context.Context, q thoonk.ItemQuery) (thoonk.ItemPage, error) {
	defer s.mu.Unlock()
	if err := s.begin(ctx); err != nil {
		return thoonk.ItemPage{}, err
	}
	f, err := s.find(q.Feed)
	if err != nil {
		return thoonk.ItemPage{}, err
	}
	items := slices.Clone(f.items)
	if q.Order == thoonk.Backward {
		slices.Reverse(items)
	}
	if q.After != "" {
		at := slices.IndexFunc(items, func(i thoonk.Item) bool { return string(i.ID) == q.After })
		if at < 0 {
			return thoonk.ItemPage{}, thoonk.E(thoonk.Invalid, "the cursor is not one of this list").In("cursor")
		}
		items = items[at+1:]
	}
	page := thoonk.ItemPage{
		Items: items, Total: len(f.items), Revision: thoonk.Revision{Number: f.number, Stamp: s.stamp}, Content: f.feed.Config.Content,
	}
	if len(items) > q.Limit {
		page.Items = items[:q.Limit]
		page.Next = string(items[q.Limit-1].ID)
	}
	return page, nil
}

func (s *fakeStore) Item(ctx context.Context, feed thoonk.FeedName, id thoonk.ItemID) (thoonk.Item, thoonk.Content, error) {
	defer s.mu.Unlock()
	if err := s.begin(ctx); err != nil {
		return thoonk.Item{}, "", err
	}
	f, err := s.find(feed)
	if err != nil {
		return thoonk.Item{}, "", err
	}
	at := f.index(id)
	if at < 0 {
		return thoonk.Item{}, "", thoonk.E(thoonk.NotFound, "there is no such item")
	}
	return f.items[at], f.feed.Config.Content, nil
}

// fakeStreams yields steps that a test sends.
type fakeStreams struct {
	steps  chan any // stream.Step or error
	asked  stream.Options
	many   stream.ManyOptions
	fail   error
	closed chan struct{} // closed with the follower
}

func newFakeStreams() *fakeStreams {
	return &fakeStreams{steps: make(chan any, 16), closed: make(chan struct{})}
}

func (f *fakeStreams) Follow(_ context.Context, o stream.Options) (Follower, error) {
	f.asked = o
	if f.fail != nil {
		return nil, f.fail
	}
	return f, nil
}

func (f *fakeStreams) FollowMany(_ context.Context, o stream.ManyOptions) (Follower, error) {
	f.many = o
	if f.fail != nil {
		return nil, f.fail
	}
	return f, nil
}

func (f *fakeStreams) Next(ctx context.Context) (stream.Step, error) {
	select {
	case s := <-f.steps:
		if err, ok := s.(error); ok {
			return stream.Step{}, err
		}
		return s.(stream.Step), nil
	case <-ctx.Done():
		return stream.Step{}, ctx.Err()
	}
}

func (f *fakeStreams) Close() { close(f.closed) }

// fakeAuth knows tokens by their text.
type fakeAuth struct {
	public  []auth.Grant
	expires time.Time
}

func grants(match thoonk.Pattern, can ...auth.Verb) []auth.Grant {
	return []auth.Grant{{Match: match, Can: can}}
}

func (f *fakeAuth) Anonymous() auth.Principal {
	return auth.Principal{Name: "anonymous", Grants: f.public}
}

func (f *fakeAuth) Verify(token string) (auth.Principal, error) {
	p := auth.Principal{Name: "jwt:test|" + token, Expires: f.expires}
	switch token {
	case "admin":
		p.Grants = grants("*", auth.Admin)
	case "all":
		p.Grants = grants("*", auth.Read, auth.Publish, auth.Retract, auth.Configure)
	case "reader":
		p.Grants = grants("*", auth.Read)
	case "writer":
		p.Grants = grants("*", auth.Publish)
	case "team":
		p.Grants = grants("team:353:*", auth.Read)
	case "lead":
		p.Grants = grants("team:353:*", auth.Admin)
	case "nothing":
	default:
		return auth.Principal{}, thoonk.E(thoonk.Unauthenticated, "the token does not hold")
	}
	return p, nil
}

type fakeHealth struct{ err error }

func (f *fakeHealth) Ready(context.Context) error { return f.err }
