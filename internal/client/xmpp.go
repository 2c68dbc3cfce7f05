package client

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/url"
)

// XMPP yields the pages of a list of what the XMPP edge has: "links", "nodes" or "subscriptions". It ends after the first error.
func (c *Client) XMPP(ctx context.Context, what string, query url.Values) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		query := maps.Clone(query)
		for {
			var doc json.RawMessage
			var page struct {
				Next string `json:"next"`
			}
			err := c.get(ctx, "/v1/xmpp/"+what, query, &doc)
			if err == nil {
				err = decode(doc, &page)
			}
			if !yield(doc, err) || err != nil || page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}
