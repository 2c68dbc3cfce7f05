package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
)

// XMPP yields the pages of a list of what the XMPP edge has: "links", "nodes" or "subscriptions". It ends after the first error.
func (c *Client) XMPP(ctx context.Context, what string, query url.Values) iter.Seq2[json.RawMessage, error] {
	return c.pages(ctx, "/v1/xmpp/"+what, query)
}
