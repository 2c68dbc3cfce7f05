package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/auth"
)

// routes is the whole surface.
func (s *Server) routes() {
	s.get("/v1/feeds", s.listFeeds)
	s.get("/v1/feeds/:feed", s.getFeed)
	s.write(http.MethodPut, "/v1/feeds/:feed", s.putFeed)
	s.write(http.MethodPatch, "/v1/feeds/:feed", s.patchFeed)
	s.write(http.MethodDelete, "/v1/feeds/:feed", s.deleteFeed)

	s.get("/v1/feeds/:feed/items", s.listItems)
	s.write(http.MethodPost, "/v1/feeds/:feed/items", s.postItem)
	s.get("/v1/feeds/:feed/items/:id", s.getItem)
	s.write(http.MethodPut, "/v1/feeds/:feed/items/:id", s.putItem)
	s.write(http.MethodPatch, "/v1/feeds/:feed/items/:id", s.patchItem)
	s.write(http.MethodDelete, "/v1/feeds/:feed/items/:id", s.deleteItem)
	s.write(http.MethodPut, "/v1/feeds/:feed/items/:id/position", s.putPosition)
	s.write(http.MethodPost, "/v1/feeds/:feed/batch", s.postBatch)

	s.stream("/v1/feeds/:feed/events", s.events)
	s.stream("/v1/events", s.manyEvents)
	s.write(http.MethodPost, "/v1/stream-tickets", s.postTicket)

	if s.o.Subscriptions != nil {
		s.get("/v1/subscriptions", s.listSubscriptions)
		s.write(http.MethodPost, "/v1/subscriptions/redeliver", s.redeliverSubscriptions)
		s.get("/v1/subscriptions/:subscription", s.getSubscription)
		s.write(http.MethodDelete, "/v1/subscriptions/:subscription", s.deleteSubscription)
		s.write(http.MethodPost, "/v1/subscriptions/:subscription/pause", s.pauseSubscription)
		s.write(http.MethodPost, "/v1/subscriptions/:subscription/resume", s.resumeSubscription)
		s.write(http.MethodPost, "/v1/subscriptions/:subscription/redeliver", s.redeliverSubscription)
		s.write(http.MethodPost, "/v1/subscriptions/:subscription/replay", s.replaySubscription)
	}

	for _, m := range s.o.Mounts {
		s.add(m.Methods, m.Path, s.authenticate, timed(func(c *call) error {
			return m.Serve(c.Response(), c.Request(), c.who)
		}))
	}

	s.public("/healthz", s.healthz)
	s.public("/readyz", s.readyz)
	if s.o.OpenAPI != nil {
		s.public("/openapi.json", newDocument(mediaJSON, "", s.o.OpenAPI).serve)
	}
	if s.o.Docs != nil {
		s.public("/docs", newPage(s.o.Docs).serve)
	}
	if s.o.Metrics != nil {
		s.public("/metrics", echo.WrapHandler(s.o.Metrics))
	}
}

type handler func(*call) error

func (s *Server) get(path string, h handler) {
	s.add([]string{http.MethodGet, http.MethodHead}, path, s.authenticate, timed(h))
}

func (s *Server) write(method, path string, h handler) {
	s.add([]string{method}, path, s.authenticate, timed(h))
}

func (s *Server) stream(path string, h handler) {
	s.add([]string{http.MethodGet, http.MethodHead}, path, s.authenticateStream, h)
}

// add puts h behind authentication, where a token that does not hold is 401 even if anybody may read, and behind the
// rate limit.
func (s *Server) add(methods []string, path string, authenticate func(*http.Request) (auth.Principal, error), h handler) {
	s.echo.Match(methods, path, func(ec echo.Context) error {
		header := ec.Response().Header()
		header.Set("Cache-Control", "no-cache") // RFC 9111 section 5.2.2.4: kept, and asked about with If-None-Match
		header.Add("Vary", "Authorization")
		who, err := authenticate(ec.Request())
		if limited := s.limit(ec, who, err); limited != nil {
			return limited
		}
		if err != nil {
			return err
		}
		ec.Set(principalKey, who.Name)
		return h(&call{Context: ec, s: s, who: who})
	})
}

func (s *Server) public(path string, h echo.HandlerFunc) {
	s.echo.Match([]string{http.MethodGet, http.MethodHead}, path, h)
}

// timed bounds the time that a request may take.
func timed(h handler) handler {
	return func(c *call) error {
		ctx, cancel := context.WithTimeout(c.ctx(), requestTimeout)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return h(c)
	}
}
