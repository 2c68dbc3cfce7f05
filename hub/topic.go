package hub

import (
	"net/url"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Format is what a topic's document is written in.
type Format string

// The formats. Raw is not a document: it is the newest item, in its own type.
const (
	Atom Format = "atom"
	RSS  Format = "rss"
	JSON Format = "json"
	HTML Format = "html" // for people; it is no topic
	Raw  Format = "latest"
)

// suffixed are the formats that a suffix of the address names, the preferred one first.
var suffixed = []Format{Atom, JSON, RSS, HTML}

// MediaType is the Content-Type of the format's documents, and of their deliveries. That of Raw is the item's.
func (f Format) MediaType() string {
	switch f {
	case Atom:
		return "application/atom+xml; charset=utf-8"
	case RSS:
		return "application/rss+xml; charset=utf-8"
	case JSON:
		return "application/feed+json"
	case HTML:
		return "text/html; charset=utf-8"
	}
	return ""
}

// Topic is a feed, or all feeds whose names match a pattern, in a format.
type Topic struct {
	Feed   thoonk.FeedName
	Match  thoonk.Pattern // of a wildcard topic, which has no Feed
	Format Format
}

// Covers reports whether a change of the feed is one of the topic.
func (t Topic) Covers(feed thoonk.FeedName) bool {
	if t.Match != "" {
		return t.Match.Match(feed)
	}
	return t.Feed == feed
}

// Addresses says which URL is which topic.
type Addresses struct {
	base url.URL // scheme and host in lower case, without a default port; path without a slash at the end
}

// NewAddresses returns the addresses under a public URL, which has to be absolute.
func NewAddresses(publicURL string) (Addresses, error) {
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" {
		return Addresses{}, thoonk.E(thoonk.Invalid, "the public URL is not an absolute URL")
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	return Addresses{base: url.URL{Scheme: strings.ToLower(u.Scheme), Host: host(u), Path: path}}, nil
}

// Base is the public URL, without a slash at the end.
func (a Addresses) Base() string { return a.base.Scheme + "://" + a.base.Host + a.base.Path }

// Host is the name of the host in the public URL, without a port.
func (a Addresses) Host() string { return a.base.Hostname() }

// Hub is the address that subscribers and publishers post to.
func (a Addresses) Hub() string { return a.Base() + "/hub" }

// URL returns the one address of a topic that documents and links show.
func (a Addresses) URL(t Topic) string {
	switch {
	case t.Match != "":
		return a.Base() + "/feeds." + string(t.Format) + "?" + url.Values{"match": {string(t.Match)}}.Encode()
	case t.Format == Raw:
		return a.Base() + "/feeds/" + url.PathEscape(string(t.Feed)) + "/latest"
	}
	return a.Base() + "/feeds/" + url.PathEscape(string(t.Feed)) + "." + string(t.Format)
}

// Item returns the address of an item in the REST API.
func (a Addresses) Item(feed thoonk.FeedName, id thoonk.ItemID) string {
	escaped := url.PathEscape(string(id))
	if id == "." || id == ".." { // RFC 3986 section 5.2.4
		escaped = strings.ReplaceAll(string(id), ".", "%2E")
	}
	return a.Base() + "/v1/feeds/" + url.PathEscape(string(feed)) + "/items/" + escaped
}

// has reports whether an address is below the public URL, whether it is a topic or not.
func (a Addresses) has(address string) bool {
	u, err := url.Parse(address)
	if err != nil || strings.ToLower(u.Scheme) != a.base.Scheme || host(u) != a.base.Host {
		return false
	}
	path, ok := strings.CutPrefix(unreserved(u.EscapedPath()), unreserved(a.base.Path))
	return ok && (path == "" || path[0] == '/')
}

// Parse returns the topic that an address stands for, in whatever equivalent spelling: letter case of scheme and host,
// a default port, percent-encoding (RFC 3986 section 6.2.2). The bare address of a feed stands for its Atom document, which
// is what it answers to who prefers nothing else. Errors: NotFound if it is no topic here.
func (a Addresses) Parse(address string) (Topic, error) {
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.User != nil || u.Fragment != "" {
		return Topic{}, errNoTopic
	}
	path, ok := strings.CutPrefix(unreserved(u.EscapedPath()), unreserved(a.base.Path))
	if !ok || strings.ToLower(u.Scheme) != a.base.Scheme || host(u) != a.base.Host {
		return Topic{}, errNoTopic
	}
	t, err := parsePath(path, u.RawQuery)
	switch {
	case err != nil:
		return Topic{}, err
	case t.Match == "" && u.RawQuery != "":
		return Topic{}, errNoTopic
	case t.Format == "":
		t.Format = Atom
	case t.Format == HTML:
		return Topic{}, thoonk.E(thoonk.NotFound, "the page for people is no topic: it names those of its feed")
	}
	return t, nil
}

var errNoTopic = thoonk.E(thoonk.NotFound, "this is no topic of this hub")

// parsePath reads an escaped path below the public URL. It is the one place where names are decoded: once. The bare
// address of a feed, which has its format negotiated, has none.
func parsePath(escaped, query string) (Topic, error) {
	if rest, ok := strings.CutPrefix(escaped, "/feeds."); ok {
		return parseWildcard(Format(rest), query)
	}
	segment, ok := strings.CutPrefix(escaped, "/feeds/")
	if !ok {
		return Topic{}, errNoTopic
	}
	segment, raw := strings.CutSuffix(segment, "/latest")
	name, err := url.PathUnescape(segment)
	if err != nil || strings.Contains(segment, "/") {
		return Topic{}, errNoTopic
	}
	t := Topic{}
	if raw {
		t.Format = Raw
	} else {
		name, t.Format = cutFormat(name)
	}
	if t.Feed, err = thoonk.ParseFeedName(name); err != nil {
		return Topic{}, errNoTopic
	}
	return t, nil
}

func parseWildcard(f Format, query string) (Topic, error) {
	if _, known := cutFormat("." + string(f)); known == "" {
		return Topic{}, errNoTopic
	}
	q, err := url.ParseQuery(query)
	if err != nil || len(q) != 1 || len(q["match"]) != 1 {
		return Topic{}, thoonk.E(thoonk.Invalid, "a topic of several feeds has one match and nothing else in its query").In("match")
	}
	match, err := thoonk.ParsePattern(q.Get("match"))
	if err != nil {
		return Topic{}, err
	}
	return Topic{Match: match, Format: f}, nil
}

// cutFormat takes off exactly one suffix: the feed blog.atom is blog.atom.atom.
func cutFormat(name string) (string, Format) {
	for _, f := range suffixed {
		if feed, ok := strings.CutSuffix(name, "."+string(f)); ok {
			return feed, f
		}
	}
	return name, ""
}

// host is the host and port in lower case, without the port that the scheme has anyway.
func host(u *url.URL) string {
	h := strings.ToLower(u.Host)
	switch strings.ToLower(u.Scheme) {
	case "http":
		return strings.TrimSuffix(h, ":80")
	case "https":
		return strings.TrimSuffix(h, ":443")
	}
	return h
}

// unreserved decodes the escapes of what needs none, and writes the others in capitals (RFC 3986 section 6.2.2).
func unreserved(escaped string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c != '%' || i+2 >= len(escaped) {
			b.WriteByte(c)
			continue
		}
		decoded, err := url.PathUnescape(escaped[i : i+3])
		if err != nil {
			b.WriteByte(c)
			continue
		}
		if d := decoded[0]; strings.IndexByte(plainBytes, d) >= 0 {
			b.WriteByte(d)
		} else {
			b.WriteString("%" + string(hex[d>>4]) + string(hex[d&15]))
		}
		i += 2
	}
	return b.String()
}

const plainBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
