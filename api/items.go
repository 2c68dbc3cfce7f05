package api

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxIDs bounds how many items are asked for by their ids at once.
const maxIDs = 100

// @Summary     List the items of a feed
// @Description Page by page, or those with some ids.
// @ID          listItems
// @Tags        Items
// @Param       feed          path   string   true  "name"
// @Param       limit         query  int      false "length"
// @Param       cursor        query  string   false "cursor"
// @Param       order         query  string   false "order"
// @Param       id            query  []string false "ids"
// @Param       If-None-Match header string   false "precondition"
// @Success     200 "A page of items."
// @Success     304 "The list is as you know it."
// @Header      200,304 {string} ETag "revision"
// @Header      200 {string} Link "the next page"
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/feeds/{feed}/items [get]
func (s *Server) listItems(c *call) error {
	feed, err := c.feed(auth.Read)
	if err != nil {
		return err
	}
	q, err := c.query("limit", "cursor", "order", "id*")
	if err != nil {
		return err
	}
	if q.Has("id") {
		return s.itemsByID(c, feed, q)
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
	next := c.next(list, feedPath(feed)+"/items", q, page.Next)
	doc := func() []byte { return pageDoc(page, next, nil) }
	if query.After != "" { // where it begins depends on items that are gone, too
		return c.sendList(http.StatusOK, doc())
	}
	return c.sendFreshList(page.Revision, doc)
}

// itemsByID answers with those of some items that are there.
func (s *Server) itemsByID(c *call, feed thoonk.FeedName, q url.Values) error {
	if len(q) > 1 {
		return inQuery(thoonk.E(thoonk.Invalid, "items are asked for by id, or by limit, cursor and order"), "id")
	}
	ids, err := idsOf(q["id"])
	if err != nil {
		return inQuery(err, "id")
	}
	page, err := s.o.Store.ItemsByID(c.ctx(), feed, ids)
	if err != nil {
		return err
	}
	var rest []thoonk.ItemID
	if n := len(page.Items); page.Next != "" && n > 0 { // the bodies are too long together
		rest = ids[slices.Index(ids, page.Items[n-1].ID)+1:]
		q.Del("id")
		for _, id := range rest {
			q.Add("id", string(id))
		}
		c.linkNext(feedPath(feed)+"/items", q)
	}
	return c.sendFreshList(page.Revision, func() []byte { return pageDoc(page, "", rest) })
}

// idsOf returns each id once, in the order given.
func idsOf(texts []string) ([]thoonk.ItemID, error) {
	var ids []thoonk.ItemID
	for _, text := range texts {
		id, err := thoonk.ParseItemID(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		if len(ids) > maxIDs {
			return nil, thoonk.E(thoonk.Invalid, "more than %d ids", maxIDs)
		}
	}
	return ids, nil
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

// @Summary     Publish an item
// @Description With an id it is published, or edited if it is there; without one it gets a new id.
// @ID          publishItem
// @Tags        Items
// @Param       feed            path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 "It was there, and was edited."
// @Success     201 "It was published."
// @Header      200,201 {string} ETag "revision"
// @Header      201 {string} Location "where it is"
// @Failure     400,401,403,404,408,409,412,413,415,422,429,500,503 {object} problem
// @Router      /v1/feeds/{feed}/items [post]
func (s *Server) postItem(c *call) error {
	feed, err := c.feed(auth.Publish)
	if err != nil {
		return err
	}
	return s.publish(c, feed, "")
}

// publish writes the item that the request's body describes. The id is that of the path, or empty.
func (s *Server) publish(c *call, feed thoonk.FeedName, id thoonk.ItemID) error {
	w, err := c.writeOptions()
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
		Feed: feed, ID: id, Form: p.form, Body: p.body, Position: p.position,
		If: w.cond, Once: c.once(w, data), Actor: c.who.Name,
	})
	if err != nil {
		return inMember(err, string(thoonk.FormBody))
	}
	c.setETag(done.Item.Revision)
	status := http.StatusOK
	if done.Created {
		status = http.StatusCreated
		c.location(itemPath(feed, done.Item.ID))
	}
	return c.send(status, publishedDoc(feed, done.Item))
}
