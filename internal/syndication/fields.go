package syndication

import (
	"encoding/json"
	"math"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// fields are the members of a body that may be an entry. Whoever writes to Redis is bound to nothing: a member that is
// not what JSON Feed says counts as absent.
type fields map[string]any

// entry returns what the fields say.
func (f fields) entry() Entry {
	e := Entry{
		ID:          f.text("id"),
		URL:         cleanURL(f.text("url")),
		ExternalURL: cleanURL(f.text("external_url")),
		Title:       f.text("title"),
		ContentHTML: f.text("content_html"),
		ContentText: f.text("content_text"),
		Summary:     f.text("summary"),
		Image:       cleanURL(f.text("image")),
		BannerImage: cleanURL(f.text("banner_image")),
		Published:   asTime(f["date_published"]),
		Updated:     asTime(f["date_modified"]),
		Authors:     authors(f["authors"]),
		Tags:        texts(f["tags"]),
		Language:    language(f.text("language")),
		Attachments: attachments(f["attachments"]),
	}
	if e.Authors == nil { // as in version 1.0
		e.Authors = authors(f["author"])
	}
	return e
}

func (f fields) text(name string) string { return asText(f[name]) }

func asText(v any) string {
	switch v := v.(type) {
	case string:
		return strings.ToValidUTF8(v, "\uFFFD")
	case json.Number:
		return v.String()
	}
	return ""
}

// texts reads a list of texts, or one.
func texts(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var found []string
	for _, v := range list {
		if s := strings.TrimSpace(asText(v)); s != "" {
			found = append(found, s)
		}
	}
	return found
}

// authors reads a list of authors, or one; each is an object or only a name.
func authors(v any) []Author {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var found []Author
	for _, v := range list {
		a := Author{Name: asText(v)}
		if o, ok := v.(map[string]any); ok {
			f := fields(o)
			a = Author{Name: f.text("name"), URL: cleanURL(f.text("url")), Avatar: cleanURL(f.text("avatar"))}
		}
		if a != (Author{}) {
			found = append(found, a)
		}
	}
	return found
}

// attachments reads a list of attachments, or one; each is an object or only a URL.
func attachments(v any) []Attachment {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var found []Attachment
	for _, v := range list {
		a := Attachment{URL: cleanURL(asText(v))}
		if o, ok := v.(map[string]any); ok {
			f := fields(o)
			size, duration := number(f["size_in_bytes"]), number(f["duration_in_seconds"])
			a = Attachment{URL: cleanURL(f.text("url")), MIMEType: f.text("mime_type"), Title: f.text("title"), Size: int64(size), Duration: duration}
		}
		if a.URL == "" {
			continue
		}
		a.MIMEType = mediaType(a.MIMEType)
		found = append(found, a)
	}
	return found
}

// mediaType returns a type as RFC 9110 section 8.3.1 writes it, or that of any bytes.
func mediaType(s string) string {
	if _, _, err := mime.ParseMediaType(s); err == nil && strings.Contains(s, "/") && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s
	}
	return "application/octet-stream"
}

// number reads a number that is not negative and that JSON can write as an integer.
func number(v any) float64 {
	n, err := strconv.ParseFloat(asText(v), 64)
	if err != nil || !(n >= 0 && n <= 1<<53) {
		return 0
	}
	return n
}

// asTime reads RFC 3339, and a number as seconds or milliseconds since 1970.
func asTime(v any) time.Time {
	switch v := v.(type) {
	case string:
		t, err := time.Parse(time.RFC3339, strings.TrimSpace(v))
		if err != nil {
			return time.Time{}
		}
		return writable(t)
	case json.Number:
		n, err := v.Float64()
		if err != nil || !(n > 0 && n < 2.5e14) {
			return time.Time{}
		}
		if n < 1e11 {
			n *= 1000
		}
		return writable(time.UnixMicro(int64(math.Round(n * 1000))))
	}
	return time.Time{}
}

// cleanURL returns an absolute URL with all escapes that it needs, or "".
func cleanURL(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || !u.IsAbs() || u.Host == "" && u.Opaque == "" && u.Path == "" {
		return ""
	}
	switch strings.ToLower(u.Scheme) {
	case "javascript", "vbscript", "data":
		return "" // nothing that runs where it is shown
	}
	text := u.String()
	if strings.ContainsAny(text, " <>\"{}|\\^`") {
		return ""
	}
	return text
}

// language returns a tag that looks like one of BCP 47, or "".
func language(s string) string {
	for part := range strings.SplitSeq(s, "-") {
		if part == "" || len(part) > 8 || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			return ""
		}
	}
	return s
}

// pointer returns what a JSON pointer (RFC 6901) finds.
func pointer(doc any, p string) any {
	if p == "" {
		return doc
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for token := range strings.SplitSeq(strings.TrimPrefix(p, "/"), "/") {
		token = unescape.Replace(token)
		switch v := doc.(type) {
		case map[string]any:
			doc = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			doc = v[i]
		default:
			return nil
		}
	}
	return doc
}
