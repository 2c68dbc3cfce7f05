package api

import (
	"bufio"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func rev(n uint64) thoonk.Revision { return thoonk.Revision{Number: n, Stamp: 1763874399000000 + n} }

func published(n uint64, body string) *stream.Change {
	return &stream.Change{Event: thoonk.Event{
		Feed: "f", Revision: rev(n), Kind: thoonk.Publish, ItemID: "x", Body: []byte(body), BodySize: len(body), Actor: "jwt:test|someone",
	}}
}

// openStream opens a stream on the wire. Its body ends with the stream.
func (e *edge) openStream(target string, h http.Header) *http.Response {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), "GET", e.url+target, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header = h
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// reads reads exactly what is wanted and no more, so it does not wait for the end.
func reads(t *testing.T, b *bufio.Reader, want string) {
	t.Helper()
	got := make([]byte, 0, len(want))
	for len(got) < len(want) {
		c, err := b.ReadByte()
		if err != nil {
			t.Fatalf("%v after %q, want %q", err, got, want)
		}
		got = append(got, c)
	}
	if string(got) != want {
		t.Fatalf("got\n%q\nwant\n%q", got, want)
	}
}

const publishFrame = "id: 3-1763874399000003\nevent: publish\ndata: {\"feed\":\"f\",\"revision\":\"3-1763874399000003\"," +
	"\"kind\":\"publish\",\"id\":\"x\",\"at\":\"2025-11-23T05:06:39.000003Z\",\"body\":1}\n\n"

func TestEvents(t *testing.T) {
	e := newEdge(t, nil)
	resp := e.openStream("/v1/feeds/f/events", as("reader", "Accept", "text/event-stream"))
	a := answer{t: t, status: resp.StatusCode, header: resp.Header}
	a.is(200).has("Content-Type", "text/event-stream").has("Cache-Control", "no-store").has("X-Accel-Buffering", "no").
		has("X-Content-Type-Options", "nosniff").has("Vary", "Authorization\nAccept")
	b := bufio.NewReader(resp.Body)
	reads(t, b, "retry: 2000\n\n") // before anything has happened
	if e.streams.asked != (stream.Options{Feed: "f"}) {
		t.Errorf("asked for %+v", e.streams.asked)
	}
	e.streams.steps <- stream.Step{Kind: stream.Live, Revision: rev(2)}
	reads(t, b, ": live\nid: 2-1763874399000002\n\n")
	e.streams.steps <- stream.Step{Kind: stream.Changes, Changes: []*stream.Change{published(3, "1"), published(3, "1")}}
	reads(t, b, publishFrame+publishFrame)
	e.streams.steps <- stream.Step{Kind: stream.Reset, Revision: rev(9)}
	reads(t, b, "id: 9-1763874399000009\nevent: reset\ndata: {\"feed\":\"f\",\"revision\":\"9-1763874399000009\","+
		"\"detail\":\"changes after your last id are not in the history: read the items again\"}\n\n")
	e.server.EndStreams()
	if c, err := b.ReadByte(); err == nil {
		t.Errorf("%q after the end", c)
	}
	<-e.streams.closed
	e.do("GET", "/v1/feeds/f/events", "", as("reader")).has("Retry-After", "1").problem(503, "unavailable")
}

func TestEventsWithSnapshot(t *testing.T) {
	e := newEdge(t, nil)
	b := bufio.NewReader(e.openStream("/v1/feeds/f/events?snapshot=true", as("admin")).Body)
	reads(t, b, "retry: 2000\n\n")
	if e.streams.asked != (stream.Options{Feed: "f", Snapshot: true}) {
		t.Errorf("asked for %+v", e.streams.asked)
	}
	e.streams.steps <- stream.Step{Kind: stream.Items, Content: thoonk.Binary, Items: []thoonk.Item{{ID: "x", Revision: rev(1), Body: []byte{1}}, {ID: "y", Revision: rev(2)}, {ID: "z"}}}
	reads(t, b, "event: item\ndata: {\"feed\":\"f\",\"id\":\"x\",\"revision\":\"1-1763874399000001\",\"base64\":\"AQ==\"}\n\n"+
		"event: item\ndata: {\"feed\":\"f\",\"id\":\"y\",\"revision\":\"2-1763874399000002\",\"base64\":\"\"}\n\n"+
		"event: item\ndata: {\"feed\":\"f\",\"id\":\"z\",\"removed\":true}\n\n")
	e.streams.steps <- stream.Step{Kind: stream.Live, Revision: rev(2)}
	reads(t, b, "id: 2-1763874399000002\nevent: live\ndata: {\"feed\":\"f\",\"revision\":\"2-1763874399000002\"}\n\n")
	// An admin sees who did it.
	e.streams.steps <- stream.Step{Kind: stream.Changes, Changes: []*stream.Change{published(3, "1")}}
	reads(t, b, strings.Replace(publishFrame, `,"body"`, `,"actor":"jwt:test|someone","body"`, 1))
	// An error later ends the stream; the client comes back with its last id.
	e.streams.steps <- thoonk.E(thoonk.Conflict, "a key has a wrong type").Because(errors.New("WRONGTYPE"))
	if c, err := b.ReadByte(); err == nil {
		t.Errorf("%q after the end", c)
	}
	<-e.streams.closed
	if log := e.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "WRONGTYPE") {
		t.Errorf("the log lacks the reason: %s", log)
	}
}

