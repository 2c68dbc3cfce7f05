package hub

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Document is what is sent of a topic.
type Document struct {
	ContentType string
	Body        []byte
}

// item is an item of a feed of the topic.
type item struct {
	thoonk.Item
	feed    thoonk.Feed
	content thoonk.Content
}

// deletion is an item that is gone.
type deletion struct {
	feed thoonk.Feed
	id   thoonk.ItemID
	last []byte // what it was, if that is known: its entry may have had an id of its own
	when time.Time
}

// telling is what a document tells.
type telling struct {
	topic    Topic
	self     string // in the spelling of who asked
	feed     thoonk.Feed
	items    []item // in the order in which they are shown
	deleted  []deletion
	updated  time.Time
	complete bool
}

// render writes a document. That of Raw is written of its only item.
func (a Addresses) render(t telling) Document {
	if t.topic.Format == Raw {
		if len(t.items) == 0 {
			return Document{}
		}
		last := t.items[len(t.items)-1]
		return Document{rawType(last.content, last.Body), last.Body}
	}
	f := a.head(t)
	seen := make(map[string]bool, len(t.items))
	for _, i := range t.items {
		e := a.entry(i.feed, i.content, i.Item)
		if t.topic.Match != "" {
			e.From = a.origin(i.feed, t.topic.Format)
		}
		if seen[e.ID] { // two items may claim one id; then only the first has it
			e.ID = a.source(i.feed).ID(i.ID)
		}
		if !seen[e.ID] {
			seen[e.ID] = true
			f.Entries = append(f.Entries, e)
		}
	}
	for _, d := range t.deleted {
		f.Deleted = append(f.Deleted, syndication.Tombstone{ID: a.formerID(d), When: d.when})
	}
	return Document{t.topic.Format.MediaType(), write(t.topic.Format, f)}
}

func write(format Format, f syndication.Feed) []byte {
	switch format {
	case RSS:
		return f.RSS()
	case JSON:
		return f.JSON()
	case HTML:
		return f.HTML()
	}
	return f.Atom()
}

// head is what the document says of the feed.
func (a Addresses) head(t telling) syndication.Feed {
	s := t.feed.Config.Syndication
	f := syndication.Feed{
		ID:          a.source(t.feed).FeedID(),
		Title:       title(t.feed),
		Description: cmp.Or(s.Description, t.feed.Config.Node.Description, t.feed.Config.Extra["description"]),
		Link:        cmp.Or(s.Link, a.URL(t.topic.as(HTML))),
		Self:        cmp.Or(t.self, a.URL(t.topic)),
		Hubs:        []string{a.Hub()},
		Icon:        s.Icon,
		Language:    s.Language,
		Updated:     t.updated,
		Complete:    t.complete,
	}
	if s.Author != (thoonk.Author{}) {
		f.Authors = []syndication.Author{{Name: s.Author.Name, URL: s.Author.URL}}
	}
	if t.topic.Match != "" {
		f.ID, f.Title = a.URL(t.topic.as(Atom)), string(t.topic.Match)
	}
	for _, o := range []struct {
		title  string
		format Format
	}{{"Atom", Atom}, {"JSON Feed", JSON}, {"RSS", RSS}} {
		if o.format != t.topic.Format {
			f.Formats = append(f.Formats, syndication.Format{Title: o.title, MediaType: bare(o.format.MediaType()), URL: a.URL(t.topic.as(o.format))})
		}
	}
	return f
}

// as is the same topic in another format.
func (t Topic) as(f Format) Topic {
	t.Format = f
	return t
}

func title(f thoonk.Feed) string {
	return cmp.Or(f.Config.Syndication.Title, f.Config.Node.Title, f.Config.Extra["title"], string(f.Name))
}

func (a Addresses) origin(f thoonk.Feed, format Format) syndication.Origin {
	if format == HTML {
		format = Atom
	}
	return syndication.Origin{ID: a.source(f).FeedID(), Title: title(f), URL: a.URL(Topic{Feed: f.Name, Format: format})}
}

func (a Addresses) source(f thoonk.Feed) syndication.Source {
	return syndication.Source{Feed: f, Host: a.Host(), Item: func(id thoonk.ItemID) string { return a.Item(f.Name, id) }}
}

func (a Addresses) entry(f thoonk.Feed, content thoonk.Content, i thoonk.Item) syndication.Entry {
	return a.source(f).Entry(content, i)
}

func (a Addresses) formerID(d deletion) string {
	s := a.source(d.feed)
	if d.last == nil {
		return s.ID(d.id)
	}
	return s.Entry(d.feed.Config.Content, thoonk.Item{ID: d.id, Body: d.last}).ID
}

