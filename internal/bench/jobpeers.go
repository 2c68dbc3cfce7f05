package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// bull is BullMQ, in a Node.js of its own.
type bull struct {
	name   string
	script string
	server *server
}

// newBull wants the packages of bullmq/ to be installed (make deps).
func newBull(ctx context.Context, r *server) (*bull, error) {
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(file), "bullmq")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "bullmq")); err != nil {
		out, err := exec.CommandContext(ctx, "npm", "--prefix", dir, "ci", "--no-audit", "--no-fund").CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("npm ci: %w: %s", err, out)
		}
	}
	return &bull{"BullMQ", filepath.Join(dir, "bench.mjs"), r}, nil
}

func (b *bull) side() jobSide { return jobSide{b.name, b.do("add"), b.do("work")} }

func (b *bull) do(mode string) func(context.Context, int) (time.Duration, error) {
	return func(ctx context.Context, n int) (time.Duration, error) {
		cmd := exec.CommandContext(ctx, "node", b.script, b.server.socket(), mode, strconv.Itoa(n))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return 0, err
		}
		seconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		return time.Duration(seconds * float64(time.Second)), err
	}
}

// asynqJobs is hibiken/asynq. It has no way to put in bulk.
type asynqJobs struct {
	name   string
	server *server
}

func newAsynq(r *server) *asynqJobs { return &asynqJobs{"asynq", r} }

func (a *asynqJobs) side() jobSide { return jobSide{a.name, a.put, a.work} }

func (a *asynqJobs) redis() asynq.RedisClientOpt {
	return asynq.RedisClientOpt{Network: "unix", Addr: a.server.socket(), PoolSize: jobCallers}
}

func (a *asynqJobs) put(ctx context.Context, n int) (time.Duration, error) {
	c := asynq.NewClient(a.redis())
	defer c.Close()
	var left atomic.Int64
	left.Store(int64(n))
	return drain(ctx, n, jobCallers, func(ctx context.Context) (int, error) {
		if left.Add(-1) < 0 {
			return 0, nil
		}
		_, err := c.EnqueueContext(ctx, asynq.NewTask("job", jobPayload))
		return 1, err
	})
}

func (a *asynqJobs) work(ctx context.Context, n int) (time.Duration, error) {
	var done atomic.Int64
	over := make(chan struct{})
	srv := asynq.NewServer(a.redis(), asynq.Config{Concurrency: jobCallers, LogLevel: asynq.FatalLevel})
	begun := time.Now()
	err := srv.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		if done.Add(1) == int64(n) {
			close(over)
		}
		return nil
	}))
	if err != nil {
		return 0, err
	}
	defer srv.Shutdown()
	select {
	case <-over:
		return time.Since(begun), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// bareJobs are the least that the contract asks for, in scripts of many jobs, called by nothing but the library: no leases, no
// events, no outcomes.
type bareJobs struct {
	name               string
	server             *server
	put, claim, finish *redis.Script
}

func newBareJobs(r *server) *bareJobs {
	return &bareJobs{"bare scripts", r, redis.NewScript(`
		local ids, published = {}, {}
		for i = 2, #ARGV, 2 do
			ids[i / 2] = ARGV[i]
			published[i - 1], published[i] = ARGV[1], ARGV[i]
		end
		redis.call('LPUSH', KEYS[1], unpack(ids))
		redis.call('HSET', KEYS[2], unpack(ARGV, 2))
		redis.call('ZADD', KEYS[3], unpack(published))
		return redis.call('INCRBY', KEYS[4], (#ARGV - 1) / 2)`), redis.NewScript(`
		local ids = redis.call('RPOP', KEYS[1], ARGV[1])
		if not ids then return {} end
		local claimed = {}
		for i, id in ipairs(ids) do
			claimed[2 * i - 1], claimed[2 * i] = ARGV[2], id
		end
		redis.call('ZADD', KEYS[2], unpack(claimed))
		return {ids, redis.call('HMGET', KEYS[3], unpack(ids))}`), redis.NewScript(`
		redis.call('ZREM', KEYS[1], unpack(ARGV))
		redis.call('HDEL', KEYS[2], unpack(ARGV))
		redis.call('ZREM', KEYS[3], unpack(ARGV))
		redis.call('HDEL', KEYS[4], unpack(ARGV))
		return redis.call('INCRBY', KEYS[5], #ARGV)`)}
}

func (b *bareJobs) side() jobSide { return jobSide{b.name, b.putAll, b.work} }

func (b *bareJobs) putAll(ctx context.Context, n int) (time.Duration, error) {
	begun := time.Now()
	for ; n > 0; n -= jobBatch {
		args := []any{time.Now().UnixMilli()}
		for range min(n, jobBatch) {
			args = append(args, uuid.NewString(), jobPayload)
		}
		if err := b.put.Run(ctx, b.server.client, []string{"feed.ids:b", "feed.items:b", "feed.published:b", "feed.publishes:b"}, args...).Err(); err != nil {
			return 0, err
		}
	}
	return time.Since(begun), nil
}

func (b *bareJobs) work(ctx context.Context, n int) (time.Duration, error) {
	return drain(ctx, n, 2, func(ctx context.Context) (int, error) {
		got, err := b.claim.Run(ctx, b.server.client, []string{"feed.ids:b", "feed.claimed:b", "feed.items:b"}, jobBulk, time.Now().UnixMilli()).Slice()
		if err != nil || len(got) == 0 {
			return 0, err
		}
		ids, _ := got[0].([]any)
		keys := []string{"feed.claimed:b", "feed.cancelled:b", "feed.published:b", "feed.items:b", "feed.finishes:b"}
		return len(ids), b.finish.Run(ctx, b.server.client, keys, ids...).Err()
	})
}
