// Package outbound is the one HTTP client for addresses that strangers name: callbacks of subscribers, webhooks of
// queues, feeds to read. It never connects to this machine, its network or a cloud's metadata, unless that is allowed,
// and what it does is bounded: time, size, connections.
//
// Which address is dialled decides, not what the URL says: names are looked up once, and the guard sees what they gave.
package outbound

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"time"

	"code.dny.dev/ssrf"
)

// Bounds where [Options] or a [Request] say nothing.
const (
	DefaultTimeout = 10 * time.Second
	DefaultMaxBody = 1 << 20
	DefaultPerHost = 32
)

const (
	dialTimeout    = 5 * time.Second
	idleTimeout    = 90 * time.Second
	maxIdle        = 1024 // connections kept to all hosts together
	maxIdlePerHost = 64
	maxHeader      = 64 << 10
	maxRedirects   = 10 // whatever a request asks for
)

// Options are what a [Client] is made of. The zero value is a strict client.
type Options struct {
	Allow     []netip.Prefix // may be dialled although they are not public
	PerHost   int            // connections to one host at once, idle ones too; 0: DefaultPerHost
	UserAgent string         // "": thoonkd
	TLS       *tls.Config    // nil: the system's CAs
	Resolver  *net.Resolver  // nil: the system's
	Observe   func(Exchange) // is told of each exchange when it is over; nil: nobody is told
}

// Exchange is one request with its answer, for metrics.
type Exchange struct {
	Purpose  string        // of the [Request]
	Outcome  string        // "2xx" to "5xx", or a [Reason]
	Duration time.Duration // redirects and body included
}

// Client keeps connections for later requests. It is safe for concurrent use.
type Client struct {
	o         Options
	guard     *ssrf.Guardian
	transport *http.Transport
}

// New returns a client.
func New(o Options) *Client {
	o.PerHost = cmp.Or(o.PerHost, DefaultPerHost)
	o.UserAgent = cmp.Or(o.UserAgent, "thoonkd")
	o.Resolver = cmp.Or(o.Resolver, net.DefaultResolver)
	c := &Client{o: o, guard: newGuard(o.Allow)}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Resolver: o.Resolver, Control: c.guard.Safe}
	c.transport = &http.Transport{
		Proxy:                  nil, // it would dial in our place, and look at nothing
		DialContext:            dialer.DialContext,
		TLSClientConfig:        o.TLS,
		TLSHandshakeTimeout:    dialTimeout,
		ForceAttemptHTTP2:      true, // a DialContext of our own turns it off otherwise
		MaxConnsPerHost:        o.PerHost,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    min(maxIdlePerHost, o.PerHost),
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
		ExpectContinueTimeout:  time.Second,
	}
	return c
}

// Close closes the connections that are not in use.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// newGuard refuses whatever the registries of IANA do not list as public, and takes any port: who asks for a webhook has
// it where it is.
func newGuard(allow []netip.Prefix) *ssrf.Guardian {
	var v4, v6 []netip.Prefix
	for _, p := range allow {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
}

// lookup returns the addresses of a host.
func (c *Client) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	return c.o.Resolver.LookupNetIP(ctx, "ip", host)
}
