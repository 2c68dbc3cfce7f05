package mirror

import (
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/mam"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

const (
	nsDiscoInfo = "http://jabber.org/protocol/disco#info"
	nsMAM       = mam.NS
)

// replays asks whether the node has a history that can be asked for.
func (s *session) replays(ctx context.Context) (bool, error) {
	info, err := s.ask(ctx, "get", stanza.New(nsDiscoInfo, "query").Set("node", s.f.node))
	if err != nil {
		return false, err
	}
	for f := range info.Named(nsDiscoInfo, "feature") {
		if f.Attr("var") == nsMAM {
			return true, nil
		}
	}
	return false, nil
}

// subscribe sees to it that there is a subscription. It asks first: there are services that would make a second one.
func (s *session) subscribe(ctx context.Context) error {
	if have, err := s.ask(ctx, "get", pubsub(stanza.New(stanza.NSPubsub, "subscriptions").Set("node", s.f.node))); err == nil {
		for sub := range have.Child(stanza.NSPubsub, "subscriptions").Named(stanza.NSPubsub, "subscription") {
			if node := sub.Attr("node"); (node == s.f.node || node == "") && sub.Attr("jid") == s.self() && sub.Attr("subscription") == "subscribed" && !s.ends(sub) {
				s.subscribed(sub)
				return nil
			}
		}
	}
	answer, err := s.ask(ctx, "set", pubsub(stanza.New(stanza.NSPubsub, "subscribe").Set("node", s.f.node).Set("jid", s.self())))
	if err != nil {
		return err
	}
	sub := answer.Child(stanza.NSPubsub, "subscription")
	if state := sub.Attr("subscription"); state != "subscribed" && state != "" {
		return thoonk.E(thoonk.Forbidden, "the subscription is %s: somebody has to see to it at %s", state, s.f.service)
	}
	s.subscribed(sub)
	return nil
}

// self is who subscribes.
func (s *session) self() string { return s.f.m.o.Sender.Domain().String() }

func pubsub(verb *stanza.Element) *stanza.Element {
	return stanza.New(stanza.NSPubsub, "pubsub").Add(verb)
}

// ends reports whether a subscription is to be renewed now.
func (s *session) ends(sub *stanza.Element) bool {
	t := expiry(sub)
	return !t.IsZero() && time.Until(t) < renewBefore
}

func (s *session) subscribed(sub *stanza.Element) {
	s.state.Node.Subscription, s.state.Node.Expires = sub.Attr("subid"), expiry(sub)
}

func expiry(sub *stanza.Element) time.Time {
	t, _ := time.Parse(time.RFC3339, sub.Attr("expiry"))
	return t
}

// unsubscribe tells the service that we are gone. If it does not get to know it will find out.
func (f *follower) unsubscribe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	verb := stanza.New(stanza.NSPubsub, "unsubscribe").Set("node", f.node).Set("jid", f.m.o.Sender.Domain().String())
	if _, err := f.m.o.Sender.Request(ctx, f.service, "set", pubsub(verb)); err != nil {
		f.m.o.Log.DebugContext(ctx, "xmpp: a subscription was not ended", "service", f.service.String(), "node", f.node, "error", err)
	}
}
