package api

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// wireQueue is a queue, of type job or queue, as the client sees it.
type wireQueue struct {
	Name        thoonk.FeedName   `json:"name"`
	Type        thoonk.Type       `json:"type"`
	Content     thoonk.Content    `json:"content,omitempty"`
	History     wireHistory       `json:"history"`
	PubSub      *wireNode         `json:"pubsub,omitempty"`
	Syndication *wireSyndication  `json:"syndication,omitempty"`
	Schema      json.RawMessage   `json:"schema,omitempty" swaggertype:"object"`
	Stamp       map[string]string `json:"stamp,omitempty"`
	Extra       map[string]string `json:"extra,omitempty"`

	Lease    duration `json:"lease" swaggertype:"string"`
	MaxLease duration `json:"max_lease" swaggertype:"string"`
	Paused   bool     `json:"paused"`
	Events   string   `json:"events"`
	*wireJobs

	Webhook  *wireWebhook    `json:"webhook,omitempty"`
	Counts   *wireCounts     `json:"counts,omitempty"`
	Revision thoonk.Revision `json:"revision,omitzero"`
	Created  time.Time       `json:"created,omitzero"`
}

// wireJobs is what only a queue of jobs has.
type wireJobs struct {
	ForeignLease     duration     `json:"foreign_lease" swaggertype:"string"`
	MaxAttempts      int          `json:"max_attempts"`
	Backoff          *wireBackoff `json:"backoff,omitempty"`
	Rate             *wireRate    `json:"rate,omitempty"`
	Concurrency      int          `json:"concurrency,omitempty"`
	GroupRate        *wireRate    `json:"group_rate,omitempty"`
	GroupConcurrency int          `json:"group_concurrency,omitempty"`
	Results          wireResults  `json:"results"`
}

type wireBackoff struct {
	First  duration `json:"first" swaggertype:"string"`
	Factor float64  `json:"factor"`
	Max    duration `json:"max,omitempty" swaggertype:"string"`
	Jitter float64  `json:"jitter"`
}

type wireRate struct {
	Count int      `json:"count"`
	Per   duration `json:"per" swaggertype:"string"`
}

type wireResults struct {
	Keep  duration `json:"keep" swaggertype:"string"`
	Count int      `json:"count"`
}

type wireCounts struct {
	Queued   int64 `json:"queued"`
	Held     int64 `json:"held"`
	Claimed  int64 `json:"claimed"`
	Stalled  int64 `json:"stalled"`
	Submits  int64 `json:"submits"`
	Finishes int64 `json:"finishes"`
}

func toWireQueue(f thoonk.Feed, withSecret bool) wireQueue {
	j := f.Config.Job
	base := toWire(f)
	w := wireQueue{
		Name: base.Name, Type: base.Type, Content: base.Content, History: base.History, PubSub: base.PubSub, Syndication: base.Syndication,
		Schema: base.Schema, Stamp: base.Stamp, Extra: base.Extra, Revision: base.Revision, Created: base.Created,
		Lease: duration(cmp.Or(j.Lease, thoonk.DefaultLease)), MaxLease: duration(cmp.Or(j.MaxLease, thoonk.DefaultMaxLease)),
		Paused: j.Paused, Events: cmp.Or(string(j.Events), "all"),
	}
	if f.Config.Type != thoonk.TypeJob {
		return w
	}
	w.wireJobs = &wireJobs{
		ForeignLease: duration(cmp.Or(j.ForeignLease, thoonk.DefaultForeignLease)),
		MaxAttempts:  max(0, cmp.Or(j.MaxAttempts, thoonk.DefaultMaxAttempts)),
		Backoff:      toWireBackoff(j.Backoff), Rate: toWireRate(j.Rate), Concurrency: j.Running,
		GroupRate: toWireRate(j.GroupRate), GroupConcurrency: j.GroupRunning,
		Results: wireResults{
			Keep: duration(max(0, cmp.Or(j.Results.Keep, thoonk.DefaultKeepResults))), Count: cmp.Or(j.Results.Count, thoonk.DefaultResultCount),
		},
	}
	w.Webhook = toWireWebhook(f.Config.Webhook, withSecret)
	return w
}

