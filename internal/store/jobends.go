package store

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// ends collects the jobs of a bulk operation that does each for itself, and their outcomes.
type ends struct {
	args []any
	sent []int // index in done of each job that the script is told of
	done []thoonk.JobEnd
}

func newEnds(n int) *ends {
	return &ends{args: []any{""}, done: make([]thoonk.JobEnd, 0, n)}
}

func (c *ends) refuse(id thoonk.JobID, err *thoonk.Error) {
	c.done = append(c.done, thoonk.JobEnd{ID: id, Err: err})
}

func (c *ends) add(id thoonk.JobID, args ...any) {
	c.sent = append(c.sent, len(c.done))
	c.done = append(c.done, thoonk.JobEnd{ID: id})
	c.args = append(c.args, args...)
}

func (c *ends) fits() error {
	if len(c.done) == 0 || len(c.done) > thoonk.MaxBatch {
		return thoonk.E(thoonk.Invalid, "1 to %d jobs at once", thoonk.MaxBatch)
	}
	return nil
}

// run calls a script that answers two words for each job: where it is now, or lost; and a revision or a time.
func (c *ends) run(ctx context.Context, s *Store, op string, script *redis.Script, queue thoonk.FeedName) ([]thoonk.JobEnd, error) {
	if err := c.fits(); err != nil || len(c.sent) == 0 {
		return c.done, err
	}
	a, err := s.runKeys(ctx, op, script, jobKeys(queue, thoonk.Once{}), queue, "", c.args...)
	if err != nil {
		return nil, err
	}
	for k, i := range c.sent {
		if state := a.text(2 * k); state == "lost" {
			c.done[i].Err = leaseLost()
		} else {
			c.done[i].State, c.done[i].Due = thoonk.JobState(state), micros(a.text(2*k+1))
		}
	}
	return c.done, nil
}
