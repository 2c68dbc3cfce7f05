package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Hub says how the hub goes about its deliveries.
type Hub struct {
	Lease    time.Duration   // of who asks for none
	LeaseMax time.Duration   // whatever is asked for
	Retries  []time.Duration // waits after a delivery that failed
	Breaker  time.Duration   // between attempts once they are used up
	Timeout  time.Duration   // of an exchange with a callback
	Workers  int             // deliveries at once
	PerHost  int             // of these to one host
	Origins  []string        // where topics begin that are hosted elsewhere
}

var hubSettings = []setting{
	{"hub-lease", "240h", plain, duration(time.Second, func(c *Config) *time.Duration { return &c.Hub.Lease }),
		"`DURATION` of a subscription whose subscriber asks for none"},
	{"hub-lease-max", "720h", plain, duration(time.Second, func(c *Config) *time.Duration { return &c.Hub.LeaseMax }),
		"`DURATION` that a subscription lasts at most"},
	{"hub-retries", "5s,5m,30m,2h,5h,10h,10h", list, hubRetries,
		"`DURATIONS` of the waits after a delivery that failed, with commas between"},
	{"hub-breaker", "10m", plain, duration(0, func(c *Config) *time.Duration { return &c.Hub.Breaker }),
		"`DURATION` between attempts at new changes once the retries are used up"},
	{"hub-timeout", "10s", plain, duration(10*time.Millisecond, func(c *Config) *time.Duration { return &c.Hub.Timeout }),
		"`DURATION` that a callback gets to answer"},
	{"hub-workers", "256", whole, number(1, 10_000, func(c *Config) *int { return &c.Hub.Workers }),
		"`NUMBER` of deliveries of this process at once"},
	{"hub-per-host", "64", whole, number(1, 10_000, func(c *Config) *int { return &c.Hub.PerHost }),
		"`NUMBER` of these that may be to one host"},
	{"hub-origins", "", list, hubOrigins,
		"`URLS` below which topics are that are hosted elsewhere, as in https://blog.example.org/; may be repeated"},
}

func hubRetries(c *Config, s string) error {
	var waits []time.Duration
	for text := range strings.SplitSeq(s, ",") {
		d, err := time.ParseDuration(strings.TrimSpace(text))
		if err != nil || d <= 0 {
			return fmt.Errorf(`has %q, which is not a duration above 0, as in "30m"`, text)
		}
		waits = append(waits, d)
	}
	c.Hub.Retries = waits
	return nil
}

func hubOrigins(c *Config, s string) error {
	if s == "" {
		return nil
	}
	var origins []string
	for text := range strings.SplitSeq(s, ",") {
		text = strings.TrimSpace(text)
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path == "" {
			return errors.New(`has what is not the beginning of http or https URLs, with a path, as in "https://blog.example.org/"`)
		}
		origins = append(origins, text)
	}
	c.Hub.Origins = origins
	return nil
}

// hub takes the mapping under hub apart: its lease is hub-lease.
func (l *loader) hub(texts map[string]any, value any, file string) {
	values, ok := value.(map[string]any)
	if !ok {
		l.problem("hub: %s in %s, where a mapping belongs", describe(value), file)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		l.value(texts, "hub-"+key, values[key], file)
	}
}
