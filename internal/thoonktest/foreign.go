package thoonktest

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Foreign is a Thoonk client of another make: it speaks the contract for objects of type feed as the old clients do,
// their faults included, and knows nothing of thoonkd's own keys. By default it is the JavaScript client: messages
// are part of the transaction and scores are milliseconds. Its methods may be called from any goroutine.
//
// The methods that begin with Write do the writing half of an operation only. They return the other half, which
// sends the messages: a test calls it when it likes, or never, as a client that dies in between.
type Foreign struct {
	t        testing.TB
	redis    redis.UniversalClient
	instance string
	python   bool
}

// NewForeign returns a foreign client that uses the connections of c.
func NewForeign(t testing.TB, c redis.UniversalClient) *Foreign {
	return &Foreign{t: t, redis: c, instance: rand.Text()}
}

// Python returns the same client as the Python one: it sends its messages one by one after the transaction, and its
// scores are seconds with a fraction.
func (f *Foreign) Python() *Foreign {
	p := *f
	p.python = true
	return &p
}

// Create makes a feed, and reports false if there is one already.
func (f *Foreign) Create(feed string, config map[string]string) bool {
	f.t.Helper()
	return f.apply(f.create(feed, config))
}

// WriteCreate is the writing half of Create.
func (f *Foreign) WriteCreate(feed string, config map[string]string) (announce func()) {
	f.t.Helper()
	return f.split(f.create(feed, config))
}

// Configure writes fields of a feed's config; the others stay.
func (f *Foreign) Configure(feed string, config map[string]string) {
	f.t.Helper()
	f.apply(f.configure(feed, config))
}

// WriteConfigure is the writing half of Configure.
func (f *Foreign) WriteConfigure(feed string, config map[string]string) (announce func()) {
	f.t.Helper()
	return f.split(f.configure(feed, config))
}

// Delete removes a feed with those of its keys that the contract knows, and reports false if there is none.
func (f *Foreign) Delete(feed string) bool {
	f.t.Helper()
	return f.apply(f.delete(feed))
}

// WriteDelete is the writing half of Delete.
func (f *Foreign) WriteDelete(feed string) (announce func()) {
	f.t.Helper()
	return f.split(f.delete(feed))
}

// Publish writes an item, and reports false if it replaced one. In a feed with max_length it drops the oldest first;
// in a full one it does so even if it only replaces an item: that is a fault of the old clients.
func (f *Foreign) Publish(feed, id, body string) bool {
	f.t.Helper()
	return f.apply(f.publish(feed, id, body))
}

// WritePublish is the writing half of Publish.
func (f *Foreign) WritePublish(feed, id, body string) (announce func()) {
	f.t.Helper()
	return f.split(f.publish(feed, id, body))
}

// Retract removes an item, and reports false if there is none.
func (f *Foreign) Retract(feed, id string) bool {
	f.t.Helper()
	return f.apply(f.retract(feed, id))
}

// WriteRetract is the writing half of Retract.
func (f *Foreign) WriteRetract(feed, id string) (announce func()) {
	f.t.Helper()
	return f.split(f.retract(feed, id))
}

// apply carries an operation out as a whole.
func (f *Foreign) apply(op operation) (ok bool) {
	f.t.Helper()
	if !f.python {
		ok, _ = f.transact(op, true)
		return ok
	}
	ok, messages := f.transact(op, false)
	f.send(messages)
	return ok
}

// split carries the writing half of an operation out and returns the other.
func (f *Foreign) split(op operation) (announce func()) {
	f.t.Helper()
	_, messages := f.transact(op, false)
	return func() { f.send(messages) }
}

// transact runs an operation's transaction, from the start again whenever a watched key changed meanwhile. It reports
// whether there was anything to do, and the messages, which are part of the transaction if publish is true.
func (f *Foreign) transact(op operation, publish bool) (ok bool, messages []Message) {
	f.t.Helper()
	ctx := context.Background()
	attempt := func(tx *redis.Tx) error {
		p := tx.TxPipeline()
		var err error
		ok, messages, err = op.plan(ctx, tx, p)
		if err != nil || p.Len() == 0 {
			return err
		}
		if publish {
			for _, m := range messages {
				p.Publish(ctx, m.Channel, m.Payload)
			}
		}
		_, err = p.Exec(ctx)
		return err
	}
	for {
		err := f.redis.Watch(ctx, attempt, op.watch)
		switch {
		case err == nil:
			return ok, messages
		case !errors.Is(err, redis.TxFailedErr):
			f.t.Errorf("foreign client: %v", err)
			return false, nil
		}
	}
}

func (f *Foreign) send(messages []Message) {
	for _, m := range messages {
		if err := f.redis.Publish(context.Background(), m.Channel, m.Payload).Err(); err != nil {
			f.t.Errorf("foreign client: %v", err)
		}
	}
}
