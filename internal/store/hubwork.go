package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// HubWorker registers the holder of a lease as a worker: what it takes is given back when the lease lapses.
func (s *Store) HubWorker(ctx context.Context, fence thoonk.Fence) error {
	if err := s.redis.SAdd(ctx, keyHubWorkers, fence.Lease+" "+fence.Token).Err(); err != nil {
		return failure("register worker", err)
	}
	return nil
}

// TakeHub takes what is due. Errors: Unavailable, also if the worker's lease has lapsed.
func (s *Store) TakeHub(ctx context.Context, fence thoonk.Fence, want thoonk.HubWants) (thoonk.HubWork, error) {
	var work thoonk.HubWork
	taken := time.Now()
	keys := []string{
		keyLease(fence.Lease), keyHubTaken,
		keyHubDue, keyHubSubs, keyHubStates,
		keyHubLater, keyHubSubs, keyHubStates,
		keyHubAsking, keyHubIntents, keyHubIntents,
		keyHubFetch, keyHubOrigins, keyHubOrigins,
	}
	reply, err := scriptHubTake.Run(ctx, s.redis, keys, fence.Token, want.Due, want.Later, want.Intents, want.Origins).Slice()
	a, err := hubAnswer("take", reply, err)
	if err != nil {
		return work, err
	}
	work.Next = time.Duration(a.number(0)) * time.Millisecond
	for i, into := range []*[]thoonk.HubDelivery{&work.Due, &work.Later} {
		s.eachTaken(a, 1+i, func(id, record, state string) error {
			sub, err := decodeHubSubscription(id, record)
			if err == nil {
				*into = append(*into, thoonk.HubDelivery{Subscription: sub, State: decodeHubState(state), Taken: taken})
			}
			return err
		})
	}
	s.eachTaken(a, 3, func(id, record, _ string) error {
		intent, err := decodeHubIntent(id, record)
		if err == nil {
			work.Intents = append(work.Intents, intent)
		}
		return err
	})
	s.eachTaken(a, 4, func(id, record, _ string) error {
		work.Origins = append(work.Origins, thoonk.HubOrigin{Topic: id, Record: record})
		return nil
	})
	return work, nil
}

// eachTaken calls take for each of one queue's members. A record that cannot be read, which only another's hand can have
// written, stays taken until the worker ends, and is logged.
func (s *Store) eachTaken(a answer, i int, take func(id, record, second string) error) {
	list, _ := a[i].([]any)
	for j := 0; j+2 < len(list); j += 3 {
		id, _ := list[j].(string)
		record, _ := list[j+1].(string)
		second, _ := list[j+2].(string)
		if err := take(id, record, second); err != nil {
			s.log.Error("hub: a record is not what we wrote", "error", err)
		}
	}
}

// FinishHub writes what became of subscriptions that a worker took. It returns the ids of those that are not the worker's
// any more, or that a person intervened in: their state was not written. Errors: Unavailable.
func (s *Store) FinishHub(ctx context.Context, fence thoonk.Fence, outcomes []thoonk.HubOutcome) (lost []string, err error) {
	args := make([]any, 1, 1+5*len(outcomes))
	args[0] = fence.Token
	for _, o := range outcomes {
		args = append(args, o.ID, o.State.Generation, encodeHubState(o.State), string(o.Verdict), o.At.UnixMilli())
	}
	keys := []string{keyHubTaken, keyHubDirty, keyHubDue, keyHubLater, keyHubSubs, keyHubStates}
	lost, err = scriptHubFinish.Run(ctx, s.redis, keys, args...).StringSlice()
	if err != nil {
		return nil, failure("finish", err)
	}
	return lost, nil
}

// HubPlace returns the place in the log up to which subscriptions are marked, zero if none ever was. Errors: Unavailable.
func (s *Store) HubPlace(ctx context.Context) (thoonk.Revision, error) {
	text, err := s.redis.Get(ctx, keyHubPlace).Result()
	if err != nil && err != redis.Nil { //nolint:errorlint // go-redis returns it bare
		return thoonk.Revision{}, failure("read place", err)
	}
	place, _ := thoonk.ParseRevision(text) // nothing, or not what we wrote: from the start
	return place, nil
}

// hubMarked is how many subscriptions one script marks.
const hubMarked = 1000

