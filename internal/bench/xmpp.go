package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/xmpp"
	"github.com/thoonkd/thoonkd/xmpp/notify"
)

const xmppNode = "news"

// measureXMPP compares the notifications of one publish with what the same server passes on at most, and with its own
// publish-subscribe service; and the round trip of a publish.
func measureXMPP(ctx context.Context, s settings, t *table) error {
	for _, kind := range []string{"prosody", "ejabberd"} {
		for _, subscribers := range []int{s.clients, 10 * s.clients} {
			if err := measureXMPPServer(ctx, s, t, kind, subscribers); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
	}
	return measureXMPPMemory(ctx, t, 100*s.clients)
}

func measureXMPPServer(ctx context.Context, s settings, t *table, kind string, subscribers int) (err error) {
	server, stop, err := thoonktest.OpenXMPP(kind)
	if err != nil {
		return err
	}
	defer stop()
	sink, err := newSink(server)
	if err != nil {
		return err
	}
	defer sink.close()
	raw, err := newSink(server)
	if err != nil {
		return err
	}
	defer raw.close()
	ours, err := newXMPPSide(ctx, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.close()) }()
	for _, service := range []string{ours.domain, server.PubsubDomain()} {
		if err := sink.subscribe(service, subscribers); err != nil {
			return fmt.Errorf("%s: %w", service, err)
		}
	}
	written := sink.messages(raw.domain, subscribers)
	fanout := func(send func() error) func(context.Context) (figures, error) {
		return func(context.Context) (figures, error) {
			done := sink.expect(subscribers)
			start := time.Now()
			if err := send(); err != nil {
				return nil, err
			}
			if err := await(done); err != nil {
				return nil, err
			}
			return figures{rate: perSecond(subscribers, time.Since(start))}, nil
		}
	}
	got, err := compare(ctx, s.rounds, []side{
		{"thoonkd", fanout(func() error { return sink.publish(ours.domain) })},
		{"raw", fanout(func() error { return raw.write(written) })},
		{"own", fanout(func() error { return sink.publish(server.PubsubDomain()) })},
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s: one publish to %s subscribers, all delivered", kind, thousands(int64(subscribers)))
	add := func(peer, name, aim string) {
		t.add(row{what: what, ours: got.of("thoonkd", rate), peer: name, their: got.of(peer, rate), unit: "/s", aim: aim})
	}
	add("raw", "encoded messages written to the server", "0.9")
	add("own", kind+"'s own pubsub", "1")
	return sink.roundTrips(ctx, s, t, kind, ours.domain, server.PubsubDomain())
}

// roundTrips compares how long a publish takes until it is answered, on nodes with nobody to notify.
func (k *sink) roundTrips(ctx context.Context, s settings, t *table, kind, ours, theirs string) error {
	publishing := func(service string) func(context.Context) (figures, error) {
		return func(context.Context) (figures, error) {
			var times []float64
			for start := time.Now(); time.Since(start) < s.time; {
				before := time.Now()
				if err := k.publishOn(service, "quiet"); err != nil {
					return nil, err
				}
				times = append(times, float64(time.Since(before).Microseconds())/1000)
			}
			return figures{rate: median(times)}, nil
		}
	}
	for _, service := range []string{ours, theirs} {
		if err := k.create(service, "quiet"); err != nil {
			return err
		}
	}
	got, err := compare(ctx, s.rounds, []side{{"thoonkd", publishing(ours)}, {"own", publishing(theirs)}})
	if err != nil {
		return err
	}
	t.add(row{what: kind + ": a publish over XMPP until its answer, median", ours: got.of("thoonkd", rate), peer: kind + "'s own pubsub",
		their: got.of("own", rate), unit: "ms", cost: true})
	return nil
}

// xmppSide is a component of thoonkd in this process, on a Redis of its own.
type xmppSide struct {
	domain string
	store  *store.Store
	redis  *server
	stop   func()
}

type wide struct{ broker *stream.Broker }

func (w wide) FollowMany(ctx context.Context, o stream.ManyOptions) (notify.Follower, error) {
	return w.broker.FollowMany(ctx, o)
}

func newXMPPSide(ctx context.Context, server *thoonktest.XMPPServer) (*xmppSide, error) {
	c, ok := server.NextComponent()
	if !ok {
		return nil, errors.New("no component is left")
	}
	r, err := startRedis(ctx)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(store.Options{URL: r.url(), Alone: true})
	if err != nil {
		return nil, errors.Join(err, r.stop())
	}
	log := slog.New(slog.DiscardHandler)
	broker := stream.NewBroker(st, log)
	component, err := xmpp.New(xmpp.Options{
		Addr: c.Addr, Domain: c.Domain, Secret: c.Secret, Store: st, Streams: wide{broker}, Log: log,
		JIDs: auth.JIDs{"admin@thoonk0." + server.Host: {{Match: "*", Can: []auth.Verb{auth.Admin}}}},
	})
	if err != nil {
		return nil, errors.Join(err, r.stop())
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{}, 2)
	go func() { broker.Run(running); ended <- struct{}{} }()
	go func() { component.Run(running); ended <- struct{}{} }()
	side := &xmppSide{domain: c.Domain, store: st, redis: r, stop: func() {
		cancel()
		<-ended
		<-ended
	}}
	for deadline := time.Now().Add(10 * time.Second); !component.Stats().Link.Attached; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return nil, errors.Join(errors.New("the component was not attached"), side.close())
		}
	}
	return side, nil
}

func (x *xmppSide) close() error {
	x.stop()
	return errors.Join(x.store.Close(), x.redis.stop())
}

// measureXMPPMemory notes what so many subscriptions of so many users to one node cost.
func measureXMPPMemory(ctx context.Context, t *table, n int) (err error) {
	r, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	st, err := store.Open(store.Options{URL: r.url(), Alone: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if _, _, err := st.PutFeed(ctx, thoonk.PutFeed{Name: xmppNode}); err != nil {
		return err
	}
	redisBefore, err := r.used(ctx)
	if err != nil {
		return err
	}
	ours := heapNow()
	for i := range n {
		if _, err := st.PutNodeSubscription(ctx, thoonk.NodeSubscription{Node: xmppNode, JID: fmt.Sprintf("user%d@a.test", i), Domain: "thoonk.a.test"}); err != nil {
			return err
		}
	}
	redisAfter, err := r.used(ctx)
	if err != nil {
		return err
	}
	t.note(fmt.Sprintf("%s subscriptions to a node: Redis, each", thousands(int64(n))), []float64{(redisAfter - redisBefore) / float64(n)}, "B")
	t.note("the same: the process, each", []float64{max(0, heapNow()-ours) / float64(n)}, "B")
	return nil
}

func heapNow() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// used is what Redis says that it uses.
func (s *server) used(ctx context.Context) (float64, error) {
	info, err := s.client.InfoMap(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	var used float64
	_, err = fmt.Sscan(info["Memory"]["used_memory"], &used)
	return used, err
}
