package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/hub"
	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/telemetry"
)

// newOutbound returns the client for addresses that strangers name.
func newOutbound(cfg config.Config, metrics *telemetry.Metrics) *outbound.Client {
	return outbound.New(outbound.Options{
		Allow: cfg.OutboundAllow, PerHost: 4 * cfg.Hub.PerHost, UserAgent: "thoonkd",
		Observe: func(e outbound.Exchange) { metrics.ObserveOutbound(e.Purpose, e.Outcome, e.Duration) },
	})
}

func newHub(cfg config.Config, st *store.Store, broker *stream.Broker, verifier *auth.Verifier, sender *outbound.Client, observe func(string, time.Duration), log *slog.Logger) (*hub.Hub, error) {
	addresses, err := hub.NewAddresses(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	return hub.New(hub.Options{
		Store: st, Log: hubLog{broker}, Auth: verifier, Sender: sender, Addresses: addresses, Logger: log, Observe: observe,
		Renderer: &hub.Renderer{Store: st, Addresses: addresses},
		Settings: hub.Settings{
			LeaseDefault: cfg.Hub.Lease, LeaseMax: cfg.Hub.LeaseMax, Retries: cfg.Hub.Retries, Breaker: cfg.Hub.Breaker,
			Timeout: cfg.Hub.Timeout, Workers: cfg.Hub.Workers, PerHost: cfg.Hub.PerHost, Origins: cfg.Hub.Origins,
		},
	}), nil
}

// hubLog gives the hub the broker's followers by the interface that it declares.
type hubLog struct{ broker *stream.Broker }

func (l hubLog) FollowMany(ctx context.Context, o stream.ManyOptions) (hub.Follower, error) {
	f, err := l.broker.FollowMany(ctx, o)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func hubMetrics(st *store.Store) func(context.Context) (telemetry.Hub, error) {
	return func(ctx context.Context) (telemetry.Hub, error) {
		s, err := st.HubStats(ctx)
		return telemetry.Hub{
			Subscriptions: s.Subscriptions, Due: s.Due, Later: s.Later, Taken: s.Taken, Intents: s.Intents, Lapsing: s.Lapsing, Lag: s.Oldest,
		}, err
	}
}
