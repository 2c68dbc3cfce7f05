package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	hubCallbacks = 1000
	hubInFlight  = 64 // requests of the bare loop at once
	hubBurst     = 20 // items published at once
	hubMany      = 100_000
)

// measureHub compares the delivery of signed webhooks with a bare loop that makes the same requests, and measures what
// dead callbacks cost the others and what a subscription costs in Redis.
func measureHub(ctx context.Context, s settings, t *table) (err error) {
	site, err := newCallbacks(ctx)
	if err != nil {
		return err
	}
	defer site.close()
	got, err := compare(ctx, s.rounds, []side{
		{"full", func(ctx context.Context) (figures, error) { return site.delivered(ctx, s, 0) }},
		{"net/http", func(ctx context.Context) (figures, error) { return site.bare(ctx, s.time) }},
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("webhooks of 1 KiB, signed, to %s callbacks", thousands(hubCallbacks))
	t.rates(got, what, "full", "net/http", "0.7")
	dead, err := compare(ctx, min(s.rounds, 3), []side{
		{"100 dead", func(ctx context.Context) (figures, error) { return site.latency(ctx, s, 100) }},
		{"none dead", func(ctx context.Context) (figures, error) { return site.latency(ctx, s, 0) }},
	})
	if err != nil {
		return err
	}
	t.add(row{
		what: "a change to 100 healthy callbacks beside 100 dead ones: 99 %", ours: dead.of("100 dead", tail), peer: "no dead ones", their: dead.of("none dead", tail),
		unit: "ms", cost: true, aim: "no effect",
	})
	bytes, err := hubMemory(ctx)
	if err != nil {
		return err
	}
	t.note(fmt.Sprintf("a subscription of %s: memory of Redis", thousands(hubMany)), []float64{bytes}, "bytes")
	return nil
}

const tail = "ms at 99 %"

// callbacks are local servers that take what they are sent.
type callbacks struct {
	urls    []string
	servers []*http.Server
	taken   atomic.Int64
	silent  chan struct{} // closed when those are to answer that do not

	mu      sync.Mutex
	arrived func(path string, body []byte)
}

const hubServers = 10

func newCallbacks(ctx context.Context) (*callbacks, error) {
	c := &callbacks{silent: make(chan struct{})}
	for range hubServers {
		l, err := listen(ctx)
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		server := &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.Serve(l) }() // until Close
		c.servers, c.urls = append(c.servers, server), append(c.urls, "http://"+l.Addr().String())
	}
	return c, nil
}

func (c *callbacks) close() error {
	close(c.silent)
	var errs []error
	for _, s := range c.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (c *callbacks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/dead" {
		select {
		case <-c.silent:
		case <-r.Context().Done():
		}
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	arrived := c.arrived
	c.mu.Unlock()
	if arrived != nil {
		arrived(r.URL.Path, body)
	}
	c.taken.Add(1)
	w.WriteHeader(http.StatusNoContent)
}

func (c *callbacks) url(i int) string { return fmt.Sprintf("%s/%d", c.urls[i%hubServers], i) }

// bare makes the same requests with nothing around them.
func (c *callbacks) bare(ctx context.Context, d time.Duration) (figures, error) {
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: hubInFlight, MaxIdleConnsPerHost: hubInFlight}}
	defer client.CloseIdleConnections()
	body := publication("x").Body
	var next atomic.Int64
	n, took, err := hammer(ctx, hubInFlight, d, func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(int(next.Add(1))%hubCallbacks), bytes.NewReader(body))
		if err != nil {
			return err
		}
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write(body)
		r.Header.Set("Content-Type", "application/octet-stream")
		r.Header.Set("X-Hub-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Body.Close()
	})
	return figures{rate: perSecond(n, took)}, err
}

// delivered publishes for a time, and waits until all callbacks have everything.
func (c *callbacks) delivered(ctx context.Context, s settings, dead int) (f figures, err error) {
	h, err := startHub(ctx, c, hubCallbacks, dead)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	before, start := c.taken.Load(), time.Now()
	published := int64(0)
	for time.Since(start) < s.time || published == 0 {
		for range hubBurst {
			if _, err := h.store.Publish(ctx, publication(itemID(int(published)))); err != nil {
				return nil, err
			}
			published++
		}
		if err := c.await(ctx, before+(published-hubBurst/2)*hubCallbacks); err != nil {
			return nil, err
		}
	}
	if err := c.await(ctx, before+published*hubCallbacks); err != nil {
		return nil, err
	}
	return figures{rate: perSecond(int(published)*hubCallbacks, time.Since(start))}, nil
}

func (c *callbacks) await(ctx context.Context, n int64) error {
	for deadline := time.Now().Add(2 * time.Minute); c.taken.Load() < n; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("%d deliveries of %d came: %w", c.taken.Load(), n, context.DeadlineExceeded)
		}
	}
	return nil
}

// latency is how long after it is published a change is at 100 healthy callbacks.
func (c *callbacks) latency(ctx context.Context, s settings, dead int) (f figures, err error) {
	const healthy = 100
	h, err := startHub(ctx, c, healthy, dead)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	var began atomic.Int64
	var took []float64
	c.mu.Lock()
	c.arrived = func(string, []byte) {
		ms := float64(time.Now().UnixNano()-began.Load()) / 1e6
		c.mu.Lock()
		took = append(took, ms)
		c.mu.Unlock()
	}
	c.mu.Unlock()
	defer func() { c.mu.Lock(); c.arrived = nil; c.mu.Unlock() }()
	for i, start := 0, time.Now(); time.Since(start) < 2*s.time; i++ {
		before := c.taken.Load()
		began.Store(time.Now().UnixNano())
		if _, err := h.store.Publish(ctx, publication(itemID(i))); err != nil {
			return nil, err
		}
		if err := c.await(ctx, before+healthy); err != nil {
			return nil, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return figures{tail: quantile(took, 0.99)}, nil
}

// hubMemory is what one of very many subscriptions takes in Redis.
func hubMemory(ctx context.Context) (bytes float64, err error) {
	r, st, err := hubStore(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.Close(), r.stop()) }()
	before, err := r.memory(ctx)
	if err != nil {
		return 0, err
	}
	var next atomic.Int64
	var running sync.WaitGroup
	failed := make(chan error, 16)
	for range cap(failed) {
		running.Go(func() {
			for i := next.Add(1); i <= hubMany; i = next.Add(1) {
				sub := subscription(int(i), fmt.Sprintf("https://subscriber-%d.example.org/callbacks/%d", i%1000, i), ourFeed+thoonk.FeedName(fmt.Sprint(i%1000)))
				if _, err := st.PutHubSubscription(ctx, sub, time.Time{}, thoonk.HubIntent{}); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	running.Wait()
	close(failed)
	for err := range failed {
		return 0, err
	}
	after, err := r.memory(ctx)
	return float64(after-before) / hubMany, err
}
