package store

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/thoonkd/thoonkd/internal/schema"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// maxDeclared bounds the feeds whose checks are remembered; one more costs its next write a second call.
const maxDeclared = 10_000

// checker holds bodies to what their feeds declare of them: a JSON Schema and stamps. Scripts are told by a digest which
// declaration that was, and refuse bodies that were held to another one with the one that holds, so nothing is written
// that was not checked, and a feed without a declaration costs nothing.
type checker struct {
	compiled schema.Cache

	mu       sync.Mutex
	declared map[thoonk.FeedName]declaration // as scripts said last; feeds that are not in it declare nothing
}

// declaration is what feed.config has of a feed's schema and stamps.
type declaration struct{ schema, stamp string }

func (d declaration) digest() string { return schema.Digest(d.schema, d.stamp) }

// uncheckedError is the refusal of a script: this is what the feed declares.
type uncheckedError struct{ declared declaration }

func (uncheckedError) Error() string { return "held to another schema than the feed's" }

// checked calls hold, which holds what is to be written to the checks of the feed, nil where there are none, and then
// write with the digest that says which these were; again if it turns out that the feed declares others by now.
func (s *Store) checked(ctx context.Context, feed thoonk.FeedName, hold func(*schema.Checks) error, write func(digest string) error) error {
	d := s.checker.remembered(feed)
	for attempt := 0; ; attempt++ {
		now, err := s.checkedOnce(ctx, feed, d, hold, write)
		if now == d || attempt == 3 {
			return err
		}
		d = now
		s.checker.remember(feed, d)
	}
}

// checkedOnce also returns what the feed declares, as far as that is known then.
func (s *Store) checkedOnce(ctx context.Context, feed thoonk.FeedName, d declaration, hold func(*schema.Checks) error, write func(string) error) (declaration, error) {
	checks, err := s.checker.checks(feed, d)
	if err == nil {
		err = hold(checks)
	}
	if err != nil && d == (declaration{}) {
		return d, err
	}
	if err != nil { // by what the feed declared when we last heard of it
		now, failed := s.redis.HMGet(ctx, keyConfig(feed), fieldSchema, fieldStamp).Result()
		if failed != nil {
			return d, failure("write", failed)
		}
		return declaration{answer(now).text(0), answer(now).text(1)}, err
	}
	err = write(d.digest())
	if stale, ok := errors.AsType[uncheckedError](err); ok {
		return stale.declared, err
	}
	return d, err
}

func (c *checker) remembered(feed thoonk.FeedName) declaration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.declared[feed]
}

// checks returns the compiled checks. That they cannot be compiled is no fault of the writer: another client put them there.
func (c *checker) checks(feed thoonk.FeedName, d declaration) (*schema.Checks, error) {
	if d == (declaration{}) {
		return nil, nil
	}
	checks, err := c.compiled.Checks(d.schema, d.stamp)
	if err != nil {
		return nil, thoonk.E(thoonk.Conflict, "what feed %q declares as its schema cannot be used", feed).Because(err)
	}
	return checks, nil
}

func (c *checker) remember(feed thoonk.FeedName, d declaration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d == (declaration{}) {
		delete(c.declared, feed)
		return
	}
	if c.declared == nil {
		c.declared = make(map[thoonk.FeedName]declaration)
	}
	for old := range c.declared { // any
		if len(c.declared) < maxDeclared {
			break
		}
		delete(c.declared, old)
	}
	c.declared[feed] = d
}

// checkDeclaration returns nil if a config's schema and stamps can be used, and an error naming the field otherwise.
func (c *checker) checkDeclaration(cfg thoonk.Config) error {
	d := declared(cfg)
	if d == (declaration{}) {
		return nil
	}
	switch cfg.Content {
	case thoonk.Undeclared, thoonk.JSON, thoonk.Entry:
	default:
		return thoonk.E(thoonk.Unprocessable, "with a schema or stamps the content is json or entry").In("content")
	}
	_, err := c.compiled.Checks(d.schema, d.stamp)
	return err
}

func declared(cfg thoonk.Config) declaration {
	d := declaration{schema: cfg.Schema}
	if len(cfg.Stamp) > 0 {
		text, _ := json.Marshal(cfg.Stamp) // of texts
		d.stamp = string(text)
	}
	return d
}

// applied returns the operations as they are to be written.
func applied(checks *schema.Checks, b thoonk.Batch) (thoonk.Batch, error) {
	if checks == nil {
		return b, nil
	}
	operations := make([]thoonk.Operation, len(b.Operations))
	for i, op := range b.Operations {
		if op.Kind == thoonk.Publish || op.Kind == thoonk.Edit {
			body, err := checks.Apply(op.Form, op.Body, b.Actor)
			if err != nil {
				return b, &thoonk.BatchError{Index: i, Reason: err}
			}
			op.Body = body
		}
		operations[i] = op
	}
	b.Operations = operations
	return b, nil
}
