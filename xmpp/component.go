// Package xmpp is the XMPP edge: feeds as publish-subscribe nodes (XEP-0060) of components that are attached to XMPP servers
// (XEP-0114). It knows neither Redis nor how changes are followed; the interfaces below say what it needs of the rest.
package xmpp

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/link"
	"github.com/thoonkd/thoonkd/xmpp/mam"
	"github.com/thoonkd/thoonkd/xmpp/mirror"
	"github.com/thoonkd/thoonkd/xmpp/notify"
	"github.com/thoonkd/thoonkd/xmpp/roster"
	"github.com/thoonkd/thoonkd/xmpp/service"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Store is what a component needs kept. Its errors are of type [thoonk.Error].
type Store interface {
	service.Store
	service.Subscriptions
	service.Jobs
	mam.Store
	mirror.Store
	notify.Store

	// Hold runs work while this process holds the lease of that name, and reports whether it had it at all.
	Hold(ctx context.Context, name string, work func(context.Context, thoonk.Fence) error) (held bool, err error)
}

// Options are what a [Component] works with. The first five are needed.
type Options struct {
	Addr    string // host:port where the server waits for components
	Domain  string // the address of the component
	Secret  string
	Store   Store
	Streams notify.Streams

	// Domains are the addresses of all components that have this store, and this one's. The first one follows the sources that
	// name no component.
	Domains []string

	// Rosters are hosts of the server, beside the one that Domain belongs to, which may let the rosters of their users be read.
	Rosters []string

	JIDs        auth.JIDs     // what those who come over this link may do: a server can assert any sender
	Host        string        // in the ids of Atom entries: that of the public URL
	Version     string        // of the program
	BounceGrace time.Duration // 0: a week
	Keepalive   time.Duration // 0: 30 s
	Log         *slog.Logger
}

// Component is one link to a server with all that is offered over it. Of the processes on one Redis that have the same
// component, one at a time is attached.
type Component struct {
	o        Options
	link     *link.Link
	notifier *notify.Notifier
	service  *service.Service
	archive  *mam.Archive
	mirrors  *mirror.Mirrors
}

// New returns a component that is not attached yet. Errors: Invalid.
func New(o Options) (*Component, error) {
	domain, err := jid.Parse(o.Domain)
	if err != nil || domain.Domain().String() != domain.String() {
		return nil, thoonk.E(thoonk.Invalid, "%q is no domain of XMPP", o.Domain).Because(err)
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler)).With("xmpp", o.Domain)
	c := &Component{o: o}
	c.link = link.New(link.Options{Addr: o.Addr, Domain: domain, Secret: o.Secret, Handler: handler{c}, Direct: c.fromSource, Granters: o.Rosters, Keepalive: o.Keepalive, Log: o.Log})
	rosters := roster.New(c.link, o.Log)
	c.notifier = notify.New(notify.Options{
		Store: o.Store, Streams: o.Streams, Link: c.link, Config: service.DescribeConfig, JIDs: o.JIDs, Host: o.Host,
		Admits: rosters.Admits, BounceGrace: o.BounceGrace, Log: o.Log,
	})
	c.service = service.New(service.Options{
		Store: o.Store, Subscriptions: subscriptions{o.Store, c.notifier}, Jobs: o.Store, JIDs: o.JIDs, Sender: c.link,
		Last: c.notifier.Last, Rosters: rosters, MAM: true, Most: c.link.MaxSend(), Version: o.Version, Host: o.Host, Log: o.Log,
	})
	c.archive = mam.New(mam.Options{Store: o.Store, Reader: c.service.Replayer, Sender: c.link, Host: o.Host, Most: c.link.MaxSend()})
	c.mirrors = mirror.New(mirror.Options{
		Store: o.Store, Sender: c.link, Log: o.Log,
		Own:   func(service string) bool { return slices.Contains(o.Domains, service) },
		First: len(o.Domains) > 0 && o.Domains[0] == o.Domain,
	})
	return c, nil
}

