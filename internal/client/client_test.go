package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// answering returns a client of a server that does as h says.
func answering(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := client.New(client.Options{Server: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestServers(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"http://127.0.0.1:8080": "http://127.0.0.1:8080 true",
		"https://[::1]/base/":   "https://[::1]/base true",
		"localhost:80":          "http://localhost:80 true",
		"https://example.org":   "https://example.org false",
		"10.0.0.1":              "http://10.0.0.1 false",
		"":                      "error", "ftp://a": "error", "http://": "error", "http://u:p@a": "error", "http://a?b": "error", "http://a#b": "error",
	} {
		got := "error"
		if c, err := client.New(client.Options{Server: server}); err == nil {
			got = fmt.Sprint(c.Server(), " ", c.Loopback())
		}
		if got != want {
			t.Errorf("%q: %s, want %s", server, got, want)
		}
	}
}

// Each request as it goes out, with names that a path cannot carry as they are.
func TestRequests(t *testing.T) {
	t.Parallel()
	var sent string
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = strings.TrimSpace(strings.Join([]string{
			r.Method, r.RequestURI, r.Header.Get("If-Match"), r.Header.Get("If-None-Match"), r.Header.Get("Content-Type"), string(body),
		}, " "))
		_, _ = io.WriteString(w, `{"id":"x","revision":"1-2"}`)
	})
	revision := thoonk.Revision{Number: 3, Stamp: 4}
	body := func(form thoonk.Form, data string) client.Body { return client.Body{Form: form, Data: []byte(data)} }
	publish := func(p client.Publication) func() error {
		return func() error { _, err := c.Publish(t.Context(), p); return err }
	}
	for want, do := range map[string]func() error{
		`PUT /v1/feeds/a%2Fb%25%20c  * application/json {"type":"sorted_feed","max_length":5,"history":{"count":7}}`: func() error {
			_, err := c.CreateFeed(t.Context(), "a/b% c", client.Config{Type: thoonk.TypeSortedFeed, MaxLength: 5, History: client.History{Count: 7}})
			return err
		},
		`PUT /v1/feeds/%C3%A9  * application/json {}`: func() error {
			_, err := c.CreateFeed(t.Context(), "é", client.Config{})
			return err
		},
		`DELETE /v1/feeds/a%252Fb`: func() error { return c.DeleteFeed(t.Context(), "a%2Fb") },
		`GET /v1/feeds/a/items/%2E%2E`: func() error {
			_, err := c.Item(t.Context(), "a", "..")
			return err
		},
		`POST /v1/feeds/a/items   application/json {"body":{"a" : 1}}`:                          publish(client.Publication{Feed: "a", Body: body(thoonk.FormBody, `{"a" : 1}`)}),
		`PUT /v1/feeds/a/items/x   application/json {"text":"<\"\n","position":{"first":true}}`: publish(client.Publication{Feed: "a", ID: "x", Body: body(thoonk.FormText, "<\"\n"), Position: thoonk.Position{First: true}}),
		`PUT /v1/feeds/a/items/x * application/json {"xml":"<a/>","position":{"after":"\"y"}}`:  publish(client.Publication{Feed: "a", ID: "x", Body: body(thoonk.FormXML, "<a/>"), Position: thoonk.Position{After: `"y`}, If: thoonk.Condition{MatchAny: true}}),
		`PUT /v1/feeds/a/items/x "3-4"  application/json {"base64":"AP8="}`:                     publish(client.Publication{Feed: "a", ID: "x", Body: body(thoonk.FormBase64, "\x00\xff"), If: thoonk.Condition{Match: []thoonk.Revision{revision}}}),
		`PUT /v1/feeds/a/items/x/position   application/json {"before":"y"}`: func() error {
			_, err := c.Move(t.Context(), "a", "x", thoonk.Position{Before: "y"}, thoonk.Condition{})
			return err
		},
		`PUT /v1/feeds/a/items/x/position "3-4"  application/json {"last":true}`: func() error {
			_, err := c.Move(t.Context(), "a", "x", thoonk.Position{Last: true}, thoonk.Condition{Match: []thoonk.Revision{revision}})
			return err
		},
		`DELETE /v1/feeds/a/items/x%3Fy "3-4"`: func() error {
			return c.Retract(t.Context(), "a", "x?y", thoonk.Condition{Match: []thoonk.Revision{revision}})
		},
	} {
		sent = ""
		err := do()
		if strings.Join(strings.Fields(sent), " ") != strings.Join(strings.Fields(want), " ") || err != nil {
			t.Errorf("%v; sent\n%s, want\n%s", err, sent, want)
		}
	}
}

func TestBodiesAreCheckedFirst(t *testing.T) {
	t.Parallel()
	c := answering(t, func(_ http.ResponseWriter, r *http.Request) { t.Error(r.Method, r.URL) })
	for _, body := range []client.Body{
		{Form: thoonk.FormBody, Data: []byte(`1,"position":{}`)}, {Form: thoonk.FormText, Data: []byte("\xff")}, {Form: thoonk.FormXML, Data: []byte("a")}, {},
	} {
		_, err := c.Publish(t.Context(), client.Publication{Feed: "a", Body: body})
		if _, ok := errors.AsType[*thoonk.Error](err); !ok {
			t.Errorf("%+v: %v", body, err)
		}
	}
}

