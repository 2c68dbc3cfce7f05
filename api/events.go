package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const eventStream = "text/event-stream"

// events streams the changes of one feed.
func (s *Server) events(c *call) error {
	feed, err := c.feed(auth.Read)
	if err != nil {
		return err
	}
	o, err := c.streamOptions(feed)
	if err != nil {
		return err
	}
	if !accepts(c.Request().Header.Values("Accept"), eventStream) {
		return echo.NewHTTPError(http.StatusNotAcceptable, "events come as "+eventStream)
	}
	if c.Request().Method == http.MethodHead {
		return s.headEvents(c, feed)
	}
	done, err := s.takeStream()
	if err != nil {
		return err
	}
	defer done()
	follower, err := s.follow(c, o)
	if err != nil {
		return err
	}
	defer follower.Close()
	ctx, cancel := s.streamContext(c)
	defer cancel()
	w := newEventWriter(c.Response(), o, c.who.Can(auth.Admin, feed))
	return s.pump(ctx, w, follower)
}

// streamOptions reads where the stream begins. Last-Event-ID, which a client sends when it connects again, is newer than
// the since of the URL that it uses each time.
func (c *call) streamOptions(feed thoonk.FeedName) (stream.Options, error) {
	o := stream.Options{Feed: feed}
	q, err := c.query("since", "snapshot")
	if err != nil {
		return o, err
	}
	if q.Has("since") {
		if o.Since, err = thoonk.ParseRevision(q.Get("since")); err != nil {
			return o, inQuery(err, "since")
		}
	}
	if last := c.Request().Header.Get("Last-Event-ID"); last != "" {
		if o.Since, err = thoonk.ParseRevision(last); err != nil {
			return o, inHeader(err, "Last-Event-ID")
		}
	}
	switch q.Get("snapshot") {
	case "true":
		o.Snapshot = true
	case "false":
	default:
		if q.Has("snapshot") {
			return o, inQuery(thoonk.E(thoonk.Invalid, "snapshot is true or false"), "snapshot")
		}
	}
	return o, nil
}

func (s *Server) headEvents(c *call, feed thoonk.FeedName) error {
	if _, err := s.o.Store.Feed(c.ctx(), feed); err != nil {
		return err
	}
	streamHeader(c.Response().Header())
	return c.noContent(http.StatusOK)
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

func (s *Server) follow(c *call, o stream.Options) (Follower, error) {
	ctx, cancel := context.WithTimeout(c.ctx(), requestTimeout)
	defer cancel()
	return s.o.Streams.Follow(ctx, o)
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
	if err := w.open(); err != nil {
		return nil
	}
	for {
		step, err := s.next(ctx, f)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, context.DeadlineExceeded):
			err = w.heartbeat()
		case kindOf(err) == thoonk.Unavailable:
			// A client that were sent away now would be answered 503, which makes an EventSource give up.
			err = w.heartbeat()
			pause(ctx)
		case err != nil:
			s.o.Log.WarnContext(ctx, "event stream ended", "feed", w.feed, "error", err)
			return nil
		default:
			err = w.write(step)
		}
		if err != nil {
			return nil
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

func (s *Server) next(ctx context.Context, f Follower) (stream.Step, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Heartbeat)
	defer cancel()
	return f.Next(ctx)
}
