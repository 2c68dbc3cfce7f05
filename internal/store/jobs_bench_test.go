package store_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// What the contract asks for and nothing more, for many jobs at once: what our scripts are measured against.
var (
	bareSubmit = redis.NewScript(`
local ids, items, published = {}, {}, {}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 1, #ARGV, 2 do
  ids[#ids + 1] = ARGV[i]
  items[#items + 1], items[#items + 2] = ARGV[i], ARGV[i + 1]
  published[#published + 1], published[#published + 2] = now, ARGV[i]
end
redis.call('LPUSH', KEYS[1], unpack(ids))
redis.call('HSET', KEYS[2], unpack(items))
redis.call('ZADD', KEYS[3], unpack(published))
redis.call('INCRBY', KEYS[4], #ids)
return #ids`)
	bareClaim = redis.NewScript(`
local ids = redis.call('RPOP', KEYS[1], ARGV[1])
if not ids then return {} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local claimed = {}
for i, id in ipairs(ids) do
  claimed[2 * i - 1], claimed[2 * i] = now, id
end
redis.call('ZADD', KEYS[3], unpack(claimed))
return {ids, redis.call('HMGET', KEYS[2], unpack(ids))}`)
	bareFinish = redis.NewScript(`
local there, ids = redis.call('ZMSCORE', KEYS[1], unpack(ARGV)), {}
for i, id in ipairs(ARGV) do
  if there[i] then ids[#ids + 1] = id end
end
redis.call('ZREM', KEYS[1], unpack(ids))
redis.call('HDEL', KEYS[2], unpack(ids))
redis.call('ZREM', KEYS[3], unpack(ids))
redis.call('INCRBY', KEYS[4], #ids)
redis.call('HDEL', KEYS[5], unpack(ids))
return #ids`)
)

func benchmarkFixture(b *testing.B, c thoonk.JobConfig) (*store.Store, *redis.Client) {
	b.Helper()
	server := thoonktest.Redis(b, thoonktest.WithAOF())
	s, err := store.Open(store.Options{URL: server.URL()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if _, _, err := s.PutFeed(b.Context(), thoonk.PutFeed{Name: "q", Config: thoonk.Config{Type: thoonk.TypeJob, Job: c}}); err != nil {
		b.Fatal(err)
	}
	return s, server.Client()
}

var payload200 = bytes.Repeat([]byte("x"), 200)

// BenchmarkJobs puts, claims and finishes jobs of 200 bytes, so many in a call.
func BenchmarkJobs(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		for name, c := range map[string]thoonk.JobConfig{
			"all":  {},
			"lean": {Events: thoonk.NoJobEvents, Results: thoonk.ResultBounds{Keep: -1}},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				s, _ := benchmarkFixture(b, c)
				submit := thoonk.SubmitJobs{Queue: "q", Actor: "jwt:https://issuer.example|somebody"}
				for range n {
					submit.Jobs = append(submit.Jobs, thoonk.NewJob{Form: thoonk.FormText, Payload: payload200})
				}
				var took stopwatch
				for b.Loop() {
					took.lap(0, func() error { _, err := s.SubmitJobs(b.Context(), submit); return err })
					var claimed []thoonk.Claimed
					took.lap(1, func() (err error) {
						claimed, err = s.ClaimJobs(b.Context(), "q", []thoonk.ClaimJobs{{Count: n, Actor: "jwt:https://issuer.example|worker"}})
						return err
					})
					ends := make([]thoonk.FinishJob, 0, n)
					for _, j := range claimed[0].Jobs {
						ends = append(ends, thoonk.FinishJob{ID: j.ID, Token: claimed[0].Lease.Token, Actor: "jwt:https://issuer.example|worker"})
					}
					took.lap(2, func() error { _, err := s.FinishJobs(b.Context(), "q", ends); return err })
				}
				took.report(b, n)
			})
		}
	}
}

// BenchmarkBareJobs does the same with the bare scripts.
func BenchmarkBareJobs(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, c := benchmarkFixture(b, thoonk.JobConfig{})
			var took stopwatch
			next := 0
			for b.Loop() {
				args := make([]any, 0, 2*n)
				ids := make([]any, 0, n)
				for range n {
					next++
					id := fmt.Sprintf("%032d", next)
					ids = append(ids, id)
					args = append(args, id, payload200)
				}
				took.lap(0, func() error {
					return bareSubmit.Run(b.Context(), c, []string{"feed.ids:q", "feed.items:q", "feed.published:q", "feed.publishes:q"}, args...).Err()
				})
				took.lap(1, func() error {
					return bareClaim.Run(b.Context(), c, []string{"feed.ids:q", "feed.items:q", "feed.claimed:q"}, n).Err()
				})
				took.lap(2, func() error {
					return bareFinish.Run(b.Context(), c, []string{"feed.claimed:q", "feed.cancelled:q", "feed.published:q", "feed.finishes:q", "feed.items:q"}, ids...).Err()
				})
			}
			took.report(b, n)
		})
	}
}
