package client

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/url"
)

// pages yields the documents of a list, page by page. It ends after the first error.
func (c *Client) pages(ctx context.Context, path string, query url.Values) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		query := maps.Clone(query)
		for {
			var doc json.RawMessage
			var page struct {
				Next string `json:"next"`
			}
			err := c.get(ctx, path, query, &doc)
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

// list yields what all pages of a list have in the member of that name. It ends after the first error.
func list[T any](ctx context.Context, c *Client, path string, query url.Values, member string, parse func(json.RawMessage) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for doc, err := range c.pages(ctx, path, query) {
			var listed []json.RawMessage
			if err == nil {
				listed, err = listedIn(doc, member)
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, raw := range listed {
				one, err := parse(raw)
				if !yield(one, err) || err != nil {
					return
				}
			}
		}
	}
}

func listedIn(doc json.RawMessage, member string) ([]json.RawMessage, error) {
	var members map[string]json.RawMessage
	var listed []json.RawMessage
	err := decode(doc, &members)
	if raw, ok := members[member]; ok && err == nil {
		err = decode(raw, &listed)
	}
	return listed, err
}
