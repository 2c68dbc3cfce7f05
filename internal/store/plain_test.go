package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// lua/plain.lua does what lua/write.lua does, in fewer commands: the same operations on a feed that it takes, and on one that
// has a bound and so is not for it, leave the same behind.
func TestPlainAsWrite(t *testing.T) {
	onBoth(t, func(f *fixture) {
		got := f.writtenTo("plain", thoonk.Config{})
		want := f.writtenTo("bound", thoonk.Config{MaxLength: 1_000_000})
		if !slices.Equal(got, want) {
			f.Errorf("the plain way:\n%s\nthe other one:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for feed, general := range map[string]bool{"plain": false, "bound": true} {
			entries, err := f.redis.XRevRangeN(f.ctx, "thoonk.history:"+feed, "+", "-", 1).Result()
			f.ok(err)
			if _, ok := entries[0].Values["note"]; ok != general {
				f.Errorf("%s was not written the way it should be: %v", feed, entries)
			}
		}
	})
}

// writtenTo makes a feed, publishes to it in all ways that are plain, and returns what came of it, without times and name.
func (f *fixture) writtenTo(name thoonk.FeedName, c thoonk.Config) []string {
	f.Helper()
	f.feed(name, c)
	other := f.foreign()
	listened := thoonktest.Listen(f, f.redis, string(name))
	var lines []string
	write := func(ids ...string) {
		f.Helper()
		b := thoonk.Batch{Feed: name, Actor: "who"}
		for i, id := range ids {
			b.Operations = append(b.Operations, thoonk.Operation{
				Kind: thoonk.Publish, ID: thoonk.ItemID(id), Form: thoonk.FormText, Body: fmt.Appendf(nil, "%s %d %s", id, len(lines)+i, strings.Repeat("x", 100*i)),
			})
		}
		done, err := f.Batch(f.ctx, b)
		f.ok(err)
		for _, d := range done {
			lines = append(lines, fmt.Sprintln("done", d.Item.ID, d.Created, d.Item.Revision.Number, d.Item.Published.Equal(d.Item.Updated)))
		}
	}
	write("a")
	write("b", "a", "c", "a", "c", "d")
	other.Publish(string(name), "foreign", "f") // nobody has adopted it yet
	write("foreign")
	write("foreign", "e")

	for range 10 {
		m := thoonktest.Next(f, listened)
		lines = append(lines, strings.TrimSuffix(m.Channel, string(name))+m.Payload)
	}
	lines = append(lines, f.told(name)...)
	lines = append(lines, f.allItems(thoonk.ItemQuery{Feed: name, Limit: 100}, func(int) {})...)
	f.agrees(name)
	count, err := f.redis.Get(f.ctx, "feed.publishes:"+string(name)).Result()
	f.ok(err)
	return append(lines, "publishes "+count)
}
