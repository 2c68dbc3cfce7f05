// Package link attaches a component to an XMPP server (XEP-0114). It survives whatever the server passes on: what is
// wrong with a stanza is answered with a stanza error, or not at all where RFC 6120 says so, and the next one is read.
package link

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Options say what a [Link] attaches to. The first four are needed.
type Options struct {
	Addr    string  // host:port where the server waits for components
	Domain  jid.JID // the component's own address
	Secret  string
	Handler stanza.Handler
	// Direct takes a message before it has to wait for its turn among those of its sender, or reports false. It is called
	// while nothing else is read, so it must not wait for anything. nil: none is taken.
	Direct func(*stanza.Stanza) bool
	// Granters are hosts of the server, beside the one that Domain belongs to, whose word counts on what we may do for their users.
	Granters []string
	Log      *slog.Logger // nil: nothing is logged

	MaxStanza int           // bytes of a stanza that is read; 0: 1 MiB and a half
	MaxSend   int           // bytes of an answer; servers close the link on larger stanzas; 0: 480 KiB
	Workers   int           // stanzas that are worked on at once; 0: 16
	Keepalive time.Duration // the longest silence before a ping, and the longest wait for its answer; 0: 30 s
}

// Link is one component of one server. Run attaches it; what is sent meanwhile fails.
type Link struct {
	o        Options
	requests requests
	session  atomic.Pointer[session]
	counts   counts
}

// New returns a link that is not attached yet.
func New(o Options) *Link {
	o.MaxStanza = cmp.Or(o.MaxStanza, 3<<19)
	o.MaxSend = cmp.Or(o.MaxSend, 480<<10)
	o.Workers = cmp.Or(o.Workers, 16)
	o.Keepalive = cmp.Or(o.Keepalive, 30*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Link{o: o, requests: requests{prefix: "t" + rand.Text()[:12] + "-", open: make(map[string]request)}}
}

// Domain returns the address of the component.
func (l *Link) Domain() jid.JID { return l.o.Domain }

// MaxSend returns how many bytes a stanza that is sent may have.
func (l *Link) MaxSend() int { return l.o.MaxSend }

var errAway = thoonk.E(thoonk.Unavailable, "the XMPP server is not connected")

// Send sends whole stanzas. Errors: Unavailable.
func (l *Link) Send(ctx context.Context, stanzas []byte) error {
	s := l.session.Load()
	if s == nil {
		return errAway
	}
	return s.send(ctx, stanzas)
}

// Request sends an iq and waits for its answer until ctx ends. A zero address is our own: the server then passes the
// request back to us, after all that was sent before. Errors: a [stanza.Error], Unavailable, Limited.
func (l *Link) Request(ctx context.Context, to jid.JID, kind string, payload *stanza.Element) (*stanza.Element, error) {
	s := l.session.Load()
	if s == nil {
		return nil, errAway
	}
	return s.request(ctx, to, kind, payload)
}

// Ping returns once the server has taken all that was sent before.
func (l *Link) Ping(ctx context.Context) error {
	_, err := l.Request(ctx, jid.JID{}, "get", stanza.New(stanza.NSPing, "ping"))
	if _, answered := errors.AsType[*stanza.Error](err); answered {
		return nil // a server that does not pass it back has read it all the same
	}
	return err
}

// Run attaches the link and serves it until the connection ends or ctx does. attached is called once the server has
// accepted us.
func (l *Link) Run(ctx context.Context, attached func()) error {
	s, err := dial(ctx, l)
	if err != nil {
		return err
	}
	return s.serve(ctx, attached)
}