func toWireBackoff(b thoonk.Backoff) *wireBackoff {
	if b == (thoonk.Backoff{}) {
		return nil
	}
	return &wireBackoff{First: duration(b.First), Factor: cmp.Or(b.Factor, 2), Max: duration(b.Max), Jitter: b.Jitter}
}

func toWireRate(r thoonk.Rate) *wireRate {
	if r.Count == 0 {
		return nil
	}
	return &wireRate{Count: r.Count, Per: duration(cmp.Or(r.Per, time.Second))}
}

// queueMembers are what the declaration of a queue of each type may have.
var queueMembers = map[thoonk.Type][]string{
	thoonk.TypeQueue: {"content", "history", "pubsub", "schema", "stamp", "extra", "lease", "max_lease", "paused", "events"},
	thoonk.TypeJob: {"content", "history", "pubsub", "syndication", "schema", "stamp", "extra", "lease", "max_lease", "paused", "events", "foreign_lease",
		"max_attempts", "backoff", "rate", "concurrency", "group_rate", "group_concurrency", "results", "webhook"},
}

// configuredQueue returns the declaration of a queue with what is given changed. In a patch, null stands for the default.
func configuredQueue(cfg thoonk.Config, data []byte, patch bool) (thoonk.Config, error) {
	if len(data) == 0 && !patch {
		return cfg, nil
	}
	err := eachMember(data, func(m member) error {
		switch {
		case !slices.Contains(queueMembers[cfg.Type], m.name):
			return unknownMember(m.name, queueMembers[cfg.Type]...)
		case patch && isNull(m.value):
			return resetQueue(&cfg, m.name)
		}
		return configureQueue(&cfg, m, patch)
	})
	if err != nil {
		return cfg, err
	}
	for name := range cfg.Extra {
		if slices.Contains(queueFields, name) {
			return cfg, inBody(thoonk.E(thoonk.Invalid, "the name %s is reserved", name), "extra", name)
		}
	}
	return cfg, cfg.Job.Check()
}

// queueFields are the fields of feed.config that have members of their own in queues.
var queueFields = []string{
	"lease", "max_lease", "foreign_lease", "max_attempts", "backoff", "backoff_factor", "backoff_max", "backoff_jitter", "paused",
	"rate", "rate_per", "concurrency", "group_rate", "group_rate_per", "group_concurrency", "results", "results_count", "events", "webhook",
}

func configureQueue(cfg *thoonk.Config, m member, patch bool) (err error) {
	j := &cfg.Job
	switch m.name {
	case "lease":
		j.Lease, err = asDuration(m.value, thoonk.MinLease)
	case "max_lease":
		j.MaxLease, err = asDuration(m.value, thoonk.MinLease)
	case "foreign_lease":
		j.ForeignLease, err = asDuration(m.value, thoonk.MinLease)
	case "max_attempts":
		if j.MaxAttempts, err = asInt(m.value, 0, 1_000_000); j.MaxAttempts == 0 {
			j.MaxAttempts = -1 // no bound
		}
	case "paused":
		j.Paused, err = asBool(m.value)
	case "events":
		var s string
		if s, err = asString(m.value); err == nil {
			j.Events, err = thoonk.ParseJobEvents(s)
		}
	case "concurrency":
		j.Running, err = asInt(m.value, 0, 1_000_000)
	case "group_concurrency":
		j.GroupRunning, err = asInt(m.value, 0, 1_000_000)
	case "rate":
		j.Rate, err = parseRate(j.Rate, m, patch)
	case "group_rate":
		j.GroupRate, err = parseRate(j.GroupRate, m, patch)
	case "backoff":
		j.Backoff, err = parseBackoff(j.Backoff, m, patch)
	case "results":
		j.Results, err = parseResults(j.Results, m, patch)
	case "webhook":
		cfg.Webhook, err = parseWebhook(cfg.Webhook, m, patch)
	default:
		return configure(cfg, m, patch)
	}
	return err
}

