package main

import (
	"context"
	"sync"
	"time"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const memoryEntries = 4096

// memoryLog is a log of one feed in memory, as far as followers of its changes need one.
type memoryLog struct {
	stream.Source // nil: what is not below is not called

	mu      sync.Mutex
	entries []thoonk.LogEntry
	last    thoonk.Revision
	more    chan struct{} // closed when there is more, and made anew
}

func newMemoryLog() *memoryLog {
	return &memoryLog{last: revisionAt(1), more: make(chan struct{})}
}

// revisionAt is used for places too: there is only one feed.
func revisionAt(number uint64) thoonk.Revision {
	return thoonk.Revision{Number: number, Stamp: uint64(time.Now().UnixMicro())}
}

func (l *memoryLog) append(body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = revisionAt(l.last.Number + 1)
	if len(l.entries) == memoryEntries {
		l.entries = append([]thoonk.LogEntry(nil), l.entries[memoryEntries/2:]...)
	}
	l.entries = append(l.entries, thoonk.LogEntry{Place: l.last, Event: thoonk.Event{
		Feed: ourFeed, Revision: l.last, Kind: thoonk.Publish, ItemID: thoonk.ItemID(itemID(int(l.last.Number))),
		Body: body, BodySize: len(body),
	}})
	close(l.more)
	l.more = make(chan struct{})
}

func (l *memoryLog) since(after thoonk.Revision) ([]thoonk.LogEntry, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missed := min(int(l.last.Number-after.Number), len(l.entries))
	return l.entries[len(l.entries)-missed:], l.more
}

func (l *memoryLog) ReadLog(ctx context.Context, after thoonk.Revision, limit int, wait time.Duration) ([]thoonk.LogEntry, error) {
	entries, more := l.since(after)
	if len(entries) == 0 {
		select {
		case <-more:
			entries, _ = l.since(after)
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return entries[:min(limit, len(entries))], nil
}

func (l *memoryLog) LogEnd(context.Context) (thoonk.Revision, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last, nil
}

func (l *memoryLog) Head(ctx context.Context, _ thoonk.FeedName) (thoonk.Revision, error) {
	return l.LogEnd(ctx)
}

func (l *memoryLog) History(_ context.Context, _ thoonk.FeedName, after thoonk.Revision, limit int) ([]thoonk.Event, error) {
	entries, _ := l.since(after)
	events := make([]thoonk.Event, 0, limit)
	for _, e := range entries[:min(limit, len(entries))] {
		events = append(events, e.Event)
	}
	return events, nil
}
