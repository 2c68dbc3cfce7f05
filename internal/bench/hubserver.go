package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/hub"
	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// hubServer is a hub on a Redis of its own, with its subscriptions.
type hubServer struct {
	redis *server
	store *store.Store
	end   func()
}

func listen(ctx context.Context) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
}

func hubStore(ctx context.Context) (*server, *store.Store, error) {
	r, err := startRedis(ctx)
	if err != nil {
		return nil, nil, err
	}
	st, err := store.Open(store.Options{URL: r.url()})
	if err != nil {
		return nil, nil, errors.Join(err, r.stop())
	}
	return r, st, nil
}

// subscription is what a callback has confirmed.
func subscription(i int, callback string, feed thoonk.FeedName) thoonk.HubSubscription {
	return thoonk.HubSubscription{
		ID: fmt.Sprintf("%016d", i), Topic: "https://hub.example.org/feeds/" + string(feed) + "/latest", Feed: feed, Format: "latest", Callback: callback,
		Secret: "secret", Algorithm: "sha256", Principal: "anonymous", Holder: []byte(`{"name":"anonymous"}`), Created: time.Now(), Expires: time.Now().Add(time.Hour),
	}
}

// startHub starts a hub with so many healthy callbacks, and so many that never answer.
func startHub(ctx context.Context, c *callbacks, healthy, dead int) (*hubServer, error) {
	r, st, err := hubStore(ctx)
	if err != nil {
		return nil, err
	}
	h := &hubServer{redis: r, store: st, end: func() {}}
	if err := h.begin(ctx, c, healthy, dead); err != nil {
		return nil, errors.Join(err, h.stop())
	}
	return h, nil
}

func (h *hubServer) begin(ctx context.Context, c *callbacks, healthy, dead int) error {
	if _, _, err := h.store.PutFeed(ctx, thoonk.PutFeed{Name: ourFeed, Config: thoonk.Config{History: thoonk.HistoryBounds{Count: 100_000, Bytes: 1 << 30}}}); err != nil {
		return err
	}
	for i := range healthy + dead {
		callback := c.url(i)
		if i >= healthy {
			callback = fmt.Sprintf("%s/dead?%d", c.urls[i%hubServers], i)
		}
		if _, err := h.store.PutHubSubscription(ctx, subscription(i, callback, ourFeed), time.Time{}, thoonk.HubIntent{}); err != nil {
			return err
		}
	}
	addresses, err := hub.NewAddresses("https://hub.example.org")
	if err != nil {
		return err
	}
	broker := stream.NewBroker(h.store, slog.New(slog.DiscardHandler))
	deliveries := hub.New(hub.Options{
		Store: h.store, Log: hubLog{broker}, Addresses: addresses, Renderer: &hub.Renderer{Store: h.store, Addresses: addresses},
		Auth:   auth.NewVerifier(auth.Options{Public: []auth.Grant{{Match: "*", Can: []auth.Verb{auth.Read}}}}),
		Sender: outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, PerHost: 256}),
		Logger: slog.New(slog.DiscardHandler),
	})
	h.end = start(ctx, broker.Run, deliveries.Run)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // all have been looked at once
		s, err := h.store.HubStats(ctx)
		if err != nil || s.Due+s.Taken == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New("the hub does not come to rest")
		}
	}
}

func (h *hubServer) stop() error {
	h.end()
	return errors.Join(h.store.Close(), h.redis.stop())
}

type hubLog struct{ *stream.Broker }

func (l hubLog) FollowMany(ctx context.Context, o stream.ManyOptions) (hub.Follower, error) {
	return l.Broker.FollowMany(ctx, o)
}

// memory is what Redis has allocated.
func (s *server) memory(ctx context.Context) (int64, error) {
	text, err := s.client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(text, "used_memory:")
	value, _, _ := strings.Cut(rest, "\r\n")
	return strconv.ParseInt(value, 10, 64)
}
