package openapi_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/pb33f/libopenapi-validator/content"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// subscriptions has the hub take a subscription of a callback that takes no delivery, and looks at it from all sides.
func (w *walker) subscriptions() {
	w.t.Helper()
	callback := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(rw, r.URL.Query().Get("hub.challenge"))
			return
		}
		rw.WriteHeader(http.StatusInternalServerError)
	}))
	w.t.Cleanup(callback.Close)
	form := url.Values{"hub.mode": {"subscribe"}, "hub.verify": {"sync"}, "hub.secret": {"s"}, "hub.callback": {callback.URL}, "hub.topic": {w.server.url + "/feeds/a.atom"}}
	const media = "application/x-www-form-urlencoded"
	w.send(204, "POST", "/hub", form.Encode(), "Content-Type", media)
	w.hub(form, media)
	w.send(200, "PUT", "/v1/feeds/a/items/t", `{"text":"delivered"}`)
	var id string
	thoonktest.Eventually(w.t, "the delivery has failed", func() bool {
		resp, err := http.DefaultClient.Do(w.request("GET", "/v1/subscriptions?state=failing", ""))
		if err != nil {
			w.t.Fatal(err)
		}
		defer resp.Body.Close()
		var page struct{ Subscriptions []struct{ ID string } }
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
			w.t.Fatal(err)
		}
		for _, s := range page.Subscriptions {
			id = s.ID
		}
		return id != ""
	})
	w.send(200, "GET", "/v1/subscriptions?limit=1", "")
	w.send(200, "GET", "/v1/subscriptions?topic="+url.QueryEscape(w.server.url+"/feeds/a.atom")+"&callback="+url.QueryEscape(callback.URL), "")
	w.wrong(400, "GET", "/v1/subscriptions?state=bad", "")
	one := "/v1/subscriptions/" + id
	w.send(200, "GET", one, "")
	for _, verb := range []string{"pause", "resume", "redeliver"} {
		w.send(204, "POST", one+"/"+verb, "")
	}
	w.send(204, "POST", one+"/replay", `{"after":"1-1"}`)
	w.wrong(400, "POST", one+"/replay", `{"after":"`+strings.Repeat("x", 5)+`"}`)
	w.send(200, "POST", "/v1/subscriptions/redeliver", "")
	w.send(200, "POST", "/v1/subscriptions/redeliver", `{"state":"failing"}`)
	w.wrong(400, "POST", "/v1/subscriptions/redeliver", `{"state":"bad"}`)
	w.send(204, "DELETE", one, "")
	w.send(404, "GET", one, "")
}

// decodeForm reads the form of the hub as the document has it. The validator's own decoder refuses addresses that are escaped
// as they have to be.
func decodeForm(in *content.DecodeInput) (any, error) {
	text, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(text))
	doc := map[string]any{}
	for name, values := range form {
		switch name {
		case "hub.verify", "hub.url": // which may come more than once
			all := make([]any, len(values))
			for i, v := range values {
				all[i] = v
			}
			doc[name] = all
		default:
			doc[name] = strings.Join(values, " ")
		}
	}
	return doc, err
}

// hub holds what the hub takes and refuses to the document. What the form has is changed in a copy each time.
func (w *walker) hub(form url.Values, media string) {
	w.t.Helper()
	with := func(name string, values ...string) string {
		changed := maps.Clone(form)
		changed[name] = values
		return changed.Encode()
	}
	w.send(202, "POST", "/hub", with("hub.verify", "async"), "Content-Type", media)
	w.send(422, "POST", "/hub", with("hub.callback", "http://10.0.0.1/"), "Content-Type", media)
	w.send(403, "POST", "/hub", with("hub.topic", w.server.url+"/feeds/none.atom"), "Content-Type", media)
	w.send(401, "POST", "/hub", form.Encode(), "Content-Type", media, "Authorization", "Bearer x")
	w.wrong(400, "POST", "/hub", with("hub.topic"), "Content-Type", media)
	w.wrong(400, "POST", "/hub", with("hub.mode", "other"), "Content-Type", media)
	w.wrong(415, "POST", "/hub", "{}")
	ping := url.Values{"hub.mode": {"publish"}, "hub.url": {w.server.url + "/feeds/a.atom", w.server.url + "/feeds/s.atom"}}
	w.send(204, "POST", "/hub", ping.Encode(), "Content-Type", media)
	ping.Set("hub.url", "http://elsewhere.example.org/")
	w.send(403, "POST", "/hub", ping.Encode(), "Content-Type", media)
}