// rawType is the media type of an item by itself.
func rawType(content thoonk.Content, body []byte) string {
	switch content.FormOf(body) {
	case thoonk.FormBody:
		return "application/json"
	case thoonk.FormXML:
		return "application/xml"
	case thoonk.FormText:
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// Renderer reads feeds and writes the documents of topics.
type Renderer struct {
	Store     documents
	Addresses Addresses
}

// documents is what documents are made of. Its errors are of type [thoonk.Error].
type documents interface {
	Feeds(context.Context, thoonk.FeedQuery) ([]thoonk.Feed, error)
	Feed(context.Context, thoonk.FeedName) (thoonk.Feed, error)
	Head(context.Context, thoonk.FeedName) (thoonk.Revision, error)
	Items(context.Context, thoonk.ItemQuery) (thoonk.ItemPage, error)
	// Former returns the last body that an item had before a change of its feed, nil if the history does not tell.
	Former(ctx context.Context, feed thoonk.FeedName, id thoonk.ItemID, before thoonk.Revision) ([]byte, error)
	Changes(context.Context, thoonk.ChangeQuery) (thoonk.ChangePage, error)
}

// Changes returns a document of what these changes, in their order, made of one feed or of several: of each item the
// last word, and of those that are gone a tombstone. A document without a body says that there is nothing that the
// format could tell.
func (r *Renderer) Changes(ctx context.Context, t Topic, self string, events []thoonk.Event) (Document, error) {
	c := condenser{renderer: r, telling: telling{topic: t, self: self}, feeds: map[thoonk.FeedName]thoonk.Feed{}}
	for _, e := range events {
		if err := c.take(ctx, e); err != nil {
			return Document{}, err
		}
	}
	if len(c.items) == 0 && (len(c.deleted) == 0 || t.Format == RSS || t.Format == Raw) && !c.declared {
		return Document{}, nil
	}
	return r.Addresses.render(c.telling), nil
}

// condenser makes one word of many changes of an item.
type condenser struct {
	telling
	renderer *Renderer
	feeds    map[thoonk.FeedName]thoonk.Feed
	declared bool // something was said of a feed itself
}

func (c *condenser) take(ctx context.Context, e thoonk.Event) error {
	feed, err := c.of(ctx, e.Feed)
	if err != nil {
		return err
	}
	if c.topic.Match == "" {
		c.feed = feed
	}
	if at := e.Revision.Time(); at.After(c.updated) {
		c.updated = at
	}
	same := func(name thoonk.FeedName, id thoonk.ItemID) bool { return name == e.Feed && id == e.ItemID }
	switch {
	case e.Job:
		if e.Kind == thoonk.Finish || e.Kind == thoonk.Stall {
			c.items = slices.DeleteFunc(c.items, func(i item) bool { return same(i.feed.Name, i.ID) })
			c.items = append(c.items, jobItem(feed, e))
		}
	case e.HasBody():
		c.items = slices.DeleteFunc(c.items, func(i item) bool { return same(i.feed.Name, i.ID) })
		c.deleted = slices.DeleteFunc(c.deleted, func(d deletion) bool { return same(d.feed.Name, d.id) })
		i := item{feed: feed, content: e.Content, Item: thoonk.Item{ID: e.ItemID, Body: e.Body, Revision: e.Revision, Updated: e.Revision.Time()}}
		if e.Kind == thoonk.Publish {
			i.Published = i.Updated
		}
		c.items = append(c.items, i)
	case e.Kind == thoonk.Retract: // a job's ends nothing that was told
		return c.retract(ctx, feed, e)
	case e.Kind == thoonk.Configure:
		c.declared = true
	}
	return nil
}

// jobItem shows a job that has ended or was put aside as an item of content entry.
func jobItem(feed thoonk.Feed, e thoonk.Event) item {
	state := map[thoonk.EventKind]string{thoonk.Finish: "finished", thoonk.Stall: "stalled"}[e.Kind]
	at := e.Revision.Time()
	entry := syndication.Entry{ID: string(e.ItemID), Title: "Job " + string(e.ItemID) + " " + state, ContentText: cmp.Or(e.Reason, state), Tags: []string{state}, Updated: at}
	return item{feed: feed, content: thoonk.Entry, Item: thoonk.Item{ID: e.ItemID, Body: entry.JSON(), Revision: e.Revision, Updated: at}}
}

func (c *condenser) retract(ctx context.Context, feed thoonk.Feed, e thoonk.Event) (err error) {
	d := deletion{feed: feed, id: e.ItemID, when: e.Revision.Time()}
	for i, was := range c.items {
		if was.feed.Name == e.Feed && was.ID == e.ItemID {
			d.last = was.Body
			c.items = slices.Delete(c.items, i, i+1)
			break
		}
	}
	if d.last == nil && (feed.Config.Content == thoonk.Entry || len(feed.Config.Syndication.Map) > 0 || feed.Config.Content == thoonk.Undeclared) {
		d.last, err = c.renderer.Store.Former(ctx, e.Feed, e.ItemID, e.Revision)
	}
	c.deleted = append(c.deleted, d)
	return err
}

// of returns a feed as it is now. One that is gone by now is shown with its name alone.
func (c *condenser) of(ctx context.Context, name thoonk.FeedName) (thoonk.Feed, error) {
	if f, ok := c.feeds[name]; ok {
		return f, nil
	}
	f, err := c.renderer.Store.Feed(ctx, name)
	if thoonk.KindOf(err) == thoonk.NotFound {
		f, err = thoonk.Feed{Name: name}, nil
	}
	c.feeds[name] = f
	return f, err
}
