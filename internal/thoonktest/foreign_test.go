package thoonktest_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// told returns the next n messages as "channel payload", a NUL as "|" and the client's random name as "#".
func told(t *testing.T, c <-chan thoonktest.Message, n int) []string {
	t.Helper()
	var got []string
	for range n {
		m := thoonktest.Next(t, c)
		payload := strings.ReplaceAll(m.Payload, "\x00", "|")
		if name, instance, ok := strings.Cut(payload, "|"); ok && !strings.Contains(m.Channel, ".") {
			if len(instance) < 8 {
				t.Errorf("%q is no instance", instance)
			}
			payload = name + "|#"
		}
		got = append(got, m.Channel+" "+payload)
	}
	return got
}

func expect(t *testing.T, c <-chan thoonktest.Message, want ...string) {
	t.Helper()
	if got := told(t, c, len(want)); !slices.Equal(got, want) {
		t.Errorf("the messages are\n\t%q, want\n\t%q", got, want)
	}
}

func TestForeignSpeaksTheContract(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	thoonktest.Servers(t, func(t *testing.T, s thoonktest.Server) {
		for name, dialect := range map[string]func(*thoonktest.Foreign) *thoonktest.Foreign{
			"js":     func(f *thoonktest.Foreign) *thoonktest.Foreign { return f },
			"python": (*thoonktest.Foreign).Python,
		} {
			c, feed := s.Client(), "feed-"+name
			f := dialect(thoonktest.NewForeign(t, c))
			heard, all := thoonktest.Listen(t, c, feed), thoonktest.Listen(t, c)

			if !f.Create(feed, map[string]string{"max_length": "2"}) || f.Create(feed, nil) {
				t.Error("the first Create makes the feed, the second does not")
			}
			f.Configure(feed, map[string]string{"color": "red"})
			if got := c.HGetAll(ctx, "feed.config:"+feed).Val(); got["type"] != "feed" || got["max_length"] != "2" || got["color"] != "red" {
				t.Errorf("the config is %v", got)
			}
			binary := "\xff\x00\r\n{"
			if !f.Publish(feed, "a", binary) || !f.Publish(feed, "b", "2") || !f.Publish(feed, "c", "3") {
				t.Error("new items are reported as replaced")
			}
			if f.Publish(feed, "b", "two") {
				t.Error("a replaced item is reported as new")
			}
			if f.Retract(feed, "a") || !f.Retract(feed, "b") {
				t.Error("a went with c, and b was there")
			}
			f.Publish(feed, "c", "3") // to the feed that holds nothing else any more
			want := []string{
				"newfeed " + feed + "|#", "conffeed " + feed + "|#", "conffeed " + feed + "|#",
				"feed.publish:" + feed + " a|" + strings.ReplaceAll(binary, "\x00", "|"),
				"feed.publish:" + feed + " b|2",
				"feed.retract:" + feed + " a", "feed.publish:" + feed + " c|3",
				"feed.edit:" + feed + " b|two",
				"feed.retract:" + feed + " b",
				"feed.edit:" + feed + " c|3",
			}
			expect(t, heard, want...)
			expect(t, all, want...)

			if got := c.Get(ctx, "feed.publishes:"+feed).Val(); got != "5" {
				t.Errorf("%s publishes were counted", got)
			}
			z := c.ZRangeWithScores(ctx, "feed.ids:"+feed, 0, -1).Val()
			if len(z) != 1 || z[0].Member != "c" || (z[0].Score < 1e11) != (name == "python") {
				t.Errorf("the ids are %v", z)
			}
			if got := c.HGetAll(ctx, "feed.items:"+feed).Val(); len(got) != 1 || got["c"] != "3" {
				t.Errorf("the items are %v", got)
			}

			c.Set(ctx, "thoonk.meta:"+feed, "ours", 0)
			if !f.Delete(feed) || f.Delete(feed) {
				t.Error("the first Delete removes the feed, the second does not")
			}
			expect(t, heard, "delfeed "+feed+"|#")
			if got := c.Keys(ctx, "*"+feed).Val(); len(got) != 1 {
				t.Errorf("an old client removes its own keys only, and %v are left", got)
			}
			if c.SIsMember(ctx, "feeds", feed).Val() {
				t.Error("the feed is still listed")
			}
			expect(t, all, "delfeed "+feed+"|#")
		}
	})
}

// The contract names this fault of the old clients, and thoonkd must cope with its traces.
func TestForeignReplacingInAFullFeedDropsTheOldest(t *testing.T) {
	t.Parallel()
	c := thoonktest.Mini(t).Client()
	f := thoonktest.NewForeign(t, c)
	f.Create("f", map[string]string{"max_length": "2"})
	f.Publish("f", "a", "1")
	time.Sleep(2 * time.Millisecond) // so that the scores differ, being milliseconds
	f.Publish("f", "b", "2")
	heard := thoonktest.Listen(t, c, "f")
	f.Publish("f", "b", "two")
	expect(t, heard, "feed.retract:f a", "feed.edit:f b|two")
}

func TestForeignHalves(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	thoonktest.Servers(t, func(t *testing.T, s thoonktest.Server) {
		c := s.Client()
		f := thoonktest.NewForeign(t, c)
		heard := thoonktest.Listen(t, c, "f")

		created := f.WriteCreate("f", nil)
		configured := f.WriteConfigure("f", map[string]string{"color": "red"})
		published := f.WritePublish("f", "a", "1")
		if got := c.HGet(ctx, "feed.items:f", "a").Val(); got != "1" {
			t.Errorf("the item is %q", got)
		}
		retracted := f.WriteRetract("f", "a")
		deleted := f.WriteDelete("f")
		if n := c.DBSize(ctx).Val(); n != 0 {
			t.Errorf("%d keys are left", n)
		}
		deleted() // the other way round: nothing was sent before
		retracted()
		published()
		configured()
		created()
		expect(t, heard, "delfeed f|#", "feed.retract:f a", "feed.publish:f a|1", "conffeed f|#", "newfeed f|#", "conffeed f|#")
	})
}

func TestForeignWritersDoNotLoseEachOthersItems(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	thoonktest.Servers(t, func(t *testing.T, s thoonktest.Server) {
		c := s.Client()
		f := thoonktest.NewForeign(t, c)
		f.Create("f", map[string]string{"max_length": "5"})
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() {
				for i := range 10 {
					f.Publish("f", strconv.Itoa(10*w+i), "x")
				}
			})
		}
		writers.Wait()
		ids, items := c.ZCard(ctx, "feed.ids:f").Val(), c.HLen(ctx, "feed.items:f").Val()
		if ids != 5 || items != 5 || c.Get(ctx, "feed.publishes:f").Val() != "40" {
			t.Errorf("%d ids and %d items are left", ids, items)
		}
	})
}
