package api

import (
	"bytes"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// writeTimeout is how long a client may take to read what is written at once. Then it is disconnected: it can come
// back with the id it has, and holds nothing of ours meanwhile.
const writeTimeout = 30 * time.Second

// writePiece is what has to be read in that time at least.
const writePiece = 64 << 10

// eventWriter writes the steps of one stream.
type eventWriter struct {
	w           *echo.Response
	control     *http.ResponseController
	feed        thoonk.FeedName // the only one; empty: several, and ids are places in the log
	snapshot    bool            // asked for
	showing     bool            // the snapshot of several feeds is under way
	withActor   func(thoonk.FeedName) bool
	admits      func(thoonk.Event) bool // nil: all changes are shown
	passed      thoonk.Revision         // the last change that was not shown, if none was since
	wrote       time.Time               // when it wrote last
	deadlineSet time.Time
}

func streamHeader(h http.Header) {
	h.Set("Content-Type", eventStream)
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept")
	h.Set("X-Accel-Buffering", "no") // else nginx keeps events back
}

// open sends the header at once, so that the client knows that it is heard before anything happens.
func (e *eventWriter) open() error {
	e.control = http.NewResponseController(e.w.Writer) // echo's own Flush hides errors
	streamHeader(e.w.Header())
	_ = e.control.SetReadDeadline(time.Time{}) // a deadline for the request would end the stream
	return e.flush(func() error {
		e.w.WriteHeader(http.StatusOK)
		return e.put([]byte(retryFrame))
	})
}

func (e *eventWriter) heartbeat() error {
	return e.flush(func() error {
		if !e.passed.IsZero() { // or the client would come back for all that it does not see
			place := appendPlace(nil, e.passed)
			e.passed = thoonk.Revision{}
			return e.put(place)
		}
		return e.put([]byte(heartbeatFrame))
	})
}

// write writes a step. All its changes go out in one flush.
func (e *eventWriter) write(step stream.Step) error {
	return e.flush(func() error {
		switch step.Kind {
		case stream.Items:
			return e.items(step)
		case stream.Live:
			return e.put(e.live(step.Revision))
		case stream.Reset:
			return e.put(e.reset(step))
		default:
			return e.changes(step)
		}
	})
}

func (e *eventWriter) items(step stream.Step) error {
	feed := e.feed
	if feed == "" {
		feed = step.Feed
	}
	for _, item := range step.Items {
		if err := e.put(appendItemFrame(nil, feed, item, step.Content)); err != nil {
			return err
		}
	}
	return nil
}

func (e *eventWriter) live(r thoonk.Revision) []byte {
	e.showing = false
	switch {
	case !e.snapshot:
		return appendPlace(nil, r)
	case e.feed == "":
		return appendManyLive(nil, r)
	default:
		return appendLive(nil, e.feed, r)
	}
}

// reset writes a reset. One of a single feed brings its items again if that one has a snapshot, and one of all feeds too;
// where only one of several was lost, it does so while the snapshot is under way, but not later.
func (e *eventWriter) reset(step stream.Step) []byte {
	if e.feed != "" {
		return appendReset(nil, e.feed, step.Revision, e.snapshot)
	}
	if step.Feed == "" {
		e.showing = e.snapshot
	}
	return appendManyReset(nil, step.Feed, step.Revision, e.showing)
}

// frames are buffers in which frames are put together: to write each by itself would cost twice as much.
var frames = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (e *eventWriter) changes(step stream.Step) error {
	b := frames.Get().(*bytes.Buffer)
	defer func() {
		if b.Cap() <= 4*writePiece {
			b.Reset()
			frames.Put(b)
		}
	}()
	for _, ch := range step.Changes {
		id := ch.Revision
		if e.admits != nil && !e.admits(ch.Event) {
			e.passed = id
			continue
		}
		e.passed = thoonk.Revision{}
		if e.feed == "" {
			id = ch.Place
		}
		if err := writeChange(b, ch, id, e.withActor(ch.Feed)); err != nil {
			return err
		}
		if b.Len() < writePiece {
			continue
		}
		if err := e.put(b.Bytes()); err != nil {
			return err
		}
		b.Reset()
	}
	if b.Len() == 0 {
		return nil
	}
	return e.put(b.Bytes())
}

func (e *eventWriter) put(frame []byte) error {
	_, err := e.Write(frame)
	return err
}

// Write writes piece by piece, each within the write timeout: a client that reads steadily is not cut off for reading
// slowly, however much there is.
func (e *eventWriter) Write(b []byte) (n int, err error) {
	for n < len(b) {
		if err := e.setDeadline(); err != nil {
			return n, err
		}
		m, err := e.w.Write(b[n:min(n+writePiece, len(b))])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// flush lets write write and sends it.
func (e *eventWriter) flush(write func() error) error {
	if err := e.setDeadline(); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	return e.control.Flush()
}

// setDeadline does so only now and then, since it costs a fourteenth of what a small event does.
func (e *eventWriter) setDeadline() error {
	e.wrote = time.Now()
	if e.wrote.Sub(e.deadlineSet) < writeTimeout/10 {
		return nil
	}
	e.deadlineSet = e.wrote
	err := e.control.SetWriteDeadline(e.deadlineSet.Add(writeTimeout))
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
