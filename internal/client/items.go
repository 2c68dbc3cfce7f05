package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Item is an item of a feed.
type Item struct {
	ID       thoonk.ItemID   `json:"id"`
	Revision thoonk.Revision `json:"revision"`
	Updated  time.Time       `json:"updated"`

	Body Body            `json:"-"`
	Raw  json.RawMessage `json:"-"` // the document, as the server sent it
}

// ItemQuery chooses items of a feed.
type ItemQuery struct {
	Feed  thoonk.FeedName
	Order thoonk.Order
	Page  int // items to ask for at once; 0: the server decides
}

// Items yields the items that are in a feed, page by page. It ends after the first error.
func (c *Client) Items(ctx context.Context, q ItemQuery) iter.Seq2[Item, error] {
	query := url.Values{}
	setNumber(query, "limit", q.Page)
	if q.Order == thoonk.Backward {
		query.Set("order", "desc")
	}
	return list(ctx, c, feedPath(q.Feed)+"/items", query, "items", parseItem)
}

// Item returns one item.
func (c *Client) Item(ctx context.Context, feed thoonk.FeedName, id thoonk.ItemID) (Item, error) {
	var raw json.RawMessage
	if err := c.get(ctx, itemPath(feed, id), nil, &raw); err != nil {
		return Item{}, err
	}
	return parseItem(raw)
}

func parseItem(raw json.RawMessage) (Item, error) {
	var w struct {
		Item
		wireBody
	}
	err := decode(raw, &w)
	w.Item.Body, w.Raw = w.body(), raw
	return w.Item, err
}
