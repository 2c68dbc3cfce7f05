package openapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pb33f/jsonschema/v6"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/content"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/openapi"
)

// The document is valid OpenAPI 3.1.
func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	v := newValidator(t, openapi.Document(""))
	if ok, faults := v.ValidateDocument(); !ok {
		for _, f := range faults {
			t.Error(f.Error())
		}
	}
}

func newValidator(t *testing.T, document []byte) validator.Validator {
	t.Helper()
	doc, err := libopenapi.NewDocument(document)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc, config.WithBodyDecoder("application/x-www-form-urlencoded", content.DecoderFunc(decodeForm)))
	for _, err := range errs {
		t.Fatal(err)
	}
	return v
}

// walker sends requests to a real server and holds both them and the answers to the document. There, objects may have
// the members that are described and no others.
type walker struct {
	t      *testing.T
	server server
	v      validator.Validator
	closed []byte
	body   []byte // of the last answer
}

func walk(t *testing.T) *walker {
	t.Helper()
	s := start(t)
	closed := closedDocument(t, s.url)
	return &walker{t: t, server: s, v: newValidator(t, closed), closed: closed}
}

func closedDocument(t *testing.T, url string) []byte {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(openapi.Document(url), &doc); err != nil {
		t.Fatal(err)
	}
	for _, schema := range doc["components"].(map[string]any)["schemas"].(map[string]any) {
		closeObjects(schema)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func closeObjects(schema any) {
	s, _ := schema.(map[string]any)
	if properties, ok := s["properties"].(map[string]any); ok {
		s["additionalProperties"] = false
		for _, p := range properties {
			closeObjects(p)
		}
	}
	if items, ok := s["items"]; ok {
		closeObjects(items)
	}
}

// send sends a request that the document allows.
func (w *walker) send(want int, method, path, body string, header ...string) http.Header {
	w.t.Helper()
	return w.exchange(true, want, method, path, body, header...)
}

// wrong sends one that it does not allow.
func (w *walker) wrong(want int, method, path, body string, header ...string) {
	w.t.Helper()
	w.exchange(false, want, method, path, body, header...)
}

func (w *walker) exchange(valid bool, want int, method, path, body string, header ...string) http.Header {
	w.t.Helper()
	r := w.request(method, path, body, header...)
	check := r.Clone(w.t.Context())
	check.Body = io.NopCloser(strings.NewReader(body))
	if ok, faults := w.v.ValidateHttpRequest(check); ok != valid {
		w.t.Errorf("%s %s: the request is valid: %t, want %t: %v", method, path, ok, valid, faults)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		w.t.Fatalf("%s %s: %s, want %d, %v\n%s", method, path, resp.Status, want, err, text)
	}
	w.body = text
	resp.Body = io.NopCloser(bytes.NewReader(text))
	if ok, faults := w.v.ValidateHttpResponse(r, resp); !ok {
		for _, f := range faults {
			w.t.Errorf("%s %s: %v %+v\n%s", method, path, f, f.SchemaValidationErrors, text)
		}
	}
	return resp.Header
}

func (w *walker) request(method, path, body string, header ...string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.server.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.server.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// Requests and answers are as the document says.
func TestServerConforms(t *testing.T) {
	t.Parallel()
	w := walk(t)
	const merge, lines = "application/merge-patch+json", "application/x-ndjson"
	w.serves("/openapi.json", openapi.Document(w.server.url))
	w.serves("/docs", openapi.Docs())
	w.send(200, "GET", "/healthz", "")
	thoonktest.Eventually(t, "ready", func() bool {
		resp, err := http.DefaultClient.Do(w.request("GET", "/readyz", ""))
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == 200
	})
	w.send(200, "GET", "/readyz", "")

	w.send(201, "PUT", "/v1/feeds/a", `{"max_length":10,"history":{"count":500},"extra":{"title":"A"}}`)
	w.send(200, "PUT", "/v1/feeds/a", `{"content":"json"}`, "Idempotency-Key", `"1"`)
	w.send(201, "PUT", "/v1/feeds/s", `{"type":"sorted_feed"}`)
	w.send(200, "PATCH", "/v1/feeds/a", `{"content":null,"extra":{"title":"B"}}`, "Content-Type", merge)
	tag := w.send(200, "GET", "/v1/feeds/a", "").Get("ETag")
	w.send(304, "GET", "/v1/feeds/a", "", "If-None-Match", tag)
	w.send(200, "GET", "/v1/feeds?match=*&type=feed&limit=1", "")
	w.wrong(400, "PUT", "/v1/feeds/q", `{"type":"queue"}`)
	w.wrong(400, "PUT", "/v1/feeds/a", `{"maximum":10}`)
	w.wrong(415, "PUT", "/v1/feeds/a", `a`, "Content-Type", "text/plain")
	w.wrong(400, "GET", "/v1/feeds?limit=0", "")
	w.send(404, "GET", "/v1/feeds/none", "")
	w.send(401, "GET", "/v1/feeds/a", "", "Authorization", "Bearer x")

	w.send(201, "POST", "/v1/feeds/a/items", `{"body":{"n":1}}`)
	w.send(201, "PUT", "/v1/feeds/a/items/t", `{"text":"t"}`, "If-None-Match", "*")
	w.send(200, "PUT", "/v1/feeds/a/items/t", `{"xml":"<a/>"}`)
	w.send(201, "PUT", "/v1/feeds/a/items/b", `{"base64":"/w=="}`)
	w.send(412, "PUT", "/v1/feeds/a/items/t", `{"text":"t"}`, "If-None-Match", "*")
	w.wrong(400, "PUT", "/v1/feeds/a/items/t", `{"text":"t","body":1}`)
	w.wrong(400, "PUT", "/v1/feeds/a/items/t", `{}`)
	w.send(409, "POST", "/v1/feeds/a/items", `{"text":"t","position":{"first":true}}`)
	w.send(200, "PATCH", "/v1/feeds/a/items/t", `{"text":null,"body":{"n":1}}`, "Content-Type", merge)
	tag = w.send(200, "GET", "/v1/feeds/a/items/t", "").Get("ETag")
	w.send(200, "GET", "/v1/feeds/a/items/b", "")
	w.send(304, "GET", "/v1/feeds/a/items/t", "", "If-None-Match", tag)
	w.send(200, "GET", "/v1/feeds/a/items?limit=1&order=desc", "")
	w.send(200, "GET", "/v1/feeds/a/items?id=t&id=none", "")

	w.send(201, "PUT", "/v1/feeds/s/items/x", `{"text":"x"}`)
	w.send(201, "PUT", "/v1/feeds/s/items/y", `{"text":"y","position":{"before":"x"}}`)
	w.send(200, "PUT", "/v1/feeds/s/items/y/position", `{"last":true}`)
	w.send(404, "PUT", "/v1/feeds/s/items/y/position", `{"after":"none"}`)
	w.wrong(400, "PUT", "/v1/feeds/s/items/y/position", `{"first":true,"last":true}`)
	w.send(200, "POST", "/v1/feeds/s/batch", `[{"op":"publish","id":"z","text":"z","position":{"first":true}},
		{"op":"edit","id":"z","body":1},{"op":"edit","id":"y","text":"Y","if_match":"*"},{"op":"position","id":"z","position":{"after":"x"}},{"op":"retract","id":"x"}]`)
	w.wrong(200, "POST", "/v1/feeds/s/batch", `{"op":"publish","text":"z"}`+"\n", "Content-Type", lines) // the validator takes a line for JSON
	w.send(422, "POST", "/v1/feeds/s/batch", `[{"op":"retract","id":"none"}]`)
	w.wrong(400, "POST", "/v1/feeds/s/batch", `[{"op":"retract"}]`)

	w.send(200, "GET", "/v1/feeds/a/events?limit=5", "", "Accept", "application/json")
	w.send(200, "GET", "/v1/feeds/s/events", "", "Accept", "application/json")
	w.send(410, "GET", "/v1/feeds/a/events?since=99-1", "", "Accept", "application/json")
	w.send(406, "GET", "/v1/events?feed=a", "", "Accept", "text/plain")
	w.subscriptions()
	w.send(200, "GET", "/v1/xmpp/links", "")
	w.send(200, "GET", "/v1/xmpp/nodes?limit=1", "")
	w.send(200, "GET", "/v1/xmpp/subscriptions?node=a&pending=true", "")
	w.wrong(400, "GET", "/v1/xmpp/subscriptions", "")
	w.send(201, "POST", "/v1/stream-tickets", `{"feeds":["a","s*"]}`)
	w.wrong(400, "POST", "/v1/stream-tickets", `{"feeds":[]}`)
	w.send(201, "PUT", "/v1/sources/s", `{"url":"http://feeds.example.org/atom","feed":"a","paused":true,"min_interval":"5m","hub":false}`)
	tag = w.send(200, "PATCH", "/v1/sources/s", `{"min_interval":null,"paused":false}`, "Content-Type", merge, "Idempotency-Key", `"1"`).Get("ETag")
	w.send(412, "PUT", "/v1/sources/s", `{"url":"http://feeds.example.org/atom","feed":"a"}`, "If-None-Match", tag)
	w.send(202, "POST", "/v1/sources/s/refresh", "")
	w.send(200, "GET", "/v1/sources/s", "")
	w.send(200, "GET", "/v1/sources?limit=1", "")
	w.wrong(400, "PUT", "/v1/sources/s", `{"url":"http://feeds.example.org/atom"}`)
	w.send(422, "PUT", "/v1/sources/s", `{"url":"http://10.0.0.1/atom","feed":"a"}`)
	w.send(204, "DELETE", "/v1/sources/s", "", "If-Match", tag)
	w.send(404, "GET", "/v1/sources/s", "")
	w.events("/v1/feeds/a/events?snapshot=true")
	w.events("/v1/events?feed=a&match=s*&snapshot=true")
	w.events("/v1/feeds/a/events?snapshot=true&since=99-1")
	w.events("/v1/events?feed=a&since=99-1")

	w.jobs()
	w.queues()

	w.send(204, "DELETE", "/v1/feeds/a/items/t", "", "If-Match", "*")
	w.send(204, "DELETE", "/v1/feeds/a", "")
	w.send(404, "DELETE", "/v1/feeds/a", "")
}

func (w *walker) jobs() {
	w.t.Helper()
	const merge = "application/merge-patch+json"
	w.send(201, "PUT", "/v1/jobs/j", `{"content":"json","pubsub":{"access_model":"open"},"syndication":{"title":"J"},"max_attempts":3,"backoff":{"first":"1ms","factor":1.5,"max":"1s","jitter":0.5},"rate":{"count":1000,"per":"1s"},
		"group_concurrency":5,"results":{"keep":"1h","count":50},"events":"all","schema":{"type":"object"},"stamp":{"by":"sub"},"lease":"1m","max_lease":"2m"}`)
	w.send(200, "PATCH", "/v1/jobs/j", `{"paused":null,"rate":null}`, "Content-Type", merge)
	w.send(200, "GET", "/v1/jobs/j", "")
	if got := string(w.body); !strings.Contains(got, `"access_model":"open"`) || !strings.Contains(got, `"syndication":{"title":"J"}`) {
		w.t.Errorf("the queue is %s", got)
	}
	w.send(200, "PUT", "/v1/jobs/j", `{"schema":{"type":"object"}}`)
	w.wrong(400, "PUT", "/v1/jobs/j", `{"max_length":1}`)
	w.send(422, "PUT", "/v1/jobs/j", `{"webhook":{"url":"http://10.0.0.1/"}}`)
	w.send(201, "POST", "/v1/jobs/j/items", `{"id":"a","payload":{"n":1}}`, "Idempotency-Key", "1")
	w.send(201, "POST", "/v1/jobs/j/items", `[{"id":"b","payload":{"n":2},"priority":"high","unique":"u","group":"g","max_attempts":1},{"id":"c","payload":{},"after":["a"]},{"id":"d","payload":{},"delay":"1h"}]`)
	w.send(200, "POST", "/v1/jobs/j/items", `{"payload":{"n":2},"unique":"u"}`)
	w.send(202, "POST", "/v1/jobs/j/items", `{"id":"e","payload":{}}`, "Prefer", "wait=0")
	w.send(422, "POST", "/v1/jobs/j/items", `{"payload":1}`)
	w.wrong(400, "POST", "/v1/jobs/j/items", `{"payload":1,"text":""}`)
	w.send(200, "GET", "/v1/jobs/j/items?limit=2", "")
	w.send(200, "GET", "/v1/jobs/j/items?state=held", "")
	w.send(200, "GET", "/v1/jobs/j/items/c", "")
	w.send(200, "PATCH", "/v1/jobs/j/items/d", `{"payload":{"n":4}}`, "Content-Type", merge)
	w.send(409, "PATCH", "/v1/jobs/j/items/a", `{"payload":{"n":4}}`, "Content-Type", merge)

	token := w.token("/v1/jobs/j/claims", `{"count":3,"wait":"1s","lease":"30s"}`)
	w.send(200, "POST", "/v1/jobs/j/items/a/extend", `{"lease":"`+token+`","for":"1m"}`)
	w.send(200, "POST", "/v1/jobs/j/items/a/progress", `{"lease":"`+token+`","progress":{"percent":5}}`)
	w.send(200, "POST", "/v1/jobs/j/items/a/finish", `{"lease":"`+token+`","result":{"ok":true}}`)
	w.send(200, "GET", "/v1/jobs/j/items/a/result?wait=1s", "")
	w.send(200, "POST", "/v1/jobs/j/items/b/cancel", `{"lease":"`+token+`","error":"no"}`) // its only attempt
	w.send(409, "POST", "/v1/jobs/j/items/b/stall", `{"lease":"`+token+`"}`)
	w.send(202, "DELETE", "/v1/jobs/j/items/e", "")
	w.send(200, "POST", "/v1/jobs/j/items/e/stall", `{"lease":"`+token+`","error":"no"}`)
	w.send(200, "POST", "/v1/jobs/j/items/b/retry", "")
	w.send(200, "POST", "/v1/jobs/j/retry", `{"state":"stalled"}`)
	w.send(200, "POST", "/v1/jobs/j/finish", `[{"id":"b","lease":"x"}]`)
	w.send(202, "GET", "/v1/jobs/j/items/d/result", "")
	w.send(200, "POST", "/v1/jobs/j/claims", "")
	w.send(200, "GET", "/v1/jobs/j/events?kind=stall&limit=5", "", "Accept", "application/json")
	w.send(204, "DELETE", "/v1/jobs/j/items/d", "")
	w.send(200, "POST", "/v1/jobs/j/retract", `{"ids":["c","none"]}`)
	at := w.send(201, "PUT", "/v1/jobs/j/schedules/n", `{"cron":"0 3 * * *","zone":"Europe/Rome","job":{"payload":{"n":1},"priority":"high"},"alone":true}`).Get("Location")
	w.send(200, "GET", at, "")
	w.send(200, "PUT", "/v1/jobs/j/schedules/n", `{"every":"1h0m0s","job":{"payload":{"n":1}},"paused":true}`)
	w.send(200, "GET", "/v1/jobs/j/schedules/n", "")
	w.send(200, "GET", "/v1/jobs/j/schedules", "")
	w.send(422, "PUT", "/v1/jobs/j/schedules/never", `{"cron":"0 0 30 2 *","job":{"payload":{}}}`)
	w.wrong(400, "PUT", "/v1/jobs/j/schedules/n", `{"every":"1h"}`)
	w.send(204, "DELETE", "/v1/jobs/j/schedules/n", "")
	w.send(404, "DELETE", "/v1/jobs/j/schedules/n", "")
	w.send(204, "DELETE", "/v1/jobs/j", "")
	w.send(404, "GET", "/v1/jobs/j", "")
}

func (w *walker) queues() {
	w.t.Helper()
	w.send(201, "PUT", "/v1/queues/q", `{"lease":"1m","content":"json"}`)
	w.send(200, "PUT", "/v1/queues/q", `{}`)
	w.send(200, "PATCH", "/v1/queues/q", `{"events":"none"}`, "Content-Type", "application/merge-patch+json")
	tag := w.send(200, "GET", "/v1/queues/q", "").Get("ETag")
	w.send(304, "GET", "/v1/queues/q", "", "If-None-Match", tag)
	w.send(400, "POST", "/v1/queues/q/get", "", "If-Match", tag)
	w.send(201, "POST", "/v1/queues/q/items", `{"id":"a","body":{"n":1}}`)
	w.send(201, "POST", "/v1/queues/q/items", `[{"id":"b","text":"t"},{"id":"c","body":1,"priority":"high"}]`)
	w.send(200, "GET", "/v1/queues/q/items?limit=5", "")
	token := w.token("/v1/queues/q/get", `{"count":2,"ack":"manual","wait":1}`)
	w.send(204, "POST", "/v1/queues/q/items/a/ack", `{"lease":"`+token+`"}`)
	w.send(409, "POST", "/v1/queues/q/items/a/ack", `{"lease":"none","back":true}`)
	w.send(200, "POST", "/v1/queues/q/get?wait=1s", "")
	w.send(200, "POST", "/v1/queues/q/get", "")
	w.send(204, "DELETE", "/v1/queues/q", "")
}

// token claims, and returns the token of the lease.
func (w *walker) token(path, body string) string {
	w.t.Helper()
	w.send(200, "POST", path, body)
	var got struct {
		Jobs  []struct{ Lease struct{ Token string } }
		Lease struct{ Token string }
	}
	if err := json.Unmarshal(w.body, &got); err != nil {
		w.t.Fatal(err)
	}
	if len(got.Jobs) > 0 {
		return got.Jobs[0].Lease.Token
	}
	return got.Lease.Token
}

// serves checks that everybody gets a text.
func (w *walker) serves(path string, want []byte) {
	w.t.Helper()
	resp, err := http.Get(w.server.url + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || !bytes.Equal(got, want) {
		w.t.Errorf("%s: %s, %d bytes, want %d, %v", path, resp.Status, len(got), len(want), err)
	}
}

// events reads a stream up to the answer to a change, and holds each event, with the data in it, to the document.
func (w *walker) events(path string) {
	w.t.Helper()
	event := w.schemaOfEvents()
	resp, err := http.DefaultClient.Do(w.request("GET", path, "", "Accept", "text/event-stream"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	seen := map[string]bool{}
	_ = thoonktest.ReadSSE(resp.Body, func(e thoonktest.SSEvent) bool {
		doc := map[string]any{"event": e.Event, "data": e.Data}
		if e.ID != "" {
			doc["id"] = e.ID
		}
		if err := event.Validate(doc); err != nil {
			w.t.Errorf("%s: %+v: %v", path, e, err)
		}
		if seen[e.Event] = true; e.Event == "live" || e.Event == "reset" && !strings.Contains(path, "snapshot") {
			w.send(200, "PUT", "/v1/feeds/a/items/t", `{"text":"t"}`)
		}
		return e.Event != "edit"
	})
	if !seen["edit"] {
		w.t.Errorf("%s: only %v came", path, seen)
	}
}

func (w *walker) schemaOfEvents() *jsonschema.Schema {
	w.t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.closed))
	if err != nil {
		w.t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertContent()
	c.AssertFormat()
	if err := c.AddResource("urn:openapi", doc); err != nil {
		w.t.Fatal(err)
	}
	schema, err := c.Compile("urn:openapi#/components/schemas/ServerSentEvent")
	if err != nil {
		w.t.Fatal(err)
	}
	return schema
}
