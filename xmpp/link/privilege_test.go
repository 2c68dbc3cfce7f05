package link_test

import (
	"slices"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

func says(from, space, perms string) string {
	return `<message from='` + from + `' to='thoonk.a.test'><privilege xmlns='` + space + `'>` + perms + `</privilege></message>`
}

// What a server grants counts from a host that the component belongs to, in its last word, and until the session ends.
func TestPrivileges(t *testing.T) {
	t.Parallel()
	l, fake := attach(t, &echo{}, nil)
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
		{"another server again", says("evil.test", v2, `<perm access='roster' type='none'/>`), []string{"a.test"}},
	} {
		fake.Send(step.in)
		alive(t, fake, step.name)
		if got := l.RosterHosts(); !slices.Equal(got, step.want) {
			t.Fatalf("%s: %v, want %v", step.name, got, step.want)
		}
	}
	fake.Close()
	thoonktest.Eventually(t, "what was granted is forgotten", func() bool { return len(l.RosterHosts()) == 0 })
}

// Settle returns after what the server says at the beginning has come, and asks once in a session.
func TestSettle(t *testing.T) {
	t.Parallel()
	l, fake := attach(t, &echo{}, nil)
	settled := make(chan error, 1)
	go func() { settled <- l.Settle(t.Context()) }()
	ping := fake.Next()
	fake.Send(says("a.test", "urn:xmpp:privilege:2", `<perm access='roster' type='get'/>`))
	if !fake.Pong(ping) {
		t.Fatal(ping)
	}
	if err := thoonktest.Next(t, settled); err != nil || len(l.RosterHosts()) != 1 {
		t.Fatal(err, l.RosterHosts())
	}
	if err := l.Settle(t.Context()); err != nil {
		t.Error(err)
	}
	alive(t, fake, "it asks nothing more")
}

// Real servers grant rosters to the components that their configuration names, and to no others.
func TestServerPrivileges(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		for _, test := range []struct {
			c       thoonktest.Component
			granted bool
		}{{s.PrivilegedComponent(t), true}, {s.Component(t), false}} {
			l := attachAs(t, test.c, &echo{})
			if err := l.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if test.granted {
				thoonktest.Eventually(t, "rosters are granted", func() bool { return slices.Equal(l.RosterHosts(), []string{s.Host}) })
			} else if got := l.RosterHosts(); len(got) > 0 {
				t.Errorf("%v granted", got)
			}
		}
	})
}
