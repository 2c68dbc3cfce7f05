package api

import (
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// past gives a feed a history of n changes, from revision 2 on.
func (e *edge) past(name thoonk.FeedName, n int) {
	e.feed(string(name), "")
	for i := range n {
		change := published(uint64(i+2), `{"n": 1}`).Event
		change.Feed = name
		e.store.history[name] = append(e.store.history[name], change)
	}
	e.store.feeds[name].number = uint64(n + 1)
}

func TestHistory(t *testing.T) {
	e := newEdge(t, nil)
	wants := func(token string) []string { return []string{token, "Accept", "application/json"} }
	get := func(query, token string) answer {
		h := wants(token)
		return e.do("GET", "/v1/feeds/a%2Fb/events"+query, "", as(h[0], h[1:]...))
	}
	get("", "reader").problem(404, "not_found")
	e.past("a/b", 3)
	event := func(n, actor string) string {
		return `{"feed":"a/b","revision":"` + n + `-176387439900000` + n + `","kind":"publish","id":"x","at":"2025-11-23T05:06:39.00000` + n + `Z"` +
			actor + `,"body":{"n": 1}}`
	}
	get("", "reader").is(200).has("Content-Type", "application/json").has("Link", "").has("Cache-Control", "no-cache").
		has("Vary", "Authorization\nAccept\nAccept-Encoding").
		says(`{"changes":[` + event("2", "") + "," + event("3", "") + "," + event("4", "") + `],"revision":"4-1763874399000004"}`)
	if e.store.asked != (thoonk.ChangeQuery{Feed: "a/b", Limit: defaultLimit}) {
		t.Errorf("asked %+v", e.store.asked)
	}
	get("?limit=1", "admin").is(200).
		says(`{"changes":[`+event("2", `,"actor":"jwt:test|someone"`)+`],"revision":"4-1763874399000004","next":"2-1763874399000002"}`).
		has("Link", `</v1/feeds/a%2Fb/events?limit=1&since=2-1763874399000002>; rel="next"`)
	get("?limit=2&since=2-1763874399000002", "reader").is(200).
		says(`{"changes":[` + event("3", "") + "," + event("4", "") + `],"revision":"4-1763874399000004"}`)
	get("?since=4-1763874399000004", "reader").is(200).says(`{"changes":[],"revision":"4-1763874399000004"}`)

	// A change that came right after the feed's revision was looked at.
	e.store.feeds["a/b"].number = 3
	get("?since=3-1763874399000003", "reader").is(200).has("Link", "").says(`{"changes":[` + event("4", "") + `],"revision":"4-1763874399000004"}`)

	get("?since=1-1", "reader").faults(410, "gone", "?since")
	for query, place := range map[string]string{
		"since=x": "?since", "since=": "?since", "limit=0": "?limit", "limit=1001": "?limit", "snapshot=true": "?snapshot", "cursor=x": "?cursor",
	} {
		get("?"+query, "reader").faults(400, "invalid", place)
	}
	get("", "writer").problem(403, "forbidden")
	e.auth.public = grants("a/b", auth.Read)
	head := e.do("HEAD", "/v1/feeds/a%2Fb/events", "", as("", "Accept", "application/json")).is(200).says("").has("Content-Type", "application/json")
	head.has("Content-Length", e.do("GET", "/v1/feeds/a%2Fb/events", "", as("", "Accept", "application/json")).header.Get("Content-Length"))
}

// The document is made of what streams send, for events of all kinds.
func TestHistoryDoc(t *testing.T) {
	r := thoonk.Revision{Number: 12, Stamp: 1763874399123456}
	page := thoonk.ChangePage{Revision: r, Changes: []thoonk.Event{
		{Feed: "f", Revision: r, Kind: thoonk.Create, Actor: "me"},
		{Feed: "f", Revision: r, Kind: thoonk.Moved, ItemID: "x", Position: thoonk.Position{After: "y"}, Actor: "me"},
		{Feed: "f", Revision: r, Kind: thoonk.Edit, ItemID: "x", Body: []byte("a\nb"), BodySize: 3, Content: thoonk.Text, Restated: true},
	}}
	const head, at = `{"feed":"f","revision":"12-1763874399123456","kind":`, `,"at":"2025-11-23T05:06:39.123456Z"`
	want := `{"changes":[` + head + `"create"` + at + `A},` + head + `"position","id":"x","position":{"after":"y"}` + at + `A},` +
		head + `"edit","id":"x"` + at + `,"restated":true,"text":"a\nb"}],"revision":"12-1763874399123456"}`
	if got := string(historyDoc(page, thoonk.Revision{}, true)); got != strings.ReplaceAll(want, "A", `,"actor":"me"`) {
		t.Error(got)
	}
	if got := string(historyDoc(page, thoonk.Revision{}, false)); got != strings.ReplaceAll(want, "A", "") {
		t.Error(got)
	}
	if got := string(historyDoc(thoonk.ChangePage{}, thoonk.Revision{}, false)); got != `{"changes":[]}` {
		t.Error(got)
	}
}
