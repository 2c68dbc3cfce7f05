package config

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// setting is one value that file, environment and flags can set. All three give it as text, so that a value has the
// same form and the same bounds wherever it stands; only a number is a number in YAML.
type setting struct {
	key    string
	normal string // the default
	kind   kind
	parse  func(*Config, string) error // its error goes on after the value: "is not …"
	usage  string                      // the word in back quotes is the flag's argument
}

// kind is how a setting is written in YAML, and whether messages may show it.
type kind int

const (
	plain kind = iota
	whole
	decimal
	secret
	list // texts, which flags and the environment write with commas between; the flag may be repeated
)

var settings = slices.Concat([]setting{
	{"config", "", plain, text(func(c *Config) *string { return &c.File }),
		"YAML `FILE` with any of these settings, the grants of anonymous callers, and roles"},
	{"listen", "127.0.0.1:8080", plain, listen,
		"`HOST:PORT` to serve on; anything but loopback needs --auth-key or --auth-jwks"},
	{"public-url", "", plain, public,
		"`URL` that documents and links show (default http:// or https:// and the address of --listen)"},
	{"tls-cert", "", plain, text(func(c *Config) *string { return &c.TLSCert }),
		"PEM `FILE` with the certificate and its chain; read again when it changes"},
	{"tls-key", "", plain, text(func(c *Config) *string { return &c.TLSKey }),
		"PEM `FILE` with the private key of --tls-cert"},
	{"redis", Embedded, secret, redis,
		"redis://, rediss:// or unix:// `URL`, with ?master_name=NAME&addr=HOST:PORT… one of Sentinels, or embedded for a store of our own"},
	{"dialect", "contract", plain, dialect,
		"`NAME` of the schema of jobs in Redis: contract is the only one; js, of the last JavaScript clients, is refused"},
	{"data", "", plain, text(func(c *Config) *string { return &c.Data }),
		"`DIR` for the generated key and the embedded store (default $XDG_DATA_HOME/thoonkd or ~/.local/share/thoonkd)"},
	{"auth-key", "", plain, text(func(c *Config) *string { return &c.AuthKey }),
		"`FILE` with the keys of tokens: a secret of at least 32 bytes, PEM, JWK or JWK Set (default auth.key in --data, made at the first start)"},
	{"auth-jwks", "", secret, jwks,
		"`URL` of a JWK Set with the keys of tokens: https, or http to this machine; kept fresh"},
	{"auth-issuer", "", plain, text(func(c *Config) *string { return &c.AuthIssuer }),
		"`NAME` that the iss of every token has to be"},
	{"auth-audience", "", plain, text(func(c *Config) *string { return &c.AuthAudience }),
		"`NAME` that the aud of every token has to contain (default: a token needs no aud; one that has it has to name --public-url)"},
	{"rate-limit", "0", decimal, rateLimit,
		"`NUMBER` of requests a second that a principal may make; 0 is no limit"},
	{"rate-burst", "0", whole, number(0, 1_000_000, func(c *Config) *int { return &c.RateBurst }),
		"`NUMBER` of requests that may come at once; 0 is twice --rate-limit"},
	{"cors-origins", "", plain, corsOrigins,
		"`ORIGINS` whose pages may read answers, with commas between, as in https://app.example.org; or *"},
	{"xmpp-addr", "", plain, ofXMPP(xmppAddr),
		"`HOST:PORT` of an XMPP server that takes us as a component"},
	{"xmpp-domain", "", plain, ofXMPP(xmppDomain),
		"`DOMAIN` that the component has there"},
	{"xmpp-secret", "", secret, ofXMPP(func(x *XMPP, s string) error { x.Secret = s; return nil }),
		"`SECRET` that the XMPP server knows the component by"},
	{"xmpp-bounce-grace", "168h", plain, duration(time.Second, func(c *Config) *time.Duration { return &c.XMPPBounceGrace }),
		"`DURATION` for which nothing may arrive at an XMPP subscriber before its subscriptions end"},
	{"log-level", "info", plain, logLevel,
		"least `LEVEL` that is logged: debug, info, warn or error"},
	{"log-format", "text", plain, logFormat,
		"`FORMAT` of the log: text or json"},
	{"log-entries", "20000", whole, number(100, 10_000_000, func(c *Config) *int { return &c.LogEntries }),
		"`NUMBER` of entries kept in the log of changes in Redis"},
	{"audit-interval", "30s", plain, duration(time.Second, func(c *Config) *time.Duration { return &c.AuditInterval }),
		"`DURATION` of the pause between two audits of Redis against the log"},
	{"shutdown-timeout", "10s", plain, duration(0, func(c *Config) *time.Duration { return &c.ShutdownTimeout }),
		"`DURATION` that open requests get to end"},
	{"heartbeat", "15s", plain, duration(100*time.Millisecond, func(c *Config) *time.Duration { return &c.Heartbeat }),
		"`DURATION` between two comments on an idle stream of events"},
	{"max-streams", "10000", whole, number(1, 10_000_000, func(c *Config) *int { return &c.MaxStreams }),
		"`NUMBER` of streams of events that may be open"},
	{"outbound-allow", "", list, outboundAllow,
		"`CIDR` that webhooks and callbacks may be in although it is not public, as in 10.1.0.0/16; may be repeated"},
}, hubSettings)

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// Flags registers the flags of the settings with these keys, or of all settings.
func Flags(flags *pflag.FlagSet, keys ...string) {
	for _, s := range settings {
		switch {
		case len(keys) > 0 && !slices.Contains(keys, s.key):
		case s.kind == list:
			flags.StringSlice(s.key, nil, s.usage)
		default:
			flags.String(s.key, s.normal, s.usage)
		}
	}
}

func find(key string) (setting, bool) {
	for _, s := range settings {
		if s.key == key {
			return s, true
		}
	}
	return setting{}, false
}

// envName returns the environment variable of a setting: THOONKD_AUTH_KEY of auth-key.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}
