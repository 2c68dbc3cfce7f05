package store

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/thoonkd/thoonkd/internal/schema"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Publish writes an item. Errors: NotFound (feed, or the item that the position refers to), Stale (a precondition), Conflict, Invalid and
// Unprocessable (the body against the feed's content), Unavailable.
func (s *Store) Publish(ctx context.Context, p thoonk.PublishItem) (thoonk.Published, error) {
	return s.writeOne(ctx, thoonk.Batch{Feed: p.Feed, Declared: p.Declared, Once: p.Once, Actor: p.Actor, Operations: []thoonk.Operation{
		{Kind: thoonk.Publish, ID: p.ID, Form: p.Form, Body: p.Body, Position: p.Position, If: p.If},
	}})
}

// Retract removes an item. Errors: NotFound (feed or item), Stale, Conflict, Unavailable.
func (s *Store) Retract(ctx context.Context, r thoonk.RetractItem) error {
	_, err := s.writeOne(ctx, thoonk.Batch{Feed: r.Feed, Once: r.Once, Actor: r.Actor, Operations: []thoonk.Operation{
		{Kind: thoonk.Retract, ID: r.ID, If: r.If, Notify: r.Notify},
	}})
	return err
}

// Move places an item of a sorted feed anew; the item comes without its body. Errors: NotFound (feed, item, or the item
// that the position refers to), Conflict (not a sorted feed), Stale, Unavailable.
func (s *Store) Move(ctx context.Context, m thoonk.MoveItem) (thoonk.Item, error) {
	done, err := s.writeOne(ctx, thoonk.Batch{Feed: m.Feed, Once: m.Once, Actor: m.Actor, Operations: []thoonk.Operation{
		{Kind: thoonk.Moved, ID: m.ID, Position: m.Position, If: m.If},
	}})
	return done.Item, err
}

// writeOne does a batch of one operation, whose refusal is the refusal of the whole.
func (s *Store) writeOne(ctx context.Context, b thoonk.Batch) (thoonk.Published, error) {
	done, err := s.Batch(ctx, b)
	if refused, ok := errors.AsType[*thoonk.BatchError](err); ok {
		return thoonk.Published{}, refused.Reason
	}
	if err != nil {
		return thoonk.Published{}, err
	}
	return done[0], nil
}

// Batch does operations on one feed in one script, all or none, and returns the outcome of each. Errors: NotFound (the
// feed), Conflict (its type), TooLarge, Unprocessable (a reused idempotency key), Unavailable, and a
// [thoonk.BatchError] with a kind of the single operation where one is refused.
func (s *Store) Batch(ctx context.Context, b thoonk.Batch) (done []thoonk.Published, err error) {
	if err := checkBatch(b); err != nil {
		return nil, err
	}
	held := b
	err = s.checked(ctx, b.Feed, func(checks *schema.Checks) (err error) {
		held, err = applied(checks, b)
		return err
	}, func(digest string) (err error) {
		done, err = s.batch(ctx, held, digest)
		return err
	})
	return done, err
}

func (s *Store) batch(ctx context.Context, b thoonk.Batch, checks string) ([]thoonk.Published, error) {
	args, err := batchArgs(b, checks)
	if err != nil {
		return nil, err
	}
	keys := writeKeys(b.Feed, b.Once)[:keysOfWrite]
	a, err := s.runKeys(ctx, "write", scriptWrite, keys, b.Feed, b.Actor, args...)
	if err != nil {
		return nil, err
	}
	done := make([]thoonk.Published, 0, len(b.Operations))
	for ; len(a) >= 4; a = a[4:] {
		revision := a.revision(1)
		item := thoonk.Item{ID: thoonk.ItemID(a.text(0)), Revision: revision, Published: micros(a.text(3)), Updated: revision.Time()}
		done = append(done, thoonk.Published{Item: item, Created: a.number(2) == 1})
	}
	return done, nil
}

// checkBatch finds what is wrong with a batch whatever its feed is.
func checkBatch(b thoonk.Batch) error {
	if len(b.Operations) == 0 || len(b.Operations) > thoonk.MaxBatch {
		return thoonk.E(thoonk.Invalid, "a batch has 1 to %d operations", thoonk.MaxBatch)
	}
	for i, op := range b.Operations {
		if err := checkOperation(op); err != nil {
			return &thoonk.BatchError{Index: i, Reason: err}
		}
	}
	return nil
}

func batchArgs(b thoonk.Batch, checks string) ([]any, error) {
	size := 0
	args := make([]any, 0, 2+10*len(b.Operations))
	args = append(args, b.Once.Hash, heldArg(checks, b.Declared))
	for _, op := range b.Operations {
		if size += len(op.Body); size > thoonk.MaxBatchBytes {
			return nil, thoonk.E(thoonk.TooLarge, "the bodies of a batch have more than %d bytes together", thoonk.MaxBatchBytes)
		}
		spare := ""
		if op.ID == "" {
			id := uuid.New()
			spare = hex.EncodeToString(id[:])
		}
		if op.Notify && op.Kind == thoonk.Retract {
			spare = noteNotify
		}
		where, ref := positionArgs(op.Position)
		args = append(args, string(op.Kind), string(op.ID), spare, op.Body, digest(op.Body), matchArg(op.If), noneArg(op.If),
			contentsArg(op.Form.Contents(op.Body)), where, ref)
	}
	return args, nil
}

func checkOperation(op thoonk.Operation) *thoonk.Error {
	if op.ID == "" && op.Kind != thoonk.Publish {
		return thoonk.E(thoonk.Invalid, "%s needs the id of an item", op.Kind).In("id")
	}
	switch op.Kind {
	case thoonk.Publish, thoonk.Edit:
		if e, ok := errors.AsType[*thoonk.Error](op.Form.Check(op.Body)); ok {
			return e
		}
	case thoonk.Moved:
		if op.Position.IsZero() {
			return thoonk.E(thoonk.Invalid, "a position is needed").In("position")
		}
	case thoonk.Retract:
	default:
		return thoonk.E(thoonk.Invalid, "an operation is publish, edit, retract or position").In("op")
	}
	return nil
}

// heldArg writes what is to be true of a feed's declaration as unchecked() in lua/once.lua reads it.
func heldArg(checks string, declared thoonk.Revision) string {
	if declared.IsZero() {
		return checks
	}
	return checks + " " + declared.String()
}

// positionArgs writes a position as lua/write.lua reads it.
func positionArgs(p thoonk.Position) (where, ref string) {
	switch {
	case p.First:
		return "first", ""
	case p.Last:
		return "last", ""
	case p.Before != "":
		return "before", string(p.Before)
	case p.After != "":
		return "after", string(p.After)
	}
	return "", ""
}

// matchArg and noneArg write a condition as lua/lib.lua reads it.
func matchArg(c thoonk.Condition) string { return conditionArg(c.MatchAny, c.Match) }
func noneArg(c thoonk.Condition) string  { return conditionArg(c.NoneAny, c.NoneMatch) }

func contentsArg(contents []thoonk.Content) string {
	texts := make([]string, len(contents))
	for i, c := range contents {
		texts[i] = string(c)
	}
	return strings.Join(texts, " ")
}

func conditionArg(wild bool, revisions []thoonk.Revision) string {
	if wild {
		return "*"
	}
	texts := make([]string, len(revisions))
	for i, r := range revisions {
		texts[i] = r.String()
	}
	return strings.Join(slices.Compact(texts), " ")
}
