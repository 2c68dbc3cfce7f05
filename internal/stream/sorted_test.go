package stream_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// A sorted feed is changed, by us and by others, while readers take snapshots of it in pages: each has the order in the end.
func TestSortedSnapshotsWhileItChanges(t *testing.T) {
	onBoth(t, func(f *fixture) {
		f.broker.SetPage(3)
		if _, _, err := f.PutFeed(f.ctx, thoonk.PutFeed{Name: "s", Config: thoonk.Config{Type: thoonk.TypeSortedFeed}}); err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			f.publish("s", strconv.Itoa(i), "x")
		}
		adopter := f.NewAdopter(time.Hour)
		ctx, cancel := context.WithCancel(f.ctx)
		var adopting, readers sync.WaitGroup
		defer adopting.Wait()
		defer cancel()
		adopting.Go(func() { adopter.Run(ctx) })
		thoonktest.Eventually(t, "the adopter is ready", func() bool { return adopter.Ready() == nil })

		orders := make([][]string, 12)
		begin := make([]chan struct{}, len(orders))
		for i := range orders {
			begin[i] = make(chan struct{})
			readers.Go(func() {
				<-begin[i]
				orders[i] = f.readSorted(stream.Options{Feed: "s", Snapshot: true}, "the end")
			})
		}
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		foreign := thoonktest.NewForeign(t, f.redis)
		for i := range 20 * len(orders) {
			if i%20 == 0 {
				close(begin[i/20])
			}
			f.changeSorted(r, foreign, i)
		}
		thoonktest.Eventually(t, "the order is told", func() bool { return slices.Equal(f.list("feed.ids:s"), f.list("thoonk.order:s")) })
		f.publish("s", "the end", "x")
		readers.Wait()
		want := f.list("feed.ids:s")
		for i, got := range orders {
			if !slices.Equal(got, want) {
				t.Errorf("reader %d has\n%v, Redis\n%v", i, got, want)
			}
		}
	})
}

func (f *fixture) list(key string) []string {
	ids, err := f.redis.LRange(f.ctx, key, 0, -1).Result()
	if err != nil {
		f.Error(err)
	}
	return ids
}

// changeSorted makes one change, which may find nothing to change.
func (f *fixture) changeSorted(r *rand.Rand, foreign *thoonktest.Foreign, i int) {
	some := func() thoonk.ItemID { return thoonk.ItemID(strconv.Itoa(r.IntN(30))) }
	place := []thoonk.Position{{First: true}, {Last: true}, {Before: some()}, {After: some()}}[r.IntN(4)]
	foreignPlace := []thoonktest.Place{"begin:", ":end", thoonktest.Place(":" + some()), thoonktest.Place(some() + ":")}[r.IntN(4)]
	switch r.IntN(6) {
	case 0:
		_ = f.Retract(f.ctx, thoonk.RetractItem{Feed: "s", ID: some()})
	case 1:
		_, _ = f.Publish(f.ctx, thoonk.PublishItem{Feed: "s", ID: some(), Form: thoonk.FormText, Body: []byte("x"), Position: place})
	case 2:
		_, _ = f.Move(f.ctx, thoonk.MoveItem{Feed: "s", ID: some(), Position: place})
	case 3:
		foreign.Insert("s", fmt.Sprint("foreign ", i), foreignPlace)
	default:
		foreign.Move("s", string(some()), foreignPlace)
	}
}

// readSorted follows until an item is told, and returns the order of what it was given.
func (f *fixture) readSorted(o stream.Options, last thoonk.ItemID) (order []string) {
	follower, err := f.broker.Follow(f.ctx, o)
	if err != nil {
		f.Error(err)
		return nil
	}
	defer follower.Close()
	ctx, cancel := context.WithTimeout(f.ctx, time.Minute)
	defer cancel()
	for {
		step, err := follower.Next(ctx)
		if err != nil {
			f.Error(err)
			return order
		}
		for _, item := range step.Items {
			order = append(order, string(item.ID))
		}
		for _, c := range step.Changes {
			if order, err = applied(order, c.Event); err != nil {
				f.Errorf("after %v: %v", order, err)
				return order
			}
			if c.ItemID == last {
				return order
			}
		}
	}
}

// applied is an order after a change.
func applied(order []string, e thoonk.Event) ([]string, error) {
	id, p := string(e.ItemID), e.Position
	if e.Kind == thoonk.Retract || !p.IsZero() {
		order = slices.DeleteFunc(order, func(other string) bool { return other == id })
	}
	i := 0
	switch {
	case p.IsZero():
		return order, nil
	case p.Last:
		i = len(order)
	case p.Before != "":
		i = slices.Index(order, string(p.Before))
	case p.After != "":
		if i = slices.Index(order, string(p.After)) + 1; i == 0 {
			i = -1
		}
	}
	if i < 0 {
		return order, fmt.Errorf("%s %s is to stand next to nothing: %+v", e.Kind, id, p)
	}
	return slices.Insert(order, i, id), nil
}
