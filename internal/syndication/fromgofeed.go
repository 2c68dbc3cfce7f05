package syndication

import (
	"cmp"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
	"github.com/mmcdole/gofeed/atom"
	ext "github.com/mmcdole/gofeed/extensions"
	"github.com/mmcdole/gofeed/rss"
)

// fromGofeed takes over what was parsed. Of Atom and RSS the original tells more than what they have in common.
func fromGofeed(p *gofeed.Feed, at place) Feed {
	f := Feed{
		Title: text(p.Title), Description: text(p.Description), Link: at.url(p.Link), Self: at.url(p.FeedLink),
		Language: language(p.Language), Updated: timeOf(p.UpdatedParsed), Authors: persons(p.Authors),
	}
	if p.Image != nil {
		f.Icon = at.url(p.Image.URL)
	}
	switch original := p.OriginalFeed().(type) {
	case *atom.Feed:
		f.ID = original.ID
		f.atomLinks(original.Links, at)
		for _, e := range original.Entries {
			f.Entries = append(f.Entries, fromAtom(e, at))
		}
	case *rss.Feed:
		for i, item := range p.Items {
			e := fromRSS(item, at)
			if i < len(original.Items) && original.Items[i].GUID != nil && e.URL == "" && original.Items[i].GUID.IsPermalink != "false" {
				e.URL = web(original.Items[i].GUID.Value)
			}
			f.Entries = append(f.Entries, e)
		}
	}
	f.extensions(p.Extensions, at)
	return f
}

func (f *Feed) atomLinks(links []*atom.Link, at place) {
	for _, l := range links {
		f.link(l.Rel, at.url(l.Href))
	}
}

func (f *Feed) link(rel, href string) {
	for r := range strings.FieldsSeq(strings.ToLower(rel)) {
		switch {
		case href == "":
		case r == "hub" && !slices.Contains(f.Hubs, href):
			f.Hubs = append(f.Hubs, href)
		case r == "self":
			f.Self = href
		}
	}
}

// extensions reads links of Atom in RSS, tombstones and the mark of a complete feed, whatever their prefixes.
func (f *Feed) extensions(all ext.Extensions, at place) {
	for _, prefix := range sortedKeys(all) {
		for _, l := range all[prefix]["link"] {
			f.link(l.Attrs["rel"], at.url(l.Attrs["href"]))
		}
		for _, d := range all[prefix]["deleted-entry"] {
			if ref := d.Attrs["ref"]; ref != "" {
				f.Deleted = append(f.Deleted, Tombstone{ID: ref, When: asTime(d.Attrs["when"])})
			}
		}
		f.Complete = f.Complete || len(all[prefix]["complete"]) > 0
	}
}

func fromAtom(a *atom.Entry, at place) Entry {
	e := Entry{
		ID: strings.TrimSpace(a.ID), Title: text(a.Title), Published: timeOf(a.PublishedParsed), Updated: timeOf(a.UpdatedParsed),
		Summary: text(a.Summary),
	}
	for _, l := range a.Links {
		href := at.url(l.Href)
		switch {
		case href == "":
		case l.Rel == "enclosure":
			e.Attachments = append(e.Attachments, attachment(href, l.Type, l.Title, l.Length))
		case l.Rel == "related":
			e.ExternalURL = cmp.Or(e.ExternalURL, href)
		case l.Rel == "" || l.Rel == "alternate":
			e.URL = cmp.Or(e.URL, href)
		}
	}
	for _, p := range a.Authors {
		if author := (Author{Name: text(cmp.Or(p.Name, p.Email)), URL: at.url(p.URI)}); author != (Author{}) {
			e.Authors = append(e.Authors, author)
		}
	}
	for _, c := range a.Categories {
		e.tag(cmp.Or(c.Label, c.Term))
	}
	e.atomContent(a.Content, at)
	e.media(a.Extensions, at)
	return e
}

func (e *Entry) atomContent(c *atom.Content, at place) {
	if c == nil {
		return
	}
	if src := at.url(c.Src); src != "" {
		e.Attachments = append(e.Attachments, attachment(src, c.Type, "", ""))
	}
	switch c.Type {
	case "html", "xhtml", mediaHTML, "application/xhtml+xml":
		e.ContentHTML = at.html(valid(c.Value))
	default:
		e.ContentText = valid(c.Value)
	}
}

