package hub

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Store keeps subscriptions, and has what they are about. Its errors are of type [thoonk.Error].
type Store interface {
	subscriptions
	work
	origins
	history
}

type subscriptions interface {
	PutHubSubscription(ctx context.Context, s thoonk.HubSubscription, refresh time.Time, why thoonk.HubIntent) (created bool, err error)
	RemoveHubSubscription(ctx context.Context, s thoonk.HubSubscription, principal string, why thoonk.HubIntent) error
	HubSubscription(ctx context.Context, id string) (thoonk.HubSubscription, thoonk.HubState, error)
	HubSubscriptions(context.Context, thoonk.HubQuery) (thoonk.HubPage, error)
	InterveneHub(ctx context.Context, id string, what thoonk.HubIntervention, from thoonk.Revision) error
	HubAttempts(ctx context.Context, id string) ([]thoonk.HubAttempt, error)
	HubStats(context.Context) (thoonk.HubStats, error)
}

type work interface {
	// Hold runs work while this process holds a lease. held is false if another does.
	Hold(ctx context.Context, name string, work func(context.Context, thoonk.Fence) error) (held bool, err error)
	HubWorker(context.Context, thoonk.Fence) error
	TakeHub(context.Context, thoonk.Fence, thoonk.HubWants) (thoonk.HubWork, error)
	FinishHub(context.Context, thoonk.Fence, []thoonk.HubOutcome) (lost []string, err error)
	NoteHubAttempts(context.Context, map[string][]thoonk.HubAttempt) error
	ReapHub(context.Context) error

	PutHubIntent(context.Context, thoonk.HubIntent) error
	EndHubIntent(context.Context, thoonk.Fence, thoonk.HubIntent) error
	RetryHubIntent(context.Context, thoonk.Fence, thoonk.HubIntent, time.Time) error

	HubPlace(context.Context) (thoonk.Revision, error)
	MarkHub(ctx context.Context, f thoonk.Fence, feeds []thoonk.FeedName, place thoonk.Revision) (marked int, err error)
	MarkAllHub(ctx context.Context, f thoonk.Fence, place thoonk.Revision) error
	LapseHub(ctx context.Context, now time.Time, limit int) (int, error)
	RefreshHub(ctx context.Context, now time.Time, limit int) ([]thoonk.HubSubscription, error)
	RefreshedHub(ctx context.Context, id string) error
}

type history interface {
	Feed(context.Context, thoonk.FeedName) (thoonk.Feed, error)
	Head(context.Context, thoonk.FeedName) (thoonk.Revision, error)
	Items(context.Context, thoonk.ItemQuery) (thoonk.ItemPage, error)
	// History and Change: Gone if the history does not have it any more.
	History(ctx context.Context, feed thoonk.FeedName, after thoonk.Revision, limit int) ([]thoonk.Event, error)
	Change(ctx context.Context, feed thoonk.FeedName, revision thoonk.Revision) (thoonk.Event, error)
	LogEnd(context.Context) (thoonk.Revision, error)
	LogHas(context.Context, thoonk.Revision) (bool, error)
	ReadLog(ctx context.Context, after thoonk.Revision, limit int, wait time.Duration) ([]thoonk.LogEntry, error)
}

// Log tells of all changes. A follower has to be closed.
type Log interface {
	FollowMany(context.Context, stream.ManyOptions) (Follower, error)
}

// Follower yields changes in the order of the log.
type Follower interface {
	Next(context.Context) (stream.Step, error)
	Close()
}

// Authority tells what a principal of earlier may do now.
type Authority interface {
	Recall(auth.Standing) auth.Principal
}

// Sender dials strangers' addresses.
type Sender interface {
	Do(context.Context, outbound.Request) (*outbound.Response, error)
	CheckURL(ctx context.Context, address string) error
}

// Options are what a [Hub] is made of. All but the last are needed.
type Options struct {
	Store     Store
	Log       Log
	Auth      Authority
	Sender    Sender
	Renderer  *Renderer
	Addresses Addresses
	Logger    *slog.Logger
	Settings  Settings
	// Observe is told what was done, and how long it took: delivered, failed, confirmed, unconfirmed, lapsed, fetched. Nil:
	// nobody is told.
	Observe func(what string, d time.Duration)
}

