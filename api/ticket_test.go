package api

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// ticketOf returns the ticket of an answer.
func ticketOf(t *testing.T, body string) (ticket string, expires time.Time) {
	t.Helper()
	var got struct {
		Ticket  string
		Expires time.Time
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Ticket) != ticketLength || got.Expires.IsZero() {
		t.Fatalf("%v: %s", err, body)
	}
	return got.Ticket, got.Expires
}

func (e *edge) ticket(token, feeds string) string {
	e.t.Helper()
	a := e.do("POST", "/v1/stream-tickets", `{"feeds":`+feeds+`}`, as(token)).is(201).has("Cache-Control", "no-store")
	text, _ := ticketOf(e.t, a.body)
	return text
}

func TestTicket(t *testing.T) {
	e := newEdge(t, nil)
	text := e.ticket("team", `["team:353:x","team:353:a*"]`)
	if e.ticket("team", `["team:353:x"]`) == text {
		t.Error("the same ticket again")
	}
	b := bufio.NewReader(e.openStream("/v1/feeds/team:353:x/events?ticket="+text, as("")).Body)
	reads(t, b, "retry: 2000\n\n")
	b = bufio.NewReader(e.openStream("/v1/events?match=*&ticket="+text, as("")).Body) // as often as one likes, for a minute
	reads(t, b, "retry: 2000\n\n")
	if allow := e.streams.many.Allow; !allow("team:353:x") || !allow("team:353:ab") || allow("team:353:y") {
		t.Error("the rights are not those of the ticket")
	}
	e.do("GET", "/v1/feeds/team:353:y/events?ticket="+text, "", nil).problem(403, "forbidden")
	e.do("GET", "/v1/events?feed=team:353:y&ticket="+text, "", nil).problem(403, "forbidden")
	e.do("HEAD", "/v1/events?feed=team:353:x&ticket="+text, "", nil).is(200)

	// In place of a token, and nowhere else.
	e.do("GET", "/v1/feeds/team:353:x/events?ticket="+text, "", as("team")).faults(400, "invalid", "?ticket")
	e.do("GET", "/v1/feeds/team:353:x/events?ticket="+text, "", as("", "Accept", "application/json")).faults(400, "invalid", "?ticket")
	e.do("GET", "/v1/events?feed=x&ticket="+text+"&ticket="+text, "", nil).faults(400, "invalid", "?ticket")
	e.do("GET", "/v1/feeds/team:353:x?ticket="+text, "", nil).problem(401, "unauthenticated")
	e.do("GET", "/v1/feeds/team:353:x?ticket="+text, "", as("team")).faults(400, "invalid", "?ticket")
	e.do("POST", "/v1/stream-tickets?ticket="+text, `{"feeds":["team:353:x"]}`, nil).problem(401, "unauthenticated")
	for _, bad := range []string{"", "x", text[1:], "A" + text[1:], url.QueryEscape("\x00")} {
		if bad != text {
			e.do("GET", "/v1/feeds/team:353:x/events?ticket="+bad, "", nil).has("WWW-Authenticate", realm).faults(401, "unauthenticated", "?ticket")
		}
	}
	e.store.fail = thoonk.E(thoonk.Unavailable, "Redis is away")
	e.do("GET", "/v1/feeds/team:353:x/events?ticket="+text, "", nil).problem(503, "unavailable")
	e.store.fail = nil
	e.server.EndStreams()

	// Neither Redis nor the log has what would open a stream.
	if strings.Contains(e.log.String(), text) || !strings.Contains(e.log.String(), "principal=jwt:test|team") {
		t.Errorf("the log: %s", e.log)
	}
	for id, doc := range e.store.tickets {
		if strings.Contains(id+string(doc), text) {
			t.Errorf("kept: %s: %s", id, doc)
		}
	}
}

