package syndication

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Entry is one entry of a feed, with the members of an item of JSON Feed 1.1.
type Entry struct {
	ID          string       `json:"id"`
	URL         string       `json:"url,omitempty"`
	ExternalURL string       `json:"external_url,omitempty"`
	Title       string       `json:"title,omitempty"`
	ContentHTML string       `json:"content_html,omitempty"`
	ContentText string       `json:"content_text,omitempty"`
	Summary     string       `json:"summary,omitempty"`
	Image       string       `json:"image,omitempty"`
	BannerImage string       `json:"banner_image,omitempty"`
	Published   time.Time    `json:"date_published,omitzero"`
	Updated     time.Time    `json:"date_modified,omitzero"`
	Authors     []Author     `json:"authors,omitempty"`
	Tags        []string     `json:"tags,omitempty"`
	Language    string       `json:"language,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`

	// ContentXML is one XML element, in place of the contents above. It comes from items that are XML, and is no
	// member of the JSON form, where its source is the content_text.
	ContentXML string `json:"-"`
	// From is the feed that the entry is from, where a document has entries of several.
	From Origin `json:"-"`
	// Extensions are the members whose names begin with "_", as they are.
	Extensions map[string]json.RawMessage `json:"-"`
}

// Author is who wrote an entry or a feed.
type Author struct {
	Name   string `json:"name,omitempty"`
	URL    string `json:"url,omitempty"`
	Avatar string `json:"avatar,omitempty"`
}

// Origin is a feed that an entry is from.
type Origin struct {
	ID, Title, URL string
}

// Attachment is a file that belongs to an entry.
type Attachment struct {
	URL      string  `json:"url"`
	MIMEType string  `json:"mime_type"`
	Title    string  `json:"title,omitempty"`
	Size     int64   `json:"size_in_bytes,omitempty"`
	Duration float64 `json:"duration_in_seconds,omitempty"`
}

// Tombstone says that an entry is gone (RFC 6721).
type Tombstone struct {
	ID   string    `json:"id"`
	When time.Time `json:"when"`
}

// Feed is what a document says of the feed, and its entries.
type Feed struct {
	ID          string
	Title       string
	Description string
	Link        string // the page for people
	Self        string // the address of this very document, in the spelling of the reader
	Hubs        []string
	Icon        string
	Language    string
	Authors     []Author
	Updated     time.Time
	Formats     []Format // the other documents of the same feed
	Entries     []Entry
	Deleted     []Tombstone
	// Complete says that what is not among the entries is not in the feed (RFC 5005 section 2).
	Complete bool
}

// Format is another document of the same feed.
type Format struct {
	Title, MediaType, URL string
}

// JSON returns the entry as an item of JSON Feed 1.1, which is the form in which feeds of content "entry" keep it.
func (e Entry) JSON() []byte {
	e.Authors = slices.DeleteFunc(slices.Clone(e.Authors), func(a Author) bool { return a == Author{} })
	if e.ContentXML != "" {
		e.ContentText = e.ContentXML
	}
	if e.ContentHTML == "" && e.ContentText == "" { // one of them is needed
		e.ContentText = cmp.Or(e.Summary, e.Title, " ")
	}
	e.Published, e.Updated = writable(e.Published), writable(e.Updated)
	if e.From != (Origin{}) {
		e.Extensions = maps.Clone(e.Extensions)
		if e.Extensions == nil {
			e.Extensions = map[string]json.RawMessage{}
		}
		e.Extensions["_thoonk"] = encode(map[string]string{"feed": e.From.Title, "feed_url": e.From.URL})
	}
	b := encode(e)
	for _, name := range sortedKeys(e.Extensions) {
		b = append(b[:len(b)-1], ',')
		b = append(b, encode(name)...)
		b = append(b, ':')
		b = append(b, e.Extensions[name]...)
		b = append(b, '}')
	}
	return b
}

// encode is json.Marshal without the escapes for HTML, for values that always can be encoded.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// writable returns a time that RFC 3339 can write, in UTC, or the zero time.
func writable(t time.Time) time.Time {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// headline is a title for formats that need one: the title, or the beginning of the text.
func (e Entry) headline() string {
	text := e.Title
	for _, t := range []string{e.Summary, e.ContentText, plain(e.ContentHTML), e.URL, e.ID} {
		if text = firstLine(text); text != "" {
			break
		}
		text = t
	}
	return shorten(firstLine(text), 100)
}
