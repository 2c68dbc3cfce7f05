package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"code.dny.dev/ssrf"
)

// Reason says why an exchange came to nothing.
type Reason string

// The reasons.
const (
	Forbidden   Reason = "forbidden"   // the address may not be dialled; nothing was connected to
	BadURL      Reason = "bad_url"     // of the request, or of a redirect
	Unresolved  Reason = "unresolved"  // the name has no address
	Unreachable Reason = "unreachable" // no connection, or it broke
	Insecure    Reason = "insecure"    // the certificate does not hold
	Timeout     Reason = "timeout"
	TooLarge    Reason = "too_large"    // the answer is longer than asked for
	Redirects   Reason = "redirects"    // more than asked for
	Canceled    Reason = "canceled"     // by the caller
	BadAnswer   Reason = "bad_response" // not HTTP
)

// Error is why [Client.Do] has no answer. Its text may be shown to whoever named the address: it tells of no address
// that a name was looked up to.
type Error struct {
	Reason Reason
	Status int // of the answer, with TooLarge
	Err    error
}

func (e *Error) Error() string {
	switch e.Reason {
	case Forbidden:
		return "the address may not be dialled: it is not public"
	case BadURL:
		return "not a URL that can be dialled"
	case Unresolved:
		return "the host's name has no address"
	case Insecure:
		return "the certificate does not hold"
	case Timeout:
		return "no answer in time"
	case TooLarge:
		return fmt.Sprintf("the answer, status %d, is too long", e.Status)
	case Redirects:
		return "too many redirects"
	case Canceled:
		return "given up"
	case BadAnswer:
		return "the answer is not HTTP"
	default:
		return "the host cannot be reached"
	}
}

func (e *Error) Unwrap() error { return e.Err }

// IsForbidden reports whether err says that an address may not be dialled: trying again is of no use.
func IsForbidden(err error) bool { return ReasonOf(err) == Forbidden }

// ReasonOf returns the reason of an error of this package, and "" for any other.
func ReasonOf(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

// failure gives an error of the transport its reason.
func failure(ctx context.Context, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Reason: reason(ctx, err), Err: err}
}

func reason(ctx context.Context, err error) Reason {
	for _, refused := range []error{ssrf.ErrProhibitedIP, ssrf.ErrProhibitedNetwork, ssrf.ErrProhibitedPort, ssrf.ErrInvalidHostPort} {
		if errors.Is(err, refused) {
			return Forbidden
		}
	}
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return Canceled
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, os.ErrDeadlineExceeded) {
		return Timeout
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return Unresolved
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return Insecure
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return Unreachable
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return Insecure
	}
	return BadAnswer
}
