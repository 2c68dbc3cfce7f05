package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Feed is a feed's declaration.
type Feed struct {
	Name     thoonk.FeedName `json:"name"`
	Type     thoonk.Type     `json:"type"`
	Content  thoonk.Content  `json:"content"`
	Revision thoonk.Revision `json:"revision"`
	Created  time.Time       `json:"created"`

	Raw json.RawMessage `json:"-"` // the document, as the server sent it
}

// Config is what a feed can be declared to be. What is zero is left to the server.
type Config struct {
	Type      thoonk.Type    `json:"type,omitzero"`
	MaxLength int            `json:"max_length,omitzero"`
	Content   thoonk.Content `json:"content,omitzero"`
	History   History        `json:"history,omitzero"`
}

// History bounds the changes that are kept.
type History struct {
	Count int `json:"count,omitzero"`
	Bytes int `json:"bytes,omitzero"`
}

// FeedQuery chooses feeds. What is zero is not asked for.
type FeedQuery struct {
	Match thoonk.Pattern
	Type  thoonk.Type
	Page  int // feeds to ask for at once
}

// Feeds yields all feeds that the query chooses and the caller may read. It ends after the first error.
func (c *Client) Feeds(ctx context.Context, q FeedQuery) iter.Seq2[Feed, error] {
	query := url.Values{}
	set(query, "match", string(q.Match))
	set(query, "type", string(q.Type))
	setNumber(query, "limit", q.Page)
	return list(ctx, c, "/v1/feeds", query, "feeds", parseFeed)
}

// CreateFeed declares a feed that must not be there yet.
func (c *Client) CreateFeed(ctx context.Context, name thoonk.FeedName, cfg Config) (Feed, error) {
	body, err := json.Marshal(cfg)
	if err != nil {
		return Feed{}, err
	}
	raw, err := c.call(ctx, request{
		method: http.MethodPut, path: feedPath(name), body: body, header: conditions(thoonk.Condition{NoneAny: true}),
	})
	if err != nil {
		return Feed{}, err
	}
	return parseFeed(raw)
}

// DeleteFeed removes a feed and all its items.
func (c *Client) DeleteFeed(ctx context.Context, name thoonk.FeedName) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: feedPath(name)})
	return err
}

func parseFeed(raw json.RawMessage) (Feed, error) {
	feed := Feed{Raw: raw}
	err := decode(raw, &feed)
	return feed, err
}

func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func setNumber(q url.Values, name string, n int) {
	if n > 0 {
		q.Set(name, strconv.Itoa(n))
	}
}
