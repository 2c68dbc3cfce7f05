package service

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/mam"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

const (
	nsDiscoInfo  = "http://jabber.org/protocol/disco#info"
	nsDiscoItems = "http://jabber.org/protocol/disco#items"
	nsShim       = "http://jabber.org/protocol/shim"
)

// serviceFeatures are those of XEP-0060 that hold for the service. What holds for a node is nodeFeatures.
var serviceFeatures = []string{
	"access-authorize", "access-open", "access-whitelist", "auto-create", "config-node", "config-node-max", "create-and-configure",
	"create-nodes", "delete-any", "delete-items", "delete-nodes", "get-pending", "instant-nodes", "item-ids", "last-published",
	"leased-subscription", "manage-subscriptions", "member-affiliation", "meta-data", "modify-affiliations", "multi-items",
	"multi-subscribe", "outcast-affiliation", "persistent-items", "publish", "publish-only-affiliation", "publish-options",
	"publisher-affiliation", "purge-nodes", "retract-items", "retrieve-affiliations", "retrieve-default", "retrieve-default-sub",
	"retrieve-items", "retrieve-subscriptions", "rsm", "subscribe", "subscription-notifications", "subscription-options",
}

// further are the features of the service that are not XEP-0060's.
var further = []string{
	nsDiscoInfo, nsDiscoItems, stanza.NSPubsub, stanza.NSPing, nsVersion, nsCommands, rsm.NS, nsOrder, nsShim, form.NS, payload.NSJSON, payload.NS,
}

func feature(name string) *stanza.Element {
	return stanza.New(nsDiscoInfo, "feature").Set("var", name)
}

func identity(category, kind, name string) *stanza.Element {
	return stanza.New(nsDiscoInfo, "identity").Set("category", category).Set("type", kind).Set("name", name)
}

// discoInfo says what the service, a node or a command is: XEP-0060 sections 5.1, 5.3 and 5.4.
func (s *Service) discoInfo(ctx context.Context, r *request) (*stanza.Element, error) {
	node := r.verb.Attr("node")
	query := stanza.New(nsDiscoInfo, "query").Set("node", node)
	if node == "" {
		query.Add(identity("pubsub", "service", "thoonkd"))
		for _, f := range slices.Concat(further, s.archiveFeatures()) {
			query.Add(feature(f))
		}
		for _, f := range serviceFeatures {
			query.Add(feature(stanza.NSPubsub + "#" + f))
		}
		if s.offersRosters() {
			query.Add(feature(stanza.NSPubsub+"#access-presence"), feature(stanza.NSPubsub+"#access-roster"))
		}
		return query, nil
	}
	if info := s.commandInfo(r, query); info != nil {
		return info, nil
	}
	st, err := s.node(ctx, r)
	if err != nil {
		return nil, err
	}
	if !st.sees() {
		return nil, stanza.Err(stanza.Forbidden)
	}
	query.Add(identity("pubsub", "leaf", st.feed.Config.Node.Title))
	for _, f := range s.nodeFeatures(st) {
		query.Add(feature(f))
	}
	meta, err := s.metaData(ctx, st)
	if err != nil {
		return nil, err
	}
	return query.Add(meta.Element()), nil
}

// nodeFeatures are what holds on a node for the one who asks.
func (s *Service) nodeFeatures(st *standing) []string {
	n := st.feed.Config.Node
	features := []string{stanza.NSPubsub, rsm.NS}
	add := func(holds bool, names ...string) {
		for _, name := range names {
			if holds {
				features = append(features, stanza.NSPubsub+"#"+name)
			}
		}
	}
	add(!n.Access.ByRoster() || s.offersRosters(), "access-"+n.Access.String())
	add(true, "item-ids", "meta-data", "persistent-items", "publish", "retract-items", "retrieve-items", "rsm")
	add(!n.NoSubscribe, "subscribe", "multi-subscribe", "leased-subscription", "subscription-options")
	add(!n.NoLast && !st.isQueue(), "last-published")
	add(!st.isQueue(), "delete-any", "publish-options", "purge-nodes")
	add(st.mayOwn() == nil, "config-node", "delete-nodes", "manage-subscriptions", "modify-affiliations")
	if !st.isQueue() {
		features = append(features, nsOrder)
	}
	return append(features, s.archiveFeatures()...)
}

// archiveFeatures are those of services and nodes whose history can be asked for.
func (s *Service) archiveFeatures() []string {
	if !s.o.MAM {
		return nil
	}
	return mam.Features
}

