package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	sourceTries = 5   // with a source that others declare at the same moment
	nowhere     = "?" // stands for nothing that a script finds: then it only looks whether the same was done before
)

// PutSource declares a source as the configuration does: whatever stands there.
func (s *Store) PutSource(ctx context.Context, src thoonk.Source) (thoonk.Source, bool, error) {
	k, made, err := s.DeclareSource(ctx, thoonk.DeclareSource{Source: src})
	return k.Source, made, err
}

// DeclareSource declares a source, which is due at once unless it is paused, and reports whether it was made. What is known
// of it stays, unless its kind, its URL or its feed is another now. The revision stays if nothing is changed. Errors: Invalid,
// Stale, what May says, Unprocessable (the idempotency key), Conflict (others declare it all the time), Unavailable.
func (s *Store) DeclareSource(ctx context.Context, d thoonk.DeclareSource) (thoonk.KnownSource, bool, error) {
	var known thoonk.KnownSource
	made := false
	err := s.changeSource(ctx, scriptSourcePut, d.Source.Name, d.Once, func(old *standingSource) ([]any, error) {
		known = thoonk.KnownSource{State: thoonk.SourceState{Status: thoonk.SourceNew}}
		src, number := redeclared(d.Source, old)
		record, err := json.Marshal(src)
		if err != nil {
			return nil, thoonk.E(thoonk.Internal, "internal error").Because(err)
		}
		due := ""
		if !src.Paused && src.Kind == thoonk.WebFeed { // others are not looked at now and then
			due = msArg(time.Now())
		}
		args := []any{src.Life, record, number, due, old.callback()}
		if err := d.Source.Check(); err != nil {
			return args, err
		}
		return args, mayWriteSource(old, d.If, d.May)
	}, func(old *standingSource, a answer) {
		made = a.text(0) == "1"
		parseSource(a.text(1), &known.Source)
		if old != nil && old.Source.Life == known.Source.Life {
			known.State = old.State
		}
	})
	return known, made, err
}

// RemoveSource forgets a source, and returns what was known of it: nothing if the same request did it before. What came in
// stays. Errors: NotFound, Stale, what May says, Unprocessable (the idempotency key), Conflict, Unavailable.
func (s *Store) RemoveSource(ctx context.Context, r thoonk.RemoveSource) (thoonk.SourceState, error) {
	var state thoonk.SourceState
	err := s.changeSource(ctx, scriptSourceDelete, r.Name, r.Once, func(old *standingSource) ([]any, error) {
		args := []any{old.callback()}
		if old == nil {
			return args, noSuchSource(r.Name)
		}
		return args, mayWriteSource(old, r.If, r.May)
	}, func(old *standingSource, _ answer) {
		if old != nil {
			state = old.State
		}
	})
	return state, err
}

// DeleteSource forgets a source as the configuration does. Errors: NotFound, Unavailable.
func (s *Store) DeleteSource(ctx context.Context, name thoonk.FeedName) error {
	_, err := s.RemoveSource(ctx, thoonk.RemoveSource{Name: name})
	return err
}

// changeSource runs a script that writes only where what was read still stands. Plan returns its further arguments, or why it
// must not write; then it is run only to learn whether the same request was done before.
func (s *Store) changeSource(ctx context.Context, script *redis.Script, name thoonk.FeedName, once thoonk.Once,
	plan func(*standingSource) ([]any, error), done func(*standingSource, answer),
) error {
	keys := []string{keySources, keySourceStates, keySourceDue, keySourceSeen(name), keySourceCallbacks, onceKey(once)}
	for range sourceTries {
		old, err := s.standingSource(ctx, name)
		if err != nil {
			return err
		}
		args, why := plan(old)
		if why != nil && once.Key == "" {
			return why
		}
		before := old.text()
		if why != nil {
			before = nowhere
		}
		reply, err := script.Run(ctx, s.redis, keys, append(append([]any{string(name), before}, args...), once.Hash)...).Slice()
		if err != nil {
			return failure("write source", err)
		}
		switch {
		case answer(reply).text(0) != "changed":
			a, err := parseAnswer("write source", name, reply)
			if err == nil {
				done(old, a)
			}
			return err
		case why != nil:
			return why
		}
	}
	return thoonk.E(thoonk.Conflict, "the source is declared by others all the time: try again")
}

// standingSource is a source with the text that stands for it. Nil: there is none.
type standingSource struct {
	thoonk.KnownSource
	stands string
}

func (s *standingSource) text() string {
	if s == nil {
		return ""
	}
	return s.stands
}

func (s *standingSource) callback() string {
	if s == nil {
		return ""
	}
	return s.State.Hub.Callback
}

// redeclared returns a declaration as it is to stand in place of another one, and the number of its revision: "" if it says
// the same.
func redeclared(src thoonk.Source, old *standingSource) (now thoonk.Source, number string) {
	if old == nil {
		src.Life, src.Since, src.Revision = uuid.NewString(), time.Now().UTC().Truncate(time.Millisecond), thoonk.Revision{}
		return src, "1"
	}
	was := old.Source
	src.Life, src.Since, src.Revision = was.Life, was.Since, was.Revision
	if was.Kind != src.Kind || was.URL != src.URL || was.Feed != src.Feed {
		src.Life = uuid.NewString()
	}
	same := was
	same.By = src.By
	if src == same && !was.Revision.IsZero() {
		return src, ""
	}
	src.Revision = thoonk.Revision{}
	return src, strconv.FormatUint(was.Revision.Number+1, 10)
}

// mayWriteSource returns why a source may not be written.
func mayWriteSource(old *standingSource, cond thoonk.Condition, may func(thoonk.Source) error) error {
	var present thoonk.Revision
	if old != nil {
		present = old.Source.Revision
		if may != nil {
			if err := may(old.Source); err != nil {
				return err
			}
		}
	}
	if cond.Holds(present, old != nil) {
		return nil
	}
	detail := ""
	if old != nil {
		detail = present.String()
	}
	return refusal("", "stale", detail, "")
}

// parseSource reads what stands in thoonk.sources: the life of a declaration, a space, the declaration.
func parseSource(text string, into *thoonk.Source) bool {
	life, record, _ := strings.Cut(text, " ")
	ok := json.Unmarshal([]byte(record), into) == nil
	into.Life = life
	return ok
}

func noSuchSource(name thoonk.FeedName) error {
	return thoonk.E(thoonk.NotFound, "no such source: %q", name)
}
