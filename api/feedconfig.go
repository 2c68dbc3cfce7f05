package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Bounds on what a feed may declare.
const (
	maxMaxLength    = 1_000_000
	maxHistoryCount = 100_000
	minHistoryBytes = 1 << 10
	maxHistoryBytes = 1 << 30
	maxExtraFields  = 64
	maxExtraBytes   = 4 << 10 // of a name, and of a value
)

// configuredFeed returns the declaration of a feed with what is given changed: all of it where it is declared anew, which an
// empty body does with defaults, or as a merge patch (RFC 7396), in which null stands for the default.
func configuredFeed(cfg thoonk.Config, data []byte, patch bool) (thoonk.Config, error) {
	if len(data) == 0 && !patch {
		return cfg, nil
	}
	cfg, err := configured(cfg, data, patch)
	if err == nil {
		err = checkType(cfg.Type)
	}
	return cfg, err
}

// undeclaredHistory leaves out what is at its default: not declared, or as good as not declared.
func undeclaredHistory(cfg thoonk.Config) thoonk.Config {
	if cfg.History.Count == thoonk.DefaultHistoryCount {
		cfg.History.Count = 0
	}
	if cfg.History.Bytes == thoonk.DefaultHistoryBytes {
		cfg.History.Bytes = 0
	}
	return cfg
}

// configured returns a declaration with what is given changed.
func configured(cfg thoonk.Config, data []byte, patch bool) (thoonk.Config, error) {
	err := eachMember(data, func(m member) error {
		if patch && isNull(m.value) {
			return reset(&cfg, m.name)
		}
		return configure(&cfg, m, patch)
	})
	return cfg, err
}

func configure(cfg *thoonk.Config, m member, patch bool) (err error) {
	switch m.name {
	case "type":
		cfg.Type, err = parseType(m.value)
	case "max_length":
		cfg.MaxLength, err = asInt(m.value, 0, maxMaxLength)
	case "content":
		cfg.Content, err = parseContent(m.value)
	case "history":
		cfg.History, err = parseHistory(cfg.History, m.value, patch)
	case "pubsub":
		cfg.Node, err = parseNode(cfg.Node, m.value, patch)
	case "syndication":
		cfg.Syndication, err = parseSyndication(cfg.Syndication, m.value, patch)
	case "schema":
		cfg.Schema, err = parseSchema(cfg.Schema, m.value, patch)
	case "stamp":
		cfg.Stamp, err = parseStamp(cfg.Stamp, m.value, patch)
	case "extra":
		cfg.Extra, err = parseExtra(cfg.Extra, m.value, patch)
	default:
		err = unknownMember(m.name, "type", "max_length", "content", "history", "pubsub", "syndication", "schema", "stamp", "extra")
	}
	return err
}

func reset(cfg *thoonk.Config, name string) error {
	switch name {
	case "type":
		cfg.Type = thoonk.TypeFeed
	case "max_length":
		cfg.MaxLength = 0
	case "content":
		cfg.Content = thoonk.Undeclared
	case "history":
		cfg.History = thoonk.HistoryBounds{}
	case "pubsub":
		cfg.Node = thoonk.Node{}
	case "syndication":
		cfg.Syndication = thoonk.Syndication{}
	case "schema":
		cfg.Schema = ""
	case "stamp":
		cfg.Stamp = nil
	case "extra":
		cfg.Extra = nil
	default:
		return configure(cfg, member{name: name}, false)
	}
	return nil
}

func isNull(value json.RawMessage) bool { return string(value) == "null" }

func parseType(value json.RawMessage) (thoonk.Type, error) {
	s, err := asString(value)
	if err != nil {
		return "", err
	}
	t := thoonk.Type(s)
	return t, checkType(t)
}

func checkType(t thoonk.Type) error {
	switch t {
	case thoonk.TypeFeed, thoonk.TypeSortedFeed:
		return nil
	case thoonk.TypeQueue, thoonk.TypeJob:
		return thoonk.E(thoonk.Invalid, "a %s is declared at %s{queue}", t, queuesPath(t))
	}
	return thoonk.E(thoonk.Invalid, "type is one of feed, sorted_feed, queue and job")
}

func parseContent(value json.RawMessage) (thoonk.Content, error) {
	s, err := asString(value)
	if err != nil {
		return "", err
	}
	return thoonk.ParseContent(s)
}

func parseHistory(h thoonk.HistoryBounds, value json.RawMessage, patch bool) (thoonk.HistoryBounds, error) {
	members, err := parseObject(value, "history")
	if err != nil {
		return h, err
	}
	for _, m := range members {
		reset := patch && isNull(m.value)
		switch {
		case m.name == "count" && reset:
			h.Count = 0
		case m.name == "count":
			h.Count, err = asInt(m.value, 1, maxHistoryCount)
		case m.name == "bytes" && reset:
			h.Bytes = 0
		case m.name == "bytes":
			h.Bytes, err = asInt(m.value, minHistoryBytes, maxHistoryBytes)
		default:
			err = unknownMember(m.name, "count", "bytes")
		}
		if err != nil {
			return h, inBody(err, "history", m.name)
		}
	}
	return h, nil
}

// ours are the fields of feed.config that have members of their own here.
var ours = []string{"type", "max_length", "content", "history", "history_bytes", "pubsub", "syndication", "schema", "stamp", "webhook"}

func parseExtra(before map[string]string, value json.RawMessage, patch bool) (map[string]string, error) {
	members, err := parseObject(value, "extra")
	if err != nil {
		return nil, err
	}
	extra := make(map[string]string, len(before)+len(members))
	maps.Copy(extra, before)
	for _, m := range members {
		if patch && isNull(m.value) {
			delete(extra, m.name)
			continue
		}
		text, err := parseField(m)
		if err != nil {
			return nil, inBody(err, "extra", m.name)
		}
		extra[m.name] = text
	}
	if len(extra) > max(maxExtraFields, len(before)) { // other clients may have put more there
		return nil, thoonk.E(thoonk.Invalid, "more than %d fields", maxExtraFields)
	}
	return extra, nil
}

// parseField returns the value of a field of feed.config that is not ours.
func parseField(m member) (string, error) {
	text, err := asString(m.value)
	switch {
	case err != nil:
		return "", err
	case m.name == "":
		return "", thoonk.E(thoonk.Invalid, "the name is empty")
	case strings.HasPrefix(m.name, "thoonk.") || slices.Contains(ours, m.name):
		return "", thoonk.E(thoonk.Invalid, "the name %s is reserved", m.name)
	case len(m.name) > maxExtraBytes || len(text) > maxExtraBytes:
		return "", thoonk.E(thoonk.Invalid, "a name or a value is at most %d bytes long", maxExtraBytes)
	}
	return text, nil
}
