package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	fetchTimeout = 10 * time.Second
	maxSet       = 1 << 20 // bytes
	maxRedirects = 3
)

// newClient follows no redirect to where the answer could be forged on its way.
func newClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DisableKeepAlives = true // a fetch is rare
		t.MaxResponseHeaderBytes = 64 << 10
		transport = t
	}
	return &http.Client{
		Transport: transport,
		Timeout:   fetchTimeout,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case len(via) > maxRedirects:
				return fmt.Errorf("more than %d redirects", maxRedirects)
			case r.URL.Scheme != "https":
				return fmt.Errorf("a redirect to %s, not https", r.URL.Scheme)
			}
			return nil
		},
	}
}

// fetch gets the set, and how long the server says it will do.
func (r *RemoteKeys) fetch(ctx context.Context) (body []byte, age time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL, whose query may hold a secret
		}
		return nil, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("the answer is %s", resp.Status)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxSet+1))
	if err != nil {
		return nil, 0, err
	}
	if len(body) > maxSet {
		return nil, 0, errors.New("the answer is larger than 1 MiB")
	}
	return body, maxAge(resp.Header), nil
}

// maxAge reads Cache-Control (RFC 9111 section 5.2.2.1), within our bounds.
func maxAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
		if errors.Is(err, strconv.ErrRange) {
			return mostAge
		}
		if err == nil {
			return min(max(time.Duration(seconds)*time.Second, leastAge), mostAge)
		}
	}
	return usualAge
}