// MarkHub marks the subscriptions of these feeds as due, and then notes that all up to this place in the log is marked.
// Errors: Unavailable, also if the lease was lost.
func (s *Store) MarkHub(ctx context.Context, fence thoonk.Fence, feeds []thoonk.FeedName, place thoonk.Revision) (marked int, err error) {
	topics, err := s.hubTopics(ctx, feeds)
	if err != nil {
		return 0, err
	}
	var ids []any
	flush := func(place string) error {
		keys := []string{keyLease(fence.Lease), keyHubPlace, keyHubDue, keyHubLater, keyHubTaken, keyHubDirty}
		reply, err := scriptHubMark.Run(ctx, s.redis, keys, slices.Concat([]any{fence.Token, place}, ids)...).Slice()
		a, err := hubAnswer("mark", reply, err)
		marked += int(a.number(0))
		ids = nil
		return err
	}
	for _, topic := range topics {
		members := s.redis.SScan(ctx, topic, 0, "", hubMarked).Iterator()
		for members.Next(ctx) {
			if ids = append(ids, members.Val()); len(ids) == hubMarked {
				if err := flush(""); err != nil {
					return marked, err
				}
			}
		}
		if err := members.Err(); err != nil {
			return marked, failure("mark", err)
		}
	}
	return marked, flush(place.String())
}

// hubTopics returns the sets of the subscriptions that a change of one of these feeds concerns.
func (s *Store) hubTopics(ctx context.Context, feeds []thoonk.FeedName) ([]string, error) {
	patterns, err := s.redis.SMembers(ctx, keyHubPatterns).Result()
	if err != nil {
		return nil, failure("mark", err)
	}
	var topics []string
	for _, f := range feeds {
		topics = append(topics, keyHubFeed(f))
		for _, p := range patterns {
			if key := keyHubPattern(thoonk.Pattern(p)); thoonk.Pattern(p).Match(f) && !slices.Contains(topics, key) {
				topics = append(topics, key)
			}
		}
	}
	return topics, nil
}

// MarkAllHub marks every subscription as due: what changed is not known. Errors: as MarkHub.
func (s *Store) MarkAllHub(ctx context.Context, fence thoonk.Fence, place thoonk.Revision) error {
	keys := []string{keyLease(fence.Lease), keyHubPlace, keyHubDue, keyHubLater, keyHubTaken, keyHubDirty}
	var cursor uint64
	for {
		members, next, err := s.redis.ZScan(ctx, keyHubEnds, cursor, "", hubMarked).Result()
		if err != nil {
			return failure("mark", err)
		}
		at := ""
		if next == 0 {
			at = place.String()
		}
		args := []any{fence.Token, at}
		for i := 0; i < len(members); i += 2 {
			args = append(args, members[i])
		}
		reply, err := scriptHubMark.Run(ctx, s.redis, keys, args...).Slice()
		if _, err = hubAnswer("mark", reply, err); err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}

// ReapHub gives back what workers had that are gone. Errors: Unavailable.
func (s *Store) ReapHub(ctx context.Context) error {
	workers, err := s.redis.SMembers(ctx, keyHubWorkers).Result()
	if err != nil {
		return failure("reap", err)
	}
	for _, worker := range workers {
		if err := s.reap(ctx, worker); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) reap(ctx context.Context, worker string) error {
	lease, token, _ := strings.Cut(worker, " ")
	holder, err := s.redis.Get(ctx, keyLease(lease)).Result()
	if err != nil && err != redis.Nil { //nolint:errorlint // as above
		return failure("reap", err)
	}
	if holder == token {
		return nil
	}
	args := []any{token, worker, 1}
	taken := s.redis.HScan(ctx, keyHubTaken, 0, "", hubMarked).Iterator()
	for taken.Next(ctx) {
		id := taken.Val()
		if taken.Next(ctx) && taken.Val() == token {
			args = append(args, id)
		}
	}
	if err := taken.Err(); err != nil {
		return failure("reap", err)
	}
	keys := []string{
		keyLease(lease), keyHubTaken, keyHubDirty, keyHubWorkers,
		keyHubSubs, keyHubDue, keyHubIntents, keyHubAsking, keyHubOrigins, keyHubFetch,
	}
	if err := scriptHubReap.Run(ctx, s.redis, keys, args...).Err(); err != nil {
		return failure("reap", err)
	}
	return nil
}
