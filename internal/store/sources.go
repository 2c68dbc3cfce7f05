package store

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Source returns a source and what is known of it. Errors: NotFound, Unavailable.
func (s *Store) Source(ctx context.Context, name thoonk.FeedName) (thoonk.Source, thoonk.SourceState, error) {
	found, err := s.standingSource(ctx, name)
	switch {
	case err != nil:
		return thoonk.Source{}, thoonk.SourceState{}, err
	case found == nil:
		return thoonk.Source{}, thoonk.SourceState{}, noSuchSource(name)
	}
	return found.Source, found.State, nil
}

// standingSource returns nil if there is no such source. Errors: Unavailable.
func (s *Store) standingSource(ctx context.Context, name thoonk.FeedName) (*standingSource, error) {
	found, err := s.sources(ctx, []string{string(name)})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// Sources returns up to limit sources by name, after a name. Errors: Unavailable.
func (s *Store) Sources(ctx context.Context, after thoonk.FeedName, limit int) ([]thoonk.KnownSource, error) {
	names, err := s.redis.HKeys(ctx, keySources).Result()
	if err != nil {
		return nil, failure("list sources", err)
	}
	slices.Sort(names)
	i, there := slices.BinarySearch(names, string(after))
	if there {
		i++
	}
	names = names[i:min(len(names), i+limit)]
	found, err := s.sources(ctx, names)
	if err != nil {
		return nil, err
	}
	page := make([]thoonk.KnownSource, len(found))
	for i, one := range found {
		page[i] = one.KnownSource
	}
	return page, nil
}

// sourcesAtOnce is how many are read at once where all are.
const sourcesAtOnce = 500

// SourceStats counts the sources by their status. It reads them all, some at a time. Errors: Unavailable.
func (s *Store) SourceStats(ctx context.Context) (stats thoonk.SourceStats, err error) {
	names, err := s.redis.HKeys(ctx, keySources).Result()
	if err != nil {
		return stats, failure("count sources", err)
	}
	for chunk := range slices.Chunk(names, sourcesAtOnce) {
		found, err := s.sources(ctx, chunk)
		if err != nil {
			return stats, err
		}
		for _, k := range found {
			stats.Count(k.KnownSource)
		}
	}
	return stats, nil
}

func (s *Store) sources(ctx context.Context, names []string) ([]standingSource, error) {
	if len(names) == 0 {
		return nil, nil
	}
	var records, states *redis.SliceCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		records, states = p.HMGet(ctx, keySources, names...), p.HMGet(ctx, keySourceStates, names...)
		return nil
	})
	if err != nil {
		return nil, failure("read sources", err)
	}
	var found []standingSource
	for i := range names {
		k := standingSource{stands: answer(records.Val()).text(i)}
		if !parseSource(k.stands, &k.Source) {
			continue // deleted since
		}
		if of, state, _ := strings.Cut(answer(states.Val()).text(i), " "); of != k.Source.Life || json.Unmarshal([]byte(state), &k.State) != nil {
			k.State = thoonk.SourceState{Status: thoonk.SourceNew}
		}
		found = append(found, k)
	}
	return found, nil
}

// RefreshSource makes a source due now. Errors: NotFound, Unavailable.
func (s *Store) RefreshSource(ctx context.Context, name thoonk.FeedName) error {
	src, _, err := s.Source(ctx, name)
	switch {
	case err != nil:
		return err
	case src.Kind != thoonk.WebFeed:
		return thoonk.E(thoonk.Unsupported, "a source of kind %s is followed all the time", src.Kind)
	}
	if err := s.redis.ZAdd(ctx, keySourceDue, redis.Z{Score: 0, Member: string(name)}).Err(); err != nil {
		return failure("refresh source", err)
	}
	return nil
}

// DueSources returns up to limit sources that are to be looked at, those that have waited longest first. Errors: Unavailable.
func (s *Store) DueSources(ctx context.Context, now time.Time, limit int) ([]thoonk.FeedName, error) {
	names, err := s.redis.ZRangeArgs(ctx, redis.ZRangeArgs{
		Key: keySourceDue, Start: "-inf", Stop: msArg(now), ByScore: true, Count: int64(limit),
	}).Result()
	if err != nil {
		return nil, failure("find sources", err)
	}
	due := make([]thoonk.FeedName, len(names))
	for i, n := range names {
		due[i] = thoonk.FeedName(n)
	}
	return due, nil
}