func TestEventsBegin(t *testing.T) {
	since := rev(5).String()
	for _, test := range []struct {
		query string
		last  string
		want  stream.Options
	}{
		{"?since=" + since, "", stream.Options{Feed: "f", Since: rev(5)}},
		{"?since=" + since, rev(6).String(), stream.Options{Feed: "f", Since: rev(6)}},
		{"?snapshot=true", rev(6).String(), stream.Options{Feed: "f", Since: rev(6), Snapshot: true}},
		{"?snapshot=false", "", stream.Options{Feed: "f"}},
	} {
		e := newEdge(t, nil)
		resp := e.openStream("/v1/feeds/f/events"+test.query, as("reader", "Last-Event-ID", test.last))
		reads(t, bufio.NewReader(resp.Body), "retry: 2000\n\n")
		if e.streams.asked != test.want {
			t.Errorf("%s, %s: %+v", test.query, test.last, e.streams.asked)
		}
	}
}

func TestEventsFaults(t *testing.T) {
	e := newEdge(t, nil)
	const target = "/v1/feeds/f/events"
	for _, bad := range []string{"0-0", "12", "01-2", "x", "1-2-3", " "} {
		e.do("GET", target+"?since="+strings.ReplaceAll(bad, " ", "%20"), "", as("reader")).faults(400, "invalid", "?since")
		if bad != " " { // a header without a value
			e.do("GET", target, "", as("reader", "Last-Event-ID", bad)).faults(400, "invalid", "Last-Event-ID:")
		}
	}
	e.do("GET", target+"?since=", "", as("reader")).faults(400, "invalid", "?since")
	e.do("GET", target+"?since=x", "", as("reader", "Last-Event-ID", "1-2")).faults(400, "invalid", "?since")
	e.do("GET", target+"?snapshot=yes", "", as("reader")).faults(400, "invalid", "?snapshot")
	e.do("GET", target+"?snapshot=", "", as("reader")).faults(400, "invalid", "?snapshot")
	e.do("GET", target+"?sinse=1-2", "", as("reader")).faults(400, "invalid", "?sinse")
	e.do("GET", target, "", as("reader", "Accept", "text/html")).problem(406, "not_acceptable")
	e.streams.fail = thoonk.E(thoonk.NotFound, "there is no feed f")
	e.do("GET", target, "", as("reader")).problem(404, "not_found")
	if n := e.server.streams.Load(); n != 0 {
		t.Errorf("%d streams are counted", n)
	}
}

func TestHeadEvents(t *testing.T) {
	e := newEdge(t, nil)
	e.do("HEAD", "/v1/feeds/f/events", "", as("reader")).is(404)
	e.feed("f", "")
	e.do("HEAD", "/v1/feeds/f/events", "", as("reader")).is(200).has("Content-Type", "text/event-stream")
}

func TestMaxStreams(t *testing.T) {
	e := newEdge(t, func(o *Options) { o.MaxStreams = 1 })
	resp := e.openStream("/v1/feeds/f/events", as("reader"))
	e.do("GET", "/v1/feeds/f/events", "", as("reader")).has("Retry-After", "1").problem(503, "unavailable")
	resp.Body.Close() // the client leaves
	<-e.streams.closed
	e.streams.closed = make(chan struct{})
	for e.server.streams.Load() != 0 { // counted out right after it was closed
		runtime.Gosched()
	}
	e.openStream("/v1/feeds/f/events", as("reader"))
}

// streamWriter is the server's side of a connection, in memory, so that tests can turn the clock.
type streamWriter struct {
	*httptest.ResponseRecorder
	mu       sync.Mutex
	flushed  []string // what each flush sent
	pending  strings.Builder
	deadline time.Time
	broken   bool
}

func (w *streamWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken || !time.Now().Before(w.deadline) {
		return 0, errors.New("the client does not read")
	}
	return w.pending.Write(b)
}

func (w *streamWriter) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flushed = append(w.flushed, w.pending.String())
	w.pending.Reset()
	return nil
}