func TestTicketRights(t *testing.T) {
	e := newEdge(t, nil)
	e.ticket("team", `["team:353:*"]`)
	e.ticket("admin", `["*","a*b"]`)
	ask := func(token, feeds string) answer {
		return e.do("POST", "/v1/stream-tickets", `{"feeds":`+feeds+`}`, as(token))
	}
	ask("team", `["team:353:x","team:35*"]`).faults(403, "forbidden", "#/feeds/1")
	ask("team", `["*"]`).faults(403, "forbidden", "#/feeds/0")
	ask("writer", `["*"]`).faults(403, "forbidden", "")
	ask("bad", `["*"]`).problem(401, "unauthenticated")
	ask("", `["blog"]`).problem(401, "unauthenticated")
	e.auth.public = grants("blog", auth.Read)
	text := e.ticket("", `["blog"]`)
	ask("", `["blog","b*"]`).faults(401, "unauthenticated", "#/feeds/1")
	reads(t, bufio.NewReader(e.openStream("/v1/feeds/blog/events?ticket="+text, as("")).Body), "retry: 2000\n\n")
	e.do("GET", "/v1/feeds/other/events?ticket="+text, "", nil).problem(401, "unauthenticated")
	if got := e.store.tickets[ticketID(text)]; string(got) != `{"principal":"anonymous","feeds":["blog"]}` {
		t.Errorf("kept: %s", got)
	}
}

func TestTicketFaults(t *testing.T) {
	e := newEdge(t, nil)
	for body, place := range map[string]string{
		``: "", `[]`: "", `{`: "", `{}`: "#/feeds", `{"feeds":[]}`: "#/feeds", `{"feeds":null}`: "#/feeds", `{"feeds":"a"}`: "#/feeds",
		`{"feeds":["a",1]}`: "#/feeds/1", `{"feeds":[""]}`: "#/feeds/0", `{"feeds":["\u0000"]}`: "#/feeds/0", `{"feed":["a"]}`: "#/feed",
		`{"feeds":["a"],"ttl":"1h"}`:                                 "#/ttl",
		`{"feeds":[` + strings.Repeat(`"a",`, maxPatterns) + `"a"]}`: "#/feeds",
	} {
		e.do("POST", "/v1/stream-tickets", body, as("all")).faults(400, "invalid", place)
	}
	if len(e.store.tickets) != 0 {
		t.Error("a ticket was made")
	}
}

// A ticket lives for a minute, or as long as the token it was got with. A stream that it opened ends with that token.
func TestTicketTimes(t *testing.T) {
	for tokenLife, want := range map[time.Duration]time.Duration{0: time.Minute, time.Hour: time.Minute, 20 * time.Second: 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			store, fake := newFakeStore(), &fakeAuth{}
			if tokenLife > 0 {
				fake.expires = time.Now().Add(tokenLife)
			}
			s := New(Options{Store: store, Auth: fake, Log: discard()})
			defer s.EndStreams()
			_, expires := ticketOf(t, postTicket(t, s))
			if store.ttl != want || !expires.Equal(time.Now().Add(want)) {
				t.Errorf("%s, until %s", store.ttl, expires)
			}
		})
	}
	start := time.Now()
	o := Options{Auth: &fakeAuth{expires: start}, Heartbeat: 25 * time.Second} // a minute from now, in the bubble
	inBubbleFor(t, o, func(t *testing.T, s *Server) *http.Request {
		text, _ := ticketOf(t, postTicket(t, s))
		time.Sleep(10 * time.Second)
		return httptest.NewRequestWithContext(t.Context(), "GET", "/v1/events?feed=f&ticket="+text, nil)
	}, func(_ *Server, streams *fakeStreams, _ *streamWriter) {
		time.Sleep(49 * time.Second)
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
	})
}

func postTicket(t *testing.T, s *Server) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/stream-tickets", strings.NewReader(`{"feeds":["f"]}`))
	r.Header = as("reader")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Body.String()
}

// A ticket whose token has ended opens nothing, even if Redis is late to forget it.
func TestTicketOfAnEndedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Store: newFakeStore(), Auth: &fakeAuth{expires: time.Now().Add(time.Second)}, Log: discard()})
		defer s.EndStreams()
		text, _ := ticketOf(t, postTicket(t, s))
		time.Sleep(time.Second)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/events?feed=f&ticket="+text, nil))
		if w.Code != 401 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
