package thoonktest

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // XEP-0114 has it so
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// FakeXMPP is an XMPP server of which there is only the port for components (XEP-0114). A test sees every byte that a
// component sends, and sends it whatever it likes.
type FakeXMPP struct {
	t        testing.TB
	listener net.Listener
	secret   string
	conns    chan *FakeLink
}

// FakeLink is the server's side of one component's connection, after the handshake.
type FakeLink struct {
	t       testing.TB
	conn    net.Conn
	stanzas chan string
}

// NewFakeXMPP starts a server, on a port of its own, that components with this secret may attach to. It ends with the test.
func NewFakeXMPP(t testing.TB, secret string) *FakeXMPP {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &FakeXMPP{t: t, listener: listener, secret: secret, conns: make(chan *FakeLink, 16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if l := s.accept(conn); l != nil {
				s.conns <- l
			}
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return s
}

// Addr is where components connect to.
func (s *FakeXMPP) Addr() string { return s.listener.Addr().String() }

// Attached waits for the next component that has shown that it knows the secret.
func (s *FakeXMPP) Attached() *FakeLink {
	s.t.Helper()
	return Next(s.t, s.conns)
}

// accept does the server's part of the handshake; a component that does not know the secret is sent away.
func (s *FakeXMPP) accept(conn net.Conn) *FakeLink {
	in := &recorder{r: conn}
	in.d = xml.NewDecoder(in)
	for {
		token, err := in.d.RawToken()
		if err != nil {
			_ = conn.Close()
			return nil
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "stream" {
			break
		}
	}
	const id = "0123456789abcdef"
	fmt.Fprintf(conn, "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:component:accept' id='%s' from='fake'>", id)
	sum := sha1.Sum([]byte(id + s.secret)) //nolint:gosec // see above
	if got := in.element(); got != "<handshake>"+hex.EncodeToString(sum[:])+"</handshake>" {
		fmt.Fprint(conn, "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
		_ = conn.Close()
		return nil
	}
	fmt.Fprint(conn, "<handshake/>")
	l := &FakeLink{t: s.t, conn: conn, stanzas: make(chan string, 1<<16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(l.stanzas)
		for stanza := in.element(); stanza != ""; stanza = in.element() {
			l.stanzas <- stanza
		}
	}()
	s.t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return l
}

// Send writes bytes as they are. It fails the test if the component has closed the connection.
func (l *FakeLink) Send(text string) {
	l.t.Helper()
	if _, err := io.WriteString(l.conn, text); err != nil {
		l.t.Fatal(err)
	}
}

// Next returns the next stanza of the component as it stood in the stream.
func (l *FakeLink) Next() string {
	l.t.Helper()
	return Next(l.t, l.stanzas)
}

// Stanzas are what the component sends; the channel is closed when it closes the connection.
func (l *FakeLink) Stanzas() <-chan string { return l.stanzas }

// Pong sends a ping of the component back to it, as a server does with what is addressed to a component. It reports false if the
// stanza is none.
func (l *FakeLink) Pong(stanza string) bool {
	l.t.Helper()
	if !strings.Contains(stanza, "urn:xmpp:ping") || !strings.Contains(stanza, "type='get'") {
		return false
	}
	l.Send(stanza)
	return true
}

// Close cuts the connection.
func (l *FakeLink) Close() { _ = l.conn.Close() }

// recorder keeps what a decoder has read, to give elements back as they stood.
type recorder struct {
	r     io.Reader
	d     *xml.Decoder // that reads from it
	kept  bytes.Buffer
	start int64 // offset of what is kept
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.kept.Write(p[:n])
	return n, err
}

// element returns the next element, "" where the stream ends.
func (r *recorder) element() string {
	d := r.d
	depth, from := 0, int64(0)
	for {
		before := d.InputOffset()
		token, err := d.RawToken()
		if err != nil {
			return ""
		}
		switch token.(type) {
		case xml.StartElement:
			if depth == 0 {
				from = before
			}
			depth++
		case xml.EndElement:
			depth--
			if depth < 0 {
				return ""
			}
			if depth == 0 {
				r.kept.Next(int(from - r.start))
				text := string(r.kept.Next(int(d.InputOffset() - from)))
				r.start = d.InputOffset()
				return text
			}
		}
	}
}