func resetQueue(cfg *thoonk.Config, name string) error {
	j := &cfg.Job
	switch name {
	case "lease":
		j.Lease = 0
	case "max_lease":
		j.MaxLease = 0
	case "foreign_lease":
		j.ForeignLease = 0
	case "max_attempts":
		j.MaxAttempts = 0
	case "paused":
		j.Paused = false
	case "events":
		j.Events = ""
	case "concurrency":
		j.Running = 0
	case "group_concurrency":
		j.GroupRunning = 0
	case "rate":
		j.Rate = thoonk.Rate{}
	case "group_rate":
		j.GroupRate = thoonk.Rate{}
	case "backoff":
		j.Backoff = thoonk.Backoff{}
	case "results":
		j.Results = thoonk.ResultBounds{}
	case "webhook":
		cfg.Webhook = thoonk.Webhook{}
	default:
		return reset(cfg, name)
	}
	return nil
}

// parseParts reads an object whose members take knows how to read; null in a patch stands for what zero is.
func parseParts(m member, patch bool, zero map[string]string, take func(member) error) error {
	members, err := parseObject(m.value, m.name)
	if err != nil {
		return err
	}
	for _, part := range members {
		if patch && isNull(part.value) && zero[part.name] != "" {
			part.value = json.RawMessage(zero[part.name])
		}
		if err := take(part); err != nil {
			return inBody(err, m.name, part.name)
		}
	}
	return nil
}

func parseRate(r thoonk.Rate, m member, patch bool) (thoonk.Rate, error) {
	if !patch {
		r = thoonk.Rate{}
	}
	err := parseParts(m, patch, map[string]string{"count": "0", "per": `"1s"`}, func(part member) (err error) {
		switch part.name {
		case "count":
			r.Count, err = asInt(part.value, 0, 1_000_000)
		case "per":
			r.Per, err = asDuration(part.value, time.Millisecond)
		default:
			err = unknownMember(part.name, "count", "per")
		}
		return err
	})
	return r, err
}

func parseBackoff(b thoonk.Backoff, m member, patch bool) (thoonk.Backoff, error) {
	if !patch {
		b = thoonk.Backoff{}
	}
	err := parseParts(m, patch, map[string]string{"first": `"0s"`, "factor": "2", "max": `"0s"`, "jitter": "0"}, func(part member) (err error) {
		switch part.name {
		case "first":
			b.First, err = asDuration(part.value, 0)
		case "factor":
			b.Factor, err = asFloat(part.value, 1, 100)
		case "max":
			b.Max, err = asDuration(part.value, 0)
		case "jitter":
			b.Jitter, err = asFloat(part.value, 0, 1)
		default:
			err = unknownMember(part.name, "first", "factor", "max", "jitter")
		}
		return err
	})
	return b, err
}

func parseResults(r thoonk.ResultBounds, m member, patch bool) (thoonk.ResultBounds, error) {
	if !patch {
		r = thoonk.ResultBounds{}
	}
	err := parseParts(m, patch, nil, func(part member) (err error) {
		none := patch && isNull(part.value)
		switch {
		case part.name == "keep" && none:
			r.Keep = 0
		case part.name == "keep":
			if r.Keep, err = asDuration(part.value, 0); r.Keep == 0 {
				r.Keep = -1 // as short as can be
			}
		case part.name == "count" && none:
			r.Count = 0
		case part.name == "count":
			r.Count, err = asInt(part.value, 1, 1_000_000)
		default:
			err = unknownMember(part.name, "keep", "count")
		}
		return err
	})
	return r, err
}
