package api

import (
	"encoding/json"
	"errors"
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

// parseConfig reads the body of a PUT of a feed. What is not given has its default; so has all where the body is empty.
func parseConfig(data []byte) (thoonk.Config, error) {
	cfg := thoonk.Config{Type: thoonk.TypeFeed}
	if len(data) == 0 {
		return cfg, nil
	}
	members, err := parseObject(data)
	if err != nil {
		return cfg, err
	}
	for _, m := range members {
		switch m.name {
		case "type":
			cfg.Type, err = parseType(m.value)
		case "max_length":
			cfg.MaxLength, err = asInt(m.value, 0, maxMaxLength)
		case "content":
			cfg.Content, err = parseContent(m.value)
		case "history":
			cfg.History, err = parseHistory(m.value)
		case "extra":
			cfg.Extra, err = parseExtra(m.value)
		default:
			err = unknownMember(m.name, "type", "max_length", "content", "history", "extra")
		}
		if err != nil {
			return cfg, within(err, m.name)
		}
	}
	return cfg, nil
}

// within is inBody for an error that may name a place deeper inside.
func within(err error, name string) error {
	if e, ok := errors.AsType[*thoonk.Error](err); ok && e.Field != "" {
		return err
	}
	return inBody(err, name)
}

func parseType(value json.RawMessage) (thoonk.Type, error) {
	s, err := asString(value)
	if err != nil {
		return "", err
	}
	switch t := thoonk.Type(s); t {
	case thoonk.TypeFeed:
		return t, nil
	case thoonk.TypeSortedFeed, thoonk.TypeQueue, thoonk.TypeJob:
		return "", thoonk.E(thoonk.Unsupported, "type %s is not supported yet; feed is", t)
	}
	return "", thoonk.E(thoonk.Invalid, "type is one of feed, sorted_feed, queue and job")
}

func parseContent(value json.RawMessage) (thoonk.Content, error) {
	s, err := asString(value)
	if err != nil {
		return "", err
	}
	return thoonk.ParseContent(s)
}

func parseHistory(value json.RawMessage) (thoonk.HistoryBounds, error) {
	var h thoonk.HistoryBounds
	members, err := parseObject(value, "history")
	if err != nil {
		return h, err
	}
	for _, m := range members {
		switch m.name {
		case "count":
			h.Count, err = asInt(m.value, 1, maxHistoryCount)
		case "bytes":
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
var ours = []string{"type", "max_length", "content", "history", "history_bytes"}

func parseExtra(value json.RawMessage) (map[string]string, error) {
	members, err := parseObject(value, "extra")
	if err != nil {
		return nil, err
	}
	if len(members) > maxExtraFields {
		return nil, thoonk.E(thoonk.Invalid, "more than %d fields", maxExtraFields)
	}
	extra := make(map[string]string, len(members))
	for _, m := range members {
		text, err := asString(m.value)
		switch {
		case err != nil:
		case m.name == "":
			err = thoonk.E(thoonk.Invalid, "the name is empty")
		case strings.HasPrefix(m.name, "thoonk.") || slices.Contains(ours, m.name):
			err = thoonk.E(thoonk.Invalid, "the name %s is reserved", m.name)
		case len(m.name) > maxExtraBytes || len(text) > maxExtraBytes:
			err = thoonk.E(thoonk.Invalid, "a name or a value is at most %d bytes long", maxExtraBytes)
		}
		if err != nil {
			return nil, inBody(err, "extra", m.name)
		}
		extra[m.name] = text
	}
	return extra, nil
}
