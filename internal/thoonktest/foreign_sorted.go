package thoonktest

import (
	"context"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Place is where a foreign client puts an item of a sorted feed, as the channel feed.position says it: "begin:", ":end",
// ":B" before B, "A:" after A.
type Place string

// Insert makes a new item in a sorted feed and returns its id, or "" if the item that the place refers to is unknown.
func (f *Foreign) Insert(feed, body string, at Place) string {
	f.t.Helper()
	var id string
	f.apply(f.insert(feed, body, at, &id))
	return id
}

// WriteInsert is the writing half of Insert.
func (f *Foreign) WriteInsert(feed, body string, at Place) (id string, announce func()) {
	f.t.Helper()
	announce = f.split(f.insert(feed, body, at, &id))
	return id, announce
}

// Edit replaces the body of an item of a sorted feed, and reports false if there is none.
func (f *Foreign) Edit(feed, id, body string) bool {
	f.t.Helper()
	return f.apply(f.edit(feed, id, body))
}

// Move places an item of a sorted feed anew, and reports false if it or what the place refers to is unknown.
func (f *Foreign) Move(feed, id string, at Place) bool {
	f.t.Helper()
	return f.apply(f.move(feed, id, at))
}

// WriteMove is the writing half of Move.
func (f *Foreign) WriteMove(feed, id string, at Place) (announce func()) {
	f.t.Helper()
	return f.split(f.move(feed, id, at))
}

// Remove retracts an item of a sorted feed, and reports false if there is none.
func (f *Foreign) Remove(feed, id string) bool {
	f.t.Helper()
	return f.apply(f.remove(feed, id))
}

func (f *Foreign) insert(feed, body string, at Place, id *string) operation {
	return operation{"feed.ids:" + feed, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if known, err := knows(ctx, tx, feed, reference(at)); !known || err != nil {
			return false, nil, err
		}
		n, err := tx.Incr(ctx, "feed.idincr:"+feed).Result()
		if err != nil {
			return false, nil, err
		}
		*id = strconv.FormatInt(n, 10)
		put(ctx, p, feed, *id, at)
		p.HSet(ctx, "feed.items:"+feed, *id, body)
		if !f.python { // whose insert forgets to count
			p.Incr(ctx, "feed.publishes:"+feed)
		}
		return true, []Message{{"feed.publish:" + feed, *id + "\x00" + body}, {"feed.position:" + feed, *id + "\x00" + string(at)}}, nil
	}}
}

func (f *Foreign) edit(feed, id, body string) operation {
	return operation{"feed.items:" + feed, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if known, err := knows(ctx, tx, feed, id); !known || err != nil {
			return false, nil, err
		}
		p.HSet(ctx, "feed.items:"+feed, id, body)
		p.Incr(ctx, "feed.publishes:"+feed)
		return true, []Message{{"feed.publish:" + feed, id + "\x00" + body}}, nil
	}}
}

func (f *Foreign) move(feed, id string, at Place) operation {
	return operation{"feed.ids:" + feed, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		for _, needed := range []string{id, reference(at)} {
			if known, err := knows(ctx, tx, feed, needed); !known || err != nil {
				return false, nil, err
			}
		}
		if reference(at) == id {
			return true, nil, nil
		}
		p.LRem(ctx, "feed.ids:"+feed, 1, id)
		put(ctx, p, feed, id, at)
		return true, []Message{{"feed.position:" + feed, id + "\x00" + string(at)}}, nil
	}}
}

func (f *Foreign) remove(feed, id string) operation {
	return operation{"feed.ids:" + feed, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) (bool, []Message, error) {
		if known, err := knows(ctx, tx, feed, id); !known || err != nil {
			return false, nil, err
		}
		p.LRem(ctx, "feed.ids:"+feed, 1, id)
		p.HDel(ctx, "feed.items:"+feed, id)
		return true, []Message{{"feed.retract:" + feed, id}}, nil
	}}
}

func put(ctx context.Context, p redis.Pipeliner, feed, id string, at Place) {
	ids := "feed.ids:" + feed
	switch {
	case at == "begin:":
		p.LPush(ctx, ids, id)
	case at == ":end":
		p.RPush(ctx, ids, id)
	case at[0] == ':':
		p.LInsertBefore(ctx, ids, string(at[1:]), id)
	default:
		p.LInsertAfter(ctx, ids, string(at[:len(at)-1]), id)
	}
}

// reference is the id that a place refers to, or "".
func reference(at Place) string {
	switch {
	case at == "begin:" || at == ":end":
		return ""
	case at[0] == ':':
		return string(at[1:])
	}
	return string(at[:len(at)-1])
}

// knows reports whether an item is there; the empty id always is.
func knows(ctx context.Context, tx *redis.Tx, feed, id string) (bool, error) {
	if id == "" {
		return true, nil
	}
	return tx.HExists(ctx, "feed.items:"+feed, id).Result()
}
