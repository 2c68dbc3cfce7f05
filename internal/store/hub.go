package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// PutHubSubscription makes or renews a subscription. Of a new one the cursor is the last change of the feed, or the end
// of the log. If it is made because of an intent, that must be the latest of its kind. refresh may be zero. Errors:
// Forbidden (it is another principal's), Stale (the intent is not the latest), Unavailable.
func (s *Store) PutHubSubscription(ctx context.Context, sub thoonk.HubSubscription, refresh time.Time, why thoonk.HubIntent) (created bool, err error) {
	source := keyLog
	if sub.Match == "" {
		source = keyMeta(sub.Feed)
		if _, err := s.Head(ctx, sub.Feed); err != nil && thoonk.KindOf(err) != thoonk.NotFound {
			return false, err // it makes the log tell of what another client made
		}
	}
	at := ""
	if !refresh.IsZero() {
		at = strconv.FormatInt(refresh.UnixMilli(), 10)
	}
	keys := []string{
		keyHubSubs, keyHubStates, keyHubEnds, keyHubDue, keyHubLater, keyHubTaken, keyHubDirty, keyHubTopic(sub),
		keyHubPatterns, keyHubRefresh, source, keyHubIntents,
	}
	reply, err := scriptHubPut.Run(ctx, s.redis, keys, sub.ID, encodeHubSubscription(sub), sub.Expires.UnixMilli(), sub.Principal,
		string(sub.Match), at, why.ID, why.Nonce).Slice()
	a, err := hubAnswer("put subscription", reply, err)
	return a.number(0) == 1, err
}

// RemoveHubSubscription ends a subscription, if it is that principal's; an empty one stands for us. Errors: Forbidden,
// Stale, NotFound, Unavailable.
func (s *Store) RemoveHubSubscription(ctx context.Context, sub thoonk.HubSubscription, principal string, why thoonk.HubIntent) error {
	return s.removeHub(ctx, sub, principal, "", why)
}

func (s *Store) removeHub(ctx context.Context, sub thoonk.HubSubscription, principal, ended string, why thoonk.HubIntent) error {
	keys := []string{
		keyHubSubs, keyHubStates, keyHubEnds, keyHubDue, keyHubLater, keyHubTaken, keyHubDirty, keyHubTopic(sub),
		keyHubPatterns, keyHubRefresh, keyHubAttempts(sub.ID), keyHubIntents,
	}
	reply, err := scriptHubRemove.Run(ctx, s.redis, keys, sub.ID, principal, string(sub.Match), ended, why.ID, why.Nonce).Slice()
	a, err := hubAnswer("remove subscription", reply, err)
	if err == nil && a.number(0) == 0 {
		return errNoHubSubscription
	}
	return err
}

var errNoHubSubscription = thoonk.E(thoonk.NotFound, "no such subscription")

// InterveneHub does to a subscription what a person asks for. Errors: NotFound, Unavailable.
func (s *Store) InterveneHub(ctx context.Context, id string, what thoonk.HubIntervention, from thoonk.Revision) error {
	keys := []string{keyHubSubs, keyHubStates, keyHubDue, keyHubLater, keyHubTaken, keyHubDirty}
	reply, err := scriptHubIntervene.Run(ctx, s.redis, keys, id, string(what), from.String()).Slice()
	_, err = hubAnswer("intervene", reply, err)
	return err
}

// HubSubscription returns a subscription with its state. Errors: NotFound, Unavailable.
func (s *Store) HubSubscription(ctx context.Context, id string) (thoonk.HubSubscription, thoonk.HubState, error) {
	found, err := s.hubSubscriptions(ctx, []string{id})
	if err != nil {
		return thoonk.HubSubscription{}, thoonk.HubState{}, err
	}
	if len(found) == 0 {
		return thoonk.HubSubscription{}, thoonk.HubState{}, errNoHubSubscription
	}
	return found[0].Subscription, found[0].State, nil
}

func (s *Store) hubSubscriptions(ctx context.Context, ids []string) ([]thoonk.HubDelivery, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var subs, states *redis.SliceCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		subs, states = p.HMGet(ctx, keyHubSubs, ids...), p.HMGet(ctx, keyHubStates, ids...)
		return nil
	})
	if err != nil {
		return nil, failure("read subscriptions", err)
	}
	var found []thoonk.HubDelivery
	for i, id := range ids {
		record, ok := subs.Val()[i].(string)
		if !ok {
			continue
		}
		sub, err := decodeHubSubscription(id, record)
		if err != nil {
			return nil, failure("read subscriptions", err)
		}
		state, _ := states.Val()[i].(string)
		found = append(found, thoonk.HubDelivery{Subscription: sub, State: decodeHubState(state)})
	}
	return found, nil
}

// hubPage is how many subscriptions are read at once.
const hubPage = 200

// HubSubscriptions returns a page of the subscriptions that q keeps, in the order of the ends of their leases. One that
// is renewed meanwhile may be seen again. Errors: Invalid (After), Unavailable.
func (s *Store) HubSubscriptions(ctx context.Context, q thoonk.HubQuery) (thoonk.HubPage, error) {
	var page thoonk.HubPage
	from, after := "-inf", ""
	if q.After != "" {
		score, id, ok := strings.Cut(q.After, " ")
		if _, err := strconv.ParseInt(score, 10, 64); err != nil || !ok {
			return page, thoonk.E(thoonk.Invalid, "not a cursor of this list")
		}
		from, after = score, id
	}
	for offset := int64(0); ; offset += hubPage {
		members, err := s.redis.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
			Key: keyHubEnds, ByScore: true, Start: from, Stop: "+inf", Offset: offset, Count: hubPage,
		}).Result()
		if err != nil {
			return page, failure("read subscriptions", err)
		}
		var ids []string
		for _, m := range members {
			id, score := m.Member.(string), strconv.FormatInt(int64(m.Score), 10)
			if score != from || id > after {
				ids = append(ids, id)
			}
		}
		found, err := s.hubSubscriptions(ctx, ids)
		if err != nil {
			return page, err
		}
		for _, d := range found {
			if q.Keep != nil && !q.Keep(d.Subscription, d.State) {
				continue
			}
			if len(page.Subscriptions) == q.Limit {
				last := page.Subscriptions[q.Limit-1].Subscription
				page.Next = strconv.FormatInt(last.Expires.UnixMilli(), 10) + " " + last.ID
				return page, nil
			}
			page.Subscriptions = append(page.Subscriptions, d)
		}
		if len(members) < hubPage {
			return page, nil
		}
	}
}

// hubAnswer reads what a script of the hub answered.
func hubAnswer(op string, reply []any, err error) (answer, error) {
	if err != nil {
		return nil, failure(op, err)
	}
	a := answer(reply)
	var e *thoonk.Error
	switch a.text(0) {
	case "ok":
		return a[1:], nil
	case "forbidden":
		e = thoonk.E(thoonk.Forbidden, "the subscription is another principal's")
	case "superseded":
		e = thoonk.E(thoonk.Stale, "a later request has taken this one's place")
	case "limited":
		e = thoonk.E(thoonk.Limited, "too many requests wait for their callbacks")
	case "fenced":
		e = thoonk.E(thoonk.Unavailable, "another process has taken over")
	case "not_found":
		e = errNoHubSubscription
	default:
		e = refusal("", a.text(0), "", "")
	}
	e.Op = op
	return nil, e
}
