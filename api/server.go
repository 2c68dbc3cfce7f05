// Package api is the REST edge: feeds and items over HTTP, and their changes as server-sent events. It knows neither
// Redis nor how changes are followed; the interfaces below say what it needs of the rest.
package api

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Store keeps the feeds and their items. Its errors are of type [thoonk.Error], or a [thoonk.BatchError].
type Store interface {
	Feeds(context.Context, thoonk.FeedQuery) ([]thoonk.Feed, error)
	Feed(context.Context, thoonk.FeedName) (thoonk.Feed, error)
	PutFeed(context.Context, thoonk.PutFeed) (feed thoonk.Feed, created bool, err error)
	DeleteFeed(context.Context, thoonk.DeleteFeed) error

	Items(context.Context, thoonk.ItemQuery) (thoonk.ItemPage, error)
	// ItemsByID returns those that are there, in the order asked for. If they are too many bytes, the page ends early
	// and has a Next.
	ItemsByID(context.Context, thoonk.FeedName, []thoonk.ItemID) (thoonk.ItemPage, error)
	Item(context.Context, thoonk.FeedName, thoonk.ItemID) (thoonk.Item, thoonk.Content, error)

	Publish(context.Context, thoonk.PublishItem) (thoonk.Published, error)
	Retract(context.Context, thoonk.RetractItem) error
	// Move returns the item without its body.
	Move(context.Context, thoonk.MoveItem) (thoonk.Item, error)
	// Batch returns one outcome for each operation.
	Batch(context.Context, thoonk.Batch) ([]thoonk.Published, error)

	// Changes returns a page of history. Gone: the change to begin after is not in it.
	Changes(context.Context, thoonk.ChangeQuery) (thoonk.ChangePage, error)

	// PutTicket keeps a document for as long as ttl. Ticket returns it; NotFound: there is none.
	PutTicket(ctx context.Context, id string, doc []byte, ttl time.Duration) error
	Ticket(ctx context.Context, id string) ([]byte, error)
}

// Streams lets readers follow feeds. The context bounds the call itself, not the follower, which has to be closed.
type Streams interface {
	Follow(context.Context, stream.Options) (Follower, error)
	FollowMany(context.Context, stream.ManyOptions) (Follower, error)
}

// Follower yields what happens to feeds. Next waits for it; when its context ends it returns that context's error
// and the follower keeps its place.
type Follower interface {
	Next(context.Context) (stream.Step, error)
	Close()
}

// Authenticator tells who sent a token. Its errors are of type [thoonk.Error].
type Authenticator interface {
	Verify(token string) (auth.Principal, error)
	Anonymous() auth.Principal // with the rights that everybody has
}

// Health reports whether requests can be served now.
type Health interface {
	Ready(context.Context) error
}

// Options are what a [Server] is made of. The first five are needed.
type Options struct {
	Store   Store
	Jobs    Jobs
	Streams Streams
	Auth    Authenticator
	Health  Health
	Log     *slog.Logger // nil: slog.Default()

	Outbound URLChecker // of webhooks; nil: queues have none

	PublicURL  string        // an absolute URL; its path is put before the paths of Location and Link
	Heartbeat  time.Duration // the longest silence on an event stream; 0: 15 s
	MaxStreams int           // event streams open at once; 0: 10,000

	RatePerSecond float64  // requests of one principal, or of one address without a token; 0: no limit
	RateBurst     int      // so many may come at once; 0: what comes in one second, at least 1
	CORSOrigins   []string // whose pages may call, as in "https://app.example", or "*"; none: no other's

	Subscriptions Subscriptions // of the hub; nil: none are shown
	Sources       Ingestion     // nil: there are none
	XMPP          XMPP          // nil: nothing of it is shown
	Rosters       func() bool   // whether an XMPP server lets rosters be read, which two access models need; nil: none does

	// Mounts are handlers of other edges, outside of /v1.
	Mounts []Mount

	OpenAPI []byte       // answers GET /openapi.json; nil: there is none
	Docs    []byte       // answers GET /docs: a page of HTML that needs no scripts; nil: there is none
	Metrics http.Handler // answers GET /metrics; nil: there is none
	// Observe is told of each request when it is over: the route, "" if none matched, with a name in place of each
	// variable part; the method, "OTHER" if it is none of HTTP's own. Nil: nobody is told.
	Observe func(route, method string, status int, d time.Duration)
}

// Mount is a handler of another edge on the same server: behind the same authentication, rate limit, log and metrics, and
// with its errors answered as ours are. Path is echo's pattern, as in "/feeds/*"; the request has its path as it was sent.
type Mount struct {
	Methods []string
	Path    string
	Serve   func(http.ResponseWriter, *http.Request, auth.Principal) error
}

const (
	requestTimeout = 10 * time.Second // of everything but event streams
	readyTimeout   = 2 * time.Second
	maxBody        = 1 << 20 // bytes of a request's body
)

// Server answers the REST API. It must get requests as they came: behind an [http.ServeMux], which cleans paths, some
// names cannot be reached.
type Server struct {
	o      Options
	base   string // path of the public URL, without a slash at the end
	echo   *echo.Echo
	limits *rateLimits // nil: none

	streams   atomic.Int64 // open now
	claimants claimants
	ending    context.Context
	end       context.CancelFunc
}

// New returns a server of the REST API.
func New(o Options) *Server {
	o.Log = cmp.Or(o.Log, slog.Default())
	o.Heartbeat = cmp.Or(o.Heartbeat, 15*time.Second)
	o.MaxStreams = cmp.Or(o.MaxStreams, 10_000)
	s := &Server{o: o, echo: echo.New(), limits: newRateLimits(o.RatePerSecond, o.RateBurst)}
	if u, err := url.Parse(o.PublicURL); err == nil {
		s.base = strings.TrimRight(u.EscapedPath(), "/")
	}
	s.ending, s.end = context.WithCancel(context.Background())
	s.echo.Pre(s.observe)
	if len(o.CORSOrigins) > 0 {
		s.echo.Pre(s.cors)
	}
	s.routes()
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.echo.ServeHTTP(w, withEscapedPath(r))
}

// Streams returns how many event streams are open.
func (s *Server) Streams() int64 { return s.streams.Load() }

// EndStreams ends all event streams and refuses new ones. It is for [http.Server.RegisterOnShutdown], since Shutdown
// waits for open requests and a stream never ends by itself.
func (s *Server) EndStreams() { s.end() }
