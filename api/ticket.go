package api

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// A ticket opens event streams in place of a token, for an EventSource, which cannot send a header. It stands in a URL,
// where others may come to see it: so it is short-lived, can only read, and only what it was made for.

const (
	ticketTTL    = time.Minute
	ticketBytes  = 32
	ticketLength = 43 // of so many bytes in base64url
)

// ticket is what is kept under the digest of a ticket: whoever sees what Redis has cannot use it.
type ticket struct {
	Principal string           `json:"principal"`
	Feeds     []thoonk.Pattern `json:"feeds"`
	Expires   time.Time        `json:"expires,omitzero"` // when the token ends that it was got with, and so its streams
}

// postTicket makes a ticket.
//
// @Summary     Make a ticket for event streams
// @Description It opens streams of these feeds for a minute; the streams last as long as the token that it was got with.
// @ID          createStreamTicket
// @Tags        Events
// @Success     201 "The ticket."
// @Failure     400,401,403,408,413,415,429,500,503 {object} problem
// @Router      /v1/stream-tickets [post]
func (s *Server) postTicket(c *call) error {
	if len(readable(c.who)) == 0 {
		return refuseReading(c.who, "nothing grants the right to %q anything", auth.Read)
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	feeds, err := parseTicketRequest(data)
	if err != nil {
		return err
	}
	if err := mayRead(c.who, feeds); err != nil {
		return err
	}
	ttl := ticketTTL
	if end := c.who.Expires; !end.IsZero() {
		ttl = min(ttl, time.Until(end))
	}
	text := newTicket()
	doc := marshal(ticket{Principal: c.who.Name, Feeds: feeds, Expires: c.who.Expires})
	if err := s.o.Store.PutTicket(c.ctx(), ticketID(text), doc, ttl); err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	answer := appendMember([]byte{'{'}, "ticket", text)
	answer = appendTime(answer, "expires", time.Now().Add(ttl))
	return c.send(http.StatusCreated, append(answer, '}'))
}

// parseTicketRequest reads {"feeds": ["pattern", …]}.
func parseTicketRequest(data []byte) ([]thoonk.Pattern, error) {
	members, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		return nil, inBody(thoonk.E(thoonk.Invalid, `"feeds" is needed: a list of names and patterns`), "feeds")
	}
	for _, m := range members {
		if m.name != "feeds" {
			return nil, inBody(unknownMember(m.name, "feeds"), m.name)
		}
	}
	var texts []json.RawMessage
	if err := json.Unmarshal(members[0].value, &texts); err != nil || len(texts) == 0 || len(texts) > maxPatterns {
		return nil, inBody(thoonk.E(thoonk.Invalid, "not a list of 1 to %d names and patterns", maxPatterns), "feeds")
	}
	feeds := make([]thoonk.Pattern, len(texts))
	for i, text := range texts {
		s, err := asString(text)
		if err == nil {
			feeds[i], err = thoonk.ParsePattern(s)
		}
		if err != nil {
			return nil, under(inBody(err), "feeds", i)
		}
	}
	return feeds, nil
}

// mayRead asks for a right that covers each pattern whole: a ticket never allows more than what it was got with.
func mayRead(who auth.Principal, feeds []thoonk.Pattern) error {
	mine := readable(who)
	for i, p := range feeds {
		if slices.ContainsFunc(mine, func(m thoonk.Pattern) bool { return m.Covers(p) }) {
			continue
		}
		return under(refuseReading(who, "nothing grants the right to %q on all of %q", auth.Read, p), "feeds", i)
	}
	return nil
}

// refuseReading is Unauthenticated for the anonymous principal, who may have forgotten its token, and else Forbidden.
func refuseReading(who auth.Principal, format string, args ...any) error {
	kind := thoonk.Forbidden
	if who.Anonymous() {
		kind = thoonk.Unauthenticated
	}
	return thoonk.E(kind, format, args...)
}

func newTicket() string {
	b := make([]byte, ticketBytes)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func ticketID(text string) string { return sum("ticket", text) }

// authenticateStream is authenticate for requests that may have a ticket in their URL.
func (s *Server) authenticateStream(r *http.Request) (auth.Principal, error) {
	q := r.URL.Query()
	if !q.Has("ticket") {
		return s.authenticate(r)
	}
	if len(r.Header.Values("Authorization")) > 0 {
		return auth.Principal{}, inQuery(thoonk.E(thoonk.Invalid, "a ticket takes the place of Authorization: send one of them"), "ticket")
	}
	return s.redeem(r, q.Get("ticket"))
}

// redeem returns who got the ticket, with the rights of the ticket.
func (s *Server) redeem(r *http.Request, text string) (auth.Principal, error) {
	refused := inQuery(thoonk.E(thoonk.Unauthenticated, "there is no such ticket, or its time is over"), "ticket")
	if len(text) != ticketLength {
		return auth.Principal{}, refused
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	doc, err := s.o.Store.Ticket(ctx, ticketID(text))
	if thoonk.KindOf(err) == thoonk.NotFound {
		return auth.Principal{}, refused
	}
	if err != nil {
		return auth.Principal{}, err
	}
	var t ticket
	if err := json.Unmarshal(doc, &t); err != nil {
		return auth.Principal{}, err
	}
	if !t.Expires.IsZero() && !time.Now().Before(t.Expires) {
		return auth.Principal{}, refused
	}
	who := auth.Principal{Name: t.Principal, Expires: t.Expires}
	for _, p := range t.Feeds {
		who.Grants = append(who.Grants, auth.Grant{Match: p, Can: []auth.Verb{auth.Read}})
	}
	return who, nil
}
