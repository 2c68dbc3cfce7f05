package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// fieldLife stands among the JIDs of affiliations, and is none: the life of the feed that they belong to. Affiliations to
// a feed that another client has deleted since are none to one that it makes under the same name.
const fieldLife = "/birth"

// Affiliate changes the affiliations of JIDs to a feed. Errors: NotFound, Conflict (the last owner would go), TooLarge,
// Invalid, Unavailable.
func (s *Store) Affiliate(ctx context.Context, a thoonk.Affiliate) error {
	if len(a.Changes) == 0 || len(a.Changes) > thoonk.MaxAffiliateBatch {
		return thoonk.E(thoonk.Invalid, "1 to %d affiliations may be changed at once", thoonk.MaxAffiliateBatch)
	}
	keys := append(feedKeys(a.Feed), keyAffiliations(a.Feed))
	args := []any{thoonk.MaxAffiliations}
	for _, c := range a.Changes {
		keys = append(keys, keyAffiliated(c.JID))
		args = append(args, c.JID, string(c.Affiliation))
	}
	_, err := s.runKeys(ctx, "affiliate", scriptAffiliate, keys, a.Feed, a.Actor, args...)
	return err
}

// Affiliation returns what a bare JID is to a feed: nothing where there is no such feed. Errors: Conflict, Unavailable.
func (s *Store) Affiliation(ctx context.Context, feed thoonk.FeedName, jid string) (thoonk.Affiliation, error) {
	found, err := s.heldBy(ctx, []thoonk.FeedName{feed}, jid)
	if err != nil || len(found) == 0 {
		return thoonk.NoAffiliation, err
	}
	return found[0].Affiliation, nil
}

// Affiliations returns all affiliations to a feed, in the order of the JIDs. Errors: Conflict, Unavailable.
func (s *Store) Affiliations(ctx context.Context, feed thoonk.FeedName) ([]thoonk.Affiliated, error) {
	var held *redis.MapStringStringCmd
	var life *redis.StringCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		held, life = p.HGetAll(ctx, keyAffiliations(feed)), p.HGet(ctx, keyConfig(feed), fieldBirth)
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, failure("read affiliations", err)
	}
	if held.Val()[fieldLife] != life.Val() {
		return nil, nil
	}
	var all []thoonk.Affiliated
	for jid, a := range held.Val() {
		if jid != fieldLife {
			all = append(all, thoonk.Affiliated{Feed: feed, JID: jid, Affiliation: thoonk.Affiliation(a)})
		}
	}
	slices.SortFunc(all, func(a, b thoonk.Affiliated) int { return strings.Compare(a.JID, b.JID) })
	return all, nil
}

// AffiliationsOf returns the affiliations of a bare JID to all feeds, in the order of their names. Errors: Conflict,
// Unavailable.
func (s *Store) AffiliationsOf(ctx context.Context, jid string) ([]thoonk.Affiliated, error) {
	names, err := s.redis.SMembers(ctx, keyAffiliated(jid)).Result()
	if err != nil {
		return nil, failure("read affiliations", err)
	}
	slices.Sort(names)
	var all []thoonk.Affiliated
	for chunk := range slices.Chunk(names, 500) {
		feeds := make([]thoonk.FeedName, len(chunk))
		for i, name := range chunk {
			feeds[i] = thoonk.FeedName(name)
		}
		held, err := s.heldBy(ctx, feeds, jid)
		if err != nil {
			return nil, err
		}
		all = append(all, held...)
	}
	return all, nil
}

// heldBy returns the affiliations of a JID to those of the feeds that it has one to.
func (s *Store) heldBy(ctx context.Context, feeds []thoonk.FeedName, jid string) ([]thoonk.Affiliated, error) {
	held, lives := make([]*redis.SliceCmd, len(feeds)), make([]*redis.StringCmd, len(feeds))
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, feed := range feeds {
			held[i], lives[i] = p.HMGet(ctx, keyAffiliations(feed), fieldLife, jid), p.HGet(ctx, keyConfig(feed), fieldBirth)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, failure("read affiliations", err)
	}
	var found []thoonk.Affiliated
	for i, feed := range feeds {
		if err := held[i].Err(); err != nil {
			return nil, failure("read affiliations", err)
		}
		if a := answer(held[i].Val()); a.text(1) != "" && a.text(0) == lives[i].Val() {
			found = append(found, thoonk.Affiliated{Feed: feed, JID: jid, Affiliation: thoonk.Affiliation(a.text(1))})
		}
	}
	return found, nil
}
