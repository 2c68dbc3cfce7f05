package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
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
	s.act(http.MethodPost, "/v1/stream-tickets", s.postTicket)

	if s.o.Subscriptions != nil {
		s.get("/v1/subscriptions", s.listSubscriptions)
		s.act(http.MethodPost, "/v1/subscriptions/redeliver", s.redeliverSubscriptions)
		s.get("/v1/subscriptions/:subscription", s.getSubscription)
		s.act(http.MethodDelete, "/v1/subscriptions/:subscription", s.deleteSubscription)
		s.act(http.MethodPost, "/v1/subscriptions/:subscription/pause", s.pauseSubscription)
		s.act(http.MethodPost, "/v1/subscriptions/:subscription/resume", s.resumeSubscription)
		s.act(http.MethodPost, "/v1/subscriptions/:subscription/redeliver", s.redeliverSubscription)
		s.act(http.MethodPost, "/v1/subscriptions/:subscription/replay", s.replaySubscription)
	}
	if s.o.Sources != nil {
		s.get("/v1/sources", s.listSources)
		s.get("/v1/sources/:source", s.getSource)
		s.write(http.MethodPut, "/v1/sources/:source", s.putSource)
		s.write(http.MethodPatch, "/v1/sources/:source", s.patchSource)
		s.write(http.MethodDelete, "/v1/sources/:source", s.deleteSource)
		s.act(http.MethodPost, "/v1/sources/:source/refresh", s.refreshSource)
	}
	if s.o.XMPP != nil {
		s.get("/v1/xmpp/links", s.listXMPPLinks)
		s.get("/v1/xmpp/nodes", s.listXMPPNodes)
		s.get("/v1/xmpp/subscriptions", s.listXMPPSubscriptions)
	}

	for _, m := range s.o.Mounts {
		s.add(m.Methods, m.Path, s.authenticate, timed(func(c *call) error {
			return m.Serve(c.Response(), c.Request(), c.who)
		}))
	}
	s.queueRoutes()

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

// queueRoutes are those of queues of both types.
func (s *Server) queueRoutes() {
	s.get("/v1/queues/:feed", s.getPlainQueue)
	s.write(http.MethodPut, "/v1/queues/:feed", s.putPlainQueue)
	s.write(http.MethodPatch, "/v1/queues/:feed", s.patchPlainQueue)
	s.write(http.MethodDelete, "/v1/queues/:feed", s.deletePlainQueue)
	s.get("/v1/queues/:feed/items", s.peekItems)
	s.write(http.MethodPost, "/v1/queues/:feed/items", s.putItems)
	s.act(http.MethodPost, "/v1/queues/:feed/get", s.getItems)
	s.act(http.MethodPost, "/v1/queues/:feed/items/:id/ack", s.ackItem)

	s.get("/v1/jobs/:feed", s.getJobQueue)
	s.write(http.MethodPut, "/v1/jobs/:feed", s.putJobQueue)
	s.write(http.MethodPatch, "/v1/jobs/:feed", s.patchJobQueue)
	s.write(http.MethodDelete, "/v1/jobs/:feed", s.deleteJobQueue)
	s.get("/v1/jobs/:feed/items", s.listJobs)
	s.write(http.MethodPost, "/v1/jobs/:feed/items", s.submitJobs)
	s.get("/v1/jobs/:feed/items/:id", s.getJob)
	s.act(http.MethodPatch, "/v1/jobs/:feed/items/:id", s.patchJob)
	s.act(http.MethodDelete, "/v1/jobs/:feed/items/:id", s.deleteJob)
	s.get("/v1/jobs/:feed/items/:id/result", s.getResult)
	s.act(http.MethodPost, "/v1/jobs/:feed/items/:id/retry", s.retryJob)
	s.act(http.MethodPost, "/v1/jobs/:feed/retry", s.retryJobs)
	s.act(http.MethodPost, "/v1/jobs/:feed/retract", s.retractJobs)
	s.stream("/v1/jobs/:feed/events", s.jobEvents)

	s.get("/v1/jobs/:feed/schedules", s.listSchedules)
	s.get("/v1/jobs/:feed/schedules/:name", s.getSchedule)
	s.act(http.MethodPut, "/v1/jobs/:feed/schedules/:name", s.putSchedule)
	s.act(http.MethodDelete, "/v1/jobs/:feed/schedules/:name", s.deleteSchedule)

	s.act(http.MethodPost, "/v1/jobs/:feed/claims", s.claimJobs)
	s.add([]string{http.MethodGet, http.MethodHead}, "/v1/jobs/:feed/claims", s.authenticate, s.streamClaims)
	s.act(http.MethodPost, "/v1/jobs/:feed/finish", s.finishJobs)
	s.act(http.MethodPost, "/v1/jobs/:feed/items/:id/finish", s.finishJob)
	s.act(http.MethodPost, "/v1/jobs/:feed/items/:id/cancel", s.cancelJob)
	s.act(http.MethodPost, "/v1/jobs/:feed/items/:id/stall", s.stallJob)
	s.act(http.MethodPost, "/v1/jobs/:feed/items/:id/extend", s.extendLease)
	s.act(http.MethodPost, "/v1/jobs/:feed/items/:id/progress", s.tellProgress)
}

type handler func(*call) error

func (s *Server) get(path string, h handler) {
	s.add([]string{http.MethodGet, http.MethodHead}, path, s.authenticate, timed(h))
}

func (s *Server) write(method, path string, h handler) {
	s.add([]string{method}, path, s.authenticate, timed(h))
}

// act is write for what has no revision that a precondition could be on: to ignore one would be to do what it forbids.
func (s *Server) act(method, path string, h handler) {
	s.write(method, path, func(c *call) error {
		for _, name := range []string{"If-Match", "If-None-Match"} {
			if len(c.Request().Header.Values(name)) > 0 {
				return inHeader(thoonk.E(thoonk.Invalid, "there is no revision here that a precondition could be on"), name)
			}
		}
		return h(c)
	})
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
		c.whole = c.ctx()
		ctx, cancel := context.WithTimeout(c.ctx(), requestTimeout)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return h(c)
	}
}

// untimed takes the bound off what is left of a request that is timed, since its client wants to wait; what it waits for
// bounds it. The server stops waiting when it shuts down.
func (c *call) untimed() {
	_ = http.NewResponseController(c.Response().Writer).SetReadDeadline(time.Time{}) // one of the body would end the request
	ctx, cancel := context.WithCancel(c.whole)
	stop := context.AfterFunc(c.s.ending, cancel)
	context.AfterFunc(c.whole, func() { stop() }) // which ends with the request
	c.SetRequest(c.Request().WithContext(ctx))
}