// subscriptions has the notifier know of a subscription before it is made.
type subscriptions struct {
	service.Subscriptions
	notifier *notify.Notifier
}

func (s subscriptions) PutNodeSubscription(ctx context.Context, sub thoonk.NodeSubscription) (thoonk.NodeSubscription, error) {
	return s.notifier.PutNodeSubscription(ctx, sub)
}

// Pauses between two attempts to attach, and between two looks whether another process has stopped.
const (
	shortestPause = 250 * time.Millisecond
	longestPause  = 4 * time.Second // a try costs little, and users wait
	standbyPause  = 200 * time.Millisecond
)

// Run attaches the component again and again until ctx ends.
func (c *Component) Run(ctx context.Context) {
	pause := shortestPause
	for ctx.Err() == nil {
		attached := false
		held, err := c.o.Store.Hold(ctx, "xmpp:"+c.o.Domain, func(ctx context.Context, fence thoonk.Fence) error {
			return c.serve(ctx, fence, &attached)
		})
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && !held:
			sleep(ctx, standbyPause)
			continue
		case attached:
			pause = shortestPause
		}
		c.o.Log.WarnContext(ctx, "xmpp: not attached, trying again", "pause", pause, "error", err)
		sleep(ctx, pause/2+rand.N(pause)) // all components of a server that was restarted come back: not at once
		pause = min(2*pause, longestPause)
	}
}

// serve runs the link and, while it is attached, the notifier and the mirrors. If one ends so do the others.
func (c *Component) serve(ctx context.Context, fence thoonk.Fence, attached *bool) error {
	if err := c.notifier.Prepare(ctx, fence); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	err := c.link.Run(ctx, func() {
		*attached = true
		c.o.Log.InfoContext(ctx, "xmpp: attached", "server", c.o.Addr)
		running.Go(func() { cancel(c.notifier.Run(ctx, fence)) })
		running.Go(func() { c.mirrors.Run(ctx) })
	})
	if *attached {
		cancel(err)
		running.Wait()
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause // the first of the two errors
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// fromSource takes what comes from nodes that are followed. It waits for nobody: a history that was asked for comes faster than a
// link lets one sender speak.
func (c *Component) fromSource(m *stanza.Stanza) bool { return c.mirrors.Message(m) }

// handler gives what comes over the link to those who deal with it.
type handler struct{ c *Component }

func (h handler) IQ(ctx context.Context, q *stanza.IQ) (*stanza.Element, error) {
	h.c.notifier.Alive(ctx, q.From.Bare().String())
	if mam.Handles(q) {
		return h.c.archive.IQ(ctx, q)
	}
	return h.c.service.IQ(ctx, q)
}

func (h handler) Message(ctx context.Context, m *stanza.Stanza) {
	h.c.notifier.Alive(ctx, m.From.Bare().String())
	h.c.service.Message(ctx, m)
}

func (h handler) Presence(ctx context.Context, p *stanza.Stanza) {
	if p.Type != "error" {
		h.c.notifier.Alive(ctx, p.From.Bare().String())
	}
	h.c.service.Presence(ctx, p)
}

func (h handler) Bounce(ctx context.Context, m *stanza.Stanza) {
	h.c.notifier.Bounce(ctx, m)
	h.c.service.Bounce(ctx, m)
}

// OffersRosters reports whether the server lets the rosters of its users be read, which two access models need.
func (c *Component) OffersRosters() bool { return len(c.link.RosterHosts()) > 0 }

// Stats are the counts of a component.
type Stats struct {
	Domain, Addr string
	Link         link.Stats
	Notify       notify.Stats
}

// Stats returns the counts.
func (c *Component) Stats() Stats {
	return Stats{Domain: c.o.Domain, Addr: c.o.Addr, Link: c.link.Stats(), Notify: c.notifier.Stats()}
}
