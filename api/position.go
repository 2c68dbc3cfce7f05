package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// putPosition moves an item of a sorted feed.
//
// @Summary     Move an item of a sorted feed
// @Description Next to itself it stays where it is.
// @ID          moveItem
// @Tags        Items
// @Param       feed            path   string true  "name"
// @Param       id              path   string true  "id"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 "It is there now."
// @Header      200 {string} ETag "revision"
// @Failure     400,401,403,404,408,409,412,413,415,422,429,500,503 {object} problem
// @Router      /v1/feeds/{feed}/items/{id}/position [put]
func (s *Server) putPosition(c *call) error {
	feed, id, err := c.item(auth.Publish)
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
	position, err := parsePosition(data)
	if err != nil {
		return err
	}
	item, err := s.o.Store.Move(c.ctx(), thoonk.MoveItem{
		Feed: feed, ID: id, Position: position, If: w.cond, Once: c.once(w, data), Actor: c.who.Name,
	})
	if e, ok := errors.AsType[*thoonk.Error](err); ok && e.Field == "position" {
		return e.In("") // here that is the whole body
	}
	if err != nil {
		return err
	}
	c.setETag(item.Revision)
	return c.send(http.StatusOK, publishedDoc(feed, item))
}

// parsePosition reads {"first": true}, {"last": true}, {"before": id} or {"after": id}.
func parsePosition(value json.RawMessage, at ...string) (thoonk.Position, error) {
	var p thoonk.Position
	members, err := parseObject(value, at...)
	if err != nil {
		return p, err
	}
	if len(members) != 1 {
		return p, inBody(thoonk.E(thoonk.Invalid, `a position has exactly one of "first", "last", "before" and "after"`), at...)
	}
	m := members[0]
	switch m.name {
	case "first":
		p.First, err = true, checkTrue(m.value)
	case "last":
		p.Last, err = true, checkTrue(m.value)
	case "before":
		p.Before, err = parseID(m.value)
	case "after":
		p.After, err = parseID(m.value)
	default:
		err = unknownMember(m.name, "first", "last", "before", "after")
	}
	if err != nil {
		return thoonk.Position{}, inBody(err, append(at, m.name)...)
	}
	return p, nil
}

func checkTrue(value json.RawMessage) error {
	if !bytes.Equal(value, []byte("true")) {
		return thoonk.E(thoonk.Invalid, "the only value is true")
	}
	return nil
}

// appendPosition appends a position as it is given in requests.
func appendPosition(dst []byte, p thoonk.Position) []byte {
	dst = append(appendName(dst, "position"), '{')
	switch {
	case p.First:
		dst = appendTrue(dst, "first")
	case p.Last:
		dst = appendTrue(dst, "last")
	case p.Before != "":
		dst = appendMember(dst, "before", string(p.Before))
	default:
		dst = appendMember(dst, "after", string(p.After))
	}
	return append(dst, '}')
}
