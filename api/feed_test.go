package api

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestFeed(t *testing.T) {
	e := newEdge(t, nil)
	const defaults = `{"name":"a/<b>","type":"feed","max_length":0,"history":{"count":1000,"bytes":16777216},` +
		`"revision":"1-1763874399000001","created":"2025-11-23T05:06:39.000001Z"}`
	e.do("GET", "/v1/feeds/a%2F%3Cb%3E", "", as("all")).problem(404, "not_found")
	e.do("PUT", "/v1/feeds/a%2F%3Cb%3E", "", as("all")).is(201).says(defaults).
		has("Location", "/v1/feeds/a%2F%3Cb%3E").has("Etag", `"1-1763874399000001"`)
	e.do("GET", "/v1/feeds/a%2F%3Cb%3E", "", as("all")).is(200).says(defaults).has("Etag", `"1-1763874399000001"`)
	e.do("PUT", "/v1/feeds/a%2F%3Cb%3E", ` {"extra": {"a": "<ä>"}, "content": "json", "max_length": 5, "type": "feed",
		"history": {"bytes": 1024, "count": 1}} `, as("all")).is(200).
		says(`{"name":"a/<b>","type":"feed","max_length":5,"content":"json","history":{"count":1,"bytes":1024},`+
			`"extra":{"a":"<ä>"},"revision":"2-1763874399000002","created":"2025-11-23T05:06:39.000001Z"}`).
		has("Location", "").has("Etag", `"2-1763874399000002"`)
	e.do("DELETE", "/v1/feeds/a%2F%3Cb%3E", "", as("all")).is(204).says("")
	e.do("DELETE", "/v1/feeds/a%2F%3Cb%3E", "", as("all")).problem(404, "not_found")
}

// A feed of an old client may lack a type and a time of birth, and have any bytes in its config.
func TestForeignFeed(t *testing.T) {
	e := newEdge(t, nil)
	e.store.feeds["f"] = &fakeFeed{feed: thoonk.Feed{Name: "f", Config: thoonk.Config{Extra: map[string]string{"x": "\xff"}}}}
	e.do("GET", "/v1/feeds/f", "", as("all")).is(200).has("Etag", "").
		says(`{"name":"f","type":"feed","max_length":0,"history":{"count":1000,"bytes":16777216},"extra":{"x":"\ufffd"}}`)
}

