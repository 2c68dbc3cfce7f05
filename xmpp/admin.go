package xmpp

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// AdminStore keeps what administrators look at.
type AdminStore interface {
	SubscribedNodes(context.Context) ([]thoonk.Pattern, error)
	CountNodeSubscriptions(context.Context, thoonk.Pattern) (int, error)
	PendingNodeSubscriptions(context.Context, thoonk.Pattern) ([]thoonk.NodeSubscription, error)
	NodeSubscriptionsTo(ctx context.Context, node thoonk.Pattern, after string, limit int) ([]thoonk.NodeSubscription, string, error)
}

// Admin shows administrators the links, and who is subscribed to what, as JSON documents over HTTP. Each sees the nodes that
// it administers; the links are for those who administer everything.
type Admin struct {
	Store AdminStore
	Links func() []Stats
}

type linkDoc struct {
	Domain        string  `json:"domain"`
	Server        string  `json:"server"`
	Attached      bool    `json:"attached"` // by the process that answers
	Connects      int64   `json:"connects"`
	Received      int64   `json:"received"`
	Refused       int64   `json:"refused"`
	Malformed     int64   `json:"malformed"`
	Notifications int64   `json:"notifications"`
	Bounces       int64   `json:"bounces"`
	Lag           float64 `json:"lag_seconds"`
}

// ServeLinks answers with the links of this process.
func (a *Admin) ServeLinks(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	if err := parameters(r); err != nil {
		return err
	}
	if err := administers(who, "*"); err != nil {
		return err
	}
	docs := []linkDoc{}
	for _, s := range a.Links() {
		docs = append(docs, linkDoc{
			Domain: s.Domain, Server: s.Addr, Attached: s.Link.Attached, Connects: s.Link.Connects, Received: s.Link.Received,
			Refused: s.Link.Refused, Malformed: s.Link.Malformed, Notifications: s.Notify.Sent, Bounces: s.Notify.Bounces, Lag: s.Notify.Lag.Seconds(),
		})
	}
	return answer(w, map[string]any{"links": docs})
}

type nodeDoc struct {
	Node          thoonk.Pattern `json:"node"`
	Subscriptions int            `json:"subscriptions"`
	Pending       int            `json:"pending"`
}

// ServeNodes answers with the nodes and patterns that anybody is subscribed to.
func (a *Admin) ServeNodes(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	if err := parameters(r); err != nil {
		return err
	}
	nodes, err := a.Store.SubscribedNodes(r.Context())
	if err != nil {
		return err
	}
	docs, mine := []nodeDoc{}, len(nodes) == 0 && administers(who, "*") == nil
	for _, node := range nodes {
		if administers(who, node) != nil {
			continue
		}
		mine = true
		doc := nodeDoc{Node: node}
		if doc.Subscriptions, err = a.Store.CountNodeSubscriptions(r.Context(), node); err != nil {
			return err
		}
		pending, err := a.Store.PendingNodeSubscriptions(r.Context(), node)
		if err != nil {
			return err
		}
		doc.Pending = len(pending)
		docs = append(docs, doc)
	}
	if !mine {
		return administers(who, "*")
	}
	return answer(w, map[string]any{"nodes": docs})
}

type subscriptionDoc struct {
	Node    thoonk.Pattern     `json:"node"`
	JID     string             `json:"jid"`
	ID      string             `json:"id"`
	Domain  string             `json:"domain,omitempty"`
	State   string             `json:"state"`
	Options thoonk.NodeOptions `json:"options,omitzero"`
	Created time.Time          `json:"created,omitzero"`
	Expires time.Time          `json:"expires,omitzero"`
}

const adminPage, adminPageMost = 100, 1000

// ServeSubscriptions answers with a page of the subscriptions to a node, or with all that wait for approval.
func (a *Admin) ServeSubscriptions(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	if err := parameters(r, "node", "pending", "limit", "cursor"); err != nil {
		return err
	}
	q := r.URL.Query()
	node, err := thoonk.ParsePattern(q.Get("node"))
	if err != nil {
		return thoonk.E(thoonk.Invalid, "node is the name of a node, or a pattern").In("node")
	}
	if err := administers(who, node); err != nil {
		return err
	}
	limit := adminPage
	if q.Has("limit") {
		if limit, err = strconv.Atoi(q.Get("limit")); err != nil || limit < 1 || limit > adminPageMost {
			return thoonk.E(thoonk.Invalid, "limit is a whole number from 1 to %d", adminPageMost).In("limit")
		}
	}
	var subs []thoonk.NodeSubscription
	next := ""
	if q.Get("pending") == "true" {
		subs, err = a.Store.PendingNodeSubscriptions(r.Context(), node)
	} else {
		subs, next, err = a.Store.NodeSubscriptionsTo(r.Context(), node, q.Get("cursor"), limit)
	}
	if err != nil {
		return err
	}
	docs := []subscriptionDoc{}
	for _, s := range subs {
		state := "subscribed"
		if s.Pending {
			state = "pending"
		}
		docs = append(docs, subscriptionDoc{s.Node, s.JID, s.ID, s.Domain, state, s.Options, s.Created, s.Expires})
	}
	page := map[string]any{"subscriptions": docs}
	if next != "" {
		page["next"] = next
	}
	return answer(w, page)
}

// administers returns nil if a principal may do everything with all that a pattern matches: a grant that matches the
// pattern, taken as a name, matches all of it.
func administers(who auth.Principal, p thoonk.Pattern) error {
	return who.Require(auth.Admin, thoonk.FeedName(p))
}

// parameters refuses those that are not known, and those that come twice.
func parameters(r *http.Request, known ...string) error {
	for name, values := range r.URL.Query() {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found || len(values) > 1 {
			return thoonk.E(thoonk.Invalid, "the parameter %s is unknown here, or comes twice", name).In(name)
		}
	}
	return nil
}

func answer(w http.ResponseWriter, doc any) error {
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // an error means that the client has left
	return nil
}
