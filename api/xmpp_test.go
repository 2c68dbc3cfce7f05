package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// fakeXMPP has nodes with subscribers in memory.
type fakeXMPP struct {
	subs map[thoonk.Pattern][]thoonk.NodeSubscription // in order
}

func (f fakeXMPP) Links() []XMPPLink {
	return []XMPPLink{{Domain: "thoonk.test", Server: "127.0.0.1:5347", Attached: true, Notifications: 7, Lag: 0.5}}
}

func (f fakeXMPP) SubscribedNodes(context.Context) ([]thoonk.Pattern, error) {
	var nodes []thoonk.Pattern
	for n := range f.subs {
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func (f fakeXMPP) CountNodeSubscriptions(_ context.Context, node thoonk.Pattern) (int, error) {
	n := 0
	for _, s := range f.subs[node] {
		if !s.Pending {
			n++
		}
	}
	return n, nil
}

func (f fakeXMPP) PendingNodeSubscriptions(_ context.Context, node thoonk.Pattern) ([]thoonk.NodeSubscription, error) {
	var pending []thoonk.NodeSubscription
	for _, s := range slices.Backward(f.subs[node]) { // in no order
		if s.Pending {
			pending = append(pending, s)
		}
	}
	return pending, nil
}

func (f fakeXMPP) NodeSubscriptionsTo(_ context.Context, node thoonk.Pattern, after string, limit int) ([]thoonk.NodeSubscription, string, error) {
	subs := slices.Clone(f.subs[node])
	subs = slices.DeleteFunc(subs, func(s thoonk.NodeSubscription) bool { return s.JID+" "+s.ID <= after })
	if len(subs) <= limit {
		return subs, "", nil
	}
	return subs[:limit], subs[limit-1].JID + " " + subs[limit-1].ID, nil
}

func withXMPP(t *testing.T) *edge {
	at := time.Unix(1763874399, 0).UTC()
	return newEdge(t, func(o *Options) {
		o.XMPP = fakeXMPP{map[thoonk.Pattern][]thoonk.NodeSubscription{
			"blog": {
				{Node: "blog", JID: "a@a.test", ID: "1", Domain: "thoonk.test", Created: at, Options: thoonk.NodeOptions{IncludeBody: true}},
				{Node: "blog", JID: "b@a.test", ID: "1", Pending: true},
				{Node: "blog", JID: "c@a.test/x", ID: "2", Pending: true},
			},
			"team:353:a": {{Node: "team:353:a", JID: "a@a.test", ID: "1"}},
			"team:353:*": {{Node: "team:353:*", JID: "a@a.test", ID: "1"}},
		}}
	})
}

func TestXMPPIsShownToAdministrators(t *testing.T) {
	t.Parallel()
	e := withXMPP(t)
	e.do("GET", "/v1/xmpp/links", "", as("admin")).is(200).says(`{"links":[{"domain":"thoonk.test","server":"127.0.0.1:5347","attached":true,` +
		`"connects":0,"received":0,"refused":0,"malformed":0,"notifications":7,"bounces":0,"lag_seconds":0.5}]}`)
	e.do("GET", "/v1/xmpp/nodes", "", as("lead")).is(200).says(`{"nodes":[{"node":"team:353:*","subscriptions":1,"pending":0},{"node":"team:353:a","subscriptions":1,"pending":0}]}`)
	e.do("GET", "/v1/xmpp/subscriptions?node=blog", "", as("admin")).is(200).says(`{"subscriptions":[` +
		`{"node":"blog","jid":"a@a.test","id":"1","domain":"thoonk.test","state":"subscribed","options":{"include_body":true},"created":"2025-11-23T05:06:39Z"},` +
		`{"node":"blog","jid":"b@a.test","id":"1","state":"pending"},{"node":"blog","jid":"c@a.test/x","id":"2","state":"pending"}]}`)
	e.do("GET", "/v1/xmpp/subscriptions?node=team:353:*", "", as("lead")).is(200)
	for path, status := range map[string]int{"links": 403, "nodes": 200, "subscriptions?node=blog": 403, "subscriptions?node=*": 403, "subscriptions?node=team:*": 403} {
		e.do("GET", "/v1/xmpp/"+path, "", as("lead")).is(status)
		e.do("GET", "/v1/xmpp/"+path, "", as("reader")).problem(403, "forbidden")
		e.do("GET", "/v1/xmpp/"+path, "", nil).problem(401, "unauthenticated")
	}
	for path, at := range map[string]string{
		"links?x=1": "?x", "nodes?limit=0": "?limit", "nodes?cursor=x": "?cursor", "subscriptions": "?node", "subscriptions?node=": "?node",
		"subscriptions?node=blog&pending=1": "?pending", "subscriptions?node=blog&cursor=x": "?cursor", "subscriptions?node=blog&node=x": "?node",
	} {
		e.do("GET", "/v1/xmpp/"+path, "", as("admin")).faults(400, "invalid", at)
	}
	newEdge(t, nil).do("GET", "/v1/xmpp/links", "", as("admin")).problem(404, "not_found")
}

func TestXMPPListsComeInPages(t *testing.T) {
	t.Parallel()
	e := withXMPP(t)
	for path, want := range map[string]string{
		"nodes?limit=1":                                `blog, team:353:*, team:353:a`,
		"nodes?limit=2":                                `blog team:353:*, team:353:a`,
		"subscriptions?node=blog&limit=2":              `a@a.test b@a.test, c@a.test/x`,
		"subscriptions?node=blog&pending=true&limit=1": `b@a.test, c@a.test/x`,
		"subscriptions?node=blog&pending=true":         `b@a.test c@a.test/x`,
		"subscriptions?node=none":                      ``,
	} {
		var pages []string
		for address := "/v1/xmpp/" + path; address != ""; {
			a := e.do("GET", address, "", as("admin")).is(200)
			var page struct {
				Nodes         []xmppNode
				Subscriptions []xmppSubscription
				Next          string
			}
			if err := json.Unmarshal([]byte(a.body), &page); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, n := range page.Nodes {
				names = append(names, string(n.Node))
			}
			for _, s := range page.Subscriptions {
				names = append(names, s.JID)
			}
			pages = append(pages, strings.Join(names, " "))
			address, _, _ = strings.Cut(strings.TrimPrefix(a.header.Get("Link"), "<"), ">")
			if (address != "") != (page.Next != "") {
				t.Errorf("%s: Link is %q, next %q", path, address, page.Next)
			}
		}
		if got := strings.Join(pages, ", "); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
