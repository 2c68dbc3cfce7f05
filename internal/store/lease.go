package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	leaseLapse = 4 * time.Second // so that another process takes over within 5
	leaseRenew = time.Second
)

// errLeaseLost ends what was done under a lease that another has now, or that Redis does not renew any more.
var errLeaseLost = errors.New("the lease was lost")

// lease is the right to do something that of all processes on one Redis one at a time may do. It lapses unless it is
// kept. Whoever holds it is told by a token, which a script that needs the lease compares: a process that was stopped
// for a while and does not know yet that it lost the lease can do no harm.
type lease struct {
	store *Store
	key   string
	token string
}

func (s *Store) newLease(key string) *lease {
	return &lease{store: s, key: key, token: uuid.NewString()}
}

// Hold runs work while this process holds the lease of that name, and reports whether it had it at all: if another has
// it, Hold returns at once. The context of work ends when the lease is lost, and the lease is given back when work
// returns. The fence is for scripts that need the lease. Errors: those of work, and Unavailable.
func (s *Store) Hold(ctx context.Context, name string, work func(context.Context, thoonk.Fence) error) (held bool, err error) {
	l := s.newLease(keyLease(name))
	if ours, err := l.take(ctx); err != nil || !ours {
		return false, err
	}
	defer l.letGo()
	ctx, cancel := context.WithCancelCause(ctx)
	var keeping sync.WaitGroup
	defer keeping.Wait()
	defer cancel(nil)
	keeping.Go(func() { cancel(l.keep(ctx)) })
	err = work(ctx, thoonk.Fence{Lease: name, Token: l.token})
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), errLeaseLost) {
		err = thoonk.E(thoonk.Unavailable, "another process has taken over").Because(context.Cause(ctx))
	}
	return true, err
}

// take reports whether the lease is ours now. Where no other process can be, a lease that is found when it is first
// asked for is a dead process's.
func (l *lease) take(ctx context.Context) (bool, error) {
	verb := "take"
	if l.ofTheDead() {
		verb = "seize"
	}
	return l.call(ctx, verb)
}

func (l *lease) ofTheDead() bool {
	if !l.store.alone {
		return false
	}
	_, asked := l.store.asked.LoadOrStore(l.key, true)
	return !asked
}

// free reports whether the lease may be taken, without taking it.
func (l *lease) free(ctx context.Context) (bool, error) {
	if l.ofTheDead() {
		return true, l.store.redis.Del(ctx, l.key).Err()
	}
	holder, err := l.store.redis.Get(ctx, l.key).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, err
	}
	return holder == "" || holder == l.token, nil
}

// keep keeps the lease until ctx ends, and returns nil, or until it may have lapsed, and says so.
func (l *lease) keep(ctx context.Context) error {
	kept := time.Now()
	for sleep(ctx, leaseRenew) {
		asked := time.Now()
		ours, err := l.ask(ctx)
		switch {
		case err == nil && ours:
			kept = asked
		case ctx.Err() != nil:
			return nil
		case err == nil, time.Since(kept) > leaseLapse-leaseRenew:
			return errors.Join(errLeaseLost, err)
		}
	}
	return nil
}

// ask renews the lease, and does not wait longer for the answer than until the next time.
func (l *lease) ask(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, leaseRenew)
	defer cancel()
	return l.call(ctx, "keep")
}

// letGo gives the lease back, so that another process need not wait until it lapses.
func (l *lease) letGo() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := l.call(ctx, "drop"); err != nil {
		l.store.log.Debug("a lease will lapse by itself", "lease", l.key, "error", err)
	}
}

// call reports whether the lease is ours.
func (l *lease) call(ctx context.Context, verb string) (bool, error) {
	ours, err := scriptLease.Run(ctx, l.store.redis, []string{l.key}, verb, l.token, leaseLapse.Milliseconds()).Bool()
	if err != nil {
		return false, failure("lease", err)
	}
	return ours, nil
}
