package link_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/xmpp/link"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

func TestMain(m *testing.M) {
	code := m.Run()
	thoonktest.StopShared()
	os.Exit(code)
}

// servers runs a test against each real server.
func servers(t *testing.T, test func(t *testing.T, s *thoonktest.XMPPServer)) {
	t.Helper()
	t.Run("prosody", func(t *testing.T) {
		t.Parallel()
		test(t, thoonktest.SharedProsody(t))
	})
	t.Run("ejabberd", func(t *testing.T) {
		t.Parallel()
		test(t, thoonktest.SharedEjabberd(t))
	})
}

// attachTo returns a link that is attached to a real server.
func attachTo(t *testing.T, s *thoonktest.XMPPServer, h *echo) *link.Link {
	t.Helper()
	return attachAs(t, s.Component(t), h)
}

func attachAs(t *testing.T, c thoonktest.Component, h *echo, granters ...string) *link.Link {
	t.Helper()
	h.messages, h.bounces = make(chan *stanza.Stanza, 100), make(chan *stanza.Stanza, 100)
	l := link.New(link.Options{Addr: c.Addr, Domain: jid.MustParse(c.Domain), Secret: c.Secret, Handler: h, Granters: granters})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	attached := make(chan error, 2)
	running.Go(func() { attached <- l.Run(ctx, func() { attached <- nil }) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	if err := thoonktest.Next(t, attached); err != nil {
		t.Fatal(err)
	}
	return l
}

// Whatever a user of a real server can send to us is answered, or not, and the link lives.
func TestHostileUser(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		l := attachTo(t, s, &echo{})
		to := l.Domain().String()
		mallory := s.Login(t, "mallory", true)
		for i, test := range []struct{ in, want string }{
			{`<iq type='get' id='%d' to='%s'/>`, "<error"},
			{`<iq type='set' id='%d' to='%s'/>`, "<error"},
			{`<iq type='get' id='%d' to='%s'>text</iq>`, "<error"},
			{`<iq type='get' id='%d' to='%s'><a xmlns='u'/><b xmlns='u'/></iq>`, "<error"},
			{`<iq type='result' id='%d' to='%s'/>`, ""},
			{`<iq type='result' id='%d' to='%s'><a xmlns='u'/></iq>`, ""},
			{`<iq type='error' id='%d' to='%s'/>`, ""},
			{`<message type='error' id='%d' to='%s'/>`, ""},
			{`<message type='odd' id='%d' to='%s'/>`, ""},
			{`<message id='%d' to='%s'><body>` + strings.Repeat("x", 200_000) + `</body></message>`, ""},
			{`<presence id='%d' to='%s'/>`, ""},
			{`<presence type='subscribe' id='%d' to='%s'/>`, ""},
			{`<presence type='odd' id='%d' to='%s'/>`, ""},
			{`<iq type='get' id='%d' to='☺%s'><q xmlns='u'/></iq>`, ""},
			{`<iq type='get' id='%d' to='bob@%s'><q xmlns='u'/></iq>`, "service-unavailable"},
			{`<iq type='get' id='%d' to='%s'><q xmlns='u'>` + strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200) + `</q></iq>`, "<error"},
			{`<iq type='get' id='%d' to='%s'><q xmlns='u' ` + attributes(1000) + `/></iq>`, "bad-request"},
			{`<iq type='get' ` + attributes(1000) + ` id='%d' to='%s'><q xmlns='u'/></iq>`, ""}, // ejabberd leaves them out
			{`<iq type='get' id='%d' to='%s'><q xmlns='u'><![CDATA[</iq>]]></q></iq>`, "&lt;/iq&gt;"},
			{`<iq type='get' id='%d' to='%s'><x:q xmlns:x='u' xmlns:y='v' y:a='b'/></iq>`, "result"},
			{`<iq type='get' id='%d' to='%s'><q xmlns='u'>` + strings.Repeat("<a/>", 50_000) + `</q></iq>`, "bad-request"},
		} {
			mallory.Send(fmt.Sprintf(test.in, i, to))
			if test.want != "" {
				if got := mallory.Until(fmt.Sprintf("id='%d'", i)); !strings.Contains(unquoted(got), unquoted(test.want)) {
					t.Errorf("%.200s: %.400s", test.in, got)
				}
			}
			alive := fmt.Sprintf("alive%d", i)
			mallory.Send(fmt.Sprintf(`<iq type='get' id='%s' to='%s'><q xmlns='u'/></iq>`, alive, to))
			if got := mallory.Until(alive); !strings.Contains(got, "result") {
				t.Fatalf("%.200s: then %s", test.in, got)
			}
		}
		if got := l.Stats().Connects; got != 1 {
			t.Errorf("%d connections", got)
		}
	})
}

func unquoted(s string) string { return strings.ReplaceAll(s, `"`, "'") }

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d='v'", i)
	}
	return b.String()
}

// A ping to ourselves comes back from the server after all that was sent before it.
func TestServerPing(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, s *thoonktest.XMPPServer) {
		l := attachTo(t, s, &echo{})
		romeo := s.Login(t, "romeo", true)
		for i := range 100 {
			m := stanza.New(stanza.NSClient, "message").Set("from", l.Domain().String()).Set("to", romeo.JID).Set("id", fmt.Sprint(i)).Add(stanza.New(stanza.NSClient, "body").AddText("x"))
			if err := l.Send(t.Context(), m.AppendXML(nil, stanza.NSClient)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			romeo.Until(fmt.Sprintf("id='%d'", i))
		}
	})
}
