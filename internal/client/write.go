package client

import (
	"context"
	"net/http"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Publication is an item to be written.
type Publication struct {
	Feed     thoonk.FeedName
	ID       thoonk.ItemID // empty: the server makes one
	Body     Body
	Position thoonk.Position // in a sorted feed; zero: the server decides
	If       thoonk.Condition
}

// Publish writes an item, be it new or not, and returns it without its body.
func (c *Client) Publish(ctx context.Context, p Publication) (Item, error) {
	body, err := p.Body.member()
	if err != nil {
		return Item{}, err
	}
	if !p.Position.IsZero() {
		body = append(append(body, `,"position":`...), position(p.Position)...)
	}
	r := request{method: http.MethodPost, path: feedPath(p.Feed) + "/items", header: conditions(p.If)}
	if p.ID != "" {
		r.method, r.path = http.MethodPut, itemPath(p.Feed, p.ID)
	}
	r.body = append(append([]byte{'{'}, body...), '}')
	return c.write(ctx, r)
}

// Move gives an item of a sorted feed another place. The item is returned without its body.
func (c *Client) Move(ctx context.Context, feed thoonk.FeedName, id thoonk.ItemID, to thoonk.Position, cond thoonk.Condition) (Item, error) {
	return c.write(ctx, request{
		method: http.MethodPut, path: itemPath(feed, id) + "/position", header: conditions(cond), body: position(to),
	})
}

// Retract removes an item.
func (c *Client) Retract(ctx context.Context, feed thoonk.FeedName, id thoonk.ItemID, cond thoonk.Condition) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: itemPath(feed, id), header: conditions(cond)})
	return err
}

func (c *Client) write(ctx context.Context, r request) (Item, error) {
	raw, err := c.call(ctx, r)
	if err != nil {
		return Item{}, err
	}
	return parseItem(raw)
}

// position returns a position as the API writes it.
func position(p thoonk.Position) []byte {
	switch {
	case p.First:
		return []byte(`{"first":true}`)
	case p.Last:
		return []byte(`{"last":true}`)
	case p.Before != "":
		return append(append([]byte(`{"before":`), quote(string(p.Before))...), '}')
	default:
		return append(append([]byte(`{"after":`), quote(string(p.After))...), '}')
	}
}

// conditions returns the header that a condition is, RFC 9110 section 13.1.
func conditions(cond thoonk.Condition) http.Header {
	h := http.Header{}
	if tags := entityTags(cond.MatchAny, cond.Match); tags != "" {
		h.Set("If-Match", tags)
	}
	if tags := entityTags(cond.NoneAny, cond.NoneMatch); tags != "" {
		h.Set("If-None-Match", tags)
	}
	return h
}

func entityTags(whatever bool, revisions []thoonk.Revision) string {
	if whatever {
		return "*"
	}
	tags := make([]string, len(revisions))
	for i, r := range revisions {
		tags[i] = `"` + r.String() + `"`
	}
	return strings.Join(tags, ", ")
}
