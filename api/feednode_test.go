package api

import (
	"strings"
	"testing"
)

func (a answer) begins(want string) {
	a.t.Helper()
	if !strings.HasPrefix(a.body, want) {
		a.t.Errorf("body is\n%s\nwant\n%s…", a.body, want)
	}
}

// What XMPP says of a node shows in REST, and a patch changes what it names only.
func TestFeedAsNode(t *testing.T) {
	e := newEdge(t, nil)
	e.do("PUT", "/v1/feeds/f", `{"pubsub":{"access_model":"authorize","title":"T","notify_sub":true,"deliver_payloads":false}}`, as("all")).is(201)
	shown := func(access, title, size string) string {
		return `{"name":"f","type":"feed","max_length":0,"history":{"count":1000,"bytes":16777216},"pubsub":{"access_model":"` + access +
			`","publish_model":"publishers",` + title + `"max_payload_size":` + size + `,"notification_type":"headline","send_last_published_item":"on_sub",` +
			`"subscribe":true,"deliver_notifications":true,"deliver_payloads":false,"notify_retract":true,"notify_delete":true,"notify_config":false,"notify_sub":true},` +
			`"revision":"`
	}
	e.do("GET", "/v1/feeds/f", "", as("all")).is(200).begins(shown("authorize", `"title":"T",`, "262144"))
	e.do("PATCH", "/v1/feeds/f", `{"pubsub":{"access_model":null,"title":null,"max_payload_size":9}}`, as("all", merge()...)).is(200).begins(shown("whitelist", "", "9"))
	e.do("PATCH", "/v1/feeds/f", `{"pubsub":{"max_payload_size":null,"owner":null}}`, as("all", merge()...)).faults(400, "invalid", "#/pubsub/owner")
	e.do("PATCH", "/v1/feeds/f", `{"pubsub":null}`, as("all", merge()...)).is(200).begins(`{"name":"f","type":"feed","max_length":0,"history":{"count":1000,"bytes":16777216},"revision":"`)
}
