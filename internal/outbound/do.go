package outbound

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// NoBody as the MaxBody of a [Request] says that the answer's body is not wanted, however long it is.
const NoBody = -1

// drain is how much of an unwanted body is read, so that the connection can be used again.
const drain = 16 << 10

// Request is what to send.
type Request struct {
	Purpose string // for metrics: a word of the caller's own
	Method  string // "": GET
	URL     string
	Header  http.Header // is not changed
	Body    []byte      // is not changed, and may be shared

	Timeout time.Duration // of the whole exchange; 0: DefaultTimeout
	MaxBody int64         // bytes of the answer; 0: DefaultMaxBody; NoBody: it is not wanted
	Follow  int           // redirects to follow, each checked as the first address is; 0: a redirect is the answer
}

// Response is an answer that has come whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	URL    string // where it came from: as it was asked for, or the last one of those that may be redirected
}

// Do sends a request and reads its answer. Whatever status it has, an answer is no error. Errors are of type [Error].
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	start := time.Now()
	resp, err := c.do(ctx, r)
	if c.o.Observe != nil {
		c.o.Observe(Exchange{Purpose: r.Purpose, Outcome: outcome(resp, err), Duration: time.Since(start)})
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func outcome(resp *Response, err *Error) string {
	if err != nil {
		return string(err.Reason)
	}
	return strconv.Itoa(resp.Status/100) + "xx"
}

func (c *Client) do(ctx context.Context, r Request) (*Response, *Error) {
	timeout := cmp.Or(r.Timeout, DefaultTimeout)
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > timeout {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	req, err := c.request(ctx, r)
	if err != nil {
		return nil, failure(ctx, err)
	}
	answer, err := c.send(req, r.Follow)
	if err != nil {
		return nil, failure(ctx, err)
	}
	defer answer.Body.Close()
	resp := &Response{Status: answer.StatusCode, Header: answer.Header, URL: r.URL}
	if r.Follow > 0 {
		resp.URL = answer.Request.URL.String()
	}
	if resp.Body, err = readBody(answer, cmp.Or(r.MaxBody, DefaultMaxBody)); err != nil {
		return nil, failure(ctx, err)
	}
	return resp, nil
}

// send sends a request. Where none is followed, what http.Client is about, redirects and cookies, is spared.
func (c *Client) send(req *http.Request, follow int) (*http.Response, error) {
	if follow == 0 {
		return c.transport.RoundTrip(req)
	}
	following := http.Client{Transport: c.transport, CheckRedirect: redirects(min(follow, maxRedirects))}
	return following.Do(req)
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	u, err := parseURL(r.URL)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, cmp.Or(r.Method, http.MethodGet), "", bytes.NewReader(r.Body))
	if err != nil {
		return nil, &Error{Reason: BadURL, Err: err}
	}
	req.URL, req.Host = u, u.Host
	if r.Header != nil {
		req.Header = maps.Clone(r.Header)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", c.o.UserAgent)
	}
	return req, nil
}

// redirects follows so many. Where they lead is checked as it is dialled; its form is checked here.
func redirects(most int) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, before []*http.Request) error {
		if len(before) > most {
			return &Error{Reason: Redirects}
		}
		_, err := parseURL(next.URL.String())
		return err
	}
}

func readBody(answer *http.Response, most int64) ([]byte, error) {
	if most < 0 {
		_, _ = io.CopyN(io.Discard, answer.Body, drain) // an answer is one, even if what is not wanted of it is cut off
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if int64(len(body)) > most {
		return nil, &Error{Reason: TooLarge, Status: answer.StatusCode}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &Error{Reason: Unreachable, Err: err}
	}
	return body, err
}
