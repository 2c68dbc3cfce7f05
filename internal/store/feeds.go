package store

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Fields of feed.config that have a meaning to us; any other is Extra, but for the prefix "thoonk.", which is ours.
const (
	fieldType         = "type"
	fieldMaxLength    = "max_length"
	fieldContent      = "content"
	fieldHistory      = "history"
	fieldHistoryBytes = "history_bytes"
	fieldNode         = "pubsub"
	fieldSyndication  = "syndication"
	fieldSchema       = "schema"
	fieldStamp        = "stamp"
	fieldWebhook      = "webhook"
	fieldBirth        = "thoonk.birth"
)

// PutFeed declares a feed, or a queue, and reports whether it was made. Errors: Stale, Conflict (another type), Invalid (what a
// queue declares), Unavailable.
func (s *Store) PutFeed(ctx context.Context, p thoonk.PutFeed) (thoonk.Feed, bool, error) {
	if p.Config.Type == thoonk.TypeSortedFeed && p.Config.MaxLength > 0 {
		return thoonk.Feed{}, false, thoonk.E(thoonk.Unprocessable, "a sorted feed has no max_length: which item would be the oldest?").In("max_length")
	}
	if isQueue(p.Config.Type) {
		if err := p.Config.Job.Check(); err != nil {
			return thoonk.Feed{}, false, err
		}
	}
	if err := s.checker.checkDeclaration(p.Config); err != nil {
		return thoonk.Feed{}, false, err
	}
	args := []any{p.Once.Hash, string(typeOf(p.Config.Type)), matchArg(p.If), noneArg(p.If), p.Owner}
	keys := slices.Concat(writeKeys(p.Name, p.Once)[:keysOfWrite], []string{keyAffiliations(p.Name), keyAffiliated(p.Owner), keyWebhooks})
	a, err := s.runKeys(ctx, "put feed", scriptPut, keys, p.Name, p.Actor, append(args, configArgs(p.Config)...)...)
	if err != nil {
		return thoonk.Feed{}, false, err
	}
	p.Config.Type = typeOf(p.Config.Type)
	f := thoonk.Feed{Name: p.Name, Config: withDefaults(p.Config), Revision: a.revision(0), Created: micros(a.text(2))}
	return f, a.number(1) == 1, nil
}

// DeleteFeed removes a feed of any type. Errors: NotFound, Stale, Conflict, Unavailable.
func (s *Store) DeleteFeed(ctx context.Context, d thoonk.DeleteFeed) error {
	keys := append(writeKeys(d.Name, d.Once), keyAffiliations(d.Name))
	_, err := s.runKeys(ctx, "delete feed", scriptDelete, keys, d.Name, d.Actor, d.Once.Hash, matchArg(d.If), noneArg(d.If))
	return err
}

// purgeAtOnce bounds how many items one script retracts.
const purgeAtOnce = 1000

// Purge retracts all items of a feed or sorted feed. Where it fails half of them may be gone. Errors: NotFound, Conflict,
// Unavailable.
func (s *Store) Purge(ctx context.Context, p thoonk.PurgeFeed) error {
	for left := int64(1); left > 0; {
		a, err := s.run(ctx, "purge", scriptPurge, p.Name, p.Actor, purgeAtOnce)
		if err != nil {
			return err
		}
		left = a.number(0)
	}
	return nil
}

// Feed returns a feed of any type as it is declared now. Errors: NotFound, Conflict, Unavailable.
func (s *Store) Feed(ctx context.Context, name thoonk.FeedName) (thoonk.Feed, error) {
	a, err := s.settle(ctx, name, "")
	if err != nil {
		return thoonk.Feed{}, err
	}
	return thoonk.Feed{Name: name, Config: parseConfig(pairs(a[3:])), Revision: a.revision(1), Created: micros(a.text(2))}, nil
}

// Head returns the revision of a feed's last change. Errors: NotFound, Conflict, Unavailable.
func (s *Store) Head(ctx context.Context, name thoonk.FeedName) (thoonk.Revision, error) {
	a, err := s.settle(ctx, name, "")
	return a.revision(0), err
}

// settle makes the log tell what feed.config and feeds say of the feed, if it does not yet.
func (s *Store) settle(ctx context.Context, name thoonk.FeedName, heard string) (answer, error) {
	return s.run(ctx, "settle", scriptSettle, name, "", heard)
}

// Feeds lists feeds in the order of their names' bytes.
func (s *Store) Feeds(ctx context.Context, q thoonk.FeedQuery) ([]thoonk.Feed, error) {
	var found []thoonk.Feed
	for len(found) < q.Limit {
		names, err := s.names(ctx, q, q.Limit)
		if err != nil {
			return nil, err
		}
		feeds, err := s.declarations(ctx, names)
		if err != nil {
			return nil, err
		}
		for _, f := range feeds {
			if len(found) < q.Limit && (q.Match == "" || q.Match.Match(f.Name)) && (q.Type == "" || q.Type == f.Config.Type) {
				found = append(found, f)
			}
		}
		if len(names) < q.Limit {
			break
		}
		q.After = names[len(names)-1]
	}
	return found, nil
}

