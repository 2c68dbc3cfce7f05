package api

import (
	"net/http"
	"net/url"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func (s *Server) listItems(c *call) error {
	feed, err := c.feed(auth.Read)
	if err != nil {
		return err
	}
	q, err := c.query("limit", "cursor", "order")
	if err != nil {
		return err
	}
	query := thoonk.ItemQuery{Feed: feed}
	if query.Limit, err = limit(q); err != nil {
		return err
	}
	if query.Order, err = order(q); err != nil {
		return err
	}
	list := listOf("items", string(feed), q.Get("order"))
	if query.After, err = list.start(q); err != nil {
		return err
	}
	page, err := s.o.Store.Items(c.ctx(), query)
	if err != nil {
		return err
	}
	next := ""
	if page.Next != "" {
		next = list.cursor(page.Next)
		c.linkNext(feedPath(feed)+"/items", q, next)
	}
	return c.send(http.StatusOK, pageDoc(page, next))
}

func order(q url.Values) (thoonk.Order, error) {
	switch q.Get("order") {
	case "asc":
		return thoonk.Forward, nil
	case "desc":
		return thoonk.Backward, nil
	}
	if q.Has("order") {
		return 0, inQuery(thoonk.E(thoonk.Invalid, "order is asc or desc"), "order")
	}
	return thoonk.Forward, nil
}

func (s *Server) postItem(c *call) error {
	feed, err := c.feed(auth.Publish)
	if err != nil {
		return err
	}
	return s.publish(c, feed, "")
}

// publish writes the item that the request's body describes. The id is that of the path, or empty.
func (s *Server) publish(c *call, feed thoonk.FeedName, id thoonk.ItemID) error {
	cond, err := c.writeOptions()
	if err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	p, err := parsePublication(data)
	if err != nil {
		return err
	}
	if id != "" && p.id != "" && p.id != id {
		return inBody(thoonk.E(thoonk.Invalid, "not the id in the path"), "id")
	}
	if id == "" {
		id = p.id
	}
	done, err := s.o.Store.Publish(c.ctx(), thoonk.PublishItem{
		Feed: feed, ID: id, Form: p.form, Body: p.body, If: cond, Actor: c.who.Name,
	})
	if err != nil {
		return err
	}
	c.setETag(done.Item.Revision)
	status := http.StatusOK
	if done.Created {
		status = http.StatusCreated
		c.location(itemPath(feed, done.Item.ID))
	}
	return c.send(status, publishedDoc(feed, done.Item))
}
