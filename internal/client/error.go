package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxProblem bounds what is read of an error's document.
const maxProblem = 64 << 10

// Error is an answer that says why a request was not done.
type Error struct {
	Status     int
	Detail     string        // one line; may be empty
	RetryAfter time.Duration // 0: not told
}

func (e *Error) Error() string {
	status := strings.TrimSpace(fmt.Sprintf("HTTP %d %s", e.Status, http.StatusText(e.Status)))
	if e.Detail == "" {
		return "the server answered " + status
	}
	return fmt.Sprintf("%s (%s)", e.Detail, status)
}

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return e.Status >= 500
}

// problem is an error's document, RFC 9457.
type problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Pointer   string `json:"pointer"`
		Parameter string `json:"parameter"`
		Header    string `json:"header"`
		Detail    string `json:"detail"`
	} `json:"errors"`
}

// readError reads an answer that is an error, from our server or from whatever stands before it.
func readError(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode}
	if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem)) // what cannot be read tells nothing
	var p problem
	if json.Unmarshal(body, &p) == nil {
		e.Detail = oneLine(p.String())
	}
	return e
}

// oneLine returns s without what could move the cursor of a terminal.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func (p problem) String() string {
	var faults []string
	for _, f := range p.Errors {
		where := cmp.Or(f.Pointer, f.Parameter, f.Header)
		if where != "" {
			where += ": "
		}
		faults = append(faults, where+f.Detail)
	}
	switch {
	case len(faults) == 0:
		return cmp.Or(p.Detail, p.Title)
	case len(faults) == 1 && p.Errors[0].Detail == p.Detail, p.Detail == "":
		return strings.Join(faults, "; ")
	}
	return p.Detail + ": " + strings.Join(faults, "; ")
}