// names returns the next known names that may match: a pattern's prefix bounds the search.
func (s *Store) names(ctx context.Context, q thoonk.FeedQuery, limit int) ([]thoonk.FeedName, error) {
	low, high, prefix := "-", "+", q.Match.Prefix()
	if prefix != "" {
		low, high = "["+prefix, "["+prefix+"\xff" // names are UTF-8: none has a byte 0xFF
	}
	if after := string(q.After); after != "" && after >= prefix {
		low = "(" + after
	}
	names, err := s.redis.ZRangeArgs(ctx, redis.ZRangeArgs{Key: keyKnown, Start: low, Stop: high, ByLex: true, Count: int64(limit)}).Result()
	if err != nil {
		return nil, failure("list feeds", err)
	}
	feeds := make([]thoonk.FeedName, len(names))
	for i, n := range names {
		feeds[i] = thoonk.FeedName(n)
	}
	return feeds, nil
}

func (s *Store) declarations(ctx context.Context, names []thoonk.FeedName) ([]thoonk.Feed, error) {
	configs := make([]*redis.MapStringStringCmd, len(names))
	metas := make([]*redis.SliceCmd, len(names))
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, n := range names {
			configs[i] = p.HGetAll(ctx, keyConfig(n))
			metas[i] = p.HMGet(ctx, keyMeta(n), "configured", "birth")
		}
		return nil
	})
	if err != nil {
		return nil, failure("list feeds", err)
	}
	feeds := make([]thoonk.Feed, 0, len(names))
	for i, n := range names {
		if len(configs[i].Val()) == 0 {
			continue // deleted since
		}
		meta := answer(metas[i].Val())
		feeds = append(feeds, thoonk.Feed{Name: n, Config: parseConfig(configs[i].Val()), Revision: meta.revision(0), Created: micros(meta.text(1))})
	}
	return feeds, nil
}

func typeOf(t thoonk.Type) thoonk.Type {
	if t == "" {
		return thoonk.TypeFeed
	}
	return t
}

// configArgs are the fields of feed.config for a config, without its type. What is at its default is left out, as old
// clients leave it out.
func configArgs(c thoonk.Config) []any {
	var args []any
	for field, n := range map[string]int{fieldMaxLength: c.MaxLength, fieldHistory: c.History.Count, fieldHistoryBytes: c.History.Bytes} {
		if n != 0 && (field != fieldHistory || n != thoonk.DefaultHistoryCount) && (field != fieldHistoryBytes || n != thoonk.DefaultHistoryBytes) {
			args = append(args, field, n)
		}
	}
	if c.Content != thoonk.Undeclared {
		args = append(args, fieldContent, string(c.Content))
	}
	if c.Node != (thoonk.Node{}) {
		node, _ := json.Marshal(c.Node) // of texts, numbers and truth values
		args = append(args, fieldNode, node)
	}
	if !c.Syndication.IsZero() {
		doc, _ := json.Marshal(c.Syndication) // of texts
		args = append(args, fieldSyndication, doc)
	}
	d := declared(c)
	for field, text := range map[string]string{fieldSchema: d.schema, fieldStamp: d.stamp} {
		if text != "" {
			args = append(args, field, text)
		}
	}
	for field, value := range c.Extra {
		args = append(args, field, value)
	}
	if isQueue(c.Type) {
		args = append(args, jobArgs(c.Job)...)
	}
	if c.Webhook.URL != "" {
		doc, _ := json.Marshal(c.Webhook) // of texts and numbers
		args = append(args, fieldWebhook, doc)
	}
	return args
}

// parseConfig reads feed.config. Other clients write it too: a value that makes no sense counts as absent.
func parseConfig(fields map[string]string) thoonk.Config {
	c := thoonk.Config{Type: typeOf(thoonk.Type(fields[fieldType]))}
	c.MaxLength = positive(fields[fieldMaxLength])
	c.History = thoonk.HistoryBounds{Count: positive(fields[fieldHistory]), Bytes: positive(fields[fieldHistoryBytes])}
	if content, err := thoonk.ParseContent(fields[fieldContent]); err == nil {
		c.Content = content
	}
	if json.Unmarshal([]byte(fields[fieldNode]), &c.Node) != nil {
		c.Node = thoonk.Node{}
	}
	if json.Unmarshal([]byte(fields[fieldSyndication]), &c.Syndication) != nil {
		c.Syndication = thoonk.Syndication{}
	}
	if c.Type == thoonk.TypeJob {
		c.Webhook = parseWebhook(fields[fieldWebhook])
	}
	c.Schema = fields[fieldSchema]
	if json.Unmarshal([]byte(fields[fieldStamp]), &c.Stamp) != nil {
		c.Stamp = nil
	}
	for field, value := range fields {
		if of, ok := jobFields[field]; ok && isQueue(c.Type) {
			of.set(&c.Job, value)
			continue
		}
		switch field {
		case fieldType, fieldMaxLength, fieldContent, fieldHistory, fieldHistoryBytes, fieldNode, fieldSyndication, fieldSchema, fieldStamp, fieldWebhook:
		default:
			if !strings.HasPrefix(field, "thoonk.") {
				if c.Extra == nil {
					c.Extra = make(map[string]string)
				}
				c.Extra[field] = value
			}
		}
	}
	return withDefaults(c)
}

func withDefaults(c thoonk.Config) thoonk.Config {
	if c.History.Count == 0 {
		c.History.Count = thoonk.DefaultHistoryCount
	}
	if c.History.Bytes == 0 {
		c.History.Bytes = thoonk.DefaultHistoryBytes
	}
	if isQueue(c.Type) {
		c.Job = withJobDefaults(c.Job)
	}
	return c
}

func positive(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func pairs(a answer) map[string]string {
	m := make(map[string]string, len(a)/2)
	for i := 0; i+1 < len(a); i += 2 {
		m[a.text(i)] = a.text(i + 1)
	}
	return m
}
