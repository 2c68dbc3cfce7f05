package store

import (
	"context"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// limbo finds jobs that are in no state, in queues that seem to have some. A client that takes a job and claims it in two steps
// makes it seem so for a moment, so it is looked for only where it seemed so twice in a row.
type limbo struct {
	store  *Store
	queues map[thoonk.FeedName]*suspicion
	now    func() time.Time
}

type suspicion struct {
	again time.Time // when to look next
}

func newLimbo(s *Store) *limbo {
	return &limbo{store: s, queues: make(map[thoonk.FeedName]*suspicion), now: time.Now}
}

// next returns how long there is nothing to look for.
func (b *limbo) next() time.Duration {
	next := time.Hour
	for _, s := range b.queues {
		next = min(next, max(0, s.again.Sub(b.now())))
	}
	return next
}

// due returns the queues to look at again though nothing changed.
func (b *limbo) due() []thoonk.FeedName {
	var queues []thoonk.FeedName
	for queue, s := range b.queues {
		if !s.again.After(b.now()) {
			queues = append(queues, queue)
		}
	}
	return queues
}

// look takes how many jobs of a queue seem to be in no state now.
func (b *limbo) look(ctx context.Context, queue thoonk.FeedName, lost int) error {
	s := b.queues[queue]
	switch {
	case lost <= 0 && s == nil:
		return nil
	case lost <= 0:
		delete(b.queues, queue)
	case s == nil:
		b.queues[queue] = &suspicion{again: b.now().Add(2 * watchEvery)}
		return nil
	case s.again.After(b.now()):
		return nil
	}
	s.again = b.now().Add(limboEvery)
	return b.store.restoreLost(ctx, queue, limboBetween)
}

// restoreLost notes the jobs in no state, and restores those that were noted a good while ago.
func (s *Store) restoreLost(ctx context.Context, queue thoonk.FeedName, between time.Duration) error {
	lost, err := s.inNoState(ctx, queue)
	if err != nil {
		return failure("restore", err)
	}
	for len(lost) > 0 {
		n := min(limboBatch, len(lost))
		args := []any{"", between.Milliseconds()}
		for _, id := range lost[:n] {
			args = append(args, id)
		}
		a, err := s.runKeys(ctx, "restore", scriptLimbo, jobKeys(queue, thoonk.Once{}), queue, "", args...)
		if err != nil {
			return err
		}
		if restored := a.number(0); restored > 0 {
			s.log.InfoContext(ctx, "jobs: restored what was in no state", "queue", queue, "jobs", restored)
		}
		lost = lost[n:]
	}
	return nil
}

// inNoState returns jobs that were put and are neither queued nor claimed, as far as can be seen from several reads.
func (s *Store) inNoState(ctx context.Context, queue thoonk.FeedName) ([]string, error) {
	published, claimed := "feed.published:"+string(queue), "feed.claimed:"+string(queue)
	put := make(map[string]struct{})
	for _, source := range []struct {
		read func(start, stop int64) ([]string, error)
		note func(id string)
	}{
		{func(a, b int64) ([]string, error) { return s.redis.ZRange(ctx, published, a, b).Result() }, func(id string) { put[id] = struct{}{} }},
		{func(a, b int64) ([]string, error) { return s.redis.ZRange(ctx, claimed, a, b).Result() }, func(id string) { delete(put, id) }},
		{func(a, b int64) ([]string, error) { return s.redis.LRange(ctx, keyIDs(queue), a, b).Result() }, func(id string) { delete(put, id) }},
	} {
		for start := int64(0); start < limboMost; start += limboPage {
			ids, err := source.read(start, start+limboPage-1)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				source.note(id)
			}
			if len(ids) < limboPage {
				break
			}
			if start+limboPage >= limboMost {
				return nil, nil // not to be seen from here
			}
		}
	}
	seen, err := s.redis.ZRange(ctx, ofQueue("seen", queue), 0, limboPage).Result()
	if err != nil {
		return nil, err
	}
	for _, mark := range seen { // those that were found so before are looked at in any case
		if id, ok := strings.CutPrefix(mark, "\n"); ok {
			put[id] = struct{}{}
		}
	}
	lost := make([]string, 0, len(put))
	for id := range put {
		lost = append(lost, id)
	}
	return lost, nil
}
