package store

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// What the field note of an entry says.
const (
	noteRestated = "restated"
	notePurging  = string(thoonk.Purging)
	notePurged   = string(thoonk.Purged)
	noteNotify   = "notify"
)

// historyBytes is what a page of the history may hold, beyond its first entry.
const historyBytes = 512 << 10

// History returns up to limit changes of a feed after a revision, fewer where they are large, and none only if there are
// none. That revision must still be in the history itself: only then is nothing between left out. Errors: Gone if it is
// not, Conflict, Unavailable.
func (s *Store) History(ctx context.Context, feed thoonk.FeedName, after thoonk.Revision, limit int) ([]thoonk.Event, error) {
	entries, err := s.historyFrom(ctx, feed, after.String(), limit+1)
	if err != nil {
		return nil, err
	}
	events, err := parseHistory(feed, entries)
	if err != nil {
		return nil, err
	}
	for i, e := range events[:min(len(events), maxRun)] {
		if e.Revision == after {
			return events[i+1 : min(len(events), i+1+limit)], nil
		}
	}
	return nil, thoonk.E(thoonk.Gone, "revision %s is not in the history of feed %q", after, feed)
}

func (s *Store) historyFrom(ctx context.Context, feed thoonk.FeedName, from string, limit int) ([]redis.XMessage, error) {
	reply, err := scriptHistory.Run(ctx, s.redis, []string{keyHistory(feed)}, from, limit, historyBytes).Slice()
	if err != nil {
		return nil, failure("read history", err)
	}
	return parseEntries(reply), nil
}

// parseEntries reads the entries of a stream as scripts return them.
func parseEntries(reply []any) []redis.XMessage {
	entries := make([]redis.XMessage, 0, len(reply))
	for _, r := range reply {
		entry, ok := r.([]any)
		if !ok || len(entry) != 2 {
			continue
		}
		id, _ := entry[0].(string)
		fields, _ := entry[1].([]any)
		values := make(map[string]any, len(fields)/2)
		for i := 0; i+1 < len(fields); i += 2 {
			field, _ := fields[i].(string)
			values[field] = fields[i+1]
		}
		entries = append(entries, redis.XMessage{ID: id, Values: values})
	}
	return entries
}

func parseHistory(feed thoonk.FeedName, entries []redis.XMessage) ([]thoonk.Event, error) {
	events := make([]thoonk.Event, 0, len(entries))
	for _, entry := range entries {
		last, err := thoonk.ParseRevision(entry.ID)
		if err != nil {
			return nil, failure("read history", err)
		}
		for i, e := range parseEvents(entry.Values) {
			e.Feed, e.BodySize = feed, len(e.Body)
			e.Revision = inRun(last, entry.Values, i)
			events = append(events, e)
		}
	}
	return events, nil
}

// Change returns one change of a feed, whole. Errors: Gone if the history has it no more, Conflict, Unavailable.
func (s *Store) Change(ctx context.Context, feed thoonk.FeedName, revision thoonk.Revision) (thoonk.Event, error) {
	entries, err := s.redis.XRangeN(ctx, keyHistory(feed), revision.String(), "+", 1).Result()
	if err != nil {
		return thoonk.Event{}, failure("read history", err)
	}
	events, err := parseHistory(feed, entries)
	if err != nil {
		return thoonk.Event{}, err
	}
	for _, e := range events {
		if e.Revision == revision {
			return e, nil
		}
	}
	return thoonk.Event{}, thoonk.E(thoonk.Gone, "revision %s is not in the history of feed %q", revision, feed)
}

// Former returns the last body that an item had before a change of its feed, nil if the last thousand changes before do
// not tell. Errors: Conflict, Unavailable.
func (s *Store) Former(ctx context.Context, feed thoonk.FeedName, id thoonk.ItemID, before thoonk.Revision) ([]byte, error) {
	body, err := scriptFormer.Run(ctx, s.redis, []string{keyHistory(feed)}, string(id), before.String(), 1000).Text()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, failure("read history", err)
	}
	return []byte(body), nil
}

