package syndication

import (
	"encoding/json"
	"time"
)

// jsonFeed is a document of JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/).
type jsonFeed struct {
	Version     string            `json:"version"`
	Title       string            `json:"title"`
	HomePageURL string            `json:"home_page_url,omitempty"`
	FeedURL     string            `json:"feed_url,omitempty"`
	Description string            `json:"description,omitempty"`
	Icon        string            `json:"icon,omitempty"`
	Authors     []Author          `json:"authors,omitempty"`
	Language    string            `json:"language,omitempty"`
	Hubs        []jsonHub         `json:"hubs,omitempty"`
	Thoonk      *jsonThoonk       `json:"_thoonk,omitempty"`
	Items       []json.RawMessage `json:"items"`
}

type jsonHub struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// jsonThoonk is our extension: what Atom has RFC 6721 and RFC 5005 for.
type jsonThoonk struct {
	About    string      `json:"about"`
	Complete bool        `json:"complete,omitempty"`
	Deleted  []Tombstone `json:"deleted,omitempty"`
}

const aboutThoonk = "complete: what is not among the items is not in the feed. deleted: items that are gone, by their ids (RFC 6721)."

// JSON returns the feed as a document of JSON Feed 1.1.
func (f Feed) JSON() []byte {
	doc := jsonFeed{
		Version: "https://jsonfeed.org/version/1.1", Title: f.title(), HomePageURL: f.Link, FeedURL: f.Self,
		Description: f.Description, Icon: f.Icon, Authors: f.Authors, Language: f.Language, Items: []json.RawMessage{},
	}
	for _, e := range f.Entries {
		doc.Items = append(doc.Items, e.JSON())
	}
	for _, hub := range f.Hubs {
		doc.Hubs = append(doc.Hubs, jsonHub{Type: "WebSub", URL: hub})
	}
	if f.Complete || len(f.Deleted) > 0 {
		doc.Thoonk = &jsonThoonk{About: aboutThoonk, Complete: f.Complete}
		for _, d := range f.Deleted {
			doc.Thoonk.Deleted = append(doc.Thoonk.Deleted, Tombstone{ID: d.ID, When: epoch(d.When).Truncate(time.Microsecond)})
		}
	}
	return append(encode(doc), '\n')
}
