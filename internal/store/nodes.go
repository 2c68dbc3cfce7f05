package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// PutNodeSubscription makes a subscription, with an ID if it has none, or changes the one with its node, JID and ID.
// Errors: NotFound (the feed), Conflict, Limited (too many of the bare JID), Unavailable.
func (s *Store) PutNodeSubscription(ctx context.Context, sub thoonk.NodeSubscription) (thoonk.NodeSubscription, error) {
	if sub.ID == "" {
		sub.ID = strings.ToLower(rand.Text()[:12])
	}
	kind, pending, ends, options := "node", "", "", ""
	if !sub.Node.Literal() {
		kind = "pattern"
	}
	if sub.Pending {
		pending = "pending"
	}
	if !sub.Expires.IsZero() {
		ends = strconv.FormatInt(sub.Expires.UnixMilli(), 10)
	}
	if sub.Options != (thoonk.NodeOptions{}) {
		text, err := json.Marshal(sub.Options)
		if err != nil {
			return sub, err
		}
		options = string(text)
	}
	name := thoonk.FeedName(sub.Node)
	keys := append(feedKeys(name), keyNodeSubs(sub.Node), keyNodePending(sub.Node), keyNodesOf(sub.Bare()), keyNodes, keyNodePatterns, keyNodeEnds)
	a, err := s.runKeys(ctx, "subscribe", scriptNodeSubscribe, keys, name, "",
		kind, sub.JID, sub.ID, pending, ends, sub.Domain, options, thoonk.MaxNodeSubscriptions)
	if err != nil {
		return sub, err
	}
	sub.Created = micros(a.text(0))
	return sub, nil
}

// DeleteNodeSubscription removes the subscription with that node, JID and ID. Errors: NotFound, Unavailable.
func (s *Store) DeleteNodeSubscription(ctx context.Context, sub thoonk.NodeSubscription) error {
	n, err := s.deleteNodeSubscriptions(ctx, sub.Node, []thoonk.NodeSubscription{sub})
	if err == nil && n == 0 {
		return thoonk.E(thoonk.NotFound, "there is no such subscription")
	}
	return err
}

// DeleteNodeSubscriptions removes those of the subscriptions that are there. Errors: Unavailable.
func (s *Store) DeleteNodeSubscriptions(ctx context.Context, subs []thoonk.NodeSubscription) error {
	byNode := make(map[thoonk.Pattern][]thoonk.NodeSubscription)
	for _, sub := range subs {
		byNode[sub.Node] = append(byNode[sub.Node], sub)
	}
	for node, subs := range byNode {
		for len(subs) > 0 {
			n := min(len(subs), 500)
			if _, err := s.deleteNodeSubscriptions(ctx, node, subs[:n]); err != nil {
				return err
			}
			subs = subs[n:]
		}
	}
	return nil
}

func (s *Store) deleteNodeSubscriptions(ctx context.Context, node thoonk.Pattern, subs []thoonk.NodeSubscription) (int, error) {
	keys := []string{keyNodeSubs(node), keyNodePending(node), keyNodes, keyNodePatterns, keyNodeEnds}
	args := []any{string(node)}
	for _, sub := range subs {
		keys = append(keys, keyNodesOf(sub.Bare()))
		args = append(args, sub.JID, sub.ID)
	}
	n, err := scriptNodeUnsubscribe.Run(ctx, s.redis, keys, args...).Int()
	if err != nil {
		return 0, failure("unsubscribe", err)
	}
	return n, nil
}

// NodeSubscriptionsOf returns the subscriptions of a bare JID, to one node or pattern, or to all if it is empty. Errors:
// Conflict, Unavailable.
func (s *Store) NodeSubscriptionsOf(ctx context.Context, bare string, node thoonk.Pattern) ([]thoonk.NodeSubscription, error) {
	members, err := s.redis.SMembers(ctx, keyNodesOf(bare)).Result()
	if err != nil {
		return nil, failure("read subscriptions", err)
	}
	var cmds []*redis.StringSliceCmd
	var nodes []thoonk.Pattern
	_, err = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, m := range members {
			n, key, _ := strings.Cut(m, "\x00")
			if node == "" || node == thoonk.Pattern(n) {
				nodes = append(nodes, thoonk.Pattern(n))
				cmds = append(cmds, p.ZRangeArgs(ctx, redis.ZRangeArgs{
					Key: keyNodeSubs(thoonk.Pattern(n)), ByLex: true, Start: "[" + key + "\x00", Stop: "(" + key + "\x01", Count: 1,
				}))
			}
		}
		return nil
	})
	if err != nil {
		return nil, failure("read subscriptions", err)
	}
	var found []storedSubscription
	for i, cmd := range cmds {
		for _, m := range cmd.Val() {
			found = append(found, parseSubscription(nodes[i], m))
		}
	}
	return s.living(ctx, found)
}

