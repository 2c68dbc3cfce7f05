package api

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// XMPP is what administrators see of the XMPP edge. Its errors are of type [thoonk.Error].
type XMPP interface {
	Links() []XMPPLink // of this process
	SubscribedNodes(context.Context) ([]thoonk.Pattern, error)
	CountNodeSubscriptions(context.Context, thoonk.Pattern) (int, error)
	PendingNodeSubscriptions(context.Context, thoonk.Pattern) ([]thoonk.NodeSubscription, error)
	// NodeSubscriptionsTo returns a page of them, and where the next one begins.
	NodeSubscriptionsTo(ctx context.Context, node thoonk.Pattern, after string, limit int) (subs []thoonk.NodeSubscription, next string, err error)
}

// XMPPLink is a link to an XMPP server, as it is shown.
type XMPPLink struct {
	Domain        string  `json:"domain"`
	Server        string  `json:"server"`
	Attached      bool    `json:"attached"`
	Connects      int64   `json:"connects"`
	Received      int64   `json:"received"`
	Refused       int64   `json:"refused"`
	Malformed     int64   `json:"malformed"`
	Notifications int64   `json:"notifications"`
	Bounces       int64   `json:"bounces"`
	Lag           float64 `json:"lag_seconds"`
}

type xmppLinks struct {
	Links []XMPPLink `json:"links"`
}

// @Summary     List the links to XMPP servers
// @Description Those of the process that answers. They are for those who administer everything.
// @ID          listXMPPLinks
// @Tags        XMPP
// @Success     200 {object} xmppLinks "The links."
// @Failure     400,401,403,429,500,503 {object} problem
// @Router      /v1/xmpp/links [get]
func (s *Server) listXMPPLinks(c *call) error {
	if err := c.who.Require(auth.Admin, "*"); err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	return c.sendList(http.StatusOK, marshal(xmppLinks{s.o.XMPP.Links()}))
}

type xmppNode struct {
	Node          thoonk.Pattern `json:"node"`
	Subscriptions int            `json:"subscriptions"`
	Pending       int            `json:"pending"`
}

type xmppNodePage struct {
	Nodes []xmppNode `json:"nodes"`
	Next  string     `json:"next,omitempty"`
}

// @Summary     List the nodes that anybody is subscribed to over XMPP
// @Description Nodes and patterns of nodes that you administer, in the order of their names.
// @ID          listXMPPNodes
// @Tags        XMPP
// @Param       limit  query int    false "length"
// @Param       cursor query string false "cursor"
// @Success     200 {object} xmppNodePage "A page of nodes."
// @Header      200 {string} Link "the next page"
// @Failure     400,401,403,429,500,503 {object} problem
// @Router      /v1/xmpp/nodes [get]
func (s *Server) listXMPPNodes(c *call) error {
	if !slices.ContainsFunc(c.who.Grants, func(g auth.Grant) bool { return slices.Contains(g.Can, auth.Admin) }) {
		return c.who.Require(auth.Admin, "*")
	}
	q, err := c.query("limit", "cursor")
	if err != nil {
		return err
	}
	size, err := limit(q)
	if err != nil {
		return err
	}
	list := listOf("xmpp nodes")
	after, err := list.start(q)
	if err != nil {
		return err
	}
	nodes, err := s.o.XMPP.SubscribedNodes(c.ctx())
	if err != nil {
		return err
	}
	nodes = slices.DeleteFunc(nodes, func(n thoonk.Pattern) bool {
		return string(n) <= after || !c.who.Can(auth.Admin, thoonk.FeedName(n)) // as Pattern.Covers has it
	})
	slices.Sort(nodes)
	page := xmppNodePage{Nodes: []xmppNode{}}
	if len(nodes) > size {
		nodes = nodes[:size]
		page.Next = c.next(list, "/v1/xmpp/nodes", q, string(nodes[size-1]))
	}
	for _, n := range nodes {
		node := xmppNode{Node: n}
		if node.Subscriptions, err = s.o.XMPP.CountNodeSubscriptions(c.ctx(), n); err != nil {
			return err
		}
		pending, err := s.o.XMPP.PendingNodeSubscriptions(c.ctx(), n)
		if err != nil {
			return err
		}
		node.Pending = len(pending)
		page.Nodes = append(page.Nodes, node)
	}
	return c.sendList(http.StatusOK, marshal(page))
}

