package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// writeTimeout is how long a server may take to read what fits into one buffer.
const writeTimeout = time.Minute

// session is one connection of a link.
type session struct {
	link   *Link
	conn   net.Conn
	frames *framer
	writer *writer
	jobs   *dispatcher
	ctx    context.Context //nolint:containedctx // of the handlers: it ends with the session
	cancel context.CancelCauseFunc

	privileges privileges
}

func newSession(l *Link, conn net.Conn) *session {
	s := &session{link: l, conn: conn, frames: newFramer(conn, l.o.MaxStanza)}
	s.writer = newWriter(timedWriter{s})
	return s
}

// timedWriter is the connection for writing.
type timedWriter struct{ *session }

func (w timedWriter) Write(b []byte) (int, error) {
	_ = w.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := w.conn.Write(b)
	w.link.counts.sent.Add(int64(n))
	if err != nil {
		w.cancel(err)
	}
	return n, err
}

// serve reads until the stream or ctx ends, and returns why when all that belongs to the session has ended.
func (s *session) serve(ctx context.Context, attached func()) error {
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.jobs = newDispatcher(s.link.o.Workers)
	stop := context.AfterFunc(s.ctx, func() {
		_ = s.writer.try([]byte("</stream:stream>"))
		s.writer.close()
		_ = s.conn.SetReadDeadline(time.Now()) // ends read
		_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second))
	})
	defer stop()
	var running sync.WaitGroup
	running.Go(s.writer.run)
	running.Go(s.keepAlive)
	s.link.counts.connects.Add(1)
	s.link.session.Store(s)
	attached()

	s.cancel(s.read())
	s.link.session.Store(nil)
	s.jobs.close()
	running.Wait()
	_ = s.conn.Close()
	return context.Cause(s.ctx)
}

func (s *session) read() error {
	for {
		f, err := s.frames.next()
		if errors.Is(err, io.EOF) {
			return errors.New("the server closed the stream")
		}
		if err != nil {
			return err
		}
		s.link.counts.received.Add(1)
		if err := s.receive(f); err != nil {
			return err
		}
	}
}

// keepAlive pings, so that a connection that is dead without a word is noticed.
func (s *session) keepAlive() {
	every := s.link.o.Keepalive
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(every):
		}
		ctx, cancel := context.WithTimeoutCause(s.ctx, every, errors.New("the server does not answer pings"))
		if err := s.link.Ping(ctx); err != nil {
			s.cancel(err)
		}
		cancel()
	}
}

func (s *session) send(ctx context.Context, stanzas []byte) error {
	err := s.writer.send(ctx, stanzas)
	if err != nil {
		return thoonk.E(thoonk.Unavailable, "the XMPP server is not connected").Because(err)
	}
	return nil
}

func (s *session) request(ctx context.Context, to jid.JID, kind string, payload *stanza.Element) (*stanza.Element, error) {
	domain := s.link.o.Domain
	if to.Equal(jid.JID{}) {
		to = domain
	}
	id, answers, ok := s.link.requests.add(to)
	if !ok {
		return nil, thoonk.E(thoonk.Limited, "too many requests to other entities are open")
	}
	defer s.link.requests.remove(id)
	q := stanza.New(stanza.NSClient, stanza.KindIQ).Set("type", kind).Set("id", id).Set("from", domain.String()).Set("to", to.String()).Add(payload)
	if err := s.send(ctx, q.AppendXML(nil, stanza.NSClient)); err != nil {
		return nil, err
	}
	select {
	case answer := <-answers:
		if answer.Attr("type") == "error" {
			return nil, stanza.ParseError(answer)
		}
		return answer.First(), nil
	case <-s.ctx.Done():
		return nil, errAway.Because(context.Cause(s.ctx))
	case <-ctx.Done():
		return nil, thoonk.E(thoonk.Unavailable, "%s did not answer in time", to).Because(fmt.Errorf("%w", context.Cause(ctx)))
	}
}
