package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

type fixture struct {
	*testing.T
	*store.Store
	ctx    context.Context
	redis  *redis.Client
	broker *stream.Broker
}

func onBoth(t *testing.T, test func(*fixture)) {
	t.Helper()
	t.Parallel()
	thoonktest.Servers(t, func(t *testing.T, s thoonktest.Server) { test(newFixture(t, s)) })
}

// newFixture returns a store and a broker that reads its log.
func newFixture(t *testing.T, server thoonktest.Server) *fixture {
	t.Helper()
	s, err := store.Open(store.Options{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f := &fixture{T: t, Store: s, ctx: t.Context(), redis: server.Client(), broker: stream.NewBroker(s, slog.New(slog.DiscardHandler))}
	ctx, cancel := context.WithCancel(f.ctx)
	var running sync.WaitGroup
	running.Go(func() { f.broker.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	f.ready()
	return f
}

func (f *fixture) ready() {
	f.Helper()
	thoonktest.Eventually(f, "the log is read", func() bool { return f.broker.Ready() == nil })
}

func (f *fixture) feed(name thoonk.FeedName, history int) thoonk.Revision {
	f.Helper()
	feed, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: name, Config: thoonk.Config{History: thoonk.HistoryBounds{Count: history}}})
	if err != nil {
		f.Fatal(err)
	}
	return feed.Revision
}

func (f *fixture) publish(feed thoonk.FeedName, id, text string) thoonk.Revision {
	f.Helper()
	p, err := f.Publish(f.ctx, thoonk.PublishItem{Feed: feed, ID: thoonk.ItemID(id), Form: thoonk.FormText, Body: []byte(text)})
	if err != nil {
		f.Fatal(err)
	}
	return p.Item.Revision
}

// reader collects what a follower yields, in short: "item x=1", "live", "publish x=1", "reset".
type reader struct {
	*fixture
	next1 func(context.Context) (stream.Step, error)
	got   []string
	many  bool
	last  thoonk.Revision // place of the last change
}

func (f *fixture) follow(o stream.Options) *reader {
	f.Helper()
	follower, err := f.broker.Follow(f.ctx, o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(follower.Close)
	return &reader{fixture: f, next1: follower.Next}
}

func (f *fixture) followMany(o stream.ManyOptions) *reader {
	f.Helper()
	follower, err := f.broker.FollowMany(f.ctx, o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(follower.Close)
	return &reader{fixture: f, next1: follower.Next, many: true}
}

// next reads until n things came, and returns them.
func (r *reader) next(n int) []string {
	r.T.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, 10*time.Second)
	defer cancel()
	for len(r.got) < n {
		step, err := r.next1(ctx)
		if err != nil {
			r.Fatalf("%v, after %q", err, r.got)
		}
		switch step.Kind {
		case stream.Items:
			for _, item := range step.Items {
				r.got = append(r.got, strings.TrimSpace(fmt.Sprintf("item %s=%s", strings.TrimSpace(string(step.Feed)+" "+string(item.ID)), item.Body)))
			}
		case stream.Live:
			r.got = append(r.got, "live")
		case stream.Reset:
			r.got = append(r.got, strings.TrimSpace("reset "+string(step.Feed)))
		case stream.Changes:
			for _, c := range step.Changes {
				text := fmt.Sprintf("%s %s=%s", c.Kind, c.ItemID, c.Body)
				if !c.Place.IsZero() && r.many {
					text = string(c.Feed) + " " + text
				}
				r.last = c.Place
				r.got = append(r.got, strings.TrimRight(text, " ="))
			}
		}
	}
	got := r.got[:n]
	r.got = r.got[n:]
	return got
}

func (r *reader) want(want ...string) {
	r.T.Helper()
	if got := r.next(len(want)); !slices.Equal(got, want) {
		for i := range got {
			if got[i] != want[i] {
				r.Fatalf("%d: got %.200q, want %.200q", i, got[i:min(i+5, len(got))], want[i:min(i+5, len(want))])
			}
		}
	}
}

// idle fails the test if there is something to read. What was written before is in the log, and a change of another
// feed that was written later has been handed out.
func (r *reader) idle() {
	r.T.Helper()
	other := thoonk.FeedName(fmt.Sprintf("other-%d", time.Now().UnixNano()))
	r.feed(other, 0)
	late := r.follow(stream.Options{Feed: other})
	r.publish(other, "x", "1")
	late.want("live", "publish x=1")
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	if step, err := r.next1(ctx); !errors.Is(err, context.Canceled) || len(r.got) > 0 {
		r.Fatalf("%+v %v %q", step, err, r.got)
	}
}

func TestLiveChanges(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", 0)
		f.publish("a", "before", "1")
		r := f.follow(stream.Options{Feed: "a"})
		r.want("live")
		large := strings.Repeat("l", 100_000) // which the log leaves out
		f.publish("a", "x", "1")
		f.publish("a", "x", large)
		if err := f.Retract(f.ctx, thoonk.RetractItem{Feed: "a", ID: "x"}); err != nil {
			t.Fatal(err)
		}
		r.want("publish x=1", "edit x="+large, "retract x")
		r.idle()
	})
}

func TestSnapshotThenChanges(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.broker.SetPage(20)
		f.feed("a", 0)
		var want []string
		for i := range 50 { // three pages
			f.publish("a", fmt.Sprint(i), "x")
			want = append(want, fmt.Sprintf("item %d=x", i))
		}
		r := f.follow(stream.Options{Feed: "a", Snapshot: true})
		first := r.next(1)
		// Between the first page and the second: what changes now is left to its change.
		f.publish("a", "49", "edited")
		f.publish("a", "new", "1")
		f.publish("a", "0", "edited")
		want = slices.Concat(want[:49], []string{"live", "edit 49=edited", "publish new=1", "edit 0=edited"})
		r.want(want[len(first):]...)
		r.idle()
	})
}

