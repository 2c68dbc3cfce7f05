package api

import (
	"net/http"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func (s *Server) getItem(c *call) error {
	feed, id, err := c.item(auth.Read)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	item, content, err := s.o.Store.Item(c.ctx(), feed, id)
	if err != nil {
		return err
	}
	return c.sendFresh(item.Revision, func() []byte { return itemDoc(item, content) })
}

func (s *Server) putItem(c *call) error {
	feed, id, err := c.item(auth.Publish)
	if err != nil {
		return err
	}
	return s.publish(c, feed, id)
}

func (s *Server) deleteItem(c *call) error {
	feed, id, err := c.item(auth.Retract)
	if err != nil {
		return err
	}
	cond, err := c.writeOptions()
	if err != nil {
		return err
	}
	if err := s.o.Store.Retract(c.ctx(), thoonk.RetractItem{Feed: feed, ID: id, If: cond, Actor: c.who.Name}); err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}
