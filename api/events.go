package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/negotiate"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const eventStream = "text/event-stream"

// events streams the changes of one feed, or answers with a page of its history.
//
// @Summary     Follow a feed
// @Description As `text/event-stream` its changes come live, after `since` or from now on. As `application/json` they come as a page of history, with `limit`, from the oldest that is kept.
// @Description
// @Description A stream never leaves out a change in silence: if the history no longer has what comes after your revision, `reset` says so. It ends with the token that it was opened with.
// @ID          followFeed
// @Tags        Events
// @Param       feed          path   string true  "name"
// @Param       since         query  string false "revision"
// @Param       snapshot      query  bool   false "items first"
// @Param       limit         query  int    false "length"
// @Param       Last-Event-ID header string false "revision"
// @Success     200 "The changes."
// @Header      200 {string} Link "the next page"
// @Failure     400,401,403,404,406,409,410,429,500,503 {object} problem
// @Router      /v1/feeds/{feed}/events [get]
func (s *Server) events(c *call) error {
	feed, err := c.feed(auth.Read)
	if err != nil {
		return err
	}
	paged, err := c.wantsPage()
	if err != nil {
		return err
	}
	if paged {
		return timed(func(c *call) error { return s.history(c, feed) })(c)
	}
	return s.streamFeed(c, feed)
}

// wantsPage reports whether a client wants a page of events rather than a stream of them. Who wants neither gets 406.
func (c *call) wantsPage() (bool, error) {
	accept := c.Request().Header.Values("Accept")
	streamed, paged := negotiate.Accepts(accept, eventStream), negotiate.Accepts(accept, mediaJSON)
	if paged.Over(streamed) {
		return true, nil
	}
	if streamed.Weight > 0 {
		return false, nil
	}
	return false, echo.NewHTTPError(http.StatusNotAcceptable, "events come as "+eventStream+" or, a page of them, as "+mediaJSON)
}

// wantsStream refuses clients that want something else, where there is nothing else.
func (c *call) wantsStream(what string) error {
	if negotiate.Accepts(c.Request().Header.Values("Accept"), eventStream).Weight > 0 {
		return nil
	}
	return echo.NewHTTPError(http.StatusNotAcceptable, what+" come as "+eventStream)
}

func (s *Server) streamFeed(c *call, feed thoonk.FeedName) error {
	q, err := c.query("since", "snapshot", "ticket")
	if err != nil {
		return err
	}
	o := stream.Options{Feed: feed}
	if o.Since, o.Snapshot, err = c.streamStart(q); err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead {
		if _, err := s.o.Store.Feed(c.ctx(), feed); err != nil {
			return err
		}
		return c.headStream()
	}
	admin := c.who.Can(auth.Admin, feed)
	w := &eventWriter{w: c.Response(), feed: feed, snapshot: o.Snapshot, withActor: func(thoonk.FeedName) bool { return admin }}
	return s.serveStream(c, w, func(ctx context.Context) (Follower, error) { return s.o.Streams.Follow(ctx, o) })
}

// streamStart reads where the stream begins. Last-Event-ID, which a client sends when it connects again, is newer than
// the since of the URL that it uses each time.
func (c *call) streamStart(q url.Values) (since thoonk.Revision, snapshot bool, err error) {
	if since, err = sinceOf(q); err != nil {
		return since, false, err
	}
	if last := c.Request().Header.Get("Last-Event-ID"); last != "" {
		if since, err = thoonk.ParseRevision(last); err != nil {
			return since, false, inHeader(err, "Last-Event-ID")
		}
	}
	snapshot, err = boolOf(q, "snapshot")
	return since, snapshot, err
}

func sinceOf(q url.Values) (thoonk.Revision, error) {
	if !q.Has("since") {
		return thoonk.Revision{}, nil
	}
	r, err := thoonk.ParseRevision(q.Get("since"))
	return r, inQuery(err, "since")
}

func (c *call) headStream() error {
	streamHeader(c.Response().Header())
	return c.noContent(http.StatusOK)
}

// serveStream writes what a new follower yields, as long as the stream may last.
func (s *Server) serveStream(c *call, w *eventWriter, follow func(context.Context) (Follower, error)) error {
	done, err := s.takeStream()
	if err != nil {
		return err
	}
	defer done()
	starting, cancel := context.WithTimeout(c.ctx(), requestTimeout)
	follower, err := follow(starting)
	cancel()
	if err != nil {
		return err
	}
	defer follower.Close()
	ctx, cancel := s.streamContext(c)
	defer cancel()
	return s.pump(ctx, w, follower)
}

// takeStream counts a stream in, as far as there is room. Done counts it out.
func (s *Server) takeStream() (done func(), err error) {
	if s.ending.Err() != nil {
		return nil, thoonk.E(thoonk.Unavailable, "the server is shutting down")
	}
	done = func() { s.streams.Add(-1) }
	if s.streams.Add(1) > int64(s.o.MaxStreams) {
		done()
		return nil, thoonk.E(thoonk.Unavailable, "too many event streams are open")
	}
	return done, nil
}

// streamContext ends when the client leaves, when its token expires, and when the server ends all streams.
func (s *Server) streamContext(c *call) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.ctx())
	stop := context.AfterFunc(s.ending, cancel)
	expired := func() {}
	if !c.who.Expires.IsZero() {
		ctx, expired = context.WithDeadline(ctx, c.who.Expires)
	}
	return ctx, func() { stop(); expired(); cancel() }
}

// pump writes what the follower yields until ctx ends or the client reads too slowly. The client goes on elsewhere
// with the last id it got, so every end is a clean one.
func (s *Server) pump(ctx context.Context, w *eventWriter, f Follower) error {
	err := w.open()
	for err == nil && ctx.Err() == nil {
		if time.Since(w.wrote) >= s.o.Heartbeat {
			err = w.heartbeat()
		} else {
			err = s.pumpUntil(ctx, w.wrote.Add(s.o.Heartbeat), w, f)
		}
	}
	return nil
}

// pumpUntil writes until a time, which does not move with what is written: a timer for each event would cost a tenth of
// what the event costs. An error ends the stream.
func (s *Server) pumpUntil(ctx context.Context, t time.Time, w *eventWriter, f Follower) error {
	until, cancel := context.WithDeadline(ctx, t)
	defer cancel()
	for {
		step, err := f.Next(until)
		switch {
		case err != nil && until.Err() != nil:
			return nil
		case kindOf(err) == thoonk.Unavailable:
			// A client that were sent away now would be answered 503, which makes an EventSource give up.
			err = w.heartbeat()
			pause(ctx)
		case err != nil:
			s.o.Log.WarnContext(ctx, "event stream ended", "feed", w.feed, "error", err)
		default:
			err = w.write(step)
		}
		if err != nil {
			return err
		}
	}
}

func pause(ctx context.Context) {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
