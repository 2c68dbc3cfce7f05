package api

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestMediaType(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	for value, status := range map[string]int{
		"":                                  0,
		"application/json":                  0,
		"Application/JSON; charset=UTF-8":   0,
		"application/vnd.thoonk+json":       0,
		"application/json; charset=latin1":  415,
		"application/x-www-form-urlencoded": 415,
		"text/json":                         415,
		"text/plain":                        415,
		"image/svg+json":                    415,
		"application/json; a":               415,
		"json":                              415,
	} {
		h := as("all")
		if value != "" {
			h.Set("Content-Type", value)
		}
		for method, target := range map[string]string{"PUT": "/v1/feeds/f", "POST": "/v1/feeds/f/items"} {
			body := `{"body":1}`
			if method == "PUT" {
				body = `{}`
			}
			a := e.do(method, target, body, h)
			if status == 415 {
				a.has("Accept", "application/json").problem(415, "unsupported_media_type")
			} else if a.status >= 300 {
				t.Errorf("%q: %d %s", value, a.status, a.body)
			}
		}
	}
	e.do("POST", "/v1/feeds/f/items", `{"body":1}`, as("all", "Content-Encoding", "gzip")).problem(415, "unsupported_media_type")
	e.do("POST", "/v1/feeds/f/items", `{"body":1}`, as("all", "Content-Encoding", "identity")).is(201)
}

func TestBodySize(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	fits := `{"text":"` + strings.Repeat("x", maxBody-11) + `"}`
	e.do("POST", "/v1/feeds/f/items", fits, as("all")).is(201)
	e.do("POST", "/v1/feeds/f/items", fits+" ", as("all")).problem(413, "too_large")
	e.do("PUT", "/v1/feeds/f", fits+" ", as("all")).problem(413, "too_large")
	chunked := func(s string) io.Reader { return struct{ io.Reader }{strings.NewReader(s)} } // of unknown length
	e.send("POST", "/v1/feeds/f/items", chunked(fits), as("all")).is(201)
	e.send("POST", "/v1/feeds/f/items", chunked(fits+" "), as("all")).problem(413, "too_large")
}

// A body that is announced too large is refused before any of it was read.
func TestBodySizeBeforeReading(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	r, err := http.NewRequestWithContext(t.Context(), "POST", e.url+"/v1/feeds/f/items", neverRead{t})
	if err != nil {
		t.Fatal(err)
	}
	r.Header = as("all", "Expect", "100-continue")
	r.ContentLength = maxBody + 1
	resp, err := (&http.Transport{ExpectContinueTimeout: 1 << 40}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

type neverRead struct{ t *testing.T }

func (n neverRead) Read([]byte) (int, error) {
	n.t.Error("the body was read")
	return 0, io.EOF
}
