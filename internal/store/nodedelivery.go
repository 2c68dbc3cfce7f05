package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// What the process that notifies over a link reads and writes.

// LinkPlace returns the place in the log up to which all is told over the link of a domain, zero if nothing was ever.
// Errors: Unavailable.
func (s *Store) LinkPlace(ctx context.Context, domain string) (thoonk.Revision, error) {
	text, err := s.redis.Get(ctx, keyLinkPlace(domain)).Result()
	if isNil(err) {
		return thoonk.Revision{}, nil
	}
	if err != nil {
		return thoonk.Revision{}, failure("read place", err)
	}
	place, err := thoonk.ParseRevision(text)
	if err != nil { // a place before all
		place = thoonk.Revision{Stamp: 1}
	}
	return place, nil
}

// SetLinkPlace keeps the place. Errors: Conflict (another process has the link), Unavailable.
func (s *Store) SetLinkPlace(ctx context.Context, fence thoonk.Fence, domain string, place thoonk.Revision) error {
	reply, err := scriptLinkPlace.Run(ctx, s.redis, []string{keyLease(fence.Lease), keyLinkPlace(domain)}, fence.Token, place.String()).Slice()
	if err != nil {
		return failure("keep place", err)
	}
	_, err = parseAnswer("keep place", "", reply)
	return err
}

// SubscribedNodes returns the names and patterns that anybody is subscribed to. Errors: Unavailable.
func (s *Store) SubscribedNodes(ctx context.Context) ([]thoonk.Pattern, error) {
	names, err := s.redis.ZRange(ctx, keyNodes, 0, -1).Result()
	if err != nil {
		return nil, failure("list nodes", err)
	}
	nodes := make([]thoonk.Pattern, len(names))
	for i, n := range names {
		nodes[i] = thoonk.Pattern(n)
	}
	return nodes, nil
}

// NodeSubscribers is [Store.NodeSubscriptionsTo] for notifications: it also returns subscriptions to a feed that is not there
// any more, and that are removed when that was told.
func (s *Store) NodeSubscribers(ctx context.Context, node thoonk.Pattern, after string, limit int) (subs []thoonk.NodeSubscription, next string, err error) {
	start := "-"
	if after != "" {
		start = "(" + after
	}
	members, err := s.redis.ZRangeArgs(ctx, redis.ZRangeArgs{Key: keyNodeSubs(node), ByLex: true, Start: start, Stop: "+", Count: int64(limit)}).Result()
	if err != nil {
		return nil, "", failure("read subscriptions", err)
	}
	subs = make([]thoonk.NodeSubscription, len(members))
	for i, m := range members {
		subs[i] = parseSubscription(node, m).NodeSubscription
	}
	if len(members) == limit {
		next = members[limit-1]
	}
	return subs, next, nil
}

// EndedNodeSubscriptions returns up to limit subscriptions whose time is over, with node, JID and ID. Errors: Unavailable.
func (s *Store) EndedNodeSubscriptions(ctx context.Context, now time.Time, limit int) ([]thoonk.NodeSubscription, error) {
	members, err := s.redis.ZRangeArgs(ctx, redis.ZRangeArgs{
		Key: keyNodeEnds, ByScore: true, Start: "-inf", Stop: strconv.FormatInt(now.UnixMilli(), 10), Count: int64(limit),
	}).Result()
	if err != nil {
		return nil, failure("list subscriptions", err)
	}
	var subs []thoonk.NodeSubscription
	for _, m := range members {
		if f := strings.Split(m, "\x00"); len(f) == 3 {
			subs = append(subs, thoonk.NodeSubscription{Node: thoonk.Pattern(f[0]), JID: f[1], ID: f[2]})
		}
	}
	return subs, nil
}

// PendingNodeSubscriptions returns the subscriptions to a node that wait for approval, with node, JID and ID. Errors:
// Unavailable.
func (s *Store) PendingNodeSubscriptions(ctx context.Context, node thoonk.Pattern) ([]thoonk.NodeSubscription, error) {
	members, err := s.redis.SMembers(ctx, keyNodePending(node)).Result()
	if err != nil {
		return nil, failure("list subscriptions", err)
	}
	var subs []thoonk.NodeSubscription
	for _, m := range members {
		jid, id, _ := strings.Cut(m, "\x00")
		subs = append(subs, thoonk.NodeSubscription{Node: node, JID: jid, ID: id, Pending: true})
	}
	return subs, nil
}

// Bounced notes that something sent to a bare JID did not arrive, and returns since when that has been so. Errors: Unavailable.
func (s *Store) Bounced(ctx context.Context, bare string, now time.Time) (since time.Time, err error) {
	var first *redis.StringCmd
	_, err = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HSetNX(ctx, keyNodeBounces, bare, now.UnixMicro())
		first = p.HGet(ctx, keyNodeBounces, bare)
		return nil
	})
	if err != nil {
		return now, failure("note a bounce", err)
	}
	return micros(first.Val()), nil
}

// Bouncing returns the bare JIDs that something did not arrive at. Errors: Unavailable.
func (s *Store) Bouncing(ctx context.Context) ([]string, error) {
	jids, err := s.redis.HKeys(ctx, keyNodeBounces).Result()
	if err != nil {
		return nil, failure("list bounces", err)
	}
	return jids, nil
}

// Arrived forgets what did not arrive at a bare JID. Errors: Unavailable.
func (s *Store) Arrived(ctx context.Context, bare string) error {
	if err := s.redis.HDel(ctx, keyNodeBounces, bare).Err(); err != nil {
		return failure("forget bounces", err)
	}
	return nil
}