func TestSince(t *testing.T) {
	onBoth(t, func(f *fixture) {
		made := f.feed("a", 0)
		for i := range 250 {
			f.publish("a", "x", fmt.Sprint(i))
		}
		r := f.follow(stream.Options{Feed: "a", Since: made})
		for i := range 250 {
			r.want(fmt.Sprintf("%s x=%d", map[bool]string{true: "publish", false: "edit"}[i == 0], i))
		}
		f.publish("a", "x", "live")
		r.want("edit x=live")
		r.idle()
	})
}

func TestResetWhereTheRevisionIsGone(t *testing.T) {
	onBoth(t, func(f *fixture) {
		made := f.feed("a", 3)
		for i := range 20 {
			f.publish("a", "x", fmt.Sprint(i))
		}
		r := f.follow(stream.Options{Feed: "a", Since: made})
		r.want("reset")
		f.publish("a", "x", "next")
		r.want("edit x=next")
		r = f.follow(stream.Options{Feed: "a", Since: made, Snapshot: true})
		r.want("reset", "item x=next", "live")
		f.publish("a", "x", "last")
		r.want("edit x=last")
	})
}

func TestFollowingAcrossLives(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", 0)
		r := f.follow(stream.Options{Feed: "a"})
		r.want("live")
		f.publish("a", "x", "1")
		old := f.publish("a", "x", "2")
		if err := f.DeleteFeed(f.ctx, thoonk.DeleteFeed{Name: "a"}); err != nil {
			t.Fatal(err)
		}
		f.feed("a", 0)
		f.publish("a", "x", "3")
		r.want("publish x=1", "edit x=2", "delete", "create", "publish x=3")
		f.follow(stream.Options{Feed: "a", Since: old}).want("reset")

		_, err := f.broker.Follow(f.ctx, stream.Options{Feed: "unknown"})
		if thoonk.KindOf(err) != thoonk.NotFound {
			t.Fatal(err)
		}
	})
}

// A reader who falls out of the topic goes through the history and comes back, without a gap and without a repeat.
func TestSlowReader(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", 5000)
		slow := f.follow(stream.Options{Feed: "a"})
		slow.want("live")
		fast := f.follow(stream.Options{Feed: "a"})
		fast.want("live")
		for i := range 1300 {
			f.publish("a", "x", fmt.Sprint(i))
			if i%100 == 0 {
				fast.next(1)
			}
		}
		for i := range 1300 {
			want := fmt.Sprintf("edit x=%d", i)
			if i == 0 {
				want = "publish x=0"
			}
			slow.want(want)
		}
		f.publish("a", "x", "live")
		slow.want("edit x=live")
		slow.idle()
	})
}

func TestSlowReaderIsResetWhereTheHistoryIsShorter(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", 10)
		slow := f.follow(stream.Options{Feed: "a"})
		slow.want("live")
		for i := range 1000 {
			f.publish("a", "x", fmt.Sprint(i))
		}
		fast := f.follow(stream.Options{Feed: "a"})
		fast.want("live")
		f.publish("a", "x", "seen by all") // so the log was handed out up to here
		fast.want("edit x=seen by all")
		got := slow.next(1)
		if got[0] != "reset" {
			t.Fatalf("%q", got)
		}
		f.publish("a", "x", "next")
		slow.want("edit x=next")
	})
}

func TestRedisRestarts(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t, thoonktest.WithAOF(), thoonktest.WithArgs("--appendfsync", "always"))
	f := newFixture(t, server)
	f.feed("a", 0)
	r := f.follow(stream.Options{Feed: "a"})
	r.want("live")
	f.publish("a", "x", "1")
	r.want("publish x=1")
	server.Kill()
	thoonktest.Eventually(t, "the loss was seen", func() bool { return f.broker.Ready() != nil })
	server.Start()
	f.ready()
	f.publish("a", "x", "2")
	r.want("edit x=2") // nothing was lost, so nothing is said
}

func TestRedisRestartsEmpty(t *testing.T) {
	t.Parallel()
	server := thoonktest.Redis(t)
	f := newFixture(t, server)
	f.feed("a", 0)
	for range 10 {
		f.publish("a", "x", "1")
	}
	r := f.follow(stream.Options{Feed: "a", Snapshot: true})
	r.want("item x=1", "live")
	server.Kill()
	thoonktest.Eventually(t, "the loss was seen", func() bool { return f.broker.Ready() != nil })
	server.Start()
	f.ready()
	r.want("reset") // there is no such feed
	f.feed("a", 0)
	f.publish("a", "x", "2")
	r.want("create", "publish x=2")
}

// Somebody removes the log under our eyes, and it begins anew.
func TestLogRemoved(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.feed("a", 0)
		f.feed("b", 0)
		r := f.follow(stream.Options{Feed: "a"})
		r.want("live")
		f.publish("a", "x", "1")
		r.want("publish x=1")
		if err := f.redis.Del(f.ctx, "thoonk.log").Err(); err != nil {
			t.Fatal(err)
		}
		f.publish("a", "x", "2")
		r.want("edit x=2") // out of the history
	})
}
