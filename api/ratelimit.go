package api

import (
	lru "container/list"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxBuckets bounds how many callers are remembered. Beyond it the one that was away for longest is forgotten.
const maxBuckets = 100_000

// rateLimits are token buckets, one a caller.
type rateLimits struct {
	rate   rate.Limit
	burst  int
	refill time.Duration // of an empty bucket
	policy string

	mu      sync.Mutex
	buckets map[string]*lru.Element
	recent  *lru.List // of *bucket; the front was used last
}

type bucket struct {
	caller  string
	limiter *rate.Limiter
	used    time.Time
}

// newRateLimits returns nil, which limits nothing, for a rate of 0.
func newRateLimits(perSecond float64, burst int) *rateLimits {
	if perSecond <= 0 {
		return nil
	}
	if burst <= 0 {
		burst = int(math.Ceil(perSecond))
	}
	window := math.Ceil(float64(burst) / perSecond)
	return &rateLimits{
		rate:    rate.Limit(perSecond),
		burst:   burst,
		refill:  time.Duration(window * float64(time.Second)),
		policy:  fmt.Sprintf(`"default";q=%d;w=%.0f`, burst, window),
		buckets: make(map[string]*lru.Element),
		recent:  lru.New(),
	}
}

// take takes a request from a caller's bucket, if there is one in it. It returns how many are left, and after how long
// there is one more.
func (l *rateLimits) take(caller string, now time.Time) (ok bool, left int, more time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(caller)
	b.used = now
	l.evict(now)
	ok = b.limiter.AllowN(now, 1)
	tokens := b.limiter.TokensAt(now)
	whole := math.Floor(tokens)
	return ok, int(whole), time.Duration((whole + 1 - tokens) / float64(l.rate) * float64(time.Second))
}

func (l *rateLimits) bucket(caller string) *bucket {
	if e, ok := l.buckets[caller]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*bucket)
	}
	b := &bucket{caller: caller, limiter: rate.NewLimiter(l.rate, l.burst)}
	l.buckets[caller] = l.recent.PushFront(b)
	return b
}

// evict drops buckets that are full by now, which are as good as new ones. Two a call are enough, since a call adds at
// most one.
func (l *rateLimits) evict(now time.Time) {
	for range 2 {
		e := l.recent.Back()
		b := e.Value.(*bucket)
		if e == l.recent.Front() || now.Sub(b.used) < l.refill && l.recent.Len() <= maxBuckets {
			return
		}
		l.recent.Remove(e)
		delete(l.buckets, b.caller)
	}
}

// limit counts the request against its caller and tells how much is left (draft-ietf-httpapi-ratelimit-headers-10). One
// whose token does not hold counts against its address, so that tokens cannot be guessed at any rate.
func (s *Server) limit(c echo.Context, who auth.Principal, refused error) error {
	if s.limits == nil {
		return nil
	}
	caller := who.Name
	if refused != nil || who.Anonymous() {
		caller = address(c.Request().RemoteAddr)
	}
	ok, left, more := s.limits.take(caller, time.Now())
	seconds := strconv.FormatFloat(math.Ceil(more.Seconds()), 'f', 0, 64)
	h := c.Response().Header()
	h.Set("RateLimit-Policy", s.limits.policy)
	h.Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%s`, left, seconds))
	if ok {
		return nil
	}
	h.Set("Retry-After", seconds)
	return thoonk.E(thoonk.Limited, "more than %v requests per second", float64(s.limits.rate))
}

// address returns what callers without a token are told apart by: the IPv4 address, or the IPv6 network, whose
// addresses one host has all to itself.
func address(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return "address " + remote
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		network, _ := ip.Prefix(64)
		return "address " + network.String()
	}
	return "address " + ip.String()
}
