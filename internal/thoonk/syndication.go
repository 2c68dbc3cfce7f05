package thoonk

import (
	"net/url"
	"strings"
	"unicode"
)

// Syndication says how a feed shows in the documents for feed readers. What is empty has a default, or is left out.
type Syndication struct {
	Title       string `json:"title,omitempty"` // empty: the name of the feed
	Description string `json:"description,omitempty"`
	Link        string `json:"link,omitempty"` // URL of the page for people; empty: the HTML document
	Icon        string `json:"icon,omitempty"` // URL of a square image
	Language    string `json:"language,omitempty"`
	Author      Author `json:"author,omitzero"`
	// Map gives, for items that are JSON, fields of an entry by JSON pointers into the body (RFC 6901). It is for
	// content other than entry, whose items have the fields themselves.
	Map map[string]string `json:"map,omitempty"`
}

// Author is who wrote a feed or an entry.
type Author struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url,omitempty"`
}

// IsZero reports whether nothing is declared.
func (s Syndication) IsZero() bool {
	return s.Title == "" && s.Description == "" && s.Link == "" && s.Icon == "" && s.Language == "" && s.Author == Author{} && len(s.Map) == 0
}

// EntryFields are what Syndication.Map may give, in the order of JSON Feed 1.1.
var EntryFields = []string{
	"id", "url", "external_url", "title", "content_html", "content_text", "summary", "image", "banner_image",
	"date_published", "date_modified", "authors", "tags", "language", "attachments",
}

// Check returns an [Invalid] error if the field of that name, as in JSON, is not what it should be.
func (s Syndication) Check(field string) error {
	switch field {
	case "link":
		return checkWebURL(s.Link)
	case "icon":
		return checkWebURL(s.Icon)
	case "language":
		for part := range strings.SplitSeq(s.Language, "-") {
			if s.Language != "" && (part == "" || len(part) > 8 || strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789") != "") {
				return E(Invalid, `not a language tag, as in "de" or "pt-BR" (RFC 5646)`)
			}
		}
	}
	return nil
}

// Check returns an [Invalid] error if the URL is none of the web.
func (a Author) Check() error { return checkWebURL(a.URL) }

func checkWebURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsFunc(s, unicode.IsSpace) {
		return E(Invalid, "not an http or https URL")
	}
	return nil
}
