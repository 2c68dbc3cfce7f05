// Package xmpp attaches feeds to XMPP servers: a component (XEP-0114) that is a publish-subscribe service (XEP-0060).
package xmpp

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/link"
	"github.com/thoonkd/thoonkd/xmpp/mam"
	"github.com/thoonkd/thoonkd/xmpp/service"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Store is what a component needs of the store.
type Store interface {
	service.Store
	service.Subscriptions
	service.Jobs
	mam.Store
}

// Options say what a [Component] is.
type Options struct {
	Addr    string // host:port where the server waits for components
	Domain  string // the component's address
	Secret  string
	JIDs    auth.JIDs // grants of those who come over this link
	Store   Store
	Version string
	Host    string // of the public URL, in the ids of Atom entries
	Log     *slog.Logger
}

// Component is one component of one server.
type Component struct {
	o    Options
	link *link.Link
}

// New returns a component that is not attached yet. Errors: Invalid.
func New(o Options) (*Component, error) {
	domain, err := jid.Parse(o.Domain)
	if err != nil || domain.Domain().String() != domain.String() {
		return nil, thoonk.E(thoonk.Invalid, "%q is no domain of XMPP", o.Domain).Because(err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("xmpp", o.Domain)
	h := &handler{}
	c := &Component{o: o}
	c.link = link.New(link.Options{Addr: o.Addr, Domain: domain, Secret: o.Secret, Handler: h, Log: o.Log})
	h.Service = service.New(service.Options{
		Store: o.Store, Subscriptions: o.Store, Jobs: o.Store, JIDs: o.JIDs, Sender: c.link, MAM: true, Version: o.Version, Host: o.Host, Log: o.Log,
	})
	h.archive = mam.New(mam.Options{Store: o.Store, Reader: h.Replayer, Sender: c.link, Host: o.Host, Most: c.link.MaxSend()})
	return c, nil
}

// handler answers what comes over the link.
type handler struct {
	*service.Service
	archive *mam.Archive
}

// IQ answers a request.
func (h *handler) IQ(ctx context.Context, q *stanza.IQ) (*stanza.Element, error) {
	if mam.Handles(q) {
		return h.archive.IQ(ctx, q)
	}
	return h.Service.IQ(ctx, q)
}

// Run keeps the component attached until ctx ends, with a pause that grows while the server does not take it.
func (c *Component) Run(ctx context.Context) {
	const shortest, longest = 100 * time.Millisecond, 10 * time.Second
	pause := shortest
	for ctx.Err() == nil {
		err := c.link.Run(ctx, func() {
			pause = shortest
			c.o.Log.InfoContext(ctx, "xmpp: attached")
		})
		if ctx.Err() != nil {
			return
		}
		c.o.Log.WarnContext(ctx, "xmpp: not attached", "error", err, "again_in", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, longest)
	}
}
