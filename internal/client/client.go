// Package client talks to the REST API of a thoonkd, for the command line.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// requestTimeout bounds everything but following; the server itself gives up earlier.
const requestTimeout = 30 * time.Second

// Options say where the server is, and who asks.
type Options struct {
	Server string                 // http or https URL; "host:port" is http
	Token  func() (string, error) // asked before each request, since tokens expire; nil or "": anonymous
	HTTP   http.RoundTripper      // nil: a transport of its own
}

// Client sends requests to one server. Its errors are of type [Error] where the server answered, [UnreachableError] where it
// did not, and [thoonk.Error] where the request could not even be sent.
type Client struct {
	base  string // without a slash at the end
	token func() (string, error)
	http  *http.Client
}

// New returns a client.
func New(o Options) (*Client, error) {
	server := o.Server
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is not the http or https URL of a server", o.Server)
	}
	transport := o.HTTP
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = requestTimeout // following has no timeout of its own
		transport = t
	}
	if o.Token == nil {
		o.Token = func() (string, error) { return "", nil }
	}
	return &Client{
		base:  strings.TrimRight(u.String(), "/"),
		token: o.Token,
		http: &http.Client{
			Transport: transport,
			// A redirect would make a GET of a PUT, and take the token elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Server returns the URL of the server.
func (c *Client) Server() string { return c.base }

// Loopback reports whether the server is on this machine.
func (c *Client) Loopback() bool {
	u, err := url.Parse(c.base)
	return err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}

// request is one call of the API.
type request struct {
	method string
	path   string // escaped
	query  url.Values
	header http.Header
	body   []byte        // JSON; nil: none
	wait   time.Duration // that the server may take beyond the usual
}

// send returns the answer, whose body has to be closed, if its status says that all is well.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, readError(resp)
	}
	return resp, nil
}

// call sends a request and reads the whole answer.
func (c *Client) call(ctx context.Context, r request) (json.RawMessage, error) {
	timeout := requestTimeout + r.wait
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errors.New("no answer within "+timeout.String()))
	defer cancel()
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	return bytes.TrimSpace(answer), nil
}

// get reads a document into v.
func (c *Client) get(ctx context.Context, path string, query url.Values, v any) error {
	answer, err := c.call(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	return decode(answer, v)
}

// decode reads an answer. One that is not as expected comes from something else than a thoonkd.
func decode(answer json.RawMessage, v any) error {
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("the answer is not thoonkd's: %w", err)
	}
	return nil
}

// UnreachableError tells that there was no answer, or only a part of one.
type UnreachableError struct {
	Server string
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("%s does not answer: %v", e.Server, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

func (c *Client) unreachable(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // which named the whole URL
	}
	if ctx.Err() != nil {
		err = cmp.Or(context.Cause(ctx), err)
	}
	return &UnreachableError{Server: c.base, Err: err}
}

// escape returns a name as one segment of a path. A segment of only dots would be removed when the URL is resolved
// (RFC 3986 section 5.2.4).
func escape(name string) string {
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

func feedPath(feed thoonk.FeedName) string { return "/v1/feeds/" + escape(string(feed)) }

func itemPath(feed thoonk.FeedName, id thoonk.ItemID) string {
	return feedPath(feed) + "/items/" + escape(string(id))
}