// SourceOfCallback returns the source whose hub has an address of ours. Errors: NotFound, Unavailable.
func (s *Store) SourceOfCallback(ctx context.Context, secret string) (thoonk.FeedName, error) {
	name, err := s.redis.HGet(ctx, keySourceCallbacks, secret).Result()
	if errors.Is(err, redis.Nil) {
		return "", thoonk.E(thoonk.NotFound, "there is no such callback")
	}
	if err != nil {
		return "", failure("find source", err)
	}
	return thoonk.FeedName(name), nil
}

// HoldSource runs work while this process alone works the source; held is false if another does.
func (s *Store) HoldSource(ctx context.Context, name thoonk.FeedName, work func(context.Context, thoonk.Fence) error) (held bool, err error) {
	return s.Hold(ctx, sourceLease(name), work)
}

// StartSource says that a look at a source begins now, which whoever asked for one before has waited for. Errors: Unavailable.
func (s *Store) StartSource(ctx context.Context, name thoonk.FeedName) error {
	z := redis.Z{Score: float64(millis(time.Now())), Member: string(name)}
	if err := s.redis.ZAddXX(ctx, keySourceDue, z).Err(); err != nil {
		return failure("start source", err)
	}
	return nil
}

// SaveSource writes what was learned of a source and of its entries, and when it is due; the zero time: never. If a
// look was asked for since the last one began, it is due now. An entry
// with an empty digest is forgotten. Errors: NotFound (it is gone, or another one now), Conflict (the fence), Unavailable.
func (s *Store) SaveSource(ctx context.Context, f thoonk.Fence, src thoonk.Source, state thoonk.SourceState, due time.Time, entries map[thoonk.ItemID]thoonk.SourceEntry) error {
	doc, err := json.Marshal(state)
	if err != nil {
		return thoonk.E(thoonk.Internal, "internal error").Because(err)
	}
	at := ""
	if !due.IsZero() {
		at = msArg(due)
	}
	keys := []string{keyLease(f.Lease), keySources, keySourceStates, keySourceDue, keySourceSeen(src.Name), keySourceCallbacks}
	args := []any{f.Token, string(src.Name), src.Life, doc, at, state.Hub.Callback}
	for id, e := range entries {
		value := ""
		if e.Digest != "" {
			value = e.Digest + " " + strconv.FormatInt(e.Seen, 10)
		}
		args = append(args, string(id), value)
	}
	word, err := scriptSourceSave.Run(ctx, s.redis, keys, args...).Text()
	switch {
	case err != nil:
		return failure("save source", err)
	case word == "fenced":
		return thoonk.E(thoonk.Conflict, "another process works the source now")
	case word != "ok":
		return noSuchSource(src.Name)
	}
	return nil
}

// SourceEntries returns what is remembered of these entries of a source, or of all. Errors: Unavailable.
func (s *Store) SourceEntries(ctx context.Context, name thoonk.FeedName, ids ...thoonk.ItemID) (map[thoonk.ItemID]thoonk.SourceEntry, error) {
	found := make(map[thoonk.ItemID]thoonk.SourceEntry)
	if len(ids) == 0 {
		all, err := s.redis.HGetAll(ctx, keySourceSeen(name)).Result()
		if err != nil {
			return nil, failure("read source", err)
		}
		for id, value := range all {
			found[thoonk.ItemID(id)] = sourceEntry(value)
		}
		return found, nil
	}
	for chunk := range slices.Chunk(ids, 1000) {
		fields := make([]string, len(chunk))
		for i, id := range chunk {
			fields[i] = string(id)
		}
		values, err := s.redis.HMGet(ctx, keySourceSeen(name), fields...).Result()
		if err != nil {
			return nil, failure("read source", err)
		}
		for i, id := range chunk {
			if value := answer(values).text(i); value != "" {
				found[id] = sourceEntry(value)
			}
		}
	}
	return found, nil
}

func msArg(t time.Time) string { return strconv.FormatInt(millis(t), 10) }

func sourceEntry(value string) thoonk.SourceEntry {
	digest, seen, _ := strings.Cut(value, " ")
	n, _ := strconv.ParseInt(seen, 10, 64)
	return thoonk.SourceEntry{Digest: digest, Seen: n}
}