// metaData is what anybody who sees a node may know of it: section 5.4.
func (s *Service) metaData(ctx context.Context, st *standing) (form.Form, error) {
	c, n := st.feed.Config, st.feed.Config.Node
	f := form.Form{Type: form.Result, FormType: formMeta}
	add := func(name, value string) {
		if value != "" {
			f.Fields = append(f.Fields, form.Field{Var: prefix + name, Type: form.TextSingle, Values: []string{value}})
		}
	}
	add("title", n.Title)
	add("description", n.Description)
	add("language", n.Language)
	add("type", n.PayloadType)
	add("access_model", n.Access.String())
	add("publish_model", n.Publishers.String())
	add("max_items", maxItems(c))
	if !st.feed.Created.IsZero() {
		add("creation_date", st.feed.Created.UTC().Format(time.RFC3339))
	}
	subscribers, err := s.o.Subscriptions.CountNodeSubscriptions(ctx, thoonk.Pattern(st.feed.Name))
	if err != nil {
		return f, err
	}
	add("num_subscribers", strconv.Itoa(subscribers))
	affiliated, err := s.o.Store.Affiliations(ctx, st.feed.Name)
	if err != nil {
		return f, err
	}
	owners, publishers := form.Field{Var: prefix + "owner", Type: "jid-multi"}, form.Field{Var: prefix + "publisher", Type: "jid-multi"}
	for _, a := range affiliated {
		switch a.Affiliation {
		case thoonk.Owner:
			owners.Values = append(owners.Values, a.JID)
		case thoonk.Publisher, thoonk.PublishOnly:
			publishers.Values = append(publishers.Values, a.JID)
		}
	}
	for _, field := range []form.Field{owners, publishers} {
		if len(field.Values) > 0 && len(field.Values) <= pageItems {
			f.Fields = append(f.Fields, field)
		}
	}
	f.Fields = append(f.Fields,
		form.Field{Var: fieldType, Type: form.TextSingle, Values: []string{string(c.Type)}},
		form.Field{Var: fieldContent, Type: form.TextSingle, Values: []string{contentName(c.Content)}})
	return f, nil
}

// discoItems lists the nodes that the sender may know of, or the items of one: sections 5.2 and 5.5.
func (s *Service) discoItems(ctx context.Context, r *request) (*stanza.Element, error) {
	node := r.verb.Attr("node")
	query := stanza.New(nsDiscoItems, "query").Set("node", node)
	paging, err := rsm.Parse(r.verb)
	if err != nil {
		return nil, err
	}
	switch node {
	case "":
		return s.discoNodes(ctx, r, query, paging)
	case nsCommands:
		return s.discoCommands(r, query), nil
	}
	st, err := s.node(ctx, r)
	if err != nil {
		return nil, err
	}
	if st.isQueue() {
		return query, nil // who may see which job is told by retrieving them
	}
	if err := st.mayRead(ctx); err != nil {
		return nil, err
	}
	items, set, err := s.pageOf(ctx, st.feed, paging, order{})
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		query.Add(s.discoItem().Set("name", item.Attr("id")))
	}
	return query.Add(set), nil
}

func (s *Service) discoItem() *stanza.Element {
	return stanza.New(nsDiscoItems, "item").Set("jid", s.o.Sender.Domain().String())
}

// discoNodes lists nodes by their ids. How many there are is not counted: each is looked at.
func (s *Service) discoNodes(ctx context.Context, r *request, query *stanza.Element, paging rsm.Query) (*stanza.Element, error) {
	if paging.Backward || paging.Index >= 0 {
		return nil, stanza.Err(stanza.FeatureNotImplemented).WithText("nodes are listed forwards only")
	}
	held, err := s.o.Store.AffiliationsOf(ctx, r.bare)
	if err != nil {
		return nil, err
	}
	affiliations := make(map[thoonk.FeedName]thoonk.Affiliation, len(held))
	for _, a := range held {
		affiliations[a.Feed] = a.Affiliation
	}
	limit, set := paging.Limit(pageItems), rsm.Result{Index: -1, Count: -1}
	q, more := thoonk.FeedQuery{After: thoonk.FeedName(paging.After), Limit: 500}, false
	for listed, size := 0, 0; !more; {
		feeds, err := s.o.Store.Feeds(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, feed := range feeds {
			st := standing{s: s, feed: feed, bare: r.bare, who: r.who, affiliation: affiliations[feed.Name]}
			if st.is(thoonk.Outcast) || !st.sees() {
				continue
			}
			item := s.discoItem().Set("node", string(feed.Name)).Set("name", feed.Config.Node.Title)
			size += len(item.String())
			if more = listed == limit || listed > 0 && size > pageBytes; more {
				break
			}
			listed++
			if set.First == "" {
				set.First = string(feed.Name)
			}
			set.Last = string(feed.Name)
			query.Add(item)
		}
		if len(feeds) < q.Limit {
			break
		}
		q.After = feeds[len(feeds)-1].Name
	}
	if paging.Asked || more {
		query.Add(set.Element())
	}
	return query, nil
}

// mayAny reports whether some grant allows the verb somewhere.
func mayAny(p auth.Principal, v auth.Verb) bool {
	for _, g := range p.Grants {
		for _, can := range g.Can {
			if can == v || can == auth.Admin {
				return true
			}
		}
	}
	return false
}
