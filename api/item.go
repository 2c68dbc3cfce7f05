package api

import (
	"net/http"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// @Summary     Show an item
// @ID          getItem
// @Tags        Items
// @Param       feed          path   string true  "name"
// @Param       id            path   string true  "id"
// @Param       If-None-Match header string false "precondition"
// @Success     200 "The item."
// @Success     304 "It is as you know it."
// @Header      200,304 {string} ETag "revision"
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/feeds/{feed}/items/{id} [get]
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

// @Summary     Publish or edit an item
// @ID          putItem
// @Tags        Items
// @Param       feed            path   string true  "name"
// @Param       id              path   string true  "id"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 "It was there, and was edited."
// @Success     201 "It was published."
// @Header      200,201 {string} ETag "revision"
// @Header      201 {string} Location "where it is"
// @Failure     400,401,403,404,408,409,412,413,415,422,429,500,503 {object} problem
// @Router      /v1/feeds/{feed}/items/{id} [put]
func (s *Server) putItem(c *call) error {
	feed, id, err := c.item(auth.Publish)
	if err != nil {
		return err
	}
	return s.publish(c, feed, id)
}

// patchItem changes parts of an item's body (RFC 7396).
//
// @Summary     Change parts of an item
// @ID          patchItem
// @Tags        Items
// @Param       feed            path   string true  "name"
// @Param       id              path   string true  "id"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 "It was edited."
// @Header      200 {string} ETag "revision"
// @Failure     400,401,403,404,408,409,412,413,415,422,429,500,503 {object} problem
// @Router      /v1/feeds/{feed}/items/{id} [patch]
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
		return inMember(err, string(thoonk.FormBody))
	})
	if err != nil {
		return err
	}
	c.setETag(done.Item.Revision)
	return c.send(http.StatusOK, publishedDoc(feed, done.Item))
}

// @Summary     Retract an item
// @ID          retractItem
// @Tags        Items
// @Param       feed            path   string true  "name"
// @Param       id              path   string true  "id"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     204 "It is gone."
// @Failure     400,401,403,404,409,412,422,429,500,503 {object} problem
// @Router      /v1/feeds/{feed}/items/{id} [delete]
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
