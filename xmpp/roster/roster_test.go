package roster_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/roster"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// server answers for the rosters of its users.
type server struct {
	t       *testing.T
	hosts   []string
	rosters map[string]string // items by user; who is not there is refused
	asked   []string
	err     error // of every request
	silent  bool
}

func (s *server) RosterHosts() []string { return s.hosts }

func (s *server) RefusesRosters(host string) bool { return !slices.Contains(s.hosts, host) }

func (s *server) Request(ctx context.Context, to jid.JID, kind string, payload *stanza.Element) (*stanza.Element, error) {
	if got := payload.String(); kind != "get" || got != `<query xmlns='jabber:iq:roster'/>` {
		s.t.Errorf("%s %s", kind, got)
	}
	s.asked = append(s.asked, to.String())
	if s.silent {
		<-ctx.Done()
		return nil, thoonk.E(thoonk.Unavailable, "no answer in time")
	}
	items, ok := s.rosters[to.String()]
	switch {
	case s.err != nil:
		return nil, s.err
	case !ok:
		return nil, stanza.Err(stanza.Forbidden)
	}
	e, err := stanza.Parse([]byte(`<query xmlns='jabber:iq:roster'>` + items + `</query>`))
	return e, err
}

const alices = `<item jid='both@a.test' subscription='both'/><item jid='From@b.test' subscription='from'><group>team</group><group>x</group></item>` +
	`<item jid='to@a.test' subscription='to'/><item jid='none@a.test' subscription='none' ask='subscribe'><group>team</group></item>` +
	`<item jid='@@' subscription='both'/><item subscription='both'/><item xmlns='u' jid='odd@a.test' subscription='both'/>`

func newServer(t *testing.T) *server {
	return &server{t: t, hosts: []string{"a.test"}, rosters: map[string]string{"alice@a.test": alices, "al@a.test": ""}}
}

var (
	presence = thoonk.Node{Access: thoonk.Presence}
	team     = thoonk.Node{Access: thoonk.Roster, RosterGroups: "other\nteam"}
)

func admits(t *testing.T, r *roster.Rosters, node thoonk.Node, bare string, owners ...string) bool {
	t.Helper()
	ok, err := r.Admits(t.Context(), node, owners, bare)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestAdmits(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := roster.New(s, slog.New(slog.DiscardHandler))
	owners := []string{"elsewhere@c.test", "a.test", "al@a.test", "refused@a.test", "alice@a.test"}
	for bare, want := range map[string][2]bool{
		"both@a.test": {true, false}, "from@b.test": {true, true}, "to@a.test": {false, false}, "none@a.test": {false, true},
		"odd@a.test": {false, false}, "stranger@a.test": {false, false}, "": {false, false},
	} {
		if got := [2]bool{admits(t, r, presence, bare, owners...), admits(t, r, team, bare, owners...)}; got != want {
			t.Errorf("%q is admitted by presence and by group: %v, want %v", bare, got, want)
		}
	}
	if admits(t, r, thoonk.Node{Access: thoonk.Roster}, "from@b.test", owners...) || admits(t, r, presence, "both@a.test") {
		t.Error("no group, or no owner, lets somebody in")
	}
	if slices.Sort(s.asked); !slices.Equal(s.asked, []string{"al@a.test", "alice@a.test", "refused@a.test"}) {
		t.Errorf("asked %v, want each user of the host once", s.asked)
	}
}

// What is remembered holds for a while, and not without the permission.
func TestRemembers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		r := roster.New(s, slog.New(slog.DiscardHandler))
		if !r.Offered() || !admits(t, r, presence, "both@a.test", "alice@a.test") {
			t.Fatal("not admitted")
		}
		s.rosters["alice@a.test"] = ""
		time.Sleep(29 * time.Second)
		if !admits(t, r, presence, "both@a.test", "alice@a.test") {
			t.Error("forgotten too early")
		}
		s.hosts = nil
		if r.Offered() || admits(t, r, presence, "both@a.test", "alice@a.test") {
			t.Error("admitted without the permission")
		}
		s.hosts = []string{"a.test"}
		time.Sleep(2 * time.Second)
		if admits(t, r, presence, "both@a.test", "alice@a.test") || len(s.asked) != 2 {
			t.Error("an old roster is believed", s.asked)
		}
	})
}

// A server that does not answer lets nobody in and is not asked each time; a link that is gone is told as such.
func TestFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		r := roster.New(s, slog.New(slog.DiscardHandler))
		s.err = thoonk.E(thoonk.Unavailable, "gone")
		if _, err := r.Admits(t.Context(), presence, []string{"alice@a.test"}, "both@a.test"); thoonk.KindOf(err) != thoonk.Unavailable {
			t.Error(err)
		}
		s.err, s.silent = nil, true
		for range 3 {
			if admits(t, r, presence, "both@a.test", "alice@a.test") {
				t.Error("admitted")
			}
		}
		if len(s.asked) != 2 {
			t.Errorf("asked %v", s.asked)
		}
	})
}

// Rosters are not remembered without end.
func TestBounds(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.rosters["big@a.test"] = strings.Repeat("<item/>", 10) + alices
	r := roster.New(s, slog.New(slog.DiscardHandler))
	admits(t, r, presence, "x@a.test", "big@a.test")
	for i := range 300 {
		owner := "u" + strings.Repeat("x", i) + "@a.test"
		s.rosters[owner] = ""
		admits(t, r, presence, "x@a.test", owner)
	}
	before := len(s.asked)
	if admits(t, r, presence, "x@a.test", "big@a.test"); len(s.asked) != before+1 {
		t.Error("301 rosters are remembered")
	}
}
