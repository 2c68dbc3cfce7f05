package thoonktest

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// Taken is a job or an item that a foreign client took.
type Taken struct{ ID, Body string }

// Put puts an item into a queue, in front of the others if high, and returns its id.
func (f *Foreign) Put(queue, body string, high bool) string {
	f.t.Helper()
	return f.put(queue, body, high, false)
}

// PutJob is Put for a queue of type job.
func (f *Foreign) PutJob(queue, body string, high bool) string {
	f.t.Helper()
	return f.put(queue, body, high, true)
}

func (f *Foreign) put(queue, body string, high, job bool) string {
	f.t.Helper()
	u := uuid.New()
	id := hex.EncodeToString(u[:])
	f.apply(operation{"feed.items:" + queue, func(ctx context.Context, _ *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if high {
			p.RPush(ctx, "feed.ids:"+queue, id)
		} else {
			p.LPush(ctx, "feed.ids:"+queue, id)
		}
		p.Incr(ctx, "feed.publishes:"+queue)
		p.HSet(ctx, "feed.items:"+queue, id, body)
		if !job {
			return true, nil, nil
		}
		p.ZAdd(ctx, "feed.published:"+queue, redis.Z{Score: millis(), Member: id})
		if f.python { // which announces puts on the counter's name
			return true, []Message{{"feed.publishes:" + queue, id + "\x00" + body}}, nil
		}
		return true, nil, nil
	}})
	return id
}

// Get takes the next item of a queue. It does not wait: the last result is false if there is none.
func (f *Foreign) Get(queue string) (Taken, bool) {
	f.t.Helper()
	id, ok := f.pop(queue)
	if !ok {
		return Taken{}, false
	}
	ctx := context.Background()
	var body *redis.StringCmd
	_, err := f.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		body = p.HGet(ctx, "feed.items:"+queue, id)
		p.HDel(ctx, "feed.items:"+queue, id)
		return nil
	})
	f.tolerate(err)
	return Taken{id, body.Val()}, true
}

// PopJob is the first half of GetJob: between the two the job is in no state.
func (f *Foreign) PopJob(queue string) (id string, ok bool) {
	f.t.Helper()
	return f.pop(queue)
}

// ClaimPopped is the second half of GetJob.
func (f *Foreign) ClaimPopped(queue, id string) Taken {
	f.t.Helper()
	ctx := context.Background()
	var body *redis.StringCmd
	_, err := f.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.ZAdd(ctx, "feed.claimed:"+queue, redis.Z{Score: millis(), Member: id})
		body = p.HGet(ctx, "feed.items:"+queue, id)
		if f.python {
			p.Publish(ctx, "feed.claimed:"+queue, id)
		}
		return nil
	})
	f.tolerate(err)
	return Taken{id, body.Val()}
}

// GetJob claims the next job of a queue. It does not wait: the last result is false if there is none.
func (f *Foreign) GetJob(queue string) (Taken, bool) {
	f.t.Helper()
	id, ok := f.pop(queue)
	if !ok {
		return Taken{}, false
	}
	return f.ClaimPopped(queue, id), true
}

// pop is the old clients' BRPOP, without the waiting.
func (f *Foreign) pop(queue string) (string, bool) {
	f.t.Helper()
	id, err := f.redis.RPop(context.Background(), "feed.ids:"+queue).Result()
	if errors.Is(err, redis.Nil) {
		return "", false
	}
	f.tolerate(err)
	return id, err == nil
}

// FinishJob ends a claimed job, and reports false if it is not claimed. A nil result is none, and then nothing is published.
func (f *Foreign) FinishJob(queue, id string, result *string) bool {
	f.t.Helper()
	return f.apply(operation{"feed.claimed:" + queue, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if missing, err := absent(ctx, tx, "feed.claimed:"+queue, id); missing || err != nil {
			return false, nil, err
		}
		p.ZRem(ctx, "feed.claimed:"+queue, id)
		p.HDel(ctx, "feed.cancelled:"+queue, id)
		p.ZRem(ctx, "feed.published:"+queue, id)
		p.Incr(ctx, "feed.finishes:"+queue)
		p.HDel(ctx, "feed.items:"+queue, id)
		if result == nil {
			return true, nil, nil
		}
		return true, []Message{{"job.finish:" + queue, id + "\x00" + *result}}, nil
	}})
}

// CancelJob gives a claimed job back, and reports false if it is not claimed.
func (f *Foreign) CancelJob(queue, id string) bool {
	f.t.Helper()
	return f.apply(operation{"feed.claimed:" + queue, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if missing, err := absent(ctx, tx, "feed.claimed:"+queue, id); missing || err != nil {
			return false, nil, err
		}
		p.HIncrBy(ctx, "feed.cancelled:"+queue, id, 1)
		p.LPush(ctx, "feed.ids:"+queue, id)
		p.ZRem(ctx, "feed.claimed:"+queue, id)
		return true, nil, nil
	}})
}

