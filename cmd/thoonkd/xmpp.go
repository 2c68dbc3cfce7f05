package main

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"sync"

	"github.com/thoonkd/thoonkd/api"
	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/telemetry"
	"github.com/thoonkd/thoonkd/xmpp"
	"github.com/thoonkd/thoonkd/xmpp/notify"
)

// components are the links to XMPP servers.
type components []*xmpp.Component

func newComponents(cfg config.Config, st *store.Store, broker *stream.Broker, log *slog.Logger) (components, error) {
	u, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	var all components
	var domains []string
	for _, x := range cfg.XMPP {
		domains = append(domains, x.Domain)
	}
	for _, x := range cfg.XMPP {
		c, err := xmpp.New(xmpp.Options{
			Addr: x.Addr, Domain: x.Domain, Secret: x.Secret, JIDs: x.JIDs, Domains: domains, Rosters: x.Rosters,
			Store: st, Streams: wideStreams{broker},
			Host: u.Hostname(), Version: version, BounceGrace: cfg.XMPPBounceGrace, Log: log,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (c components) run(ctx context.Context, running *sync.WaitGroup) {
	for _, one := range c {
		running.Go(func() { one.Run(ctx) })
	}
}

// offerRosters reports whether the server of a component that is attached lets its users' rosters be read.
func (c components) offerRosters() bool {
	return slices.ContainsFunc(c, (*xmpp.Component).OffersRosters)
}

func (c components) metrics() []telemetry.XMPPLink {
	links := make([]telemetry.XMPPLink, len(c))
	for i, one := range c {
		s := one.Stats()
		links[i] = telemetry.XMPPLink{
			Domain: s.Domain, Attached: s.Link.Attached, Connects: s.Link.Connects, Received: s.Link.Received, SentBytes: s.Link.Sent,
			Errors: s.Link.Errors, Malformed: s.Link.Malformed, Refused: s.Link.Refused, Spoofed: s.Link.Spoofed,
			Notifications: s.Notify.Sent, Bounces: s.Notify.Bounces, Pruned: s.Notify.Pruned, Resets: s.Notify.Resets, Lag: s.Notify.Lag,
		}
	}
	return links
}

// xmppAdmin gives the api what it shows administrators by the interface that it declares.
type xmppAdmin struct {
	*store.Store
	components components
}

func (a xmppAdmin) Links() []api.XMPPLink {
	links := make([]api.XMPPLink, len(a.components))
	for i, one := range a.components {
		s := one.Stats()
		links[i] = api.XMPPLink{
			Domain: s.Domain, Server: s.Addr, Attached: s.Link.Attached, Connects: s.Link.Connects, Received: s.Link.Received,
			Refused: s.Link.Refused, Malformed: s.Link.Malformed, Notifications: s.Notify.Sent, Bounces: s.Notify.Bounces, Lag: s.Notify.Lag.Seconds(),
		}
	}
	return links
}

// wideStreams gives components the broker's followers by the interface that they declare.
type wideStreams struct{ broker *stream.Broker }

func (s wideStreams) FollowMany(ctx context.Context, o stream.ManyOptions) (notify.Follower, error) {
	f, err := s.broker.FollowMany(ctx, o)
	if err != nil {
		return nil, err
	}
	return f, nil
}
