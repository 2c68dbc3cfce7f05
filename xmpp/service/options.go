package service

import (
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// showOptions returns the options of a subscription, to be changed: XEP-0060 section 6.3.2.
func (s *Service) showOptions(ctx context.Context, r *request) (*stanza.Element, error) {
	sub, err := s.subscription(ctx, r)
	if err != nil {
		return nil, err
	}
	return result(stanza.New(stanza.NSPubsub, "options").Set("node", string(sub.Node)).Set("jid", sub.JID).Set("subid", sub.ID).
		Add(optionsForm(form.Ask, sub).Element())), nil
}

// setOptions changes them: section 6.3.5.
func (s *Service) setOptions(ctx context.Context, r *request) (*stanza.Element, error) {
	sub, err := s.subscription(ctx, r)
	if err != nil {
		return nil, err
	}
	f, err := submitted(r.verb, formSubscribe)
	if err != nil || f.Type == form.Cancel {
		return nil, err
	}
	if err := s.applyOptions(&sub, f); err != nil {
		return nil, err
	}
	_, err = s.o.Subscriptions.PutNodeSubscription(ctx, sub)
	return nil, err
}

// defaultOptions returns what a new subscription has: section 6.4.
func (s *Service) defaultOptions(ctx context.Context, r *request) (*stanza.Element, error) {
	e := stanza.New(stanza.NSPubsub, "default")
	if r.verb.Attr("node") != "" {
		st, err := s.node(ctx, r)
		if err != nil {
			return nil, err
		}
		if !st.sees() {
			return nil, stanza.Err(stanza.Forbidden)
		}
		e.Set("node", string(st.feed.Name))
	}
	return result(e.Add(optionsForm(form.Result, thoonk.NodeSubscription{}).Element())), nil
}

func optionsForm(kind string, sub thoonk.NodeSubscription) form.Form {
	expire := ""
	if !sub.Expires.IsZero() {
		expire = sub.Expires.UTC().Format(time.RFC3339)
	}
	return form.Form{Type: kind, FormType: formSubscribe, Fields: []form.Field{
		form.Flag(prefix+"deliver", "Send notifications", !sub.Options.NoDeliver),
		form.Flag(prefix+"include_body", "Send a text for people too", sub.Options.IncludeBody),
		form.Line(prefix+"expire", "When the subscription ends", expire),
	}}
}

// applyOptions changes a subscription as a form says. Digests, and what depends on presence, which a component does not see,
// are refused.
func (s *Service) applyOptions(sub *thoonk.NodeSubscription, f form.Form) error {
	for _, field := range f.Fields {
		if err := s.applyOption(sub, field); err != nil {
			return stanza.Pubsub(stanza.BadRequest, "invalid-options").WithText(field.Var + ": " + stanza.FromError(err).Text) // section 6.3.6.2
		}
	}
	return nil
}

func (s *Service) applyOption(sub *thoonk.NodeSubscription, field form.Field) error {
	switch field.Var {
	case prefix + "deliver":
		on, err := field.Bool()
		sub.Options.NoDeliver = !on
		return err
	case prefix + "include_body":
		on, err := field.Bool()
		sub.Options.IncludeBody = on
		return err
	case prefix + "expire":
		return s.applyExpire(sub, field.Value())
	case prefix + "digest":
		if on, err := field.Bool(); on || err != nil {
			return thoonk.E(thoonk.Unsupported, "digests are not offered")
		}
		return nil
	case prefix + "subscription_type":
		if field.Value() != "items" {
			return thoonk.E(thoonk.Unsupported, "a subscription is to items")
		}
		return nil
	case prefix + "show-values":
		if len(field.Values) > 0 {
			return thoonk.E(thoonk.Unsupported, "a component sees no presence")
		}
		return nil
	}
	return thoonk.E(thoonk.Invalid, "there is no such option")
}

// applyExpire sets when the subscription ends: section 12.18.
func (s *Service) applyExpire(sub *thoonk.NodeSubscription, value string) error {
	switch value {
	case "":
		sub.Expires = time.Time{}
		return nil
	case "presence":
		return thoonk.E(thoonk.Unsupported, "a component sees no presence")
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return thoonk.E(thoonk.Invalid, "not a date and time of XEP-0082")
	}
	if !t.After(s.o.Now()) {
		return thoonk.E(thoonk.Invalid, "that is over")
	}
	sub.Expires = t.UTC()
	return nil
}
