package thoonktest

import (
	"encoding/base64"
	"encoding/xml"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// XMPPClient is a user of a real server who sends bytes as the test has them. It answers nothing by itself.
type XMPPClient struct {
	JID string // the full address that the server has given

	t       testing.TB
	conn    net.Conn
	stanzas chan string
}

// Login connects a user of the server, registers the name if it is new, and sends a presence if available is set.
func (s *XMPPServer) Login(t testing.TB, name string, available bool) *XMPPClient {
	t.Helper()
	bare := s.User(t, name)
	conn, err := net.Dial("tcp", s.C2S())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(bound))
	c := &XMPPClient{t: t, conn: conn, stanzas: make(chan string, 1<<17)}
	in := &recorder{r: conn}
	open := "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='" + s.Host + "'>"
	in.open(t, conn, open)
	c.expect(in, "features")
	c.Send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00pw")) + "</auth>")
	c.expect(in, "<success")
	in.open(t, conn, open)
	c.expect(in, "features")
	c.Send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
	bound := c.expect(in, "<jid>")
	_, bound, _ = strings.Cut(bound, "<jid>")
	c.JID, _, _ = strings.Cut(bound, "</jid>")
	if !strings.HasPrefix(c.JID, bare+"/") {
		t.Fatalf("%s was bound to %q", bare, c.JID)
	}
	_ = conn.SetDeadline(time.Time{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.stanzas)
		for stanza := in.element(); stanza != ""; stanza = in.element() {
			c.stanzas <- stanza
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	if available {
		c.Send("<presence/>")
		c.Until("<presence")
	}
	return c
}

// open begins a stream, and reads the other side's beginning.
func (r *recorder) open(t testing.TB, conn net.Conn, tag string) {
	t.Helper()
	if _, err := io.WriteString(conn, tag); err != nil {
		t.Fatal(err)
	}
	r.kept.Reset()
	r.start = 0
	r.d = xml.NewDecoder(r)
	for {
		token, err := r.d.RawToken()
		if err != nil {
			t.Fatal("the server sends no stream: ", err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "stream" {
			return
		}
	}
}

func (c *XMPPClient) expect(in *recorder, want string) string {
	c.t.Helper()
	got := in.element()
	if !strings.Contains(got, want) {
		c.t.Fatalf("the server sends %q, and not %s", got, want)
	}
	return got
}

// Send writes bytes as they are.
func (c *XMPPClient) Send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// Next returns the next stanza that comes.
func (c *XMPPClient) Next() string {
	c.t.Helper()
	return Next(c.t, c.stanzas)
}

// Until returns the next stanza that contains a text, and passes over others.
func (c *XMPPClient) Until(text string) string {
	c.t.Helper()
	for {
		if stanza := c.Next(); strings.Contains(stanza, text) {
			return stanza
		}
	}
}

// Stanzas are what comes; the channel is closed with the connection.
func (c *XMPPClient) Stanzas() <-chan string { return c.stanzas }

// Close ends the connection.
func (c *XMPPClient) Close() { _ = c.conn.Close() }
