package api

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// fakeSubscriptions are those of a hub in memory.
type fakeSubscriptions struct {
	mu   sync.Mutex
	subs []thoonk.HubDelivery
	did  []string // interventions: verb, id, revision
}

func (f *fakeSubscriptions) HubSubscription(_ context.Context, id string) (thoonk.HubSubscription, thoonk.HubState, error) {
	for _, d := range f.subs {
		if d.Subscription.ID == id {
			return d.Subscription, d.State, nil
		}
	}
	return thoonk.HubSubscription{}, thoonk.HubState{}, thoonk.E(thoonk.NotFound, "no such subscription")
}

func (f *fakeSubscriptions) HubSubscriptions(_ context.Context, q thoonk.HubQuery) (thoonk.HubPage, error) {
	var page thoonk.HubPage
	seen := q.After == ""
	for _, d := range f.subs {
		switch {
		case !seen:
			seen = d.Subscription.ID == q.After
		case !q.Keep(d.Subscription, d.State):
		case len(page.Subscriptions) == q.Limit:
			page.Next = page.Subscriptions[q.Limit-1].Subscription.ID
			return page, nil
		default:
			page.Subscriptions = append(page.Subscriptions, d)
		}
	}
	return page, nil
}

func (f *fakeSubscriptions) HubAttempts(context.Context, string) ([]thoonk.HubAttempt, error) {
	return []thoonk.HubAttempt{{At: time.Unix(1, 0), Delivery: "msg_1", Status: 500, Error: "the callback answered 500", Took: 1500 * time.Microsecond}}, nil
}

func (f *fakeSubscriptions) InterveneHub(_ context.Context, id string, what thoonk.HubIntervention, from thoonk.Revision) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, strings.TrimSuffix(string(what)+" "+id+" "+from.String(), " 0-0"))
	return nil
}

func (f *fakeSubscriptions) RemoveHubSubscription(_ context.Context, s thoonk.HubSubscription, _ string, _ thoonk.HubIntent) error {
	f.did = append(f.did, "remove "+s.ID)
	return nil
}

func (f *fakeSubscriptions) Head(context.Context, thoonk.FeedName) (thoonk.Revision, error) {
	return thoonk.Revision{Number: 12, Stamp: 1}, nil
}

func (f *fakeSubscriptions) LogEnd(context.Context) (thoonk.Revision, error) {
	return thoonk.Revision{Number: 100, Stamp: 1}, nil
}

func withSubscriptions(t *testing.T) (*edge, *fakeSubscriptions) {
	at := time.Unix(1763874399, 0).UTC()
	add := func(id, principal string, feed thoonk.FeedName, match thoonk.Pattern, s thoonk.HubState) thoonk.HubDelivery {
		s.Cursor = thoonk.Revision{Number: 9, Stamp: 1}
		return thoonk.HubDelivery{State: s, Subscription: thoonk.HubSubscription{
			ID: id, Topic: "https://hub.test/" + id, Callback: "https://sub.test/", Feed: feed, Match: match, Secret: "hidden", Algorithm: "sha256",
			Principal: principal, Created: at, Expires: at.Add(time.Hour),
		}}
	}
	subs := &fakeSubscriptions{subs: []thoonk.HubDelivery{
		add("mine", "jwt:test|reader", "blog", "", thoonk.HubState{Attempted: at, Succeeded: at, Status: 200, Delivered: 3}),
		add("stalled", "anonymous", "blog", "", thoonk.HubState{Stalled: true, Failures: 8, Error: "no answer in time"}),
		add("wide", "jwt:test|team", "", "team:353:*", thoonk.HubState{Paused: true}),
	}}
	return newEdge(t, func(o *Options) { o.Subscriptions = subs }), subs
}

func TestSubscriptionsAreSeenByWhoMay(t *testing.T) {
	e, _ := withSubscriptions(t)
	for token, want := range map[string]string{"admin": "mine stalled wide", "reader": "mine", "team": "wide", "nothing": "", "all": ""} {
		a := e.do("GET", "/v1/subscriptions", "", as(token)).is(200)
		var got []string
		for _, id := range []string{"mine", "stalled", "wide"} {
			if strings.Contains(a.body, `"id":"`+id+`"`) {
				got = append(got, id)
			}
			status := 404
			if strings.Contains(want, id) {
				status = 200
			}
			e.do("GET", "/v1/subscriptions/"+id, "", as(token)).is(status)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s sees %v, want %s", token, got, want)
		}
		if strings.Contains(a.body, "hidden") {
			t.Error("the secret is shown")
		}
	}
	e.do("GET", "/v1/subscriptions", "", nil).problem(401, "unauthenticated")
	e.do("GET", "/v1/subscriptions/stalled", "", nil).problem(401, "unauthenticated")
	e.do("DELETE", "/v1/subscriptions/stalled", "", as("reader")).problem(404, "not_found")
}

