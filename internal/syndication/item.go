package syndication

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Source says where items are, so that their entries can say it.
type Source struct {
	Feed thoonk.Feed
	Host string                     // for the ids of entries
	Item func(thoonk.ItemID) string // the address of an item; nil: it has none
}

// Entry returns an item as an entry. content is what the feed declared when the item was written.
func (s Source) Entry(content thoonk.Content, item thoonk.Item) Entry {
	e := s.read(content, item)
	if e.ID == "" || !isURI(e.ID) {
		e.ID = s.ID(item.ID)
	}
	if e.Published.IsZero() {
		e.Published = writable(item.Published)
	}
	if e.Updated.IsZero() {
		e.Updated = writable(item.Updated)
	}
	return e
}

func (s Source) read(content thoonk.Content, item thoonk.Item) Entry {
	switch content.FormOf(item.Body) {
	case thoonk.FormBody:
		return s.readJSON(content, item.Body)
	case thoonk.FormXML:
		return Entry{ContentXML: string(item.Body)}
	case thoonk.FormText:
		return Entry{ContentText: string(item.Body)}
	}
	e := Entry{Title: string(item.ID)}
	if s.Item != nil {
		e.URL = s.Item(item.ID)
	}
	return e
}

// readJSON maps JSON by the feed's map. Without one, as in feeds of entries, members have the names of JSON Feed.
func (s Source) readJSON(content thoonk.Content, body []byte) Entry {
	doc, err := decode(body)
	if err != nil {
		return Entry{ContentText: string(body)}
	}
	if by := s.Feed.Config.Syndication.Map; len(by) > 0 && content != thoonk.Entry {
		mapped := fields{}
		for field, p := range by {
			mapped[field] = pointer(doc, p)
		}
		return mapped.entry().orText(body)
	}
	o, ok := doc.(map[string]any)
	if !ok {
		if text := asText(doc); text != "" {
			return Entry{ContentText: text}
		}
		return Entry{ContentText: string(body)}
	}
	e := fields(o).entry()
	if content == thoonk.Entry {
		e.Extensions = extensions(body)
	}
	return e.orText(body)
}

// orText shows the body itself if it has nothing that could be read.
func (e Entry) orText(body []byte) Entry {
	if e.ContentHTML == "" && e.ContentText == "" && e.Summary == "" {
		e.ContentText = string(body)
	}
	return e
}

// ParseEntry reads the JSON form of an entry, a JSON Feed item, with tolerance: what is not as it should be is absent.
// A body that is no JSON object is an Invalid error.
func ParseEntry(body []byte) (Entry, error) {
	doc, err := decode(body)
	o, ok := doc.(map[string]any)
	if err != nil || !ok {
		return Entry{}, thoonk.E(thoonk.Invalid, "an entry is a JSON object, an item of JSON Feed")
	}
	e := fields(o).entry()
	e.Extensions = extensions(body)
	return e, nil
}

func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return doc, nil
}

// extensions returns the members whose names begin with "_".
func extensions(body []byte) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	if !bytes.Contains(body, []byte(`"_`)) || json.Unmarshal(body, &all) != nil {
		return nil
	}
	for name := range all {
		if !strings.HasPrefix(name, "_") {
			delete(all, name)
		}
	}
	return all
}

// ID returns the id of an item's entry: a tag URI (RFC 4151) that holds for the life of the feed, unless the item's own
// id is a URI.
func (s Source) ID(id thoonk.ItemID) string {
	if isURI(string(id)) {
		return string(id)
	}
	return s.FeedID() + "/" + tagPart(string(id))
}

// FeedID returns the tag URI of the feed.
func (s Source) FeedID() string {
	created := s.Feed.Created
	if created.IsZero() {
		created = time.Unix(0, 0)
	}
	return "tag:" + tagHost(s.Host) + "," + created.UTC().Format(time.DateOnly) + ":" + tagPart(string(s.Feed.Name))
}

// tagHost is a host as RFC 4151 section 2.1 lets it stand in a tag.
func tagHost(host string) string {
	host = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, strings.Trim(host, "[]"))
	if host == "" {
		return "localhost"
	}
	return host
}

func tagPart(name string) string {
	return strings.NewReplacer("%2F", "%2F", "'", "%27").Replace(url.PathEscape(name))
}

// isURI reports whether an id is an absolute URI as it stands. Ids are compared byte for byte: none is mended.
func isURI(s string) bool {
	u, err := url.Parse(s)
	if err != nil || len(u.Scheme) < 2 || u.Opaque == "" && u.Host == "" {
		return false
	}
	switch u.Scheme {
	case "http", "https", "tag", "urn", "xmpp":
	default:
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>"{}|\^`+"`", r) })
}
