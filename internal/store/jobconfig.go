package store

import (
	"strconv"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// jobFields are the fields of feed.config that queues have, times in milliseconds. What is at its default is left out.
var jobFields = map[string]struct {
	get func(thoonk.JobConfig) string
	set func(*thoonk.JobConfig, string)
}{
	"lease":             {func(c thoonk.JobConfig) string { return millisArg(c.Lease) }, func(c *thoonk.JobConfig, s string) { c.Lease = duration(s) }},
	"max_lease":         {func(c thoonk.JobConfig) string { return millisArg(c.MaxLease) }, func(c *thoonk.JobConfig, s string) { c.MaxLease = duration(s) }},
	"foreign_lease":     {func(c thoonk.JobConfig) string { return millisArg(c.ForeignLease) }, func(c *thoonk.JobConfig, s string) { c.ForeignLease = duration(s) }},
	"max_attempts":      {func(c thoonk.JobConfig) string { return number(c.MaxAttempts) }, func(c *thoonk.JobConfig, s string) { c.MaxAttempts, _ = strconv.Atoi(s) }},
	"backoff":           {func(c thoonk.JobConfig) string { return millisArg(c.Backoff.First) }, func(c *thoonk.JobConfig, s string) { c.Backoff.First = duration(s) }},
	"backoff_factor":    {func(c thoonk.JobConfig) string { return fraction(c.Backoff.Factor) }, func(c *thoonk.JobConfig, s string) { c.Backoff.Factor = parseFraction(s) }},
	"backoff_max":       {func(c thoonk.JobConfig) string { return millisArg(c.Backoff.Max) }, func(c *thoonk.JobConfig, s string) { c.Backoff.Max = duration(s) }},
	"backoff_jitter":    {func(c thoonk.JobConfig) string { return fraction(c.Backoff.Jitter) }, func(c *thoonk.JobConfig, s string) { c.Backoff.Jitter = parseFraction(s) }},
	"paused":            {func(c thoonk.JobConfig) string { return flag(c.Paused) }, func(c *thoonk.JobConfig, s string) { c.Paused = s == "1" }},
	"rate":              {func(c thoonk.JobConfig) string { return number(c.Rate.Count) }, func(c *thoonk.JobConfig, s string) { c.Rate.Count = positive(s) }},
	"rate_per":          {func(c thoonk.JobConfig) string { return millisArg(c.Rate.Per) }, func(c *thoonk.JobConfig, s string) { c.Rate.Per = duration(s) }},
	"concurrency":       {func(c thoonk.JobConfig) string { return number(c.Running) }, func(c *thoonk.JobConfig, s string) { c.Running = positive(s) }},
	"group_rate":        {func(c thoonk.JobConfig) string { return number(c.GroupRate.Count) }, func(c *thoonk.JobConfig, s string) { c.GroupRate.Count = positive(s) }},
	"group_rate_per":    {func(c thoonk.JobConfig) string { return millisArg(c.GroupRate.Per) }, func(c *thoonk.JobConfig, s string) { c.GroupRate.Per = duration(s) }},
	"group_concurrency": {func(c thoonk.JobConfig) string { return number(c.GroupRunning) }, func(c *thoonk.JobConfig, s string) { c.GroupRunning = positive(s) }},
	"results":           {keepText, parseKeep},
	"results_count":     {func(c thoonk.JobConfig) string { return number(c.Results.Count) }, func(c *thoonk.JobConfig, s string) { c.Results.Count = positive(s) }},
	"events":            {func(c thoonk.JobConfig) string { return string(c.Events) }, parseJobEvents},
}

func isQueue(t thoonk.Type) bool { return t == thoonk.TypeJob || t == thoonk.TypeQueue }

// jobArgs are the fields of feed.config for what a queue declares.
func jobArgs(c thoonk.JobConfig) []any {
	var args []any
	usual := withJobDefaults(thoonk.JobConfig{MaxLease: c.MaxLease})
	for field, of := range jobFields {
		text := of.get(c)
		if text != "" && (text != of.get(usual) || field == "max_lease" && c.MaxLease != thoonk.DefaultMaxLease) {
			args = append(args, field, text)
		}
	}
	return args
}

// withJobDefaults says what holds where a queue's config says nothing.
func withJobDefaults(c thoonk.JobConfig) thoonk.JobConfig {
	if c.MaxLease == 0 {
		c.MaxLease = thoonk.DefaultMaxLease
	}
	if c.Lease == 0 {
		c.Lease = min(thoonk.DefaultLease, c.MaxLease)
	}
	if c.ForeignLease == 0 {
		c.ForeignLease = thoonk.DefaultForeignLease
	}
	if c.MaxAttempts == 0 {
		c.MaxAttempts = thoonk.DefaultMaxAttempts
	}
	if c.Results.Keep == 0 {
		c.Results.Keep = thoonk.DefaultKeepResults
	}
	if c.Results.Count == 0 {
		c.Results.Count = thoonk.DefaultResultCount
	}
	return c
}

func keepText(c thoonk.JobConfig) string {
	if c.Results.Keep < 0 {
		return "-1"
	}
	return millisArg(c.Results.Keep)
}

func parseKeep(c *thoonk.JobConfig, s string) {
	c.Results.Keep = duration(s)
	if n, err := strconv.Atoi(s); err == nil && n < 0 {
		c.Results.Keep = -time.Millisecond
	}
}

func parseJobEvents(c *thoonk.JobConfig, s string) {
	if e, err := thoonk.ParseJobEvents(s); err == nil {
		c.Events = e
	}
}

func duration(s string) time.Duration { return time.Duration(positive(s)) * time.Millisecond }

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func fraction(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func parseFraction(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f <= 1000) {
		return 0
	}
	return f
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}
