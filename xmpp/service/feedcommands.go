package service

import (
	"context"
	"slices"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// pendingCommand is XEP-0060 section 8.7: first the nodes that the sender may approve subscriptions to, and then a message
// for each request to the chosen one.
func (s *Service) pendingCommand(ctx context.Context, r *request, f form.Form) (*form.Form, string, error) {
	node := f.Value(fieldNode)
	if node == "" {
		return s.pendingNodes(ctx, r)
	}
	name, err := thoonk.ParseFeedName(node)
	if err != nil {
		return nil, "", stanza.Err(stanza.ItemNotFound)
	}
	st, err := s.standing(ctx, name, r.bare)
	if err == nil {
		err = st.mayOwn()
	}
	if err != nil {
		return nil, "", err
	}
	pending, err := s.o.Subscriptions.PendingNodeSubscriptions(ctx, thoonk.Pattern(name))
	if err != nil {
		return nil, "", err
	}
	r.AfterReply(func(ctx context.Context) {
		for _, sub := range pending[:min(len(pending), pendingMost)] {
			if err := s.askFor(ctx, []string{r.From.String()}, sub); err != nil {
				s.o.Log.WarnContext(ctx, "xmpp: a request for approval was not sent", "node", name, "error", err)
				return
			}
		}
	})
	return nil, "", nil
}

// pendingMost bounds the requests that are sent at once, and the nodes that are shown.
const pendingMost = 200

// pendingNodes asks for one of the nodes that the sender owns and that somebody waits for.
func (s *Service) pendingNodes(ctx context.Context, r *request) (*form.Form, string, error) {
	held, err := s.o.Store.AffiliationsOf(ctx, r.bare)
	if err != nil {
		return nil, "", err
	}
	held = slices.DeleteFunc(held, func(a thoonk.Affiliated) bool { return a.Affiliation != thoonk.Owner })
	nodes := form.Field{Var: fieldNode, Type: form.ListSingle, Label: "Node"}
	for _, a := range held[:min(len(held), listMost)] {
		pending, err := s.o.Subscriptions.PendingNodeSubscriptions(ctx, thoonk.Pattern(a.Feed))
		if err != nil {
			return nil, "", err
		}
		if len(pending) > 0 && len(nodes.Options) < pendingMost {
			nodes.Options = append(nodes.Options, form.Option{Value: string(a.Feed)})
		}
	}
	return &form.Form{Type: form.Ask, FormType: formAuthorize, Title: "Approve subscriptions", Fields: []form.Field{nodes}}, "", nil
}

// createCommand makes a feed or a queue.
func (s *Service) createCommand(ctx context.Context, r *request, f form.Form) (*form.Form, string, error) {
	if _, filled := f.Field(fieldNode); !filled {
		blank := s.config(newConfig())
		blank.Title, blank.FormType = "Create a feed or a queue", formCommand
		blank.Fields = append([]form.Field{{Var: fieldNode, Type: form.TextSingle, Label: "Its name", Required: true}}, blank.Fields...)
		return &blank, "", nil
	}
	name, err := thoonk.ParseFeedName(f.Value(fieldNode))
	if err != nil {
		return nil, "", err
	}
	config := newConfig()
	f.Fields = slices.DeleteFunc(f.Fields, func(field form.Field) bool { return field.Var == fieldNode })
	if err := s.apply(&config, f); err != nil {
		return nil, "", err
	}
	return nil, string(name) + " is made.", s.make(ctx, r, name, config)
}

// deleteCommand removes a feed or a queue, once that is confirmed.
func (s *Service) deleteCommand(ctx context.Context, r *request, f form.Form) (*form.Form, string, error) {
	const confirm = "confirm"
	if f.Value(fieldNode) == "" {
		return ask("Delete a feed or a queue", "All of its items go with it.",
			form.Field{Var: fieldNode, Type: form.TextSingle, Label: "Its name", Required: true},
			form.Flag(confirm, "Really?", false)), "", nil
	}
	if sure, _ := f.Field(confirm); sure.Value() != "1" && sure.Value() != "true" {
		return nil, "", stanza.Err(stanza.NotAcceptable).WithText("it is not confirmed, and stays")
	}
	name, err := thoonk.ParseFeedName(f.Value(fieldNode))
	if err != nil {
		return nil, "", stanza.Err(stanza.ItemNotFound)
	}
	st, err := s.standing(ctx, name, r.bare)
	if err == nil {
		err = st.mayOwn()
	}
	if err != nil {
		return nil, "", err
	}
	return nil, string(name) + " is gone.", s.o.Store.DeleteFeed(ctx, thoonk.DeleteFeed{Name: name, Actor: r.who.Name})
}
