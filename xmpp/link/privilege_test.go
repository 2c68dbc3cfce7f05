package link_test

import (
	"slices"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/xmpp/link"
)

func says(from, space, perms string) string {
	return `<message from='` + from + `' to='thoonk.a.test'><privilege xmlns='` + space + `'>` + perms + `</privilege></message>`
}

// What a server grants counts from a host that the component belongs to, in its last word, and until the session ends.
func TestPrivileges(t *testing.T) {
	t.Parallel()
	l, fake := attach(t, &echo{}, func(o *link.Options) { o.Granters = []string{"second.test"} })
	refusedBy := []string{"something else", "another version", "an error", "not any more"}
	refusedBySecond := []string{"that host not any more", "another server again"}
	const v1, v2 = "urn:xmpp:privilege:1", "urn:xmpp:privilege:2"
	for _, step := range []struct {
		name, in string
		want     []string
	}{
		{"a user", says("mallory@a.test", v2, `<perm access='roster' type='both'/>`), nil},
		{"a resource", says("a.test/x", v2, `<perm access='roster' type='both'/>`), nil},
		{"another server", says("evil.test", v2, `<perm access='roster' type='both'/>`), nil},
		{"a host that ends alike", says("k.a.test", v2, `<perm access='roster' type='both'/>`), nil},
		{"ourselves", says("thoonk.a.test", v2, `<perm access='roster' type='both'/>`), nil},
		{"something else", says("a.test", v2, `<perm access='message' type='outgoing'/><perm access='roster' type='set'/>`), nil},
		{"another version", says("a.test", "urn:xmpp:privilege:9", `<perm access='roster' type='get'/>`), nil},
		{"an error", `<message type='error'` + says("a.test", v2, `<perm access='roster' type='get'/>`)[len("<message"):], nil},
		{"get", says("a.test", v1, `<perm access='roster' type='get'/>`), []string{"a.test"}},
		{"not any more", says("a.test", v1, `<perm access='roster' type='none'/>`), nil},
		{"both", says("a.test", v2, `<perm access='presence' type='roster'/><perm access='roster' type='both'/>`), []string{"a.test"}},
		{"another host of the server", says("second.test", v2, `<perm access='roster' type='get'/>`), []string{"a.test", "second.test"}},
		{"who begins alike", says("x.second.test", v2, `<perm access='roster' type='get'/>`), []string{"a.test", "second.test"}},
		{"that host not any more", says("second.test", v2, ``), []string{"a.test"}},
		{"another server again", says("evil.test", v2, `<perm access='roster' type='none'/>`), []string{"a.test"}},
	} {
		fake.Send(step.in)
		alive(t, fake, step.name)
		if got := l.RosterHosts(); !slices.Equal(got, step.want) {
			t.Fatalf("%s: %v, want %v", step.name, got, step.want)
		}
		refused := []bool{l.RefusesRosters("a.test"), l.RefusesRosters("second.test"), l.RefusesRosters("evil.test"), l.RefusesRosters("")}
		if want := []bool{slices.Contains(refusedBy, step.name), slices.Contains(refusedBySecond, step.name), true, true}; !slices.Equal(refused, want) {
			t.Fatalf("%s: they refuse: %v", step.name, refused)
		}
	}
	fake.Close()
	thoonktest.Eventually(t, "what was granted is forgotten", func() bool { return len(l.RosterHosts()) == 0 })
}

// Real servers grant rosters to the components that their configuration names, and to no others.
func TestServerPrivileges(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		second := s.Second().Host
		for _, test := range []struct {
			c        thoonktest.Component
			granters []string
			granted  []string
		}{
			{s.PrivilegedComponent(t), nil, []string{s.Host}},
			{s.PrivilegedComponent(t), []string{second}, []string{s.Host, second}},
			{s.Component(t), []string{second}, nil},
		} {
			l := attachAs(t, test.c, &echo{}, test.granters...)
			thoonktest.Eventually(t, "rosters are granted", func() bool { return slices.Equal(l.RosterHosts(), test.granted) })
		}
	})
}
