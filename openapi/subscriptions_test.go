package openapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

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
	r := w.request("POST", "/hub", form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 204 {
		w.t.Fatalf("%s: %s", resp.Status, text)
	}
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