type xmppSubscription struct {
	Node    thoonk.Pattern `json:"node"`
	JID     string         `json:"jid"`
	ID      string         `json:"id"`
	Domain  string         `json:"domain,omitempty"`
	State   string         `json:"state"`
	Options *xmppOptions   `json:"options,omitempty"`
	Created time.Time      `json:"created,omitzero"`
	Expires time.Time      `json:"expires,omitzero"`
}

// xmppOptions are [thoonk.NodeOptions].
type xmppOptions struct {
	NoDeliver   bool `json:"no_deliver,omitempty"`
	IncludeBody bool `json:"include_body,omitempty"`
}

type xmppSubscriptionPage struct {
	Subscriptions []xmppSubscription `json:"subscriptions"`
	Next          string             `json:"next,omitempty"`
}

// @Summary     List who is subscribed to a node over XMPP
// @Description Or who waits for an owner's approval. The node is one that you administer, or a pattern of such nodes that somebody is subscribed to as such.
// @ID          listXMPPSubscriptions
// @Tags        XMPP
// @Param       node    query string true  "node"
// @Param       pending query bool   false "pending"
// @Param       limit   query int    false "length"
// @Param       cursor  query string false "cursor"
// @Success     200 {object} xmppSubscriptionPage "A page of subscriptions."
// @Header      200 {string} Link "the next page"
// @Failure     400,401,403,429,500,503 {object} problem
// @Router      /v1/xmpp/subscriptions [get]
func (s *Server) listXMPPSubscriptions(c *call) error {
	q, err := c.query("node", "pending", "limit", "cursor")
	if err != nil {
		return err
	}
	node, err := thoonk.ParsePattern(q.Get("node"))
	if err != nil {
		return inQuery(err, "node")
	}
	if err := c.who.Require(auth.Admin, thoonk.FeedName(node)); err != nil {
		return err
	}
	subs, next, err := s.xmppSubscriptions(c, node, q)
	if err != nil {
		return err
	}
	page := xmppSubscriptionPage{Subscriptions: []xmppSubscription{}, Next: next}
	for _, sub := range subs {
		page.Subscriptions = append(page.Subscriptions, toXMPPSubscription(sub))
	}
	return c.sendList(http.StatusOK, marshal(page))
}

// xmppSubscriptions returns the page that a query asks for, and the cursor of the next one.
func (s *Server) xmppSubscriptions(c *call, node thoonk.Pattern, q url.Values) (subs []thoonk.NodeSubscription, next string, err error) {
	size, err := limit(q)
	if err != nil {
		return nil, "", err
	}
	pending, err := boolOf(q, "pending")
	if err != nil {
		return nil, "", err
	}
	list := listOf("xmpp subscriptions", string(node), q.Get("pending"))
	after, err := list.start(q)
	if err != nil {
		return nil, "", err
	}
	if pending {
		subs, err = s.o.XMPP.PendingNodeSubscriptions(c.ctx(), node)
		subs, next = pageOfPending(subs, after, size)
	} else {
		subs, next, err = s.o.XMPP.NodeSubscriptionsTo(c.ctx(), node, after, size)
	}
	if err != nil {
		return nil, "", err
	}
	return subs, c.next(list, "/v1/xmpp/subscriptions", q, next), nil
}

// pageOfPending returns up to size subscriptions after a place, as [XMPP] does for those that wait for nobody.
func pageOfPending(subs []thoonk.NodeSubscription, after string, size int) (page []thoonk.NodeSubscription, next string) {
	place := func(s thoonk.NodeSubscription) string { return s.JID + " " + s.ID }
	subs = slices.DeleteFunc(subs, func(s thoonk.NodeSubscription) bool { return place(s) <= after })
	slices.SortFunc(subs, func(a, b thoonk.NodeSubscription) int { return cmp.Compare(place(a), place(b)) })
	if len(subs) > size {
		subs = subs[:size]
		next = place(subs[size-1])
	}
	return subs, next
}

func toXMPPSubscription(s thoonk.NodeSubscription) xmppSubscription {
	w := xmppSubscription{
		Node: s.Node, JID: s.JID, ID: s.ID, Domain: s.Domain, State: "subscribed", Created: s.Created, Expires: s.Expires,
	}
	if s.Pending {
		w.State = "pending"
	}
	if s.Options != (thoonk.NodeOptions{}) {
		o := xmppOptions(s.Options)
		w.Options = &o
	}
	return w
}
