package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// putItems puts items into a queue.
//
// @Summary     Put items
// @Description One item, or an array of up to 1,000 (or, as `application/x-ndjson`, one a line): all or none.
// @ID          putItems
// @Tags        Queues
// @Param       feed            path   string true  "name"
// @Param       Idempotency-Key header string false "key"
// @Success     201 "They are in the queue."
// @Failure     400,401,403,404,408,409,413,415,422,429,500,503 {object} problem
// @Router      /v1/queues/{feed}/items [post]
func (s *Server) putItems(c *call) error {
	queue, err := c.feed(auth.Submit)
	if err != nil {
		return err
	}
	w, err := c.batchOptions()
	if err != nil {
		return err
	}
	data, lines, err := c.batchBody()
	if err != nil {
		return err
	}
	items, one, err := parseOneOrMany(data, lines, parseQueuedItem)
	if err != nil {
		return err
	}
	ids, err := s.o.Jobs.PutItems(c.ctx(), thoonk.PutItems{Queue: queue, Items: items, Once: c.once(w, data), Actor: c.who.Name})
	if err != nil {
		return refusalOf(err, string(thoonk.FormBody), one)
	}
	if one {
		return c.send(http.StatusCreated, append(appendMember([]byte{'{'}, "id", string(ids[0])), '}'))
	}
	return c.send(http.StatusCreated, append(appendIDs([]byte{'{'}, "ids", ids), '}'))
}

func parseQueuedItem(data []byte) (thoonk.NewQueued, error) {
	var item thoonk.NewQueued
	var p publication
	if len(data) == 0 {
		return item, thoonk.E(thoonk.Invalid, `the request has no body; it is {"body": …}, or "text", "xml" or "base64" in its place`)
	}
	err := eachMember(data, func(m member) (err error) {
		switch {
		case m.name == "priority":
			item.High, err = parsePriority(m.value)
		case m.name == "id" || isForm(m.name):
			_, err = p.take(m)
		default:
			err = unknownMember(m.name, "id", "body", "text", "xml", "base64", "priority")
		}
		return err
	})
	if err == nil && p.form == "" {
		err = noForm()
	}
	if err != nil {
		return item, err
	}
	item.ID, item.Form, item.Body = p.id, p.form, p.body
	if len(item.Body) > thoonk.MaxJobPayload {
		return item, inBody(thoonk.E(thoonk.TooLarge, "an item has at most %d bytes", thoonk.MaxJobPayload), string(p.form))
	}
	return item, nil
}

// getItems takes items out of a queue.
//
// @Summary     Get items
// @Description Takes up to `count` items, at once or as soon as there is one, within `wait`. With `"ack": "auto"`, the default, they are gone then, as they are for every client of the contract: what is lost on the way is lost. With `"ack": "manual"` they are leased, and what is not acknowledged before the lease ends goes back.
// @ID          getItems
// @Tags        Queues
// @Param       feed path  string true  "name"
// @Param       wait query string false "wait"
// @Success     200 "The items, if any."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/queues/{feed}/get [post]
func (s *Server) getItems(c *call) error {
	queue, err := c.feed(auth.Work)
	if err != nil {
		return err
	}
	r, err := c.claimRequest("count", "wait", "lease", "ack")
	if err != nil {
		return err
	}
	if r.lease > 0 && !r.confirm {
		return inBody(thoonk.E(thoonk.Invalid, `a lease is of items that are acknowledged: "ack" is not "manual"`), "lease")
	}
	if r.wait > 0 {
		c.untimed()
	}
	got, err := s.o.Jobs.Get(c.ctx(), thoonk.GetItems{Queue: queue, Count: r.count, Confirm: r.confirm, Lease: r.lease, Actor: c.who.Name}, r.wait)
	if err != nil {
		return err
	}
	dst := appendQueued([]byte{'{'}, got.Items)
	if got.Lease.Token != "" {
		dst = appendLease(dst, got.Lease)
	}
	return c.send(http.StatusOK, appendWhy(dst, len(got.Items), got.Wait, time.Time{}))
}

func parseAck(value json.RawMessage) (confirm bool, err error) {
	s, err := asString(value)
	if err == nil && s != "auto" && s != "manual" {
		err = thoonk.E(thoonk.Invalid, "ack is auto or manual")
	}
	return s == "manual", err
}

func appendQueued(dst []byte, items []thoonk.QueueItem) []byte {
	return appendList(dst, "items", items, func(dst []byte, item thoonk.QueueItem) []byte {
		dst = appendMember(append(dst, '{'), "id", string(item.ID))
		return append(appendContent(dst, item.Content, item.Body), '}')
	})
}

// @Summary     Look at a queue
// @Description Its first items, which stay there, and its length.
// @ID          peekItems
// @Tags        Queues
// @Param       feed  path  string true  "name"
// @Param       limit query int    false "length"
// @Success     200 "The items, next first."
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/queues/{feed}/items [get]
func (s *Server) peekItems(c *call) error {
	queue, err := c.anyOf(auth.Read, auth.Work)
	if err != nil {
		return err
	}
	q, err := c.query("limit")
	if err != nil {
		return err
	}
	n, err := limit(q)
	if err != nil {
		return err
	}
	page, err := s.o.Jobs.PeekItems(c.ctx(), queue, n)
	if err != nil {
		return err
	}
	dst := appendQueued([]byte{'{'}, page.Items)
	dst = appendInt(dst, "length", page.Length)
	dst = appendInt(dst, "leased", page.Leased)
	return c.sendList(http.StatusOK, append(dst, '}'))
}

// @Summary     Acknowledge an item
// @Description Of a get with `"ack": "manual"`. With `"back": true` it is given back at once instead. 409: the lease is lost.
// @ID          ackItem
// @Tags        Queues
// @Param       feed path string true "name"
// @Param       id   path string true "id"
// @Success     204 "It is gone, or back."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/queues/{feed}/items/{id}/ack [post]
func (s *Server) ackItem(c *call) error {
	queue, id, err := c.jobPathOf(auth.Work)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	ack := thoonk.AckItem{ID: id, Actor: c.who.Name}
	err = eachMember(data, func(m member) (err error) {
		switch m.name {
		case "lease":
			ack.Token, err = asToken(m.value)
		case "back":
			ack.Back, err = asBool(m.value)
		default:
			err = unknownMember(m.name, "lease", "back")
		}
		return err
	})
	if err == nil && ack.Token == "" {
		err = inBody(thoonk.E(thoonk.Invalid, `"lease" is needed: the token that the get gave`), "lease")
	}
	if err != nil {
		return err
	}
	ends, err := s.o.Jobs.AckItems(c.ctx(), queue, []thoonk.AckItem{ack})
	if err != nil {
		return err
	}
	if _, err := onlyEnd(ends, queue); err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}
