package link

import (
	"context"
	"crypto/sha1" //nolint:gosec // XEP-0114 has it so
	"encoding/hex"
	"fmt"
	"net"
	"time"

	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

const handshakeTimeout = 10 * time.Second

// dial connects and shows that we know the secret (XEP-0114 section 3).
func dial(ctx context.Context, l *Link) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.o.Addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	s := newSession(l, conn)
	err = s.handshake()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *session) handshake() error {
	open := []byte("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='" + stanza.NSStreams + "'")
	open = append(stanza.AppendAttr(open, "to", s.link.o.Domain.String()), '>')
	if _, err := s.conn.Write(open); err != nil {
		return err
	}
	header, err := s.frames.header()
	if err != nil {
		return fmt.Errorf("the server sent no stream: %w", err)
	}
	e, err := stanza.Parse(append(header[:len(header)-1:len(header)-1], '/', '>'))
	if err != nil || !e.Is(stanza.NSStreams, "stream") {
		return fmt.Errorf("the server sent no stream: %q", clip(header))
	}
	sum := sha1.Sum([]byte(e.Attr("id") + s.link.o.Secret)) //nolint:gosec // see above
	if _, err := fmt.Fprintf(s.conn, "<handshake>%s</handshake>", hex.EncodeToString(sum[:])); err != nil {
		return err
	}
	f, err := s.frames.next()
	if err != nil {
		return fmt.Errorf("the server did not answer the handshake: %w", err)
	}
	answer, err := stanza.Parse(f.bytes)
	switch {
	case answer.Is(stanza.NSStreams, "error"):
		return streamError(answer)
	case err != nil || answer.Name.Local != "handshake":
		return fmt.Errorf("the server did not accept the handshake: %q", clip(f.bytes))
	}
	return nil
}

// streamError tells why the server ends the stream (RFC 6120 section 4.9).
func streamError(e *stanza.Element) error {
	const space = "urn:ietf:params:xml:ns:xmpp-streams"
	condition, text := "undefined-condition", e.Child(space, "text").Text()
	for c := range e.Children() {
		if c.Name.Space == space && c.Name.Local != "text" {
			condition = c.Name.Local
		}
	}
	return fmt.Errorf("the server ended the stream: %s %q", condition, text)
}

func clip(b []byte) []byte { return b[:min(len(b), 200)] }
