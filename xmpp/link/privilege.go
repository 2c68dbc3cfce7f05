package link

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// The two versions of XEP-0356 that servers speak; they are the same in what is used here.
var nsPrivilege = []string{"urn:xmpp:privilege:1", "urn:xmpp:privilege:2"}

// privileges are what the server has granted a session. They end with it.
type privileges struct {
	mu      sync.Mutex
	rosters map[string]bool // by host: whether its users' rosters may be read, in its last word
}

// privilege notes what a server grants (XEP-0356 section 4.2), and reports whether a message is about that.
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
	if !s.link.grants(host) {
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
	return true
}

// grants reports whether a host's word counts. Servers let any of their hosts grant something to a component, and a component cannot
// tell their hosts from those of other servers, who may say so too. So it is the host that we are a subdomain of, and those that are
// configured.
func (l *Link) grants(host string) bool {
	return strings.HasSuffix(l.o.Domain.String(), "."+host) || slices.Contains(l.o.Granters, host)
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
	hosts := maps.Clone(s.privileges.rosters)
	maps.DeleteFunc(hosts, func(_ string, granted bool) bool { return !granted })
	return slices.Sorted(maps.Keys(hosts))
}

// RefusesRosters reports whether a host does not let us read the rosters of its users. One that has not said anything yet may: an
// ejabberd says it some time after the session began. It knows when it is asked.
func (l *Link) RefusesRosters(host string) bool {
	s := l.session.Load()
	if s == nil || !l.grants(host) {
		return !l.grants(host)
	}
	s.privileges.mu.Lock()
	defer s.privileges.mu.Unlock()
	granted, told := s.privileges.rosters[host]
	return told && !granted
}