func fromRSS(item *gofeed.Item, at place) Entry {
	e := Entry{
		ID: strings.TrimSpace(item.GUID), URL: at.url(item.Link), Title: text(item.Title),
		Published: timeOf(item.PublishedParsed), Updated: timeOf(item.UpdatedParsed), Authors: persons(item.Authors),
	}
	if e.Updated.IsZero() {
		for _, u := range item.Extensions["atom"]["updated"] {
			e.Updated = asTime(u.Value)
		}
	}
	switch {
	case item.Content != "":
		e.ContentHTML = at.html(valid(item.Content))
		if item.Description != item.Content {
			e.Summary = text(item.Description)
		}
	case strings.ContainsAny(item.Description, "<&"):
		e.ContentHTML = at.html(valid(item.Description))
	default:
		e.ContentText = valid(item.Description)
	}
	for _, c := range item.Categories {
		e.tag(c)
	}
	for _, c := range item.Enclosures {
		if href := at.url(c.URL); href != "" {
			e.Attachments = append(e.Attachments, attachment(href, c.Type, "", c.Length))
		}
	}
	e.media(item.Extensions, at)
	if item.Image != nil {
		e.Image = cmp.Or(e.Image, at.url(item.Image.URL))
	}
	if dc := item.DublinCoreExt; dc != nil {
		e.dublinCore(dc)
	}
	return e
}

func (e *Entry) dublinCore(dc *ext.DublinCoreExtension) {
	if len(dc.Language) > 0 {
		e.Language = language(dc.Language[0])
	}
	for _, name := range dc.Creator {
		a := Author{Name: text(name)}
		if a.Name != "" && !slices.Contains(e.Authors, a) {
			e.Authors = append(e.Authors, a)
		}
	}
}

// media reads what [xmlWriter.images] writes.
func (e *Entry) media(all ext.Extensions, at place) {
	for _, m := range all["media"]["thumbnail"] {
		e.Image = cmp.Or(e.Image, at.url(m.Attrs["url"]))
	}
	for _, m := range all["media"]["content"] {
		if m.Attrs["medium"] == "image" {
			e.BannerImage = cmp.Or(e.BannerImage, at.url(m.Attrs["url"]))
		}
	}
}

func (e *Entry) tag(s string) {
	if s = text(s); s != "" && !slices.Contains(e.Tags, s) {
		e.Tags = append(e.Tags, s)
	}
}

func persons(list []*gofeed.Person) []Author {
	var found []Author
	for _, p := range list {
		if name := text(cmp.Or(p.Name, p.Email)); name != "" {
			found = append(found, Author{Name: name})
		}
	}
	return found
}

func attachment(href, mimeType, title, length string) Attachment {
	size, err := strconv.ParseInt(strings.TrimSpace(length), 10, 64)
	if err != nil || size < 0 || size > 1<<53 {
		size = 0
	}
	return Attachment{URL: href, MIMEType: mediaType(mimeType), Title: text(title), Size: size}
}

// web returns a URL of the web, or "".
func web(s string) string {
	if s = cleanURL(s); isWeb(s) {
		return s
	}
	return ""
}

// markup is what HTML has within a line.
var markup = regexp.MustCompile(`(?i)</?(?:a|abbr|b|big|br|cite|code|del|div|em|font|h[1-6]|i|img|ins|li|p|q|s|small|span|strike|strong|sub|sup|tt|u|ul|var)(?:[\s/][^<>]*)?>`)

// text returns one line without markup. Titles are written with and without, and many feeds do not say which: what looks
// like an element of HTML is taken for one, and "1 < 2" or "<T>" is not.
func text(s string) string {
	s = valid(s)
	if strings.ContainsAny(s, "<&") {
		s = html.UnescapeString(markup.ReplaceAllString(s, " "))
	}
	return strings.Join(strings.Fields(s), " ")
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// future is how far ahead of now a date may lie: beyond that it is from nowhere.
const future = 48 * time.Hour

// Believable returns the entry without dates that lie in the future.
func (e Entry) Believable(now time.Time) Entry {
	limit := now.Add(future)
	if e.Published.After(limit) {
		e.Published = time.Time{}
	}
	if e.Updated.After(limit) {
		e.Updated = time.Time{}
	}
	return e
}