func TestParseConfig(t *testing.T) {
	feed := thoonk.Config{Type: thoonk.TypeFeed}
	full := thoonk.Config{
		Type: thoonk.TypeFeed, MaxLength: 1_000_000, Content: thoonk.Entry, History: thoonk.HistoryBounds{Count: 100_000, Bytes: 1 << 30},
		Extra: map[string]string{"a": "", "b": "\x00😀"},
	}
	node := feed
	node.Node = thoonk.Node{
		Access: thoonk.Open, Publishers: thoonk.BySubscribers, Title: "T", PayloadType: "urn:x", MaxPayload: 5, MessageType: thoonk.MessageNormal,
		NoSubscribe: true, NoLast: true, TellConfig: true,
	}
	shown := feed
	shown.Syndication = thoonk.Syndication{
		Title: "T", Description: "D", Link: "https://e.org/", Icon: "https://e.org/i", Language: "de-CH", Author: thoonk.Author{Name: "A", URL: "https://e.org/a"},
		Map: map[string]string{"title": "/a~1b", "content_text": ""},
	}
	for body, want := range map[string]thoonk.Config{
		``: feed, `{}`: feed, `{"type":"feed"}`: feed, `{"history":{}}`: feed, `{"content":"","max_length":0}`: feed,
		`{"max_length":1000000,"content":"entry","history":{"count":100000,"bytes":1073741824},"extra":{"a":"","b":"\u0000\ud83d\ude00"}}`: full,
		`{"pubsub":{"access_model":"open","publish_model":"subscribers","title":"T","type":"urn:x","max_payload_size":5,"notification_type":"normal",
			"subscribe":false,"send_last_published_item":"never","notify_config":true,"notify_delete":true}}`: node,
		`{"syndication":{"title":"T","description":"D","link":"https://e.org/","icon":"https://e.org/i","language":"de-CH",
			"author":{"name":"A","url":"https://e.org/a"},"map":{"title":"/a~1b","content_text":""}}}`: shown,
		`{"pubsub":{"access_model":"whitelist","max_payload_size":262144,"subscribe":true}}`: feed,
	} {
		if got, err := configuredFeed(thoonk.Config{Type: thoonk.TypeFeed}, []byte(body), false); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	e := newEdge(t, nil)
	many := ""
	for i := range maxExtraFields + 1 {
		many += fmt.Sprintf(`,"k%d":""`, i)
	}
	for body, place := range map[string]string{
		`{"type":"Feed"}`:                                "#/type",
		`{"type":null}`:                                  "#/type",
		`{"max_length":-1}`:                              "#/max_length",
		`{"max_length":1000001}`:                         "#/max_length",
		`{"max_length":1.0}`:                             "#/max_length",
		`{"max_length":"1"}`:                             "#/max_length",
		`{"max_length":null}`:                            "#/max_length",
		`{"max_length":99999999999999999999}`:            "#/max_length",
		`{"content":"html"}`:                             "#/content",
		`{"content":1}`:                                  "#/content",
		`{"history":1}`:                                  "#/history",
		`{"history":{"count":0}}`:                        "#/history/count",
		`{"history":{"count":100001}}`:                   "#/history/count",
		`{"history":{"bytes":1023}}`:                     "#/history/bytes",
		`{"history":{"bytes":1073741825}}`:               "#/history/bytes",
		`{"history":{"count":1,"count":1}}`:              "#/history/count",
		`{"history":{"age":1}}`:                          "#/history/age",
		`{"pubsub":null}`:                                "#/pubsub",
		`{"pubsub":{"owner":"me"}}`:                      "#/pubsub/owner",
		`{"pubsub":{"access_model":"all"}}`:              "#/pubsub/access_model",
		`{"pubsub":{"title":1}}`:                         "#/pubsub/title",
		`{"pubsub":{"title":"\u0001"}}`:                  "#/pubsub/title",
		`{"pubsub":{"subscribe":"true"}}`:                "#/pubsub/subscribe",
		`{"pubsub":{"max_payload_size":0}}`:              "#/pubsub/max_payload_size",
		`{"extra":[]}`:                                   "#/extra",
		`{"syndication":1}`:                              "#/syndication",
		`{"syndication":{"title":1}}`:                    "#/syndication/title",
		`{"syndication":{"Title":""}}`:                   "#/syndication/Title",
		`{"syndication":{"link":"javascript:alert(1)"}}`: "#/syndication/link",
		`{"syndication":{"icon":"/icon.png"}}`:           "#/syndication/icon",
		`{"syndication":{"language":"deutsch-"}}`:        "#/syndication/language",
		`{"syndication":{"author":"me"}}`:                "#/syndication/author",
		`{"syndication":{"author":{"email":"x"}}}`:       "#/syndication/author/email",
		`{"syndication":{"author":{"url":"x"}}}`:         "#/syndication/author/url",
		`{"syndication":{"map":{"title":"subject"}}}`:    "#/syndication/map/title",
		`{"syndication":{"map":{"subject":"/a"}}}`:       "#/syndication/map/subject",
		`{"extra":{"a":1}}`:                              "#/extra/a",
		`{"extra":{"a/b~c d":null}}`:                     "#/extra/a~1b~0c%20d",
		`{"extra":{"a":"\ud800"}}`:                       "#/extra/a",
		`{"extra":{"":"x"}}`:                             "#/extra/",
		`{"extra":{"thoonk.birth":"x"}}`:                 "#/extra/thoonk.birth",
		`{"extra":{"max_length":"1"}}`:                   "#/extra/max_length",
		`{"extra":{"history_bytes":"1"}}`:                "#/extra/history_bytes",
		`{"extra":{"x":""` + many + `}}`:                 "#/extra",
		`{"name":"f"}`:                                   "#/name",
		`{"pubsub":{"roster_groups_allowed":"a"}}`:       "#/pubsub/roster_groups_allowed",
		`{"pubsub":{"roster_groups_allowed":["a\nb"]}}`:  "#/pubsub/roster_groups_allowed",
		`{"pubsub":{"roster_groups_allowed":[" "]}}`:     "#/pubsub/roster_groups_allowed",
		`{"Type":"feed"}`:                                "#/Type",
		`{"type":"feed","type":"feed"}`:                  "#/type",
		`[]`:                                             "",
		`null`:                                           "",
		`{"type":"feed"} {}`:                             "",
		`{"type":`:                                       "",
		`{"extra":{"a":"` + strings.Repeat("x", maxExtraBytes+1) + `"}}`: "#/extra/a",
	} {
		e.do("PUT", "/v1/feeds/f", body, as("all")).faults(400, "invalid", place)
	}
	e.do("PUT", "/v1/feeds/f", `{"pubsub":{"access_model":"roster"}}`, as("all")).faults(501, "unsupported", "#/pubsub/access_model")
	for _, kind := range []string{"queue", "job"} {
		e.do("PUT", "/v1/feeds/f", `{"type":"`+kind+`"}`, as("all")).faults(400, "invalid", "#/type")
	}
	if len(e.store.feeds) != 0 {
		t.Error("something was written")
	}
}
