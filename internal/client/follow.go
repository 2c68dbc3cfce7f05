package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	defaultRetry = time.Second // before a stream that was cut is opened again, where the server names no time
	longestRetry = 30 * time.Second
)

// Following says what to follow, and from where.
type Following struct {
	Feeds    []thoonk.Pattern // one name, or several names and patterns; at least one
	Since    string           // a cursor; "": from now on
	Snapshot bool             // the items first

	Jobs  thoonk.FeedName // a queue of jobs to follow, in place of feeds
	Query url.Values      // which of its changes

	// Link, if set, is told why a stream that was cut could not be opened again, once for each outage, and nil when it is.
	Link func(error)
}

// Follow yields events until ctx ends. A stream that ends or breaks is opened again where it ended. What cannot be
// mended so is an error, and the last thing that is yielded; so is any failure to open the first stream.
func (c *Client) Follow(ctx context.Context, f Following) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := session{client: c, following: f, cursor: f.Since, retry: defaultRetry, yield: yield}
		s.run(ctx)
	}
}

// session is one Follow.
type session struct {
	client    *Client
	following Following
	yield     func(Event, error) bool

	cursor string        // where to go on
	retry  time.Duration // the shortest pause before that
	opened time.Time     // the last stream; zero: there was none
	failed int           // attempts in a row
}

func (s *session) run(ctx context.Context) {
	for {
		body, err := s.open(ctx)
		if err == nil {
			s.link(nil)
			s.opened, s.failed = time.Now(), 0
			if !s.read(body) {
				return
			}
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if s.opened.IsZero() || final(err) {
				s.yield(Event{}, err)
				return
			}
			s.link(err)
			s.failed++
		}
		if !sleep(ctx, s.pause(err)) {
			return
		}
	}
}

func (s *session) open(ctx context.Context) (io.ReadCloser, error) {
	r := request{method: http.MethodGet, query: url.Values{}, header: http.Header{
		"Accept":          {"text/event-stream"},
		"Accept-Encoding": {"identity"}, // what compresses keeps events back
	}}
	if s.following.Jobs != "" {
		r.path = queuePath(thoonk.TypeJob, s.following.Jobs) + "/events"
		for name, values := range s.following.Query {
			r.query[name] = values
		}
	} else if feeds := s.following.Feeds; len(feeds) == 1 && feeds[0].Literal() {
		r.path = feedPath(thoonk.FeedName(feeds[0])) + "/events"
	} else {
		r.path = "/v1/events"
		for _, p := range feeds {
			r.query.Add("feed", string(p))
		}
	}
	if s.following.Snapshot {
		r.query.Set("snapshot", "true")
	}
	if s.cursor != "" {
		r.header.Set("Last-Event-ID", s.cursor)
	}
	resp, err := s.client.send(ctx, r)
	if err != nil {
		return nil, err
	}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media != "text/event-stream" {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("the answer is not thoonkd's: %q, and no event stream", media)
	}
	return resp.Body, nil
}

// read yields what a stream tells until it ends, and reports whether to go on.
func (s *session) read(body io.ReadCloser) bool {
	defer body.Close()
	events := newReader(body)
	events.id = s.cursor
	for {
		m, err := events.next()
		s.cursor, s.retry = events.id, cmp.Or(events.retry, s.retry)
		if err != nil {
			return true
		}
		e, err := parseEvent(m, s.cursor)
		if !s.yield(e, err) || err != nil {
			return false
		}
	}
}

// link tells of the first failure of an outage and of its end.
func (s *session) link(err error) {
	if s.following.Link != nil && (err != nil) == (s.failed == 0) && !s.opened.IsZero() {
		s.following.Link(err)
	}
}

// pause doubles with each failure. It is random in its upper half, so that not all clients of a server that was away
// come back at once. There is none after a stream that was open for long: most likely its token has expired.
func (s *session) pause(err error) time.Duration {
	if err == nil && time.Since(s.opened) > longestRetry {
		return 0
	}
	d := min(s.retry<<min(s.failed, 10), longestRetry)
	d = d/2 + rand.N(d/2+1)
	if e, ok := errors.AsType[*Error](err); ok {
		d = max(d, min(e.RetryAfter, longestRetry))
	}
	return d
}

// final reports whether opening the stream again would fail in the same way.
func final(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return !e.Temporary()
	}
	_, away := errors.AsType[*UnreachableError](err)
	return !away
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
