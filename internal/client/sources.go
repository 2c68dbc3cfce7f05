package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Source is an outside feed that comes in, and how it is.
type Source struct {
	Name   thoonk.FeedName `json:"name"`
	URL    string          `json:"url"`
	Feed   thoonk.FeedName `json:"feed"`
	Paused bool            `json:"paused"`
	Status string          `json:"status"`
	Title  string          `json:"title"`
	Worked time.Time       `json:"worked"`
	Next   time.Time       `json:"next"`
	Error  struct {
		At     time.Time `json:"at"`
		Detail string    `json:"detail"`
	} `json:"last_error"`
	Hub struct {
		URL     string    `json:"url"`
		Status  string    `json:"status"`
		Expires time.Time `json:"expires"`
		Reason  string    `json:"reason"`
	} `json:"subscription"`
	Counts map[string]int64 `json:"counts"`

	Raw json.RawMessage `json:"-"` // the document, as the server sent it
}

// SourceConfig is what a source can be declared to be. What is zero is left to the server.
type SourceConfig struct {
	Kind  thoonk.SourceKind `json:"kind,omitzero"`
	URL   string            `json:"url"`
	Feed  thoonk.FeedName   `json:"feed"`
	Min   string            `json:"min_interval,omitzero"`
	Max   string            `json:"max_interval,omitzero"`
	NoHub bool              `json:"-"`
}

// MarshalJSON writes the declaration as the API takes it.
func (s SourceConfig) MarshalJSON() ([]byte, error) {
	type members SourceConfig // without this method
	return json.Marshal(struct {
		members
		Hub bool `json:"hub"`
	}{members(s), !s.NoHub})
}

// Sources yields all sources that the caller may see. It ends after the first error.
func (c *Client) Sources(ctx context.Context) iter.Seq2[Source, error] {
	query := url.Values{"limit": {"1000"}}
	return list(ctx, c, "/v1/sources", query, "sources", parseSource)
}

// Source returns one source.
func (c *Client) Source(ctx context.Context, name thoonk.FeedName) (Source, error) {
	return c.source(ctx, request{method: http.MethodGet, path: sourcePath(name)})
}

// PutSource declares a source, be it there or not.
func (c *Client) PutSource(ctx context.Context, name thoonk.FeedName, s SourceConfig) (Source, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return Source{}, err
	}
	return c.source(ctx, request{method: http.MethodPut, path: sourcePath(name), body: body})
}

// PauseSource lets nothing come in, or again.
func (c *Client) PauseSource(ctx context.Context, name thoonk.FeedName, paused bool) (Source, error) {
	body, err := json.Marshal(map[string]bool{"paused": paused})
	if err != nil {
		return Source{}, err
	}
	header := http.Header{"Content-Type": {"application/merge-patch+json"}}
	return c.source(ctx, request{method: http.MethodPatch, path: sourcePath(name), body: body, header: header})
}

// RefreshSource has a source looked at as soon as the server has time for it.
func (c *Client) RefreshSource(ctx context.Context, name thoonk.FeedName) (Source, error) {
	return c.source(ctx, request{method: http.MethodPost, path: sourcePath(name) + "/refresh"})
}

// DeleteSource removes a source. What came in stays.
func (c *Client) DeleteSource(ctx context.Context, name thoonk.FeedName) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: sourcePath(name)})
	return err
}

func (c *Client) source(ctx context.Context, r request) (Source, error) {
	raw, err := c.call(ctx, r)
	if err != nil {
		return Source{}, err
	}
	return parseSource(raw)
}

func parseSource(raw json.RawMessage) (Source, error) {
	s := Source{Raw: raw}
	err := decode(raw, &s)
	return s, err
}

func sourcePath(name thoonk.FeedName) string { return "/v1/sources/" + escape(string(name)) }
