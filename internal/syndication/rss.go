package syndication

import (
	"cmp"
	"strconv"
	"time"
)

// RSS returns the feed as a document of RSS 2.0 (https://www.rssboard.org/rss-specification).
func (f Feed) RSS() []byte {
	var w xmlWriter
	w.declaration()
	attrs := []string{"version", "2.0", "xmlns:atom", nsAtom, "xmlns:content", nsContent, "xmlns:dc", nsDublinCore}
	if f.Complete {
		attrs = append(attrs, "xmlns:fh", nsHistory)
	}
	if hasImages(f.Entries) {
		attrs = append(attrs, "xmlns:media", nsMedia)
	}
	w.start("rss", attrs...)
	w.start("channel")
	w.WriteString("\n")
	w.text("title", f.title())
	w.text("link", cmp.Or(f.Link, f.Self))
	w.text("description", cmp.Or(f.Description, f.title()))
	w.optional("language", f.Language)
	w.text("lastBuildDate", rfc822(f.Updated))
	w.empty("atom:link", "rel", "self", "type", "application/rss+xml", "href", f.Self)
	for _, hub := range f.Hubs {
		w.empty("atom:link", "rel", "hub", "href", hub)
	}
	if f.Icon != "" {
		w.start("image")
		w.text("url", f.Icon)
		w.text("title", f.title())
		w.text("link", cmp.Or(f.Link, f.Self))
		w.end("image")
	}
	if f.Complete {
		w.empty("fh:complete")
	}
	for _, e := range f.Entries {
		w.rssItem(e)
	}
	w.end("channel")
	w.end("rss")
	return w.Bytes()
}

func (w *xmlWriter) rssItem(e Entry) {
	w.start("item")
	w.WriteString("\n")
	w.text("title", e.headline())
	w.optional("link", cmp.Or(e.URL, e.ExternalURL))
	w.text("guid", e.ID, "isPermaLink", "false")
	w.text("pubDate", rfc822(orTime(e.Published, e.Updated)))
	if !e.Updated.IsZero() {
		w.text("atom:updated", rfc3339(e.Updated))
	}
	for _, a := range e.Authors {
		w.optional("dc:creator", cmp.Or(a.Name, a.URL))
	}
	w.optional("dc:language", e.Language)
	for _, tag := range e.Tags {
		w.text("category", tag)
	}
	content := cmp.Or(e.ContentHTML, asHTML(cmp.Or(e.ContentText, e.ContentXML)))
	if e.From.URL != "" {
		w.text("source", cmp.Or(e.From.Title, e.From.ID), "url", e.From.URL)
	}
	if e.Summary != "" {
		w.text("description", asHTML(e.Summary))
		w.optional("content:encoded", content)
	} else {
		w.text("description", content)
	}
	for _, a := range e.Attachments {
		w.empty("enclosure", "url", a.URL, "length", strconv.FormatInt(a.Size, 10), "type", mediaType(a.MIMEType))
	}
	w.images(e)
	w.end("item")
}

// rfc822 writes a time with four digits of the year, as the specification allows and everybody does.
func rfc822(t time.Time) string { return epoch(t).Format(time.RFC1123Z) }
