package stream_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// large is a source whose history has one change after each revision, of 1 MiB.
type large struct{ stream.Source }

func (large) Head(context.Context, thoonk.FeedName) (thoonk.Revision, error) {
	return thoonk.Revision{Number: 100, Stamp: 100}, nil
}

func (large) History(_ context.Context, feed thoonk.FeedName, after thoonk.Revision, _ int) ([]thoonk.Event, error) {
	body := make([]byte, 1<<20)
	next := thoonk.Revision{Number: after.Number + 1, Stamp: after.Stamp + 1}
	return []thoonk.Event{{Feed: feed, Revision: next, Kind: thoonk.Publish, ItemID: "x", Body: body, BodySize: len(body)}}, nil
}

// Readers who resume among large bodies, and whose connections carry nothing away, hold a bounded amount together:
// whoever finds no room waits, and goes on once another is done.
func TestMemoryOfReadersWhoAreBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := stream.NewBroker(large{}, slog.New(slog.DiscardHandler))
		var mu sync.Mutex
		var given []*stream.Follower
		var running sync.WaitGroup
		const readers = 400
		for range readers {
			running.Go(func() {
				f, err := b.Follow(t.Context(), stream.Options{Feed: "a", Since: thoonk.Revision{Number: 1, Stamp: 1}})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := f.Next(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				given = append(given, f)
			})
		}
		synctest.Wait()
		first := len(given)
		if first < 200 || first > 256 {
			t.Errorf("%d readers hold 1 MiB each", first)
		}
		for len(given) > 0 {
			mu.Lock()
			f := given[0]
			given = given[1:]
			mu.Unlock()
			f.Close()
			synctest.Wait()
		}
		running.Wait()
	})
}
