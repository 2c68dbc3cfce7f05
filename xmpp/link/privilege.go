package link

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// The two versions of XEP-0356 that servers speak; they are the same in what is used here.
var nsPrivilege = []string{"urn:xmpp:privilege:1", "urn:xmpp:privilege:2"}

// privileges are what the server has granted a session. They end with it.
type privileges struct {
	mu      sync.Mutex
	rosters map[string]bool // hosts whose users' rosters may be read
	settled bool            // whatever the server had to say at the beginning has been read
}

// privilege notes what a server grants (XEP-0356 section 4.2), and reports whether a message is about that. It counts only
// from a host that we are a subdomain of: who else says so, on another server, would have us ask there. The last word of a host
// holds.
func (s *session) privilege(m *stanza.Stanza) bool {
	var told *stanza.Element
	for _, space := range nsPrivilege {
		if told == nil {
			told = m.Child(space, "privilege")
		}
	}
	if told == nil {
		return false
	}
	host := m.From.String()
	if host == "" || m.From.Domain().String() != host || !strings.HasSuffix(s.link.o.Domain.String(), "."+host) {
		s.link.counts.spoofed.Add(1)
		return true
	}
	granted := false
	for perm := range told.Named(told.Name.Space, "perm") {
		kind := perm.Attr("type")
		granted = granted || perm.Attr("access") == "roster" && (kind == "get" || kind == "both")
	}
	p := &s.privileges
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rosters == nil {
		p.rosters = make(map[string]bool)
	}
	p.rosters[host] = granted
	maps.DeleteFunc(p.rosters, func(_ string, granted bool) bool { return !granted })
	return true
}

// RosterHosts returns the hosts that let us read the rosters of their users, as far as they have said so; none while the link
// is not attached.
func (l *Link) RosterHosts() []string {
	s := l.session.Load()
	if s == nil {
		return nil
	}
	s.privileges.mu.Lock()
	defer s.privileges.mu.Unlock()
	return slices.Sorted(maps.Keys(s.privileges.rosters))
}

// Settle returns once what the server grants at the beginning of a session has come: it says so before it takes anything of
// ours. Errors: Unavailable.
func (l *Link) Settle(ctx context.Context) error {
	s := l.session.Load()
	if s == nil {
		return errAway
	}
	p := &s.privileges
	p.mu.Lock()
	settled := p.settled
	p.mu.Unlock()
	if settled {
		return nil
	}
	_, err := s.request(ctx, jid.JID{}, "get", stanza.New(stanza.NSPing, "ping"))
	if _, answered := errors.AsType[*stanza.Error](err); err != nil && !answered {
		return err
	}
	p.mu.Lock()
	p.settled = true
	p.mu.Unlock()
	return nil
}
