package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// sourcesOf reads the sources by their names.
func (l *loader) sourcesOf(value any, file string) {
	named, ok := value.(map[string]any)
	if !ok {
		l.problem("sources: %s in %s, where names of sources with what they are belong", describe(value), file)
		return
	}
	l.sources = []thoonk.Source{}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		s, err := parseSource(name, named[name])
		if err != nil {
			l.problem("sources.%s in %s: %w", name, file, err)
			continue
		}
		l.sources = append(l.sources, s)
	}
}

func parseSource(name string, value any) (s thoonk.Source, err error) {
	s = thoonk.Source{Kind: thoonk.WebFeed, Config: true}
	if s.Name, err = thoonk.ParseFeedName(name); err != nil {
		return s, said(err)
	}
	members, ok := value.(map[string]any)
	if !ok {
		return s, fmt.Errorf("%s, where a mapping with url and feed belongs", describe(value))
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if err := sourceMember(&s, key, members[key]); err != nil {
			return s, fmt.Errorf("%s: %w", key, err)
		}
	}
	return s, said(s.Check())
}

func sourceMember(s *thoonk.Source, key string, value any) (err error) {
	text, isText := value.(string)
	on, isFlag := value.(bool)
	switch key {
	case "kind", "url", "feed", "link", "min-interval", "max-interval":
		if !isText {
			return fmt.Errorf("%s, where a text belongs", describe(value))
		}
	case "hub", "paused":
		if !isFlag {
			return fmt.Errorf("%s, where true or false belongs", describe(value))
		}
	}
	switch key {
	case "kind":
		s.Kind = thoonk.SourceKind(text)
	case "url":
		s.URL = text
	case "feed":
		s.Feed, err = thoonk.ParseFeedName(text)
		return said(err)
	case "link":
		s.Link = text
	case "min-interval":
		s.Min, err = time.ParseDuration(text)
	case "max-interval":
		s.Max, err = time.ParseDuration(text)
	case "hub":
		s.NoHub = !on
	case "paused":
		s.Paused = on
	default:
		return errors.New("unknown; there are kind, url, feed, link, min-interval, max-interval, hub and paused")
	}
	return err
}

// said is what the error says to people.
func said(err error) error {
	if e, ok := errors.AsType[*thoonk.Error](err); ok {
		if e.Field != "" {
			return fmt.Errorf("%s: %s", e.Field, e.Public)
		}
		return errors.New(e.Public)
	}
	return err
}
