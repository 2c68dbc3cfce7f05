package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/hub"
	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/telemetry"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/mirror"
)

// newIngest returns what brings in the entries of sources.
func newIngest(cfg config.Config, st *store.Store, dialler *outbound.Client, log *slog.Logger) (*hub.Ingest, error) {
	addresses, err := hub.NewAddresses(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	return hub.NewIngest(hub.IngestOptions{Store: st, Dialler: dialler, Addresses: addresses, Log: log}), nil
}

// sources gives the api what it needs of sources by the interface that it declares.
type sources struct {
	*store.Store
	*hub.Ingest
	dialler *outbound.Client
}

func (s sources) CheckSource(ctx context.Context, address string) error {
	return s.dialler.CheckURL(ctx, address)
}

func (sources) CheckTarget(kind thoonk.SourceKind, f thoonk.Feed) error {
	if kind == thoonk.XMPPNode {
		return mirror.CheckTarget(f)
	}
	return hub.CheckTarget(f)
}

// declare makes the sources of the configuration those that there are: their feeds are made where there are none, and a
// source that stood in the configuration before, and does not now, is removed. It tries until that is done: Redis may come up later.
func (s sources) declare(ctx context.Context, cfg config.Config, log *slog.Logger) {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 10*time.Second) {
		err := s.declareAll(ctx, cfg.Sources)
		if err == nil {
			s.Wake()
			return
		}
		log.WarnContext(ctx, "the sources of the configuration are not declared yet", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (s sources) declareAll(ctx context.Context, wanted []thoonk.Source) error {
	for _, source := range wanted {
		_, _, err := s.PutFeed(ctx, thoonk.PutFeed{
			Name: source.Feed, Config: thoonk.Config{Content: contentFrom(source.Kind)}, If: thoonk.Condition{NoneAny: true}, Actor: "config",
		})
		if kind := thoonk.KindOf(err); err != nil && kind != thoonk.Stale && kind != thoonk.Conflict { // else it is there
			return err
		}
		source.By = "config"
		if _, _, err := s.PutSource(ctx, source); err != nil {
			return err
		}
	}
	for after := thoonk.FeedName(""); ; {
		known, err := s.Sources(ctx, after, 100)
		if err != nil || len(known) == 0 {
			return err
		}
		for _, k := range known {
			after = k.Source.Name
			if !k.Source.Config || slices.ContainsFunc(wanted, func(w thoonk.Source) bool { return w.Name == after }) {
				continue
			}
			if err := s.DeleteSource(ctx, after); err != nil && thoonk.KindOf(err) != thoonk.NotFound {
				return err
			}
			s.Unsubscribe(ctx, k.State)
		}
	}
}

// contentFrom is what a feed declares that is made for a source: entries, and of nodes whatever comes.
func contentFrom(kind thoonk.SourceKind) thoonk.Content {
	if kind == thoonk.XMPPNode {
		return thoonk.Undeclared
	}
	return thoonk.Entry
}

func sourceMetrics(st *store.Store) func(context.Context) (telemetry.Sources, error) {
	return func(ctx context.Context) (telemetry.Sources, error) {
		s, err := st.SourceStats(ctx)
		return telemetry.Sources(s), err
	}
}

func ingestMetrics(s hub.IngestStats) telemetry.Ingest { return telemetry.Ingest(s) }