func TestSubscriptionIsShown(t *testing.T) {
	e, _ := withSubscriptions(t)
	a := e.do("GET", "/v1/subscriptions/mine", "", as("reader")).is(200)
	const want = `{"id":"mine","topic":"https://hub.test/mine","callback":"https://sub.test/","state":"active","principal":"jwt:test|reader","signed":true,` +
		`"algorithm":"sha256","created":"2025-11-23T05:06:39Z","expires":"2025-11-23T06:06:39Z","cursor":"9-1","backlog":3,"delivered":3,"failures":0,` +
		`"last_attempt":"2025-11-23T05:06:39Z","last_success":"2025-11-23T05:06:39Z","last_status":200,` +
		`"attempts":[{"at":"1970-01-01T00:00:01Z","delivery":"msg_1","status":500,"error":"the callback answered 500","took":"2ms"}]}`
	if a.body != want {
		t.Errorf("%s\nwant\n%s", a.body, want)
	}
	if a := e.do("GET", "/v1/subscriptions/wide", "", as("team")).is(200); !strings.Contains(a.body, `"state":"paused"`) || !strings.Contains(a.body, `"backlog":91`) {
		t.Error(a.body)
	}
}

func TestSubscriptionsAreListedInPages(t *testing.T) {
	e, _ := withSubscriptions(t)
	a := e.do("GET", "/v1/subscriptions?limit=2", "", as("admin")).is(200)
	_, next, ok := strings.Cut(a.body, `"next":"`)
	if !ok || !strings.Contains(a.body, `"mine"`) || strings.Contains(a.body, `"wide"`) {
		t.Fatal(a.body)
	}
	next = strings.TrimRight(next, `"}`)
	if a = e.do("GET", "/v1/subscriptions?limit=2&cursor="+next, "", as("admin")).is(200); !strings.Contains(a.body, `"wide"`) || strings.Contains(a.body, `"mine"`) {
		t.Error(a.body)
	}
	if a = e.do("GET", "/v1/subscriptions?state=stalled&topic="+url.QueryEscape("https://hub.test/stalled"), "", as("admin")).is(200); strings.Contains(a.body, `"mine"`) || !strings.Contains(a.body, `"stalled"`) {
		t.Error(a.body)
	}
	e.do("GET", "/v1/subscriptions?state=bad", "", as("admin")).faults(400, "invalid", "?state")
	e.do("GET", "/v1/subscriptions?cursor=bad", "", as("admin")).faults(400, "invalid", "?cursor")
}

func TestInterventions(t *testing.T) {
	e, subs := withSubscriptions(t)
	for _, verb := range []string{"pause", "resume", "redeliver"} {
		e.do("POST", "/v1/subscriptions/mine/"+verb, "", as("reader")).is(204)
		e.do("POST", "/v1/subscriptions/mine/"+verb, "", as("team")).problem(404, "not_found")
	}
	e.do("POST", "/v1/subscriptions/mine/replay", `{"after":"3-5"}`, as("admin")).is(204)
	e.do("POST", "/v1/subscriptions/mine/replay", `{}`, as("admin")).faults(400, "invalid", "#/after")
	e.do("POST", "/v1/subscriptions/mine/replay", `{"after":"x"}`, as("admin")).faults(400, "invalid", "#/after")
	e.do("POST", "/v1/subscriptions/mine/replay", `{"before":"3-5"}`, as("admin")).faults(400, "invalid", "#/before")
	if a := e.do("POST", "/v1/subscriptions/redeliver", "", as("admin")).is(200); a.body != `{"redelivered":1}` {
		t.Error(a.body)
	}
	if a := e.do("POST", "/v1/subscriptions/redeliver", `{"callback":"https://sub.test/"}`, as("admin")).is(200); a.body != `{"redelivered":3}` {
		t.Error(a.body)
	}
	e.do("POST", "/v1/subscriptions/redeliver", `{"state":"bad"}`, as("admin")).faults(400, "invalid", "#/state")
	e.do("POST", "/v1/subscriptions/redeliver", `{"states":"x"}`, as("admin")).faults(400, "invalid", "#/states")
	e.do("POST", "/v1/subscriptions/redeliver", "", nil).problem(401, "unauthenticated")
	e.do("DELETE", "/v1/subscriptions/mine", "", as("reader")).is(204)
	want := "pause mine, resume mine, redeliver mine, replay mine 3-5, redeliver stalled, redeliver mine, redeliver stalled, redeliver wide, remove mine"
	if got := strings.Join(subs.did, ", "); got != want {
		t.Errorf("done: %s\nwant: %s", got, want)
	}
}
