package thoonktest

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
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
	s.User(t, name)
	c, err := s.TryLogin(t, name)
	if err != nil {
		t.Fatal(err)
	}
	if available {
		c.Send("<presence/>")
		c.Until("<presence")
	}
	return c
}

// TryLogin connects a user who is registered, and who is away, unless the server is.
func (s *XMPPServer) TryLogin(t testing.TB, name string) (*XMPPClient, error) {
	t.Helper()
	conn, err := net.Dial("tcp", s.C2S())
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(bound))
	c := &XMPPClient{t: t, conn: conn, stanzas: make(chan string, 1<<17)}
	in := &recorder{r: conn}
	if c.JID, err = in.login(conn, s.Host, name); err != nil {
		_ = conn.Close()
		return nil, err
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
	return c, nil
}

// login authenticates (RFC 6120 section 6) and binds a resource, and returns the full address.
func (r *recorder) login(conn net.Conn, host, name string) (jid string, err error) {
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + name + "\x00pw"))
	for _, step := range []struct{ say, want string }{
		{"", "features"},
		{"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + secret + "</auth>", "<success"},
		{"", "features"},
		{"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "<jid>" + name + "@" + host + "/"},
	} {
		if step.say == "" {
			err = r.open(conn, host)
		} else {
			_, err = io.WriteString(conn, step.say)
		}
		if err != nil {
			return "", err
		}
		got := r.element()
		if !strings.Contains(got, step.want) {
			return "", fmt.Errorf("the server sends %q, and not %s", got, step.want)
		}
		_, jid, _ = strings.Cut(got, "<jid>")
	}
	jid, _, _ = strings.Cut(jid, "</jid>")
	return jid, nil
}

// open begins a stream, and reads the other side's beginning.
func (r *recorder) open(conn net.Conn, host string) error {
	_, err := io.WriteString(conn, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='"+host+"'>")
	if err != nil {
		return err
	}
	r.kept.Reset()
	r.start = 0
	r.d = xml.NewDecoder(r)
	for {
		token, err := r.d.RawToken()
		if err != nil {
			return fmt.Errorf("the server sends no stream: %w", err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "stream" {
			return nil
		}
	}
}

// Send writes stanzas as they are.
func (c *XMPPClient) Send(text string) {
	c.t.Helper()
	if err := c.TrySend(text); err != nil {
		c.t.Fatal(err)
	}
}

// TrySend writes stanzas as they are, unless the connection is broken. White space follows long ones: the servers' parser waits with a
// tag that it has read in part until twice as much has come.
func (c *XMPPClient) TrySend(text string) error {
	if len(text) > 1024 {
		text += strings.Repeat(" ", len(text))
	}
	_, err := io.WriteString(c.conn, text)
	return err
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
