package store

import (
	"context"
	"crypto/sha1" //nolint:gosec // a digest to compare words by, not a secret
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// A page of items ends early when its bodies are longer than this together.
const pageBytes = 1 << 20

// Item returns one item and the feed's content. Errors: NotFound (feed or item), Conflict, Unavailable.
func (s *Store) Item(ctx context.Context, feed thoonk.FeedName, id thoonk.ItemID) (thoonk.Item, thoonk.Content, error) {
	page, err := s.ItemsByID(ctx, feed, []thoonk.ItemID{id})
	if err != nil {
		return thoonk.Item{}, "", err
	}
	if len(page.Items) == 0 {
		return thoonk.Item{}, "", refusal(feed, "not_found", "item", "")
	}
	return page.Items[0], page.Content, nil
}

// ItemsByID returns those of the items that are there. Where they are very large together, the last are left out.
// Errors: NotFound (feed), Conflict, Unavailable.
func (s *Store) ItemsByID(ctx context.Context, feed thoonk.FeedName, ids []thoonk.ItemID) (thoonk.ItemPage, error) {
	return s.readTold(ctx, feed, func(string) (answer, error) {
		args := []any{"ids", len(ids), pageBytes}
		for _, id := range ids {
			args = append(args, string(id))
		}
		return s.run(ctx, "read items", scriptItems, feed, "", args...)
	})
}

// Items returns a page of items. Errors: NotFound (feed, or AfterID), Invalid (After), Conflict,
// Unsupported (too many to order by creation), Unavailable.
func (s *Store) Items(ctx context.Context, q thoonk.ItemQuery) (thoonk.ItemPage, error) {
	if q.ByCreation {
		return s.itemsByCreation(ctx, q)
	}
	after, id, _ := strings.Cut(q.After, " ")
	if q.After != "" && (after == "" || id == "") {
		return thoonk.ItemPage{}, notACursor()
	}
	direction := "asc"
	if q.Order == thoonk.Backward {
		direction = "desc"
	}
	return s.readTold(ctx, q.Feed, func(order string) (answer, error) {
		if q.AfterID != "" {
			after, id = "", string(q.AfterID)
		}
		return s.run(ctx, "read items", scriptItems, q.Feed, "", direction, q.Limit, pageBytes, after, id, q.Skip, order)
	})
}

// maxByCreation bounds how many items a script sorts.
const maxByCreation = 10_000

// itemsByCreation finds the ids first: what was removed meanwhile is left out. Errors: Unsupported (too many to sort).
func (s *Store) itemsByCreation(ctx context.Context, q thoonk.ItemQuery) (thoonk.ItemPage, error) {
	order := "asc"
	if q.Order == thoonk.Backward {
		order = "desc"
	}
	a, err := s.run(ctx, "order items", scriptCreated, q.Feed, "", order, q.Limit, string(q.AfterID), q.Skip, maxByCreation)
	if err != nil {
		return thoonk.ItemPage{}, err
	}
	ids := make([]thoonk.ItemID, 0, len(a))
	for i := 2; i < len(a); i++ {
		ids = append(ids, thoonk.ItemID(a.text(i)))
	}
	page, err := s.ItemsByID(ctx, q.Feed, ids)
	page.Total, page.First = int(a.number(0)), int(a.number(1))
	return page, err
}

// How often a page of a sorted feed is read while others change its order behind our back, and how often in vain.
const (
	orderTries = 10
	orderIdle  = 2
)

// readTold reads items and their revisions. Where another client's write is not in the log yet, an item has no
// revision, or a sorted feed has an order that goes with none: it is adopted then and there, and read again. An order that
// does not come to rest is read as the log has it.
func (s *Store) readTold(ctx context.Context, feed thoonk.FeedName, read func(order string) (answer, error)) (thoonk.ItemPage, error) {
	order, idle := "", 0
	for tries := 0; ; tries++ {
		a, err := read(order)
		if err != nil {
			return thoonk.ItemPage{}, err
		}
		page, untold := parsePage(a)
		if len(untold) == 0 && a.number(6) == 1 {
			return page, nil
		}
		if _, err := s.compare(ctx, feed, bodies, untold); err != nil {
			return thoonk.ItemPage{}, err
		}
		if a.number(6) == 1 {
			continue
		}
		told, err := s.reconcileOrder(ctx, feed)
		if err != nil {
			return thoonk.ItemPage{}, err
		}
		if told == 0 {
			idle++
		}
		if tries == orderTries || idle == orderIdle {
			order = "told"
		}
	}
}

// parsePage also returns the items of the page whose body is not the log's last word.
func parsePage(a answer) (page thoonk.ItemPage, untold []thoonk.ItemID) {
	page = thoonk.ItemPage{
		Type: thoonk.Type(a.text(0)), Content: contentOf(a.text(1)), Revision: a.revision(2), Total: int(a.number(3)), Next: a.text(4), First: int(a.number(5)),
	}
	for i := 7; i+3 < len(a); i += 4 {
		id, err := thoonk.ParseItemID(a.text(i))
		if err != nil {
			continue // only another client can have written it, and no edge could name it
		}
		item := thoonk.Item{ID: id, Body: []byte(a.text(i + 1)), Updated: scoreTime(a.text(i + 3))}
		told := false
		if last := strings.Fields(a.text(i + 2)); len(last) == 3 {
			item.Revision, _ = thoonk.ParseRevision(last[0])
			item.Published = micros(last[2])
			told = last[1] == digest(item.Body)
		}
		if item.Updated.IsZero() { // a sorted feed keeps no times
			item.Updated = item.Revision.Time()
		}
		if !told {
			untold = append(untold, id)
		}
		page.Items = append(page.Items, item)
	}
	return page, untold
}

// What compare looks at.
const (
	bodies = "bodies"
	places = "places" // in a sorted feed; bodies too
)

// compare makes the log tell what Redis says of these items, if it does not yet. It returns the number of entries told.
func (s *Store) compare(ctx context.Context, feed thoonk.FeedName, what string, ids []thoonk.ItemID) (int, error) {
	told := 0
	for len(ids) > 0 {
		args := []any{what}
		for _, id := range ids[:min(len(ids), 200)] {
			args = append(args, string(id))
		}
		a, err := s.run(ctx, "compare", scriptCompare, feed, "", args...)
		if err != nil {
			return told, err
		}
		told += int(a.number(1))
		ids = ids[max(1, a.number(0)):]
	}
	return told, nil
}

func contentOf(s string) thoonk.Content {
	c, err := thoonk.ParseContent(s)
	if err != nil {
		return thoonk.Undeclared
	}
	return c
}

func digest(body []byte) string {
	sum := sha1.Sum(body) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

func micros(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// scoreTime reads a score in milliseconds, or in seconds, as the Python client writes it.
func scoreTime(s string) time.Time {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n <= 0 || n > 9e12 {
		return time.Time{}
	}
	if n < 1e11 {
		n *= 1000
	}
	return time.UnixMicro(int64(n * 1000)).UTC()
}