// StallJob puts a claimed job aside, and reports false if it is not claimed.
func (f *Foreign) StallJob(queue, id string) bool {
	f.t.Helper()
	return f.apply(operation{"feed.claimed:" + queue, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if missing, err := absent(ctx, tx, "feed.claimed:"+queue, id); missing || err != nil {
			return false, nil, err
		}
		p.ZRem(ctx, "feed.claimed:"+queue, id)
		p.HDel(ctx, "feed.cancelled:"+queue, id)
		p.SAdd(ctx, "feed.stalled:"+queue, id)
		p.ZRem(ctx, "feed.published:"+queue, id)
		return true, nil, nil
	}})
}

// RetryJob puts a stalled job back, and reports false if it is not stalled.
func (f *Foreign) RetryJob(queue, id string) bool {
	f.t.Helper()
	return f.apply(operation{"feed.stalled:" + queue, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if there, err := tx.SIsMember(ctx, "feed.stalled:"+queue, id).Result(); !there || err != nil {
			return false, nil, err
		}
		p.SRem(ctx, "feed.stalled:"+queue, id)
		p.LPush(ctx, "feed.ids:"+queue, id)
		p.ZAdd(ctx, "feed.published:"+queue, redis.Z{Score: millis(), Member: id})
		return true, nil, nil
	}})
}

// RetractJob takes a job back, and reports false if there is none.
func (f *Foreign) RetractJob(queue, id string) bool {
	f.t.Helper()
	return f.apply(operation{"feed.items:" + queue, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if there, err := tx.HExists(ctx, "feed.items:"+queue, id).Result(); !there || err != nil {
			return false, nil, err
		}
		p.HDel(ctx, "feed.items:"+queue, id)
		p.HDel(ctx, "feed.cancelled:"+queue, id)
		p.ZRem(ctx, "feed.published:"+queue, id)
		p.SRem(ctx, "feed.stalled:"+queue, id)
		p.ZRem(ctx, "feed.claimed:"+queue, id)
		p.LRem(ctx, "feed.ids:"+queue, 1, id)
		return true, nil, nil
	}})
}

// MaintainJobs is the old clients' maintenance: an id in no state goes back into the queue, and so do jobs that were claimed longer ago
// than limit. It returns how many ids it put back for either reason.
func (f *Foreign) MaintainJobs(queue string, limit time.Duration) int {
	f.t.Helper()
	back := 0
	f.apply(operation{"feed.items:" + queue, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		back = 0
		known := make(map[string]bool)
		ids, err1 := tx.LRange(ctx, "feed.ids:"+queue, 0, -1).Result()
		stalled, err2 := tx.SMembers(ctx, "feed.stalled:"+queue).Result()
		claimed, err3 := tx.ZRangeWithScores(ctx, "feed.claimed:"+queue, 0, -1).Result()
		items, err4 := tx.HKeys(ctx, "feed.items:"+queue).Result()
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return false, nil, err
		}
		for _, id := range append(ids, stalled...) {
			known[id] = true
		}
		for _, c := range claimed {
			id, _ := c.Member.(string)
			known[id] = true
			if c.Score < millis()-float64(limit.Milliseconds()) {
				p.HIncrBy(ctx, "feed.cancelled:"+queue, id, 1)
				p.LPush(ctx, "feed.ids:"+queue, id)
				p.ZRem(ctx, "feed.claimed:"+queue, id)
				back++
			}
		}
		for _, id := range items {
			if !known[id] {
				p.LPush(ctx, "feed.ids:"+queue, id)
				back++
			}
		}
		return true, nil, nil
	}})
	return back
}

func (f *Foreign) tolerate(err error) {
	f.t.Helper()
	if err != nil && !errors.Is(err, redis.Nil) {
		f.t.Errorf("foreign client: %v", err)
	}
}

func millis() float64 { return float64(time.Now().UnixMilli()) }

// JobKeys returns what the keys of the contract say of a queue of type job: where each id is, and how often it was given back. An id that is
// in feed.items and in no state is "lost"; one that is in a state and not in feed.items is "ghost", in two states "twice".
func JobKeys(ctx context.Context, c redis.UniversalClient, queue string) (map[string]string, error) {
	p := c.TxPipeline()
	items, ids := p.HKeys(ctx, "feed.items:"+queue), p.LRange(ctx, "feed.ids:"+queue, 0, -1)
	claimed, stalled := p.ZRange(ctx, "feed.claimed:"+queue, 0, -1), p.SMembers(ctx, "feed.stalled:"+queue)
	cancelled := p.HGetAll(ctx, "feed.cancelled:"+queue)
	if _, err := p.Exec(ctx); err != nil {
		return nil, err
	}
	where := make(map[string]string)
	for state, in := range map[string][]string{"queued": ids.Val(), "claimed": claimed.Val(), "stalled": stalled.Val()} {
		for _, id := range in {
			if where[id] == "" {
				where[id] = state
			} else {
				where[id] = "twice"
			}
		}
	}
	there := make(map[string]bool)
	for _, id := range items.Val() {
		there[id] = true
		if where[id] == "" {
			where[id] = "lost"
		}
	}
	for id := range where {
		if !there[id] {
			where[id] = "ghost"
		} else if n, err := strconv.Atoi(cancelled.Val()[id]); err == nil {
			where[id] += " " + strconv.Itoa(n)
		}
	}
	return where, nil
}
