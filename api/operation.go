package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// parseOperations reads the operations of a batch: a JSON array, or an object a line (https://github.com/ndjson/ndjson-spec)
// with empty lines ignored.
func parseOperations(data []byte, lines bool) ([]thoonk.Operation, error) {
	bodies := 0
	return parseMany(data, lines, func(object []byte) (thoonk.Operation, error) {
		op, err := parseOperation(object)
		if bodies += len(op.Body); err == nil && bodies > thoonk.MaxBatchBytes {
			err = thoonk.E(thoonk.TooLarge, "the bodies of a batch have at most %d bytes together", thoonk.MaxBatchBytes)
		}
		return op, err
	})
}

// parseMany reads each of up to [thoonk.MaxBatch] objects, of an array or in lines. The indexes in its errors count from 0.
func parseMany[T any](data []byte, lines bool, parse func([]byte) (T, error)) ([]T, error) {
	next := nextElement(data)
	if lines {
		next = nextLine(data)
	} else if err := checkArray(data); err != nil {
		return nil, err
	}
	var all []T
	for {
		object, where := next()
		if object == nil {
			break
		}
		if len(all) == thoonk.MaxBatch {
			return nil, thoonk.E(thoonk.TooLarge, "a batch has at most %d operations", thoonk.MaxBatch)
		}
		one, err := parse(object)
		if err != nil {
			return nil, under(located(err, where), len(all))
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, thoonk.E(thoonk.Invalid, "a batch has at least one operation")
	}
	return all, nil
}

// parseOneOrMany reads one object, or several as an array or in lines.
func parseOneOrMany[T any](data []byte, lines bool, parse func([]byte) (T, error)) (all []T, one bool, err error) {
	if lines || bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("[")) {
		all, err = parseMany(data, lines, parse)
		return all, false, err
	}
	single, err := parse(data)
	return []T{single}, true, err
}

// refusalOf says what a violation of the schema is in, and of one object that was sent alone that it is no batch.
func refusalOf(err error, member string, one bool) error {
	err = inMember(err, member)
	if refused, ok := asBatchError(err); ok && one {
		return refused.Reason
	}
	return err
}

// located puts where before the text of an error.
func located(err error, where string) error {
	e, ok := errors.AsType[*thoonk.Error](err)
	if !ok {
		return err
	}
	return thoonk.E(e.Kind, "%s%s", where, e.Public).In(e.Field)
}

func checkArray(data []byte) error {
	if err := checkJSON(data); err != nil {
		return err
	}
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("[")) {
		return thoonk.E(thoonk.Invalid, "not a JSON array of operations")
	}
	return nil
}

// nextElement returns a function that yields the elements of a valid array, and then nil.
func nextElement(data []byte) func() (element []byte, where string) {
	d := json.NewDecoder(bytes.NewReader(data))
	_, _ = d.Token()
	return func() ([]byte, string) {
		var element json.RawMessage
		if d.More() {
			_ = d.Decode(&element)
		}
		return element, ""
	}
}

// nextLine returns a function that yields the lines that are not empty, each with its number, and then nil.
func nextLine(data []byte) func() (line []byte, where string) {
	number := 0
	return func() (line []byte, where string) {
		for len(data) > 0 {
			line, data, _ = bytes.Cut(data, []byte("\n"))
			number++
			if line = bytes.Trim(line, " \t\r"); len(line) > 0 {
				return line, fmt.Sprintf("line %d: ", number)
			}
		}
		return nil, ""
	}
}

// operationKinds say what an operation needs, and whether it may have a position.
var operationKinds = map[thoonk.EventKind]struct{ id, body, position, mayPosition bool }{
	thoonk.Publish: {body: true, mayPosition: true},
	thoonk.Edit:    {id: true, body: true},
	thoonk.Retract: {id: true},
	thoonk.Moved:   {id: true, position: true, mayPosition: true},
}

// parseOperation reads {"op", "id"?, "position"?, one of "body", "text", "xml" and "base64"?, "if_match"?, "if_none_match"?}.
func parseOperation(data []byte) (thoonk.Operation, error) {
	var op thoonk.Operation
	var p publication
	if err := eachMember(data, func(m member) error { return takeOperation(&op, &p, m) }); err != nil {
		return op, err
	}
	op.ID, op.Form, op.Body, op.Position = p.id, p.form, p.body, p.position
	return op, checkOperation(op)
}

func takeOperation(op *thoonk.Operation, p *publication, m member) (err error) {
	switch m.name {
	case "op":
		op.Kind, err = parseKind(m.value)
	case "if_match":
		op.If.MatchAny, op.If.Match, err = parseIf(m.value)
	case "if_none_match":
		op.If.NoneAny, op.If.NoneMatch, err = parseIf(m.value)
	default:
		known, err := p.take(m)
		if !known {
			return unknownMember(m.name, "op", "id", "body", "text", "xml", "base64", "position", "if_match", "if_none_match")
		}
		return err
	}
	return err
}

func parseKind(value json.RawMessage) (thoonk.EventKind, error) {
	s, err := asString(value)
	if err != nil {
		return "", err
	}
	kind := thoonk.EventKind(s)
	if _, ok := operationKinds[kind]; !ok {
		return "", thoonk.E(thoonk.Invalid, "op is one of publish, edit, retract and position")
	}
	return kind, nil
}

// parseIf reads a precondition: a revision, or "*" for any.
func parseIf(value json.RawMessage) (wild bool, revisions []thoonk.Revision, err error) {
	s, err := asString(value)
	if err != nil || s == "*" {
		return err == nil, nil, err
	}
	r, err := thoonk.ParseRevision(s)
	if err != nil {
		return false, nil, err
	}
	return false, []thoonk.Revision{r}, nil
}

// checkOperation checks that an operation has what its kind needs, and nothing else.
func checkOperation(op thoonk.Operation) error {
	kind, known := operationKinds[op.Kind]
	switch {
	case !known:
		return inBody(thoonk.E(thoonk.Invalid, `"op" is needed: one of publish, edit, retract and position`), "op")
	case kind.id && op.ID == "":
		return inBody(thoonk.E(thoonk.Invalid, "%s needs the id of an item", op.Kind), "id")
	case kind.body && op.Form == "":
		return noForm()
	case !kind.body && op.Form != "":
		return inBody(thoonk.E(thoonk.Invalid, "%s takes no body", op.Kind), string(op.Form))
	case kind.position && op.Position.IsZero():
		return inBody(thoonk.E(thoonk.Invalid, "%s needs a position", op.Kind), "position")
	case !kind.mayPosition && !op.Position.IsZero():
		return inBody(thoonk.E(thoonk.Invalid, "%s takes no position", op.Kind), "position")
	}
	return nil
}
