package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/centrifugal/centrifuge"

	"github.com/thoonkd/thoonkd/api"
	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// silence is the time between heartbeats, and pings: long, so that nothing but events is measured.
const silence = 10 * time.Minute

// newFull is thoonkd, wired as cmd/thoonkd does, but for the tokens: everybody may do all.
func newFull(ctx context.Context, redisURL string) (*backend, error) {
	st, err := store.Open(store.Options{URL: redisURL})
	if err != nil {
		return nil, err
	}
	if _, _, err := st.PutFeed(ctx, thoonk.PutFeed{Name: ourFeed}); err != nil {
		return nil, err
	}
	broker, adopter := stream.NewBroker(st, slog.New(slog.DiscardHandler)), st.NewAdopter(time.Hour)
	stop := start(ctx, broker.Run, adopter.Run, st.Watch, st.NewMaintenance().Run)
	for broker.Ready() != nil || adopter.Ready() != nil {
		time.Sleep(time.Millisecond)
	}
	var next atomic.Int64
	return &backend{
		handler: newAPI(st, broker),
		publish: func(ctx context.Context, n int) error {
			failed := make(chan error, n)
			for range n { // as many callers at once, since each waits for Redis
				go func() {
					_, err := st.Publish(ctx, publication(itemID(int(next.Add(1)))))
					failed <- err
				}()
			}
			var errs []error
			for range n {
				errs = append(errs, <-failed)
			}
			return errors.Join(errs...)
		},
		close: func() { stop(); _ = st.Close() },
	}, nil
}

// newMemory is thoonkd without Redis: the log is in memory.
func newMemory(ctx context.Context, _ string) (*backend, error) {
	log := newMemoryLog()
	broker := stream.NewBroker(log, slog.New(slog.DiscardHandler))
	stop := start(ctx, broker.Run)
	for broker.Ready() != nil {
		time.Sleep(time.Millisecond)
	}
	return &backend{
		handler: newAPI(nil, broker),
		publish: func(_ context.Context, n int) error {
			for range n {
				log.append(body)
			}
			return nil
		},
		close: stop,
	}, nil
}

// newNull is the API with a store that does nothing.
func newNull(context.Context, string) (*backend, error) {
	return &backend{handler: newAPI(nothing{}, nil), close: func() {}}, nil
}

func newAPI(st api.Store, broker *stream.Broker) http.Handler {
	jobs, _ := st.(api.Jobs) // the store in memory has none
	return api.New(api.Options{
		Store: st, Jobs: jobs, Streams: streams{broker}, Auth: everybody{}, Health: healthy{}, Log: slog.New(slog.DiscardHandler),
		Heartbeat: silence, MaxStreams: 1 << 20,
	})
}

// start runs functions until they are stopped.
func start(ctx context.Context, functions ...func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, f := range functions {
		running.Go(func() { f(ctx) })
	}
	return func() { cancel(); running.Wait() }
}

// newCentrifuge is the peer: its node with the broker in memory, no history, and its SSE transport.
func newCentrifuge(context.Context, string) (*backend, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{},
			Subscriptions: map[string]centrifuge.SubscribeOptions{ourFeed: {}},
		}, nil
	})
	if err := node.Run(); err != nil {
		return nil, err
	}
	return &backend{
		handler: centrifuge.NewSSEHandler(node, centrifuge.SSEConfig{
			PingPongConfig: centrifuge.PingPongConfig{PingInterval: silence, PongTimeout: -1},
		}),
		publish: func(_ context.Context, n int) error {
			for range n {
				if _, err := node.Publish(ourFeed, body); err != nil {
					return err
				}
			}
			return nil
		},
		close: func() { _ = node.Shutdown(context.Background()) },
	}, nil
}

type streams struct{ broker *stream.Broker }

func (s streams) Follow(ctx context.Context, o stream.Options) (api.Follower, error) {
	return s.broker.Follow(ctx, o)
}

func (s streams) FollowMany(ctx context.Context, o stream.ManyOptions) (api.Follower, error) {
	return s.broker.FollowMany(ctx, o)
}

// everybody lets anybody do anything.
type everybody struct{}

func (everybody) Anonymous() auth.Principal {
	return auth.Principal{Name: "anonymous", Grants: []auth.Grant{{Match: "*", Can: []auth.Verb{auth.Read, auth.Publish, auth.Submit, auth.Work}}}}
}

func (e everybody) Verify(string) (auth.Principal, error) { return e.Anonymous(), nil }

type healthy struct{}

func (healthy) Ready(context.Context) error { return nil }

// nothing is a store that publishes nowhere, at once.
type nothing struct{ api.Store }

func (nothing) Publish(context.Context, thoonk.PublishItem) (thoonk.Published, error) {
	r := thoonk.Revision{Number: 123456, Stamp: 1763874399123456}
	return thoonk.Published{Created: true, Item: thoonk.Item{ID: "0123456789abcdef0123456789abcdef", Revision: r, Published: r.Time(), Updated: r.Time()}}, nil
}
