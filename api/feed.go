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
	cond, err := c.writeOptions()
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
	feed, created, err := s.o.Store.PutFeed(c.ctx(), thoonk.PutFeed{Name: name, Config: cfg, If: cond, Actor: c.who.Name})
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

func (s *Server) deleteFeed(c *call) error {
	name, err := c.feed(auth.Configure)
	if err != nil {
		return err
	}
	cond, err := c.writeOptions()
	if err != nil {
		return err
	}
	if err := s.o.Store.DeleteFeed(c.ctx(), thoonk.DeleteFeed{Name: name, If: cond, Actor: c.who.Name}); err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}