func (w *streamWriter) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = t
	return nil
}

func (w *streamWriter) sent() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flushed
}

// inBubble serves one stream under a fake clock and calls test while it runs. It returns when the stream has ended.
func inBubble(t *testing.T, o Options, test func(*Server, *fakeStreams, *streamWriter)) {
	t.Helper()
	inBubbleFor(t, o, func(t *testing.T, _ *Server) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/feeds/f/events", nil)
		r.Header = as("reader")
		return r
	}, test)
}

func inBubbleFor(t *testing.T, o Options, request func(*testing.T, *Server) *http.Request, test func(*Server, *fakeStreams, *streamWriter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		streams := newFakeStreams()
		o.Streams, o.Log, o.Store = streams, discard(), newFakeStore()
		if fake, ok := o.Auth.(*fakeAuth); ok && !fake.expires.IsZero() {
			fake.expires = time.Now().Add(time.Minute)
		}
		s := New(o)
		defer s.EndStreams()
		w := &streamWriter{ResponseRecorder: httptest.NewRecorder()}
		r := request(t, s)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.ServeHTTP(w, r)
		}()
		synctest.Wait()
		test(s, streams, w)
		<-done
		<-streams.closed
	})
}

func TestHeartbeat(t *testing.T) {
	inBubble(t, Options{Auth: &fakeAuth{}, Heartbeat: 10 * time.Second}, func(s *Server, streams *fakeStreams, w *streamWriter) {
		time.Sleep(25 * time.Second)
		if got := strings.Join(w.sent(), "|"); got != "retry: 2000\n\n|: \n\n|: \n\n" {
			t.Errorf("sent %q", got)
		}
		// Several changes go out in one flush, and put the next heartbeat off.
		streams.steps <- stream.Step{Kind: stream.Changes, Changes: []*stream.Change{published(3, "1"), published(3, "1")}}
		time.Sleep(9 * time.Second)
		if got := w.sent(); len(got) != 4 || got[3] != publishFrame+publishFrame {
			t.Errorf("sent %q", got)
		}
		s.EndStreams()
	})
}

// While Redis is away a stream stays open: a client that were sent away would meet a 503, and an EventSource gives up at that.
func TestStreamOutlivesAnOutage(t *testing.T) {
	inBubble(t, Options{Auth: &fakeAuth{}, Heartbeat: time.Hour}, func(s *Server, streams *fakeStreams, w *streamWriter) {
		for range 3 {
			streams.steps <- thoonk.E(thoonk.Unavailable, "Redis is away")
		}
		streams.steps <- stream.Step{Kind: stream.Changes, Changes: []*stream.Change{published(3, "1")}}
		time.Sleep(2900 * time.Millisecond)
		if got := strings.Join(w.sent(), "|"); got != "retry: 2000\n\n|: \n\n|: \n\n|: \n\n" {
			t.Errorf("sent %q", got)
		}
		time.Sleep(200 * time.Millisecond)
		if got := w.sent(); got[len(got)-1] != publishFrame {
			t.Errorf("sent %q", got)
		}
		s.EndStreams()
	})
}

func TestStreamEndsWithToken(t *testing.T) {
	start := time.Now()
	fake := &fakeAuth{expires: start} // a minute from now, in the bubble
	inBubble(t, Options{Auth: fake, Heartbeat: 25 * time.Second}, func(_ *Server, streams *fakeStreams, w *streamWriter) {
		time.Sleep(59 * time.Second)
		select {
		case <-streams.closed:
			t.Error("ended too early")
		default:
		}
		time.Sleep(time.Second)
		synctest.Wait()
		select {
		case <-streams.closed:
		default:
			t.Error("did not end")
		}
		if n := len(w.sent()); n != 3 {
			t.Errorf("%d flushes", n)
		}
	})
}

// Each write has its own deadline, however long the stream lives; who does not read within it is cut off.
func TestSlowReader(t *testing.T) {
	inBubble(t, Options{Auth: &fakeAuth{}, Heartbeat: time.Hour}, func(_ *Server, streams *fakeStreams, w *streamWriter) {
		time.Sleep(10 * time.Minute)
		streams.steps <- stream.Step{Kind: stream.Changes, Changes: []*stream.Change{published(3, "1")}}
		synctest.Wait()
		if got := w.sent(); len(got) != 2 || got[1] != publishFrame {
			t.Fatalf("sent %q", got)
		}
		if left := time.Until(w.deadline); left != writeTimeout {
			t.Errorf("%s to write", left)
		}
		w.mu.Lock()
		w.broken = true
		w.mu.Unlock()
		streams.steps <- stream.Step{Kind: stream.Changes, Changes: []*stream.Change{published(3, "1")}}
	})
}
