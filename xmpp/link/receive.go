package link

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// handlerTimeout is how long a handler may take for one stanza.
const handlerTimeout = time.Minute

// receive deals with one frame. It never waits: whatever takes time is a worker's. An error ends the session.
func (s *session) receive(f frame) error {
	e, err := stanza.Parse(f.bytes)
	switch {
	case e.Is(stanza.NSStreams, "error"):
		return streamError(e)
	case f.truncated:
		s.tooLong(e)
	case err != nil:
		s.malformed(e, stanza.Err(stanza.BadRequest).WithText(err.Error()))
	default:
		s.stanza(e, len(f.bytes))
	}
	return nil
}

// tooLong deals with a stanza of which we have the beginning. If it is the answer to a request of ours, who waits for it is told.
func (s *session) tooLong(e *stanza.Element) {
	err := stanza.Err(stanza.NotAcceptable).WithText("the stanza is longer than is taken here")
	if e.Child(stanza.NSPubsub, "pubsub").Child(stanza.NSPubsub, "publish") != nil {
		err = stanza.Pubsub(stanza.NotAcceptable, "payload-too-big").WithText(err.Text)
	}
	if st, bad := stanza.ParseStanza(e); bad == nil && st.Kind == stanza.KindIQ && st.Type == "result" {
		s.link.requests.answered(st.ID, st.From, stanza.ErrorFor(e, err))
	}
	s.malformed(e, err)
}

func (s *session) malformed(e *stanza.Element, err *stanza.Error) {
	s.link.counts.malformed.Add(1)
	s.refuse(e, err)
}

// refuse answers at once with an error, if an answer is due and there is room for it: who does not read what we send gets
// no more of it.
func (s *session) refuse(e *stanza.Element, err *stanza.Error) {
	if stanza.Answerable(e) && s.writer.try(stanza.AppendError(nil, e, err)) {
		s.link.counts.errors.Add(1)
	}
}

func (s *session) stanza(e *stanza.Element, size int) {
	st, err := stanza.ParseStanza(e)
	if err != nil {
		s.malformed(e, stanza.FromError(err))
		return
	}
	if len(st.ID) > stanza.MaxID { // no answer could repeat it
		s.link.counts.malformed.Add(1)
		return
	}
	var work func(context.Context)
	switch st.Kind {
	case stanza.KindIQ:
		work = s.iq(st)
	case stanza.KindMessage:
		work = s.message(st)
	case stanza.KindPresence:
		work = func(ctx context.Context) { s.link.o.Handler.Presence(ctx, &st) }
	}
	if work == nil {
		return
	}
	if !s.jobs.submit(st.From.Bare().String(), size, func() { s.guard(e, work) }) {
		s.link.counts.refused.Add(1)
		s.refuse(e, stanza.Err(stanza.ResourceConstraint).WithText("too much at once: wait for answers before sending more"))
	}
}

// iq returns what is to be done for an iq, nil if it is done.
func (s *session) iq(st stanza.Stanza) func(context.Context) {
	switch st.Type {
	case "result", "error":
		if !s.link.requests.answered(st.ID, st.From, st.Element) {
			s.link.counts.spoofed.Add(1)
		}
		return nil
	case "get", "set":
	default:
		s.malformed(st.Element, stanza.Err(stanza.BadRequest).WithText("an iq has the type get, set, result or error"))
		return nil
	}
	q, err := stanza.ParseIQ(st)
	switch {
	case err != nil:
		s.malformed(st.Element, stanza.FromError(err))
	case st.From.Equal(s.link.o.Domain) && s.link.requests.answered(st.ID, st.From, stanza.New(stanza.NSClient, stanza.KindIQ)):
		// our own ping came back
	case st.To.Localpart() != "":
		s.refuse(st.Element, stanza.Err(stanza.ServiceUnavailable).WithText("there is nobody at this address: ask "+s.link.o.Domain.String()))
	default:
		return func(ctx context.Context) { s.answer(ctx, q) }
	}
	return nil
}

func (s *session) answer(ctx context.Context, q *stanza.IQ) {
	payload, err := s.link.o.Handler.IQ(ctx, q)
	var out []byte
	if err == nil {
		out = stanza.AppendResult(nil, q.Element, payload)
		if len(out) > s.link.o.MaxSend {
			err = stanza.Err(stanza.NotAcceptable).WithText("the answer is too long for a stanza: ask for less (XEP-0059)")
		}
	}
	if err != nil {
		s.fail(ctx, q.Element, err)
		return
	}
	if s.send(ctx, out) == nil {
		q.Replied(ctx)
	}
}

func (s *session) fail(ctx context.Context, e *stanza.Element, err error) {
	told := stanza.FromError(err)
	if told.Condition == stanza.InternalServerError {
		s.link.o.Log.ErrorContext(ctx, "xmpp: a request failed", "error", err, "from", e.Attr("from"))
	}
	s.link.counts.errors.Add(1)
	_ = s.send(ctx, stanza.AppendError(nil, e, told)) // the link is gone: so is who asked
}

// message returns what is to be done for a message, nil if it is done.
func (s *session) message(st stanza.Stanza) func(context.Context) {
	switch {
	case st.Type == "error":
		return func(ctx context.Context) { s.link.o.Handler.Bounce(ctx, &st) }
	case st.To.Localpart() != "":
		s.refuse(st.Element, stanza.Err(stanza.ServiceUnavailable).WithText("there is nobody at this address"))
		return nil
	}
	if s.privilege(&st) {
		return nil
	}
	if s.link.o.Direct != nil {
		taken := false
		s.guard(st.Element, func(context.Context) { taken = s.link.o.Direct(&st) })
		if taken {
			return nil
		}
	}
	return func(ctx context.Context) { s.link.o.Handler.Message(ctx, &st) }
}

// guard keeps a fault in a handler from ending the process: it is answered as an internal error.
func (s *session) guard(e *stanza.Element, work func(context.Context)) {
	ctx, cancel := context.WithTimeout(s.ctx, handlerTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			s.link.o.Log.ErrorContext(ctx, "xmpp: a handler panicked", "panic", r, "stack", string(debug.Stack()))
			if stanza.Answerable(e) {
				s.fail(ctx, e, fmt.Errorf("panic: %v", r))
			}
		}
	}()
	work(ctx)
}
