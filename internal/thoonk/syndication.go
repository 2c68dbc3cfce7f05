package thoonk

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
