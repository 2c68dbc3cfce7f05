package syndication

import (
	"cmp"
	"strconv"
	"time"
)

// Namespaces of Atom and of its extensions that we write and read.
const (
	nsAtom       = "http://www.w3.org/2005/Atom"
	nsTombstones = "http://purl.org/atompub/tombstones/1.0"   // RFC 6721
	nsHistory    = "http://purl.org/syndication/history/1.0"  // RFC 5005
	nsMedia      = "http://search.yahoo.com/mrss/"            // https://www.rssboard.org/media-rss
	nsContent    = "http://purl.org/rss/1.0/modules/content/" // https://web.resource.org/rss/1.0/modules/content/
	nsDublinCore = "http://purl.org/dc/elements/1.1/"         // RFC 5013
	nsXHTML      = "http://www.w3.org/1999/xhtml"
	mediaAtom    = "application/atom+xml"
	mediaHTML    = "text/html"
)

// Atom returns the feed as a document of Atom 1.0 (RFC 4287).
func (f Feed) Atom() []byte {
	var w xmlWriter
	w.declaration()
	attrs := []string{"xmlns", nsAtom, "xml:lang", f.Language}
	if len(f.Deleted) > 0 {
		attrs = append(attrs, "xmlns:at", nsTombstones)
	}
	if f.Complete {
		attrs = append(attrs, "xmlns:fh", nsHistory)
	}
	if hasImages(f.Entries) {
		attrs = append(attrs, "xmlns:media", nsMedia)
	}
	w.start("feed", attrs...)
	w.WriteString("\n")
	w.text("id", f.ID)
	w.text("title", f.title())
	w.optional("subtitle", f.Description)
	w.text("updated", rfc3339(f.Updated))
	w.atomAuthors(f.authors())
	w.optional("icon", f.Icon)
	w.empty("link", "rel", "self", "type", mediaAtom, "href", f.Self)
	for _, hub := range f.Hubs {
		w.empty("link", "rel", "hub", "href", hub)
	}
	if f.Link != "" {
		w.empty("link", "rel", "alternate", "type", mediaHTML, "href", f.Link)
	}
	for _, o := range f.Formats {
		if o.MediaType != mediaAtom && o.MediaType != mediaHTML {
			w.empty("link", "rel", "alternate", "type", o.MediaType, "href", o.URL)
		}
	}
	if f.Complete {
		w.empty("fh:complete")
	}
	for _, d := range f.Deleted {
		w.empty("at:deleted-entry", "ref", d.ID, "when", rfc3339(d.When))
	}
	for _, e := range f.Entries {
		w.atomEntry(e)
	}
	w.end("feed")
	return w.Bytes()
}

// AtomEntry returns the entry as one atom:entry element, as it stands in an XMPP stanza too.
func (e Entry) AtomEntry() []byte {
	var w xmlWriter
	attrs := []string{"xmlns", nsAtom}
	if hasImages([]Entry{e}) {
		attrs = append(attrs, "xmlns:media", nsMedia)
	}
	w.atomEntry(e, attrs...)
	return w.Bytes()
}

func hasImages(entries []Entry) bool {
	for _, e := range entries {
		if e.Image != "" || e.BannerImage != "" {
			return true
		}
	}
	return false
}

func (w *xmlWriter) atomEntry(e Entry, attrs ...string) {
	w.start("entry", append(attrs, "xml:lang", e.Language)...)
	w.WriteString("\n")
	w.text("id", e.ID)
	w.text("title", e.headline())
	w.text("updated", rfc3339(orTime(e.Updated, e.Published)))
	if !e.Published.IsZero() {
		w.text("published", rfc3339(e.Published))
	}
	w.atomAuthors(e.Authors)
	if e.URL != "" {
		w.empty("link", "rel", "alternate", "href", e.URL)
	}
	if e.ExternalURL != "" {
		w.empty("link", "rel", "related", "href", e.ExternalURL)
	}
	for _, a := range e.Attachments {
		size := ""
		if a.Size > 0 {
			size = strconv.FormatInt(a.Size, 10)
		}
		w.empty("link", "rel", "enclosure", "type", mediaType(a.MIMEType), "title", a.Title, "length", size, "href", a.URL)
	}
	for _, tag := range e.Tags {
		w.empty("category", "term", tag)
	}
	w.optional("summary", e.Summary)
	if o := e.From; o != (Origin{}) {
		w.start("source")
		w.text("id", o.ID)
		w.text("title", cmp.Or(o.Title, o.ID))
		w.empty("link", "rel", "self", "href", o.URL)
		w.end("source")
	}
	w.atomContent(e)
	w.images(e)
	w.foreign(e)
	w.end("entry")
}

func (w *xmlWriter) images(e Entry) {
	if e.Image != "" {
		w.empty("media:thumbnail", "url", e.Image)
	}
	if e.BannerImage != "" {
		w.empty("media:content", "medium", "image", "url", e.BannerImage)
	}
}

func (w *xmlWriter) atomContent(e Entry) {
	switch {
	case e.ContentXML != "":
		w.start("content", "type", "application/xml")
		w.WriteString(withoutDefaultNamespace(e.ContentXML))
		w.end("content")
	case e.ContentHTML != "":
		w.text("content", e.ContentHTML, "type", "html")
	case e.ContentText != "" || e.URL == "": // RFC 4287 section 4.1.2: without content a link is needed
		w.text("content", cmp.Or(e.ContentText, e.Summary), "type", "text")
	}
}

// atomAuthors leaves out what has no name, which RFC 4287 section 3.2.1 demands, unless a URL can stand for it.
func (w *xmlWriter) atomAuthors(authors []Author) {
	for _, a := range authors {
		if name := cmp.Or(a.Name, a.URL); name != "" {
			w.start("author")
			w.text("name", name)
			w.optional("uri", a.URL)
			w.end("author")
		}
	}
}

func (f Feed) title() string { return cmp.Or(f.Title, f.ID) }

// authors returns at least one: in RFC 4287 section 4.1.1 a feed has one unless each of its entries does.
func (f Feed) authors() []Author {
	for _, a := range f.Authors {
		if a.Name != "" || a.URL != "" {
			return f.Authors
		}
	}
	return []Author{{Name: f.title()}}
}

// rfc3339 writes a time as RFC 4287 section 3.3 wants it.
func rfc3339(t time.Time) string { return epoch(t).Format("2006-01-02T15:04:05.999999Z07:00") }

// epoch is for where a date is needed and none is known.
func epoch(t time.Time) time.Time {
	if t = writable(t); t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t
}

func orTime(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}
