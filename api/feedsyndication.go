package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxSyndication bounds each text, in bytes.
const maxSyndication = 4 << 10

// wireSyndication is how a feed shows in documents for feed readers, as the client sees it.
type wireSyndication struct {
	Title       string            `json:"title,omitempty"`
	Description string            `json:"description,omitempty"`
	Link        string            `json:"link,omitempty"`
	Icon        string            `json:"icon,omitempty"`
	Language    string            `json:"language,omitempty"`
	Author      *wireAuthor       `json:"author,omitempty"`
	Map         map[string]string `json:"map,omitempty"`
}

type wireAuthor struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url,omitempty"`
}

// toWireSyndication returns nil for a feed that says nothing.
func toWireSyndication(s thoonk.Syndication) *wireSyndication {
	if s.IsZero() {
		return nil
	}
	w := &wireSyndication{Title: s.Title, Description: s.Description, Link: s.Link, Icon: s.Icon, Language: s.Language, Map: s.Map}
	if s.Author != (thoonk.Author{}) {
		w.Author = &wireAuthor{Name: s.Author.Name, URL: s.Author.URL}
	}
	return w
}

// parseSyndication reads the member "syndication" of a declaration.
func parseSyndication(s thoonk.Syndication, value json.RawMessage, patch bool) (thoonk.Syndication, error) {
	members, err := parseObject(value, "syndication")
	if err != nil {
		return s, err
	}
	if !patch {
		s = thoonk.Syndication{}
	}
	for _, m := range members {
		switch m.name {
		case "author":
			s.Author, err = parseAuthor(s.Author, m.value, patch)
		case "map":
			s.Map, err = parseMap(s.Map, m.value, patch)
		default:
			err = configureSyndication(&s, m, patch)
		}
		if err != nil {
			return s, within(err, "syndication", m.name)
		}
	}
	return s, nil
}

func configureSyndication(s *thoonk.Syndication, m member, patch bool) error {
	field, known := map[string]*string{
		"title": &s.Title, "description": &s.Description, "link": &s.Link, "icon": &s.Icon, "language": &s.Language,
	}[m.name]
	if !known {
		return unknownMember(m.name, "title", "description", "link", "icon", "language", "author", "map")
	}
	text, err := syndicationText(m, patch)
	if err != nil {
		return err
	}
	*field = text
	return s.Check(m.name)
}

// syndicationText returns a text, empty for a null in a patch.
func syndicationText(m member, patch bool) (string, error) {
	if patch && isNull(m.value) {
		return "", nil
	}
	text, err := asString(m.value)
	if err == nil && len(text) > maxSyndication {
		err = thoonk.E(thoonk.Invalid, "more than %d bytes", maxSyndication)
	}
	return text, err
}

func parseAuthor(a thoonk.Author, value json.RawMessage, patch bool) (thoonk.Author, error) {
	if patch && isNull(value) {
		return thoonk.Author{}, nil
	}
	members, err := parseObject(value, "syndication", "author")
	if err != nil {
		return a, err
	}
	if !patch {
		a = thoonk.Author{}
	}
	for _, m := range members {
		field, known := map[string]*string{"name": &a.Name, "url": &a.URL}[m.name]
		if !known {
			return a, inBody(unknownMember(m.name, "name", "url"), "syndication", "author", m.name)
		}
		if *field, err = syndicationText(m, patch); err == nil {
			err = a.Check()
		}
		if err != nil {
			return a, inBody(err, "syndication", "author", m.name)
		}
	}
	return a, nil
}

func parseMap(before map[string]string, value json.RawMessage, patch bool) (map[string]string, error) {
	if patch && isNull(value) {
		return nil, nil
	}
	members, err := parseObject(value, "syndication", "map")
	if err != nil {
		return nil, err
	}
	by := map[string]string{}
	if patch {
		maps.Copy(by, before)
	}
	for _, m := range members {
		if !slices.Contains(thoonk.EntryFields, m.name) {
			return nil, inBody(unknownMember(m.name, thoonk.EntryFields...), "syndication", "map", m.name)
		}
		if patch && isNull(m.value) {
			delete(by, m.name)
			continue
		}
		pointer, err := syndicationText(m, false)
		if err == nil && pointer != "" && !strings.HasPrefix(pointer, "/") {
			err = thoonk.E(thoonk.Invalid, `not a JSON pointer, which is empty or begins with "/" (RFC 6901)`)
		}
		if err != nil {
			return nil, inBody(err, "syndication", "map", m.name)
		}
		by[m.name] = pointer
	}
	return by, nil
}
