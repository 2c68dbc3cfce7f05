package api

import (
	"context"
	"net/http"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Ingestion keeps the sources: outside feeds that come in. Its errors are of type [thoonk.Error].
type Ingestion interface {
	Sources(ctx context.Context, after thoonk.FeedName, limit int) ([]thoonk.KnownSource, error)
	Source(context.Context, thoonk.FeedName) (thoonk.Source, thoonk.SourceState, error)
	DeclareSource(context.Context, thoonk.DeclareSource) (s thoonk.KnownSource, created bool, err error)
	// RemoveSource returns what was known of the source: nothing if the same request removed it before.
	RemoveSource(context.Context, thoonk.RemoveSource) (thoonk.SourceState, error)
	RefreshSource(context.Context, thoonk.FeedName) error

	// CheckSource returns an Unprocessable error if the address may not be dialled.
	CheckSource(ctx context.Context, address string) error
	// CheckTarget returns an Unprocessable error if entries cannot go into the feed.
	CheckTarget(thoonk.SourceKind, thoonk.Feed) error
	// Wake says that a source may be due; Unsubscribe tells the hub of one that is no more.
	Wake()
	Unsubscribe(context.Context, thoonk.SourceState)
}

// wireSource is a source as the client sees it.
type wireSource struct {
	Name        thoonk.FeedName     `json:"name"`
	Kind        thoonk.SourceKind   `json:"kind"`
	URL         string              `json:"url"`
	Feed        thoonk.FeedName     `json:"feed"`
	MinInterval string              `json:"min_interval"`
	MaxInterval string              `json:"max_interval"`
	Hub         bool                `json:"hub"`
	Link        string              `json:"link,omitempty"`
	Paused      bool                `json:"paused"`
	Configured  bool                `json:"configured,omitempty"`
	Revision    thoonk.Revision     `json:"revision,omitzero"`
	Created     time.Time           `json:"created,omitzero"`
	Status      thoonk.SourceStatus `json:"status"`
	Title       string              `json:"title,omitempty"`
	Document    string              `json:"document,omitempty"`
	Tried       time.Time           `json:"tried,omitzero"`
	Worked      time.Time           `json:"worked,omitzero"`
	Changed     time.Time           `json:"changed,omitzero"`
	Next        time.Time           `json:"next,omitzero"`
	Failures    int                 `json:"failures,omitempty"`
	LastError   *wireSourceError    `json:"last_error,omitempty"`
	Subscribed  *wireSourceHub      `json:"subscription,omitempty"`
	Node        *wireSourceNode     `json:"node,omitempty"`
	Counts      wireSourceCounts    `json:"counts"`
}

// wireSourceCounts are [thoonk.SourceCounts].
type wireSourceCounts struct {
	Fetches    int64 `json:"fetches"`
	Unchanged  int64 `json:"unchanged"`
	Pushes     int64 `json:"pushes"`
	Forged     int64 `json:"forged"`
	New        int64 `json:"new"`
	Updated    int64 `json:"updated"`
	Deleted    int64 `json:"deleted"`
	Duplicates int64 `json:"duplicates"`
	Refused    int64 `json:"refused"`
	Mended     int64 `json:"mended"`
}

type wireSourceError struct {
	At     time.Time `json:"at"`
	Detail string    `json:"detail"`
}

// wireSourceHub leaves out what is secret.
type wireSourceHub struct {
	URL     string                 `json:"url"`
	Topic   string                 `json:"topic"`
	Status  thoonk.SourceHubStatus `json:"status"`
	Expires time.Time              `json:"expires,omitzero"`
	Reason  string                 `json:"reason,omitempty"`
}

// wireSourceNode is [thoonk.SourceNode].
type wireSourceNode struct {
	Subscription string    `json:"subscription,omitempty"`
	Expires      time.Time `json:"expires,omitzero"`
	Last         string    `json:"last,omitempty"`
	Synced       bool      `json:"synced"`
}

func toWireSource(s thoonk.Source, state thoonk.SourceState) wireSource {
	low, high := s.Bounds()
	w := wireSource{
		Name: s.Name, Kind: s.Kind, URL: s.URL, Feed: s.Feed, MinInterval: low.String(), MaxInterval: high.String(),
		Hub: !s.NoHub, Link: s.Link, Paused: s.Paused, Configured: s.Config, Revision: s.Revision, Created: s.Since,
		Status: state.Status, Title: state.Title, Document: state.Document, Tried: state.Tried, Worked: state.Worked, Changed: state.Changed,
		Next: state.Next, Failures: state.Failures, Counts: wireSourceCounts(state.Counts),
	}
	if state.Error != "" {
		w.LastError = &wireSourceError{state.ErrorAt, state.Error}
	}
	if h := state.Hub; h.URL != "" {
		w.Subscribed = &wireSourceHub{h.URL, h.Topic, h.Status, h.Expires, h.Reason}
	}
	if s.Kind == thoonk.XMPPNode {
		node := wireSourceNode(state.Node)
		w.Node = &node
	}
	return w
}

type sourcePage struct {
	Sources []wireSource `json:"sources"`
	Next    string       `json:"next,omitempty"`
}

// @Summary     List sources
// @Description Those whose feed you may configure, in the order of their names.
// @ID          listSources
// @Tags        Sources
// @Param       limit  query int    false "length"
// @Param       cursor query string false "cursor"
// @Success     200 {object} sourcePage "A page of sources."
// @Header      200 {string} Link "the next page"
// @Failure     400,401,429,500,503 {object} problem
// @Router      /v1/sources [get]
func (s *Server) listSources(c *call) error {
	if c.who.Anonymous() && len(c.who.Grants) == 0 {
		return thoonk.E(thoonk.Unauthenticated, "anonymous callers may see no source: send a token")
	}
	q, err := c.query("limit", "cursor")
	if err != nil {
		return err
	}
	size, err := limit(q)
	if err != nil {
		return err
	}
	list := listOf("sources")
	after, err := list.start(q)
	if err != nil {
		return err
	}
	page, next, err := s.scanSources(c, thoonk.FeedName(after), size)
	if err != nil {
		return err
	}
	page.Next = c.next(list, "/v1/sources", q, string(next))
	return c.sendList(http.StatusOK, marshal(page))
}

// scanSources is as scanFeeds.
func (s *Server) scanSources(c *call, after thoonk.FeedName, size int) (page sourcePage, next thoonk.FeedName, err error) {
	page.Sources = []wireSource{}
	many := max(size+1, minScan)
	for range maxScans {
		found, err := s.o.Sources.Sources(c.ctx(), after, many)
		if err != nil {
			return page, "", err
		}
		for _, k := range found {
			if !c.who.Can(auth.Configure, k.Source.Feed) {
				continue
			}
			if len(page.Sources) == size {
				return page, page.Sources[size-1].Name, nil
			}
			page.Sources = append(page.Sources, toWireSource(k.Source, k.State))
		}
		if len(found) < many {
			return page, "", nil
		}
		after = found[len(found)-1].Source.Name
	}
	return page, after, nil
}
