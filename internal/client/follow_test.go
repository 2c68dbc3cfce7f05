package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// script answers requests one after the other.
type script struct {
	t        *testing.T
	answers  []answer
	requests []*http.Request
	at       []time.Time
	closed   int
}

type answer struct {
	status int // 0: no connection
	header string
	body   string
	hangs  bool // the stream stays open until the request ends
	lasts  time.Duration
}

func stream(body string) answer {
	return answer{status: 200, header: "Content-Type: text/event-stream; charset=utf-8", body: body}
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.requests, s.at = append(s.requests, r), append(s.at, time.Now())
	if len(s.answers) == 0 {
		s.t.Errorf("an unexpected request: %s %s", r.Method, r.URL)
		return nil, errors.New("no more")
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	if a.status == 0 {
		return nil, errors.New("connection refused")
	}
	h := http.Header{}
	if name, value, ok := strings.Cut(a.header, ": "); ok {
		h.Set(name, value)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: &scriptBody{strings.NewReader(a.body), s, r.Context(), a}}, nil
}

type scriptBody struct {
	io.Reader
	s   *script
	ctx context.Context
	a   answer
}

func (b *scriptBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF && b.a.hangs {
		<-b.ctx.Done()
		return n, b.ctx.Err()
	}
	if err == io.EOF {
		time.Sleep(b.a.lasts)
	}
	return n, err
}

func (b *scriptBody) Close() error { b.s.closed++; return nil }

func (s *script) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Server: "https://a.test/base/", HTTP: s, Token: func() (string, error) { return "T", nil }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// follow collects what is yielded, as "name cursor", and the error.
func follow(ctx context.Context, c *client.Client, f client.Following) (events []string, err error) {
	for e, err := range c.Follow(ctx, f) {
		if err != nil {
			return events, err
		}
		events = append(events, e.Name+" "+e.Cursor)
	}
	return events, nil
}

func TestFollowGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, answers: []answer{
			stream("retry: 4000\n\nevent: item\ndata: {}\n\nid: 3-3\nevent: live\ndata: {}\n\nid: 4-4\nevent: edit\ndata: {}\n\nid: 5-5\nevent: edit\nda"),
			{status: 503, header: "Retry-After: 20"},
			{},
			{status: 500},
			stream("id: 5-5\nevent: edit\ndata: {}\n\n"),
			{},
			{status: 404, body: `{"detail": "no such feed"}`},
		}}
		var links []string
		got, err := follow(t.Context(), s.client(t), client.Following{
			Feeds: []thoonk.Pattern{"a/b%"}, Snapshot: true, Since: "1-1",
			Link: func(err error) {
				if err == nil {
					links = append(links, "again")
				} else {
					links = append(links, err.Error())
				}
			},
		})
		if e, ok := errors.AsType[*client.Error](err); !ok || e.Error() != "no such feed (HTTP 404 Not Found)" {
			t.Error(err)
		}
		if want := []string{"item 1-1", "live 3-3", "edit 4-4", "edit 5-5"}; !reflect.DeepEqual(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if want := []string{
			"the server answered HTTP 503 Service Unavailable", "again", "https://a.test/base does not answer: connection refused",
		}; !reflect.DeepEqual(links, want) {
			t.Errorf("%q, want %q", links, want)
		}
		cursors := []string{"1-1", "4-4", "4-4", "4-4", "4-4", "5-5", "5-5"}
		pauses := [][2]float64{{2, 4}, {20, 20}, {8, 16}, {15, 30}, {2, 4}, {4, 8}} // seconds
		for i, r := range s.requests {
			if r.URL.String() != "https://a.test/base/v1/feeds/a%2Fb%25/events?snapshot=true" ||
				r.Header.Get("Last-Event-ID") != cursors[i] || r.Header.Get("Authorization") != "Bearer T" {
				t.Errorf("%d: %s %v", i, r.URL, r.Header)
			}
			if i == 0 {
				continue
			}
			if d, p := s.at[i].Sub(s.at[i-1]).Seconds(), pauses[i-1]; d < p[0] || d > p[1] {
				t.Errorf("pause %d was %v s", i, d)
			}
		}
		if s.closed != 5 {
			t.Errorf("%d of 5 bodies were closed", s.closed)
		}
	})
}

func TestFollowGoesOnAtOnceAfterALongTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		long := stream("retry: 5000\n\n")
		long.lasts = 5 * time.Minute
		s := &script{t: t, answers: []answer{long, long, {status: 401}}}
		if _, err := follow(t.Context(), s.client(t), client.Following{Feeds: []thoonk.Pattern{"a"}}); err == nil {
			t.Error("401 is no error")
		}
		if d := s.at[2].Sub(s.at[0]); d != 10*time.Minute {
			t.Errorf("it took %v", d)
		}
	})
}

func TestFollowSeveral(t *testing.T) {
	t.Parallel()
	for _, feeds := range [][]thoonk.Pattern{{"a b"}, {"a*"}, {"a", "b:*"}} {
		s := &script{t: t, answers: []answer{{status: 403}}}
		if _, err := follow(t.Context(), s.client(t), client.Following{Feeds: feeds}); err == nil {
			t.Error("403 is no error")
		}
		want := map[thoonk.Pattern]string{
			"a b": "/base/v1/feeds/a%20b/events", "a*": "/base/v1/events?feed=a%2A", "a": "/base/v1/events?feed=a&feed=b%3A%2A",
		}[feeds[0]]
		if got := s.requests[0].URL.RequestURI(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// What was never open is not waited for, and what cannot become better is not tried again.
func TestFollowFails(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string][]answer{
		"no connection at first":  {{}},
		"not available at first":  {{status: 503}},
		"no event stream":         {{status: 200, header: "Content-Type: text/html"}},
		"no JSON":                 {stream("data: x\n\n")},
		"expired":                 {stream(""), {status: 401}},
		"not offered":             {stream(""), {status: 501}},
		"moved":                   {stream(""), {status: 302, header: "Location: /"}},
		"no event stream anymore": {stream(""), {status: 200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &script{t: t, answers: answers}
				if got, err := follow(t.Context(), s.client(t), client.Following{Feeds: []thoonk.Pattern{"a"}}); err == nil || len(got) > 0 {
					t.Error(got, err)
				}
				if len(s.answers) > 0 {
					t.Errorf("%d answers are left", len(s.answers))
				}
			})
		})
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	open := stream("id: 1-1\nevent: edit\ndata: {}\n\n")
	open.hangs = true
	for name, answers := range map[string][]answer{"while it waits": {open}, "in a pause": {stream("retry: 30000\n\nid: 1-1\nevent: edit\ndata: {}\n\n")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				s := &script{t: t, answers: answers}
				got, err := follow(ctx, s.client(t), client.Following{Feeds: []thoonk.Pattern{"a"}})
				if err != nil || len(got) != 1 || s.closed != 1 {
					t.Error(got, err, s.closed)
				}
			})
		})
	}
}

func TestFollowStops(t *testing.T) {
	t.Parallel()
	s := &script{t: t, answers: []answer{stream("event: edit\ndata: {\"text\":\"1\"}\n\nevent: edit\ndata: {}\n\n")}}
	for e, err := range s.client(t).Follow(t.Context(), client.Following{Feeds: []thoonk.Pattern{"a"}}) {
		if err != nil || string(e.Body.Data) != "1" || e.Body.Form != thoonk.FormText {
			t.Error(e, err)
		}
		break
	}
	if s.closed != 1 {
		t.Error("the stream was left open")
	}
}
