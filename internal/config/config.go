// Package config gathers the configuration from defaults, a YAML file, the environment and flags, the later over the
// earlier, and checks all of it once. Whatever it does not understand is an error that names the key.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Embedded is the value of Config.Redis that asks for a store of our own.
const Embedded = "embedded"

// Config is a valid configuration.
type Config struct {
	File            string         // where the rest may come from; empty: no file
	Listen          string         // host:port
	PublicURL       string         // what documents and links show; never ends in "/"
	TLSCert         string         // file; empty: no TLS
	TLSKey          string         // file; empty: no TLS
	Redis           string         // Embedded, or a redis, rediss or unix URL
	Data            string         // folder
	AuthKey         string         // file; empty: KeyFile, unless there is an AuthJWKS
	AuthJWKS        string         // URL; empty: none
	AuthIssuer      string         // what iss has to be; empty: anything
	AuthAudience    string         // what aud has to name; empty: a token needs none
	RateLimit       float64        // requests a second and principal; 0: no limit
	RateBurst       int            // requests at once; 0 without a RateLimit
	CORSOrigins     []string       // whose pages may read answers; "*" stands alone
	LogLevel        slog.Level     // least that is logged
	LogFormat       string         // "text" or "json"
	LogEntries      int            // bound of the log of changes in Redis
	AuditInterval   time.Duration  // pause between two audits of Redis against the log
	ShutdownTimeout time.Duration  // how long open requests may take to end
	Heartbeat       time.Duration  // between two comments on an idle stream of events
	MaxStreams      int            // open streams of events
	OutboundAllow   []netip.Prefix // addresses that webhooks may be at although they are not public
	Public          []auth.Grant   // what anonymous callers may do
	Roles           auth.Roles     // what a token's scope may name
	XMPP            []XMPP         // the components of XMPP servers
	Hub             Hub
	Sources         []thoonk.Source // outside feeds that come in
	XMPPBounceGrace time.Duration   // how long nothing may arrive at a subscriber of theirs
}

// KeyFile returns the file of the key that is made where no auth-key is given.
func (c Config) KeyFile() string { return filepath.Join(c.Data, "auth.key") }

// Scheme returns what connections to Listen begin with: "https" where we have a certificate, else "http".
func (c Config) Scheme() string {
	if c.TLSCert != "" {
		return "https"
	}
	return "http"
}

// OwnKey reports whether tokens are signed with a key of our own making, in KeyFile.
func (c Config) OwnKey() bool { return c.AuthKey == "" && c.AuthJWKS == "" }

// Bound returns c as it is once the listener has its address: where Listen leaves the port to the system (port 0),
// Listen and a PublicURL derived from it get the real one.
func (c Config) Bound(addr net.Addr) Config {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port != "0" {
		return c
	}
	_, port, err = net.SplitHostPort(addr.String())
	if err != nil {
		return c
	}
	derived := c.PublicURL == publicURL(c)
	c.Listen = net.JoinHostPort(host, port)
	if derived {
		c.PublicURL = publicURL(c)
	}
	return c
}

// LogValue tells what an operator asks first, without the password that the Redis URL may carry.
func (c Config) LogValue() slog.Value {
	domains := make([]string, len(c.XMPP))
	for i, x := range c.XMPP {
		domains[i] = x.Domain
	}
	return slog.GroupValue(
		slog.String("file", c.File),
		slog.String("listen", c.Listen),
		slog.String("public_url", c.PublicURL),
		slog.String("redis", withoutPassword(c.Redis)),
		slog.String("data", c.Data),
		slog.String("auth_key", c.AuthKey),
		slog.String("auth_jwks", withoutPassword(c.AuthJWKS)),
		slog.String("scheme", c.Scheme()),
		slog.Any("xmpp", domains),
	)
}

func withoutPassword(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "hidden"
	}
	u.RawQuery = ""
	return u.Redacted()
}
