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

// patchItem changes parts of an item's body (RFC 7396).
func (s *Server) patchItem(c *call) error {
	feed, id, err := c.item(auth.Publish)
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
	change, err := parseItemPatch(data)
	if err != nil {
		return err
	}
	// The text is what is offered to patchedBefore where there is nothing to be patched.
	publish := thoonk.PublishItem{Feed: feed, ID: id, Form: thoonk.FormText, Once: c.once(w, data), Actor: c.who.Name}
	var done thoonk.Published
	err = patch(w, func() (thoonk.Revision, error) {
		item, content, err := s.o.Store.Item(c.ctx(), feed, id)
		if err != nil {
			return item.Revision, err
		}
		form, body, err := patchItemBody(change, content, item.Body)
		if err == nil {
			publish.Form, publish.Body = form, body
		}
		return item.Revision, err
	}, func(unchanged thoonk.Condition) error {
		publish.If = unchanged
		done, err = s.o.Store.Publish(c.ctx(), publish)
		return err
	})
	if err != nil {
		return err
	}
	c.setETag(done.Item.Revision)
	return c.send(http.StatusOK, publishedDoc(feed, done.Item))
}

func (s *Server) deleteItem(c *call) error {
	feed, id, err := c.item(auth.Retract)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	err = s.o.Store.Retract(c.ctx(), thoonk.RetractItem{Feed: feed, ID: id, If: w.cond, Once: c.once(w, nil), Actor: c.who.Name})
	if err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}
