package link_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/xmpp/link"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// echo answers a request with what it asked, and does what its tests want.
type echo struct {
	iq       func(context.Context, *stanza.IQ) (*stanza.Element, error)
	messages chan *stanza.Stanza
	bounces  chan *stanza.Stanza
}

func (h *echo) IQ(ctx context.Context, q *stanza.IQ) (*stanza.Element, error) {
	if h.iq != nil {
		return h.iq(ctx, q)
	}
	return q.Payload, nil
}
func (h *echo) Message(_ context.Context, s *stanza.Stanza) { h.messages <- s }
func (h *echo) Presence(context.Context, *stanza.Stanza)    {}
func (h *echo) Bounce(_ context.Context, s *stanza.Stanza)  { h.bounces <- s }

var domain = jid.MustParse("thoonk.a.test")

// attach returns a link that is attached to a fake server.
func attach(t *testing.T, h *echo, change func(*link.Options)) (*link.Link, *thoonktest.FakeLink) {
	t.Helper()
	h.messages, h.bounces = make(chan *stanza.Stanza, 100), make(chan *stanza.Stanza, 100)
	server := thoonktest.NewFakeXMPP(t, "s3cret")
	o := link.Options{Addr: server.Addr(), Domain: domain, Secret: "s3cret", Handler: h}
	if change != nil {
		change(&o)
	}
	l := link.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	attached := make(chan struct{})
	running.Go(func() { _ = l.Run(ctx, func() { close(attached) }) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	fake := server.Attached()
	<-attached
	return l, fake
}

const ask = `<iq type='get' id='%s' from='%s' to='thoonk.a.test'><q xmlns='u'/></iq>`

// alive shows that the link still answers, and that nothing was answered before that.
func alive(t *testing.T, fake *thoonktest.FakeLink, name string) {
	t.Helper()
	fake.Send(fmt.Sprintf(ask, "alive", "alive@a.test/r"))
	want := `<iq type='result' id='alive' from='thoonk.a.test' to='alive@a.test/r'><q xmlns='u'/></iq>`
	if got := fake.Next(); got != want {
		t.Fatalf("%s: the link answers %s", name, got)
	}
}

func TestBadStanzas(t *testing.T) {
	t.Parallel()
	_, fake := attach(t, &echo{}, func(o *link.Options) { o.MaxStanza = 128 << 10 })
	const who = ` id='1' from='a@a.test/r' to='thoonk.a.test'`
	for name, test := range map[string]struct{ in, want string }{
		"iq without a child":        {`<iq type='get'` + who + `/>`, "bad-request"},
		"iq with text":              {`<iq type='get'` + who + `>text</iq>`, "bad-request"},
		"iq with a comment":         {`<iq type='get'` + who + `><!-- > --><q xmlns='u'/></iq>`, "bad-request"},
		"iq with two children":      {`<iq type='set'` + who + `><a/><b/></iq>`, "bad-request"},
		"iq of no type":             {`<iq` + who + `><q xmlns='u'/></iq>`, "bad-request"},
		"iq without an id":          {`<iq type='get' from='a@a.test' to='thoonk.a.test'><q xmlns='u'/></iq>`, "bad-request"},
		"underscore in the domain":  {`<iq type='get' id='1' from='a@b_c.test' to='thoonk.a.test'><q xmlns='u'/></iq>`, "to='a@b_c.test'><error type='modify'><jid-malformed"},
		"space in the localpart":    {`<iq type='get' id='1' from='a b@c.test' to='thoonk.a.test'><q xmlns='u'/></iq>`, "jid-malformed"},
		"emoji in the localpart":    {`<message id='1' from='☺ ☹@c.test' to='thoonk.a.test'><body>x</body></message>`, "to='☺ ☹@c.test'><error type='modify'><jid-malformed"},
		"result nobody waits for":   {`<iq type='result'` + who + `/>`, ""},
		"error nobody waits for":    {`<iq type='error'` + who + `/>`, ""},
		"no stanza":                 {`<bogus` + who + `/>`, ""},
		"message of type error":     {`<message type='error'` + who + `><body></x></message>`, ""},
		"presence of no use":        {`<presence` + who + `><a></b></presence>`, ""},
		"no sender":                 {`<iq type='get' id='1' to='thoonk.a.test'><q xmlns='u'/></iq>`, ""},
		"unclosed":                  {`<iq type='get'` + who + `><q></iq></iq>`, "bad-request"},
		"crossed":                   {`<iq type='get'` + who + `><a><b></a></b></iq>`, "bad-request"},
		"stray end tag":             {`</iq></iq>`, ""},
		"entity":                    {`<iq type='get'` + who + `><q>&lol;</q></iq>`, "bad-request"},
		"bomb":                      {`<!DOCTYPE b [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><iq type='get'` + who + `><q>&b;</q></iq>`, "bad-request"},
		"bomb inside":               {`<iq type='get'` + who + `><!DOCTYPE b [<!ENTITY a "aa">]><q>&a;</q></iq>`, "bad-request"},
		"instruction":               {`<iq type='get'` + who + `><?php > ?><q xmlns='u'/></iq>`, "bad-request"},
		"control characters":        {"<iq type='get'" + who + "><q>\x00\x1b</q></iq>", "bad-request"},
		"not UTF-8":                 {"<iq type='get'" + who + "><q>\xff\xfe</q></iq>", "bad-request"},
		"nested 10,000 deep":        {`<iq type='get'` + who + `>` + strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000) + `</iq>`, "bad-request"},
		"10,000 attributes":         {`<iq` + manyAttributes(10_000) + ` type='get'` + who + `><q xmlns='u'/></iq>`, "bad-request"},
		"10,000 attributes inside":  {`<iq type='get'` + who + `><q xmlns='u'` + manyAttributes(10_000) + `/></iq>`, "bad-request"},
		"undeclared prefix":         {`<iq type='get'` + who + `><x:q/></iq>`, "bad-request"},
		"too long":                  {`<iq type='set'` + who + `><q xmlns='u'>` + strings.Repeat("x", 1<<20) + `</q></iq>`, "<error type='modify'><not-acceptable"},
		"too long a publish":        {`<iq type='set'` + who + `><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'><item>` + strings.Repeat("<x/>", 1<<18) + `</item></publish></pubsub></iq>`, "payload-too-big"},
		"too long a name":           {`<iq type='get'` + who + `><q` + strings.Repeat("q", 1<<20) + `/></iq>`, "not-acceptable"},
		"to somebody":               {`<iq type='get' id='1' from='a@a.test/r' to='bob@thoonk.a.test'><q xmlns='u'/></iq>`, "service-unavailable"},
		"message to somebody":       {`<message id='1' from='a@a.test/r' to='bob@thoonk.a.test'><body>x</body></message>`, "service-unavailable"},
		"too long an address":       {`<iq type='get' id='1' from='` + strings.Repeat("a", 4000) + `@a.test' to='thoonk.a.test'><q xmlns='u'/></iq>`, "jid-malformed"},
		"too long an id":            {`<iq type='get' id='` + strings.Repeat("a", 5000) + `' from='a@a.test' to='thoonk.a.test'><q xmlns='u'/></iq>`, ""},
		"too long a bad id":         {`<iq type='get' id='` + strings.Repeat("a", 5000) + `' from='a@a.test' to='thoonk.a.test'/>`, ""},
		"angle bracket in a quote":  {`<iq type='get' x='>' ` + who + `><q xmlns='u' y="'>"/></iq>`, "type='result'"},
		"CDATA with tags":           {`<iq type='get'` + who + `><q xmlns='u'><![CDATA[</iq>]]]]><![CDATA[>]]></q></iq>`, "&lt;/iq&gt;]]&gt;</q>"},
		"namespace of the server's": {`<iq xmlns='jabber:server' type='get'` + who + `><q xmlns='u'/></iq>`, "type='result'"},
	} {
		fake.Send(test.in)
		if test.want != "" {
			if got := fake.Next(); !strings.Contains(got, test.want) {
				t.Errorf("%s: got %s", name, got)
			}
		}
		alive(t, fake, name)
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d='v'", i)
	}
	return b.String()
}

func TestHandshakeRefused(t *testing.T) {
	t.Parallel()
	server := thoonktest.NewFakeXMPP(t, "another")
	l := link.New(link.Options{Addr: server.Addr(), Domain: domain, Secret: "s3cret", Handler: &echo{}})
	err := l.Run(t.Context(), func() { t.Error("attached") })
	if err == nil || !strings.Contains(err.Error(), "not-authorized") {
		t.Error(err)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	h := &echo{}
	l, fake := attach(t, h, nil)
	type outcome struct {
		e   *stanza.Element
		err error
	}
	outcomes := make(chan outcome, 1)
	request := func(to string) (id string) {
		go func() {
			e, err := l.Request(t.Context(), jid.MustParse(to), "get", stanza.New("u", "q"))
			outcomes <- outcome{e, err}
		}()
		q, err := stanza.Parse([]byte(fake.Next()))
		if err != nil || q.Attr("to") != to || q.Attr("from") != "thoonk.a.test" {
			t.Fatal(q, err)
		}
		return q.Attr("id")
	}
	id := request("b@b.test/r")
	for _, from := range []string{"evil@b.test/r", "b@b.test", "b.test", "thoonk.a.test"} {
		fake.Send(fmt.Sprintf(`<iq type='result' id='%s' from='%s' to='thoonk.a.test'><x xmlns='evil'/></iq>`, id, from))
	}
	alive(t, fake, "spoofed answers")
	if got := l.Stats().Spoofed; got != 4 {
		t.Errorf("%d answers were spoofed", got)
	}
	fake.Send(fmt.Sprintf(`<iq type='result' id='%s' from='b@b.test/r' to='thoonk.a.test'><x xmlns='good'/></iq>`, id))
	if got := thoonktest.Next(t, outcomes); got.err != nil || !got.e.Is("good", "x") {
		t.Error(got)
	}
	id = request("c.test")
	fake.Send(fmt.Sprintf(`<iq type='error' id='%s' from='c.test' to='thoonk.a.test'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`, id))
	if got := thoonktest.Next(t, outcomes); fmt.Sprint(got.err) != "cancel/item-not-found" {
		t.Error(got)
	}
	request("d.test")
	fake.Close()
	if got := thoonktest.Next(t, outcomes); got.err == nil {
		t.Error("a request outlived the connection")
	}
}

// A handler may ask others and wait, and who floods us waits alone.
func TestFlood(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	h := &echo{iq: func(_ context.Context, q *stanza.IQ) (*stanza.Element, error) {
		if q.From.Localpart() == "slow" {
			<-release
		}
		return q.Payload, nil
	}}
	l, fake := attach(t, h, nil)
	const sent = 200
	for i := range sent {
		fake.Send(fmt.Sprintf(ask, fmt.Sprint(i), fmt.Sprintf("slow@a.test/%d", i%7)))
	}
	refused := 0
	for range sent - 64 {
		if got := fake.Next(); strings.Contains(got, "<error type='wait'><resource-constraint") {
			refused++
		}
	}
	alive(t, fake, "a flood")
	close(release)
	for i := range 64 {
		if got := fake.Next(); !strings.Contains(got, fmt.Sprintf("type='result' id='%d'", i)) {
			t.Fatalf("the %d. answer is %s", i, got)
		}
	}
	if refused != sent-64 || l.Stats().Refused != sent-64 {
		t.Errorf("%d were refused: %+v", refused, l.Stats())
	}
}

func TestHandlerPanics(t *testing.T) {
	t.Parallel()
	h := &echo{iq: func(_ context.Context, q *stanza.IQ) (*stanza.Element, error) {
		if q.ID == "bad" {
			panic("bad")
		}
		return q.Payload, nil
	}}
	_, fake := attach(t, h, nil)
	fake.Send(fmt.Sprintf(ask, "bad", "a@a.test"))
	if got := fake.Next(); !strings.Contains(got, "internal-server-error") || strings.Contains(got, "panic") {
		t.Error(got)
	}
	alive(t, fake, "a panic")
}

func TestPingAndKeepalive(t *testing.T) {
	t.Parallel()
	l, fake := attach(t, &echo{}, func(o *link.Options) { o.Keepalive = 100 * time.Millisecond })
	done := make(chan error, 1)
	go func() { done <- l.Ping(t.Context()) }()
	for pongs := 0; pongs < 3; pongs++ {
		if !fake.Pong(fake.Next()) {
			t.Fatal("no ping")
		}
	}
	if err := thoonktest.Next(t, done); err != nil {
		t.Error(err)
	}
	for range fake.Stanzas() { // no more pongs: the link gives up
	}
	if err := l.Send(t.Context(), []byte("<message/>")); thoonk.KindOf(err) != thoonk.Unavailable {
		t.Error(err)
	}
}

// What several goroutines send arrives whole, and a server that does not read stops them until they give up.
func TestBackpressure(t *testing.T) {
	t.Parallel()
	l, fake := attach(t, &echo{}, nil)
	const senders, each = 8, 500
	var sending sync.WaitGroup
	for i := range senders {
		sending.Go(func() {
			for n := range each {
				m := stanza.New(stanza.NSClient, "message").Set("id", fmt.Sprintf("%d-%d", i, n)).Add(stanza.New("u", "x").AddText(strings.Repeat("y", 1000)))
				if err := l.Send(t.Context(), m.AppendXML(nil, stanza.NSClient)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	next := [senders]int{}
	for range senders * each {
		var i, n int
		if _, err := fmt.Sscanf(fake.Next(), "<message id='%d-%d'>", &i, &n); err != nil || next[i] != n {
			t.Fatal(i, n, next[i], err)
		}
		next[i]++
	}
	sending.Wait()
}

// What is taken directly does not wait for the sender's turn, which may be far; a fault there ends nothing.
func TestDirect(t *testing.T) {
	t.Parallel()
	taken := make(chan string, 1000)
	_, server := attach(t, &echo{}, func(o *link.Options) {
		o.Direct = func(m *stanza.Stanza) bool {
			switch m.ID {
			case "panic":
				panic("on purpose")
			case "other":
				return false
			}
			taken <- m.ID
			return true
		}
	})
	server.Send("<message from='a@b' to='thoonk.a.test' id='panic'/>")
	for i := range 500 {
		server.Send(fmt.Sprintf("<message from='a@b' to='thoonk.a.test' id='%d'/>", i))
	}
	for i := range 500 {
		if got := thoonktest.Next(t, taken); got != fmt.Sprint(i) {
			t.Fatalf("%s was taken, want %d", got, i)
		}
	}
}

// Who waits for an answer that is too long is told so, and does not wait any longer; another one's word does not count.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	l, fake := attach(t, &echo{}, func(o *link.Options) { o.MaxStanza = 128 << 10 })
	done := make(chan error, 1)
	go func() {
		_, err := l.Request(t.Context(), jid.MustParse("pubsub.b.test"), "get", stanza.New("u", "q"))
		done <- err
	}()
	_, rest, _ := strings.Cut(fake.Next(), " id='")
	id, _, _ := strings.Cut(rest, "'")
	for _, from := range []string{"mallory.test", "pubsub.b.test"} {
		select {
		case err := <-done:
			t.Fatal("before the answer", err)
		default:
		}
		fake.Send("<iq type='result' id='" + id + "' from='" + from + "' to='thoonk.a.test'><q xmlns='u'>" + strings.Repeat("x", 1<<20) + "</q></iq>")
		alive(t, fake, from)
	}
	if err := thoonktest.Next(t, done); stanza.FromError(err).Condition != stanza.NotAcceptable {
		t.Error(err)
	}
}