// Bodies come byte for byte, whatever JSON they are.
func TestBodies(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]client.Body{
		`{"body":{ "a" : 1.0 }}`: {Form: thoonk.FormBody, Data: []byte(`{ "a" : 1.0 }`)},
		`{"body":null}`:          {Form: thoonk.FormBody, Data: []byte("null")},
		`{"text":""}`:            {Form: thoonk.FormText},
		`{"xml":"<a/>"}`:         {Form: thoonk.FormXML, Data: []byte("<a/>")},
		`{"base64":"AP8="}`:      {Form: thoonk.FormBase64, Data: []byte{0, 255}},
		`{"base64":""}`:          {Form: thoonk.FormBase64},
		`{}`:                     {},
	} {
		c := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, document) })
		item, err := c.Item(t.Context(), "a", "x")
		if err != nil || item.Body.Form != want.Form || string(item.Body.Data) != string(want.Data) || string(item.Raw) != document {
			t.Errorf("%s: %+v %v", document, item, err)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	var asked []string
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		next := map[string]string{"": "1", "1": "2"}[r.URL.Query().Get("cursor")]
		element := fmt.Sprintf(`{"name":"f%[1]s","id":"i%[1]s"}`, next)
		fmt.Fprintf(w, `{"feeds":[%[1]s],"items":[%[1]s],"next":%[2]q}`, element, next)
	})
	var names []string
	for feed, err := range c.Feeds(t.Context(), client.FeedQuery{Match: "f*", Type: thoonk.TypeFeed, Page: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, string(feed.Name))
	}
	for item, err := range c.Items(t.Context(), client.ItemQuery{Feed: "a", Order: thoonk.Backward}) {
		if err != nil {
			t.Fatal(err)
		}
		if names = append(names, string(item.ID)); item.ID == "i2" {
			break // the last page is not asked for
		}
	}
	if want := []string{"f1", "f2", "f", "i1", "i2"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if want := []string{
		"/v1/feeds?limit=1&match=f%2A&type=feed", "/v1/feeds?cursor=1&limit=1&match=f%2A&type=feed", "/v1/feeds?cursor=2&limit=1&match=f%2A&type=feed",
		"/v1/feeds/a/items?order=desc", "/v1/feeds/a/items?cursor=1&order=desc",
	}; !slices.Equal(asked, want) {
		t.Errorf("%q, want %q", asked, want)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{"title": "A precondition failed", "detail": "the present revision is 1-2"}`:                      "the present revision is 1-2 (HTTP 412 Precondition Failed)",
		`{"title": "A precondition failed"}`:                                                               "A precondition failed (HTTP 412 Precondition Failed)",
		`{"detail": "no", "errors": [{"pointer": "#/a", "detail": "no"}]}`:                                 "#/a: no (HTTP 412 Precondition Failed)",
		`{"detail": "two", "errors": [{"parameter": "p", "detail": "x"}, {"header": "H", "detail": "y"}]}`: "two: p: x; H: y (HTTP 412 Precondition Failed)",
		`{"detail": "one\n\u001b[2Jline"}`:                                                                 "one [2Jline (HTTP 412 Precondition Failed)",
		`<html>`:                                                                                           "the server answered HTTP 412 Precondition Failed",
		``:                                                                                                 "the server answered HTTP 412 Precondition Failed",
		`[]`:                                                                                               "the server answered HTTP 412 Precondition Failed",
	} {
		c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusPreconditionFailed)
			_, _ = io.WriteString(w, document)
		})
		err := c.DeleteFeed(t.Context(), "a")
		if e, ok := errors.AsType[*client.Error](err); !ok || e.Error() != want || e.Status != 412 || e.Temporary() {
			t.Errorf("%s: %v", document, err)
		}
	}
}

// A redirect would turn a PUT into a GET, and an answer that is not ours must not pass for one.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			http.Redirect(w, r, "/", http.StatusFound)
		case strings.HasSuffix(r.URL.Path, "cut"):
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "{")
		default:
			_, _ = io.WriteString(w, "<html>")
		}
	})
	if _, err := c.CreateFeed(t.Context(), "a", client.Config{}); err == nil || !strings.Contains(err.Error(), "HTTP 302 Found") {
		t.Error(err)
	}
	if _, err := c.Item(t.Context(), "a", "x"); err == nil || !strings.Contains(err.Error(), "not thoonkd's") {
		t.Error(err)
	}
	_, err := c.Item(t.Context(), "a", "cut")
	if _, ok := errors.AsType[*client.UnreachableError](err); !ok {
		t.Error(err)
	}
	for _, err := range c.Feeds(t.Context(), client.FeedQuery{}) {
		if _, ok := errors.AsType[*json.SyntaxError](err); !ok {
			t.Error(err)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	var sent []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.Header.Get("Authorization"))
	}))
	defer server.Close()
	n, failure := 0, error(nil)
	c, err := client.New(client.Options{Server: server.URL, Token: func() (string, error) { n++; return fmt.Sprint(n), failure }})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.DeleteFeed(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	failure = errors.New("no token")
	if err := c.DeleteFeed(t.Context(), "a"); !errors.Is(err, failure) || !slices.Equal(sent, []string{"Bearer 1", "Bearer 2"}) {
		t.Error(err, sent)
	}
}
