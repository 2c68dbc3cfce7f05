package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Load returns the configuration: defaults, under the YAML file that --config or THOONKD_CONFIG names, under the
// environment, under the flags. The error joins all that is wrong with it.
func Load(flags *pflag.FlagSet, environ []string) (Config, error) {
	l := loader{values: koanf.New("."), origin: map[string]string{}}
	l.add(confmap.Provider(defaults(environ), ""), func(string) string { return "the defaults" })
	l.file(configFile(flags, environ))
	l.environ(environ)
	l.flags(flags)

	c := l.config()
	return c, errors.Join(l.problems...)
}

// loader lays one source over the other. Each source is checked by itself, so that a mistake in the file does not
// hide behind a flag.
type loader struct {
	values   *koanf.Koanf      // by key, as text
	origin   map[string]string // where each value is from, for messages
	public   []auth.Grant      // from the file
	roles    auth.Roles        // from the file
	common   auth.JIDs         // from the file: of links that have none of their own
	xmpp     []XMPP            // from the file
	sources  []thoonk.Source   // from the file
	problems []error
}

func (l *loader) problem(format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf(format, args...))
}

// add lays a source of texts, under known keys only, over the ones before.
func (l *loader) add(source koanf.Provider, origin func(key string) string) {
	err := l.values.Load(source, nil, koanf.WithMergeFunc(func(from, into map[string]any) error {
		for key, value := range from {
			into[key] = value
			l.origin[key] = origin(key)
		}
		return nil
	}))
	if err != nil {
		l.problems = append(l.problems, err)
	}
}

func (l *loader) flags(flags *pflag.FlagSet) {
	given := func(f *pflag.Flag) (string, any) {
		if _, ok := find(f.Name); !ok {
			return "", nil // a flag of the command's own
		}
		if several, ok := f.Value.(pflag.SliceValue); ok {
			return f.Name, strings.Join(several.GetSlice(), ",")
		}
		return f.Name, f.Value.String()
	}
	// Without a Koanf to compare with, the provider gives only flags that were set.
	l.add(posflag.ProviderWithFlag(flags, "", nil, given), func(key string) string { return "--" + key })
}

// config parses the values, and then checks them against each other.
func (l *loader) config() Config {
	c := Config{Public: l.public, Roles: l.roles, Sources: l.sources}
	for _, s := range settings {
		value := l.values.String(s.key)
		if err := s.parse(&c, value); err != nil {
			shown := strconv.Quote(value)
			if s.kind == secret {
				shown = "the value"
			}
			l.problem("%s: %s from %s %w", s.key, shown, l.origin[s.key], err)
		}
	}
	l.checkXMPP(&c)
	if c.PublicURL == "" {
		c.PublicURL = publicURL(c)
	}
	if c.RateBurst == 0 {
		c.RateBurst = int(math.Ceil(2 * c.RateLimit)) // at least 1 where there is a limit
	}
	l.check(c)
	return c
}

func (l *loader) check(c Config) {
	if c.OwnKey() && c.Listen != "" && !loopback(c.Listen) {
		l.problem("listen: %q from %s can be reached from other machines: give --auth-key FILE or --auth-jwks URL, or listen on 127.0.0.1",
			c.Listen, l.origin["listen"])
	}
	for given, missing := range map[string]string{"tls-cert": "tls-key", "tls-key": "tls-cert"} {
		if l.values.String(given) != "" && l.values.String(missing) == "" {
			l.problem("%s: from %s, and no %s: TLS needs both", given, l.origin[given], missing)
		}
	}
	if c.RateBurst > 0 && c.RateLimit == 0 {
		l.problem("rate-burst: from %s, and no rate-limit: a burst is of a limit", l.origin["rate-burst"])
	}
	if c.Data == "" && (c.OwnKey() || c.Redis == Embedded) {
		l.problem("data: neither XDG_DATA_HOME nor HOME says where to keep files: give --data DIR")
	}
}