// NodeSubscriptionsTo returns up to limit subscriptions to a node or pattern, after a place in their list: JID, a space and the
// ID of one, or "" for the start. next is the place of the last one, "" if there are no more. Errors: Conflict, Unavailable.
func (s *Store) NodeSubscriptionsTo(ctx context.Context, node thoonk.Pattern, after string, limit int) (subs []thoonk.NodeSubscription, next string, err error) {
	start := "-"
	if i := strings.LastIndexByte(after, ' '); i >= 0 {
		start = "[" + after[:i] + "\x00" + after[i+1:] + "\x01"
	}
	members, err := s.redis.ZRangeArgs(ctx, redis.ZRangeArgs{
		Key: keyNodeSubs(node), ByLex: true, Start: start, Stop: "+", Count: int64(limit) + 1,
	}).Result()
	if err != nil {
		return nil, "", failure("read subscriptions", err)
	}
	found := make([]storedSubscription, 0, len(members))
	for _, m := range members[:min(len(members), limit)] {
		found = append(found, parseSubscription(node, m))
	}
	if len(members) > limit && len(found) > 0 {
		last := found[len(found)-1]
		next = last.JID + " " + last.ID
	}
	subs, err = s.living(ctx, found)
	return subs, next, err
}

// CountNodeSubscriptions returns the number of subscriptions to a node or pattern that are not pending. Those to an earlier
// feed of the same name are among them until they are removed. Errors: Conflict, Unavailable.
func (s *Store) CountNodeSubscriptions(ctx context.Context, node thoonk.Pattern) (int, error) {
	var all, pending *redis.IntCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		all, pending = p.ZCard(ctx, keyNodeSubs(node)), p.SCard(ctx, keyNodePending(node))
		return nil
	})
	if err != nil {
		return 0, failure("count subscriptions", err)
	}
	return int(all.Val() - pending.Val()), nil
}

// storedSubscription is a subscription with the life of the feed that it belongs to.
type storedSubscription struct {
	thoonk.NodeSubscription
	life string
}

// parseSubscription reads a member as lua/nodesubscribe.lua writes it.
func parseSubscription(node thoonk.Pattern, member string) storedSubscription {
	f := append(strings.SplitN(member, "\x00", 8), make([]string, 8)...)
	sub := storedSubscription{life: f[3], NodeSubscription: thoonk.NodeSubscription{
		Node: node, JID: f[0], ID: f[1], Created: micros(f[2]), Pending: f[5] != "", Domain: f[6],
	}}
	if ms, err := strconv.ParseInt(f[4], 10, 64); err == nil {
		sub.Expires = time.UnixMilli(ms).UTC()
	}
	if f[7] != "" {
		_ = json.Unmarshal([]byte(f[7]), &sub.Options) // of our own writing
	}
	return sub
}

// living leaves out subscriptions that have ended, and those to a feed that was deleted since, even if there is another one under
// its name.
func (s *Store) living(ctx context.Context, found []storedSubscription) ([]thoonk.NodeSubscription, error) {
	lives := make(map[thoonk.Pattern]*redis.StringCmd)
	if len(found) > 0 {
		_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, sub := range found {
				if lives[sub.Node] == nil {
					lives[sub.Node] = p.HGet(ctx, keyConfig(thoonk.FeedName(sub.Node)), fieldBirth)
				}
			}
			return nil
		})
		if err != nil && !isNil(err) {
			return nil, failure("read subscriptions", err)
		}
	}
	subs := make([]thoonk.NodeSubscription, 0, len(found))
	for _, sub := range found {
		ended := !sub.Expires.IsZero() && !sub.Expires.After(time.Now())
		if !ended && (!sub.Node.Literal() || sub.life == lives[sub.Node].Val()) {
			subs = append(subs, sub.NodeSubscription)
		}
	}
	return subs, nil
}
