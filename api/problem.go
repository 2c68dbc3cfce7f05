package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// problem is an error as the client sees it, RFC 9457.
type problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Errors []fault `json:"errors,omitempty"`
}

const problemURN = "urn:thoonk:problem:"

var answers = map[thoonk.Kind]struct {
	status int
	title  string
}{
	thoonk.Invalid:         {http.StatusBadRequest, "The request is malformed"},
	thoonk.Unprocessable:   {http.StatusUnprocessableEntity, "The request breaks a declared rule"},
	thoonk.Unauthenticated: {http.StatusUnauthorized, "A valid token is needed"},
	thoonk.Forbidden:       {http.StatusForbidden, "Not allowed"},
	thoonk.NotFound:        {http.StatusNotFound, "Not found"},
	thoonk.Conflict:        {http.StatusConflict, "In conflict with the present state"},
	thoonk.Stale:           {http.StatusPreconditionFailed, "A precondition failed"},
	thoonk.Gone:            {http.StatusGone, "Not in the history any more"},
	thoonk.TooLarge:        {http.StatusRequestEntityTooLarge, "Too large"},
	thoonk.Limited:         {http.StatusTooManyRequests, "Too many requests"},
	thoonk.Unsupported:     {http.StatusNotImplemented, "Not supported"},
	thoonk.Unavailable:     {http.StatusServiceUnavailable, "Not available at the moment"},
	thoonk.Unconfirmed:     {http.StatusGatewayTimeout, "Written, and not confirmed"},
	thoonk.Internal:        {http.StatusInternalServerError, "A fault of the server"},
}

// kindOf is [thoonk.KindOf], and knows that a request which ran out of time met something slow, not a fault of ours.
func kindOf(err error) thoonk.Kind {
	kind := thoonk.KindOf(err)
	if kind == thoonk.Internal && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return thoonk.Unavailable
	}
	return kind
}

// problemOf says how an error is answered. It is the only place that maps errors to HTTP.
func problemOf(err error, method string) problem {
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		return problemOfHTTP(e, method)
	}
	kind := kindOf(err)
	if e, ok := errors.AsType[*thoonk.BatchError](err); ok && kind != thoonk.Internal {
		return problemOfBatch(e)
	}
	answer, known := answers[kind]
	if !known {
		kind, answer = thoonk.Internal, answers[thoonk.Internal]
	}
	p := problem{Type: problemURN + string(kind), Title: answer.title, Status: answer.status}
	if kind == thoonk.Internal {
		return p // strangers are told no detail
	}
	if e, ok := errors.AsType[*thoonk.Error](err); ok {
		p.Detail = e.Public
		switch {
		case len(e.Faults) > 0:
			p.Errors = faultsOf(e, "", method)
		case e.Field != "":
			p.Errors = []fault{faultAt(e.Field, method, e.Public)}
		}
	}
	return p
}

// maxProblemText bounds each text of a problem, in bytes. A name that stands in one may be as long as the request.
const maxProblemText = 1 << 10

// clipped returns the problem with its texts cut to what somebody may read.
func (p problem) clipped() problem {
	clip := func(s string) string {
		if len(s) <= maxProblemText {
			return s
		}
		return strings.ToValidUTF8(s[:maxProblemText], "") + "…"
	}
	p.Detail = clip(p.Detail)
	for i, f := range p.Errors {
		p.Errors[i] = fault{clip(f.Pointer), clip(f.Parameter), clip(f.Header), f.Kind, clip(f.Detail)}
	}
	return p
}

// problemOfBatch answers the refusal of one operation with the place of that operation. Its status is one and the same:
// there may be a 404 or a 412 in it, and yet the batch was found and had no precondition.
func problemOfBatch(e *thoonk.BatchError) problem {
	kind := thoonk.Unprocessable
	p := problem{
		Type:   problemURN + string(kind),
		Title:  answers[kind].title,
		Status: answers[kind].status,
		Detail: fmt.Sprintf("operation %d was refused, so nothing was written: %s", e.Index, e.Reason.Public),
		Errors: []fault{{Pointer: fmt.Sprintf("#/%d", e.Index), Kind: string(e.Reason.Kind), Detail: e.Reason.Public}},
	}
	if len(e.Reason.Faults) > 0 {
		p.Errors = faultsOf(e.Reason, fmt.Sprintf("/%d", e.Index), http.MethodPost)
	}
	return p
}

// problemOfHTTP answers failures that only HTTP knows: echo's own 404 and 405, and 406, 408 and 415.
func problemOfHTTP(e *echo.HTTPError, method string) problem {
	title := http.StatusText(e.Code)
	p := problem{Title: title, Status: e.Code}
	p.Type = problemURN + strings.ReplaceAll(strings.ToLower(title), " ", "_")
	switch {
	case e == echo.ErrNotFound:
		p.Title = answers[thoonk.NotFound].title // one type has one title (RFC 9457 section 3.1.4)
		p.Detail = "there is nothing at this path"
	case e == echo.ErrMethodNotAllowed:
		p.Detail = method + " is not possible here; Allow names what is"
	default:
		p.Detail, _ = e.Message.(string)
	}
	return p
}

// fail answers with the problem that err is.
func (s *Server) fail(c echo.Context, err error) {
	if c.Response().Committed {
		return
	}
	p := problemOf(err, c.Request().Method).clipped()
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		h.Set("WWW-Authenticate", challenge(c.Request(), kindOf(err)))
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "1")
		}
	}
	_ = sendJSON(c, p.Status, "application/problem+json", marshal(p))
}