// Changes returns a page of the history. Errors: NotFound, Gone (After is not in it), Conflict, Unavailable.
func (s *Store) Changes(ctx context.Context, q thoonk.ChangeQuery) (thoonk.ChangePage, error) {
	head, err := s.Head(ctx, q.Feed)
	if err != nil {
		return thoonk.ChangePage{}, err
	}
	page := thoonk.ChangePage{Revision: head}
	if !q.After.IsZero() {
		page.Changes, err = s.History(ctx, q.Feed, q.After, q.Limit)
		return page, err
	}
	entries, err := s.historyFrom(ctx, q.Feed, "-", q.Limit)
	if err != nil {
		return page, err
	}
	changes, err := parseHistory(q.Feed, entries)
	page.Changes = changes[:min(len(changes), q.Limit)]
	return page, err
}

// LogEnd returns the place of the log's last entry, zero if it has none. Errors: Conflict, Unavailable.
func (s *Store) LogEnd(ctx context.Context) (thoonk.Revision, error) {
	entries, err := s.redis.XRevRangeN(ctx, keyLog, "+", "-", 1).Result()
	if err != nil {
		return thoonk.Revision{}, failure("read log", err)
	}
	if len(entries) == 0 {
		return thoonk.Revision{}, nil
	}
	place, err := thoonk.ParseRevision(entries[0].ID)
	if err != nil {
		return place, failure("read log", err)
	}
	return place, nil
}

// LogHas reports whether the log still has the entry at a place. Errors: Conflict, Unavailable.
func (s *Store) LogHas(ctx context.Context, place thoonk.Revision) (bool, error) {
	entries, err := s.redis.XRangeN(ctx, keyLog, place.String(), "+", 1).Result()
	if err != nil {
		return false, failure("read log", err)
	}
	if len(entries) == 0 {
		return false, nil
	}
	last, err := thoonk.ParseRevision(entries[0].ID)
	if err != nil {
		return false, failure("read log", err)
	}
	return last == place || covers(last, entries[0].Values, place), nil
}

// ReadLog returns up to limit entries after a place, zero for the start. If there are none it waits for them for at
// most wait; then it returns none and no error. Errors: Conflict, Unavailable.
func (s *Store) ReadLog(ctx context.Context, after thoonk.Revision, limit int, wait time.Duration) ([]thoonk.LogEntry, error) {
	streams, err := s.redis.XRead(ctx, &redis.XReadArgs{
		Streams: []string{keyLog, after.String()}, Count: int64(limit), Block: wait,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, failure("read log", err)
	}
	var entries []thoonk.LogEntry
	for _, message := range streams[0].Messages {
		place, err1 := thoonk.ParseRevision(message.ID)
		revision, err2 := thoonk.ParseRevision(value(message.Values, "revision"))
		if err := errors.Join(err1, err2); err != nil {
			return nil, failure("read log", err)
		}
		skip := covers(place, message.Values, after)
		for i, e := range parseEvents(message.Values) {
			at := thoonk.LogEntry{Place: inRun(place, message.Values, i), Event: e}
			if skip && at.Place.Number <= after.Number {
				continue
			}
			at.Event.Feed = thoonk.FeedName(value(message.Values, "feed"))
			at.Event.Revision = inRun(revision, message.Values, i)
			at.Event.BodySize, _ = strconv.Atoi(value(message.Values, "size"))
			entries = append(entries, at)
		}
	}
	return entries[:min(len(entries), limit)], nil
}

// parseEvent reads the fields that entries of the history and of the log have in common.
func parseEvent(values map[string]any) thoonk.Event {
	e := thoonk.Event{
		Kind:     thoonk.EventKind(value(values, "kind")),
		ItemID:   thoonk.ItemID(value(values, "id")),
		Content:  contentOf(value(values, "content")),
		Actor:    value(values, "actor"),
		Restated: value(values, "note") == noteRestated,
		Position: thoonk.ParseContractPosition(value(values, "position")),
	}
	e.Notify = value(values, "note") == noteNotify
	if note := value(values, "note"); note == notePurging || note == notePurged {
		e.Purge = thoonk.PurgePart(note)
	}
	if e.HasBody() {
		e.Body = []byte(value(values, "body"))
	}
	return e
}

func value(values map[string]any, field string) string {
	s, _ := values[field].(string)
	return s
}
