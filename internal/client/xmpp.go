package client

import (
	"context"
	"encoding/json"
	"net/url"
)

// XMPP returns a document about the XMPP edge: of what "links" and "nodes" are, or a page of "subscriptions".
func (c *Client) XMPP(ctx context.Context, what string, query url.Values) (json.RawMessage, error) {
	var doc json.RawMessage
	err := c.get(ctx, "/xmpp/"+what, query, &doc)
	return doc, err
}
