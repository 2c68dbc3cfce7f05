package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// untilItEnds is work that lasts until its lease is lost.
func untilItEnds(ctx context.Context, _ thoonk.Fence) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestOneHoldsALeaseAtATime(t *testing.T) {
	onBoth(t, func(f *fixture) {
		var first thoonk.Fence
		held, err := f.Hold(f.ctx, "a", func(ctx context.Context, fence thoonk.Fence) error {
			first = fence
			if token := f.redis.Get(ctx, "thoonk.lease:a").Val(); token != fence.Token || fence.Lease != "a" {
				t.Errorf("the lease is %q, the fence %+v", token, fence)
			}
			if held, err := f.Hold(ctx, "a", untilItEnds); held || err != nil {
				t.Errorf("two hold one lease: %v", err)
			}
			other, err := f.Hold(ctx, "b", func(context.Context, thoonk.Fence) error { return nil })
			if !other || err != nil {
				t.Errorf("another lease is not free: %v", err)
			}
			return errors.New("done")
		})
		if !held || err == nil || err.Error() != "done" {
			t.Fatalf("held %v: %v", held, err)
		}
		held, err = f.Hold(f.ctx, "a", func(_ context.Context, fence thoonk.Fence) error {
			if fence.Token == first.Token {
				t.Error("two holds have one token")
			}
			return nil
		})
		if !held || err != nil {
			t.Fatalf("the lease was not given back: %v", err)
		}
	})
}

func TestLostLeaseEndsTheWork(t *testing.T) {
	onBoth(t, func(f *fixture) {
		ended := make(chan error, 1)
		go func() {
			_, err := f.Hold(f.ctx, "a", untilItEnds)
			ended <- err
		}()
		thoonktest.Eventually(t, "it is held", func() bool { return f.redis.Exists(f.ctx, "thoonk.lease:a").Val() == 1 })
		f.ok(f.redis.Set(f.ctx, "thoonk.lease:a", "another's", time.Hour).Err())
		f.fails(<-ended, thoonk.Unavailable)
		if f.redis.Get(f.ctx, "thoonk.lease:a").Val() != "another's" {
			t.Fatal("it took the other's lease away")
		}
	})
}

func TestLeaseIsKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	ctx, cancel := context.WithCancel(f.ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := f.Hold(ctx, "a", untilItEnds)
		ended <- err
	}()
	thoonktest.Eventually(t, "it is held", func() bool { return f.redis.Exists(f.ctx, "thoonk.lease:a").Val() == 1 })
	f.ok(f.redis.PExpire(f.ctx, "thoonk.lease:a", 2*time.Second).Err())
	thoonktest.Eventually(t, "it is kept", func() bool { return f.redis.PTTL(f.ctx, "thoonk.lease:a").Val() > 3*time.Second })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if f.redis.Exists(f.ctx, "thoonk.lease:a").Val() != 0 {
		t.Fatal("it was not given back")
	}
}

func TestAloneTakesNamedLeasesOfTheDead(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	f := newFixture(t, server)
	f.ok(f.redis.Set(f.ctx, "thoonk.lease:a", "of a dead process", time.Hour).Err())
	alone, err := store.Open(store.Options{URL: server.URL(), Alone: true})
	f.ok(err)
	t.Cleanup(func() { _ = alone.Close() })
	held, err := alone.Hold(f.ctx, "a", func(ctx context.Context, _ thoonk.Fence) error {
		if held, err := alone.Hold(ctx, "a", untilItEnds); held || err != nil {
			t.Errorf("a live lease was taken: %v", err)
		}
		return nil
	})
	if !held || err != nil {
		t.Fatalf("held %v: %v", held, err)
	}
	if held, err := f.Hold(f.ctx, "a", func(context.Context, thoonk.Fence) error { return nil }); !held || err != nil {
		t.Fatalf("held %v: %v", held, err)
	}
}