// Settings are how a hub goes about it. The zero value has the defaults.
type Settings struct {
	LeaseDefault time.Duration   // of who asks for none; 0: 10 days
	LeaseMax     time.Duration   // 0: 30 days
	Retries      []time.Duration // waits after a delivery that failed; nil: see DefaultRetries
	AskRetries   []time.Duration // waits before a callback that did not answer is asked again; nil: see DefaultAskRetries
	Breaker      time.Duration   // once they are used up, the least time between attempts; 0: 10 min
	Timeout      time.Duration   // of an exchange with a callback; 0: 10 s
	Workers      int             // deliveries at once; 0: 256
	PerHost      int             // of these to one host; 0: 64
	Origins      []string        // where topics that are hosted elsewhere begin, as in "https://blog.example.org/"
}

// DefaultRetries are the waits between attempts at a delivery. Then it is given up; the subscription is not.
var DefaultRetries = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
}

// DefaultAskRetries are the waits before a callback that did not answer is asked again whether it wants what was asked
// for (PubSubHubbub 0.3 section 6.2.1), and before a topic hosted elsewhere is fetched again.
var DefaultAskRetries = []time.Duration{5 * time.Second, 30 * time.Second, 5 * time.Minute}

const (
	day = 24 * time.Hour
	// What does not answer for so long gives way to others, and goes on beside them.
	slowAfter = time.Second
	maxSlow   = 1024 // deliveries that gave way
	maxAsking = 64   // callbacks that are being asked
	maxFetch  = 8    // topics hosted elsewhere that are being fetched
	maxSync   = 32   // subscribers that wait for the answer (hub.verify=sync)
)

func (s Settings) withDefaults() Settings {
	s.LeaseDefault = cmp.Or(s.LeaseDefault, 10*day)
	s.LeaseMax = max(cmp.Or(s.LeaseMax, 30*day), s.LeaseDefault)
	s.Breaker = cmp.Or(s.Breaker, 10*time.Minute)
	s.Timeout = cmp.Or(s.Timeout, 10*time.Second)
	s.Workers = cmp.Or(s.Workers, 256)
	s.PerHost = cmp.Or(s.PerHost, 64)
	if s.Retries == nil {
		s.Retries = DefaultRetries
	}
	if s.AskRetries == nil {
		s.AskRetries = DefaultAskRetries
	}
	return s
}

// Hub takes subscriptions and delivers changes. It is safe for concurrent use.
type Hub struct {
	o     Options
	hosts *hosts
	pages *pages
	sync  chan struct{} // who waits for the answer
	wake  chan struct{} // something is due
}

// New returns a hub, which delivers nothing before Run.
func New(o Options) *Hub {
	o.Settings = o.Settings.withDefaults()
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Observe == nil {
		o.Observe = func(string, time.Duration) {}
	}
	return &Hub{
		o: o, hosts: newHosts(), pages: newPages(o.Store),
		sync: make(chan struct{}, maxSync), wake: make(chan struct{}, 1),
	}
}

// Run delivers until ctx ends. In the process that leads it also says what is due.
func (h *Hub) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { h.always(ctx, "worker", h.work) })
	running.Go(func() { h.always(ctx, "leader", h.lead) })
}

// always does it again and again until ctx ends.
func (h *Hub) always(ctx context.Context, what string, do func(context.Context) error) {
	const shortest, longest = 100 * time.Millisecond, 2 * time.Second
	wait := shortest
	for ctx.Err() == nil {
		began := time.Now()
		err := do(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longest {
			wait = shortest
		}
		if err != nil {
			h.o.Logger.WarnContext(ctx, "hub: begins again", "what", what, "error", err, "in", wait)
		}
		sleep(ctx, wait)
		wait = min(2*wait, longest)
	}
}

// poke says that something may be due.
func (h *Hub) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
