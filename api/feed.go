package api

import (
	"cmp"
	"net/http"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// wireFeed is a feed as the client sees it.
type wireFeed struct {
	Name      thoonk.FeedName   `json:"name"`
	Type      thoonk.Type       `json:"type"`
	MaxLength int               `json:"max_length"`
	Content   thoonk.Content    `json:"content,omitempty"`
	History   wireHistory       `json:"history"`
	Extra     map[string]string `json:"extra,omitempty"`
	Revision  thoonk.Revision   `json:"revision,omitzero"`
	Created   time.Time         `json:"created,omitzero"`
}

type wireHistory struct {
	Count int `json:"count"`
	Bytes int `json:"bytes"`
}

func toWire(f thoonk.Feed) wireFeed {
	return wireFeed{
		Name:      f.Name,
		Type:      cmp.Or(f.Config.Type, thoonk.TypeFeed),
		MaxLength: f.Config.MaxLength,
		Content:   f.Config.Content,
		History: wireHistory{
			Count: cmp.Or(f.Config.History.Count, thoonk.DefaultHistoryCount),
			Bytes: cmp.Or(f.Config.History.Bytes, thoonk.DefaultHistoryBytes),
		},
		Extra:    f.Config.Extra,
		Revision: f.Revision,
		Created:  f.Created.UTC(),
	}
}

func (s *Server) getFeed(c *call) error {
	name, err := c.feed(auth.Read)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	feed, err := s.o.Store.Feed(c.ctx(), name)
	if err != nil {
		return err
	}
	return c.sendFresh(feed.Revision, func() []byte { return marshal(toWire(feed)) })
}

func (s *Server) putFeed(c *call) error {
	name, err := c.feed(auth.Configure)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	cfg, err := parseConfig(data)
	if err != nil {
		return err
	}
	feed, created, err := s.o.Store.PutFeed(c.ctx(), thoonk.PutFeed{
		Name: name, Config: cfg, If: w.cond, Once: c.once(w, data), Actor: c.who.Name,
	})
	if err != nil {
		return err
	}
	c.setETag(feed.Revision)
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		c.location(feedPath(name))
	}
	return c.send(status, marshal(toWire(feed)))
}

// patchFeed changes parts of a declaration (RFC 7396). What is null goes back to its default.
func (s *Server) patchFeed(c *call) error {
	name, err := c.feed(auth.Configure)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	data, err := c.patchBody()
	if err != nil {
		return err
	}
	put := thoonk.PutFeed{Name: name, Once: c.once(w, data), Actor: c.who.Name}
	var done thoonk.Feed
	err = patch(w, func() (thoonk.Revision, error) {
		feed, err := s.o.Store.Feed(c.ctx(), name)
		if err != nil {
			return feed.Revision, err
		}
		put.Config, err = patchConfig(feed.Config, data)
		return feed.Revision, err
	}, func(unchanged thoonk.Condition) error {
		put.If = unchanged
		done, _, err = s.o.Store.PutFeed(c.ctx(), put)
		return err
	})
	if err != nil {
		return err
	}
	c.setETag(done.Revision)
	return c.send(http.StatusOK, marshal(toWire(done)))
}

func (s *Server) deleteFeed(c *call) error {
	name, err := c.feed(auth.Configure)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	err = s.o.Store.DeleteFeed(c.ctx(), thoonk.DeleteFeed{Name: name, If: w.cond, Once: c.once(w, nil), Actor: c.who.Name})
	if err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}
