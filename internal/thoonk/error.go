package thoonk

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure an [Error] is. Each edge has one function that maps kinds to its own answers.
type Kind string

// The kinds of error. Every error that crosses a package border as an [Error] has one of them.
const (
	Invalid         Kind = "invalid"         // the request is malformed
	Unprocessable   Kind = "unprocessable"   // the request is well formed and breaks a declared rule
	Unauthenticated Kind = "unauthenticated" // nobody, or a token that does not hold
	Forbidden       Kind = "forbidden"       // known, and not allowed
	NotFound        Kind = "not_found"
	Conflict        Kind = "conflict"    // the state in Redis forbids it
	Stale           Kind = "stale"       // a precondition failed
	Gone            Kind = "gone"        // the revision asked for is not in the history any more
	TooLarge        Kind = "too_large"   // over a size limit
	Limited         Kind = "limited"     // over a rate
	Unsupported     Kind = "unsupported" // not offered here
	Unavailable     Kind = "unavailable" // Redis cannot be reached, or refuses writes
	Unconfirmed     Kind = "unconfirmed" // written, and not confirmed by the replicas asked for
	Internal        Kind = "internal"    // a fault of ours
)

// Error is a failure with a kind that edges act on and a text that strangers may read.
type Error struct {
	Kind   Kind
	Op     string  // the operation that failed, for logs: "publish"
	Field  string  // the part of the request at fault, as a JSON pointer or a parameter's name; may be empty
	Public string  // what the caller is told
	Err    error   // the cause, for logs only; may be nil
	Faults []Fault // where a body violates its feed's schema; usually none
}

// Fault is one of several things that are wrong with a body.
type Fault struct {
	Field  string // place inside the body, as a JSON pointer; empty: the body as a whole
	Public string
}

// E returns an [Error] of a kind with a public text.
func E(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Public: fmt.Sprintf(format, args...)}
}

// In returns a copy of e that names the field at fault.
func (e *Error) In(field string) *Error {
	c := *e
	c.Field = field
	return &c
}

// Because returns a copy of e with a cause, which is logged and never shown.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

func (e *Error) Error() string {
	s := string(e.Kind) + ": " + e.Public
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first [Error] in err's chain, [Internal] for any other error and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}
