package push_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thoonkd/thoonkd/internal/outbound"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// An outcome is told again while Redis is away, also when the pusher was stopped meanwhile, and not for ever.
func TestOutcomesAreToldAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		failures int
		err      error
		want     string
		tries    int
	}{
		"away for a while": {4, thoonk.E(thoonk.Unavailable, "away"), "finish", 5},
		"away":             {1000, thoonk.E(thoonk.Unavailable, "away"), "lost", 5},
		"no such queue":    {1000, thoonk.E(thoonk.NotFound, "no such queue"), "lost", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStore(hooked("https://example.org/"))
				tries := 0
				s.refuse = func() (*thoonk.Error, error) {
					if tries++; tries <= tc.failures {
						return nil, tc.err
					}
					return nil, nil
				}
				p := start(t, s, sender(func(context.Context, outbound.Request) (*outbound.Response, error) {
					return &outbound.Response{Status: 204}, nil
				}))
				p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: 1}
				<-p.claimed
				p.stop()
				if told := <-p.told; told != tc.want || tries != tc.tries {
					t.Errorf("counted as %s after %d tries", told, tries)
				}
			})
		})
	}
}

// A queue that declares another webhook is worked by a new worker; what the old one sent is still its own to end.
func TestAnotherWebhook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(hooked("https://example.org/old"))
		answer := make(chan struct{})
		urls := make(chan string, 10)
		p := start(t, s, sender(func(_ context.Context, r outbound.Request) (*outbound.Response, error) {
			urls <- r.URL
			if r.URL == "https://example.org/old" {
				<-answer
			}
			return &outbound.Response{Status: 200, Body: []byte(r.URL)}, nil
		}))
		p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: 1}
		if url := <-urls; url != "https://example.org/old" {
			t.Errorf("sent to %s", url)
		}
		s.declare(hooked("https://example.org/new"))
		time.Sleep(2 * time.Second)
		p.jobs <- thoonk.Job{ID: "b", Payload: []byte("1"), Attempt: 1}
		if got := <-p.ends; got.id != "b" || got.result != "https://example.org/new" {
			t.Errorf("told %+v", got)
		}
		close(answer)
		if got := <-p.ends; got.id != "a" || got.result != "https://example.org/old" {
			t.Errorf("told %+v", got)
		}
		old, recent := <-p.claimed, <-p.claimed
		if got := <-p.released; got != old.Holder || got == recent.Holder {
			t.Errorf("given back %v of %v and %v", got, old.Holder, recent.Holder)
		}

		s.declare(thoonk.Config{Webhook: thoonk.Webhook{URL: "https://example.org/", Secret: "short"}})
		time.Sleep(2 * time.Second)
		p.jobs <- thoonk.Job{ID: "c", Payload: []byte("1"), Attempt: 1}
		time.Sleep(time.Minute)
		if len(p.jobs) != 1 {
			t.Error("a webhook that cannot be signed for is used")
		}
	})
}

// No more are sent at once than the webhook asked for.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := hooked("https://example.org/")
		cfg.Webhook.Running = 2
		var busy atomic.Int64
		answer := make(chan struct{})
		p := start(t, newStore(cfg), sender(func(context.Context, outbound.Request) (*outbound.Response, error) {
			busy.Add(1)
			defer busy.Add(-1)
			<-answer
			return nil, &outbound.Error{Reason: outbound.Unreachable, Err: errors.New("refused")}
		}))
		for n := range 5 {
			p.jobs <- thoonk.Job{ID: thoonk.JobID(rune('a' + n)), Payload: []byte("1"), Attempt: 1}
		}
		synctest.Wait()
		if n := busy.Load(); n != 2 {
			t.Errorf("%d at once", n)
		}
		close(answer)
		for range 5 {
			if got := <-p.ends; got.verb != "cancel" || got.why != "the host cannot be reached" {
				t.Errorf("told %+v", got)
			}
		}
	})
}

// An answer that comes while the push is being given up is one.
func TestAnswerAfterAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(hooked("https://example.org/"))
		s.extend = func(thoonk.ExtendLease) (thoonk.Extended, error) {
			return thoonk.Extended{Cancelled: []thoonk.JobID{"a"}}, nil
		}
		p := start(t, s, sender(func(ctx context.Context, _ outbound.Request) (*outbound.Response, error) {
			<-ctx.Done()
			return &outbound.Response{Status: 200, Body: []byte("done")}, nil
		}))
		p.jobs <- thoonk.Job{ID: "a", Payload: []byte("1"), Attempt: 1}
		if got := <-p.ends; got.verb != "finish" || got.result != "done" {
			t.Errorf("told %+v", got)
		}
	})
}
