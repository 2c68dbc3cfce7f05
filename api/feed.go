package api

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// wireFeed is a feed as the client sees it.
type wireFeed struct {
	Name        thoonk.FeedName   `json:"name"`
	Type        thoonk.Type       `json:"type"`
	MaxLength   int               `json:"max_length"`
	Content     thoonk.Content    `json:"content,omitempty"`
	History     wireHistory       `json:"history"`
	PubSub      *wireNode         `json:"pubsub,omitempty"`
	Syndication *wireSyndication  `json:"syndication,omitempty"`
	Schema      json.RawMessage   `json:"schema,omitempty" swaggertype:"object"`
	Stamp       map[string]string `json:"stamp,omitempty"`
	Extra       map[string]string `json:"extra,omitempty"`
	Revision    thoonk.Revision   `json:"revision,omitzero"`
	Created     time.Time         `json:"created,omitzero"`
}

type wireHistory struct {
	Count int `json:"count"`
	Bytes int `json:"bytes"`
}

func toWire(f thoonk.Feed) wireFeed {
	return wireFeed{
		Name:      f.Name,
		Type:      cmp.Or(f.Config.Type, thoonk.TypeFeed),
		MaxLength: f.Config.MaxLength,
		Content:   f.Config.Content,
		History: wireHistory{
			Count: cmp.Or(f.Config.History.Count, thoonk.DefaultHistoryCount),
			Bytes: cmp.Or(f.Config.History.Bytes, thoonk.DefaultHistoryBytes),
		},
		PubSub:      toWireNode(f.Config.Node),
		Syndication: toWireSyndication(f.Config.Syndication),
		Schema:      toWireSchema(f.Config.Schema),
		Stamp:       f.Config.Stamp,
		Extra:       f.Config.Extra,
		Revision:    f.Revision,
		Created:     f.Created.UTC(),
	}
}

// @Summary     Show a feed
// @Description Its declaration and its revision.
// @ID          getFeed
// @Tags        Feeds
// @Param       feed          path   string true  "name"
// @Param       If-None-Match header string false "precondition"
// @Success     200 {object} wireFeed "The feed."
// @Success     304 "It is as you know it."
// @Header      200,304 {string} ETag "revision"
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/feeds/{feed} [get]
func (s *Server) getFeed(c *call) error {
	name, err := c.feed(auth.Read)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	feed, err := s.o.Store.Feed(c.ctx(), name)
	if err != nil {
		return err
	}
	return c.sendFresh(feed.Revision, func() []byte { return marshal(toWire(feed)) })
}

// @Summary     Declare a feed
// @Description Makes it, or declares it anew; its items stay.
// @ID          putFeed
// @Tags        Feeds
// @Param       feed            path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 {object} wireFeed "It was there, and is as declared."
// @Success     201 {object} wireFeed "It was made."
// @Header      200,201 {string} ETag "revision"
// @Header      201 {string} Location "where it is"
// @Failure     400,401,403,408,409,412,413,415,422,429,500,501,503 {object} problem
// @Router      /v1/feeds/{feed} [put]
func (s *Server) putFeed(c *call) error { return s.declare(c, feeds) }

// @Summary     Change parts of a declaration
// @Description As a merge patch (RFC 7396). What is null goes back to its default.
// @ID          patchFeed
// @Tags        Feeds
// @Param       feed            path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 {object} wireFeed "The feed as it is now."
// @Header      200 {string} ETag "revision"
// @Failure     400,401,403,404,408,409,412,413,415,422,429,500,501,503 {object} problem
// @Router      /v1/feeds/{feed} [patch]
func (s *Server) patchFeed(c *call) error { return s.redeclare(c, feeds) }

// @Summary     Remove a feed
// @Description With all its items.
// @ID          deleteFeed
// @Tags        Feeds
// @Param       feed            path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     204 "It is gone."
// @Failure     400,401,403,404,409,412,422,429,500,503 {object} problem
// @Router      /v1/feeds/{feed} [delete]
func (s *Server) deleteFeed(c *call) error { return s.remove(c, feeds) }
