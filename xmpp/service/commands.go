package service

import (
	"context"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

const nsCommands = "http://jabber.org/protocol/commands"

// command is an ad-hoc command (XEP-0050). Nothing is kept between its steps: what a step needs of those before is in its
// form. So a session cannot be lost with a process, nor taken over.
type command struct {
	node string
	name string
	// may reports whether the command is offered to somebody at all; what it does is checked by itself.
	may func(auth.Principal) bool
	// run is called with the form that was filled in, an empty one at first. It returns a form to be filled in, or what to
	// tell in the end.
	run func(*Service, context.Context, *request, form.Form) (ask *form.Form, done string, err error)
}

const formCommand = payload.NS + "#command"

func anybody(auth.Principal) bool { return true }

func whoMay(v auth.Verb) func(auth.Principal) bool {
	return func(p auth.Principal) bool { return mayAny(p, v) }
}

// commands are all that there are, in the order in which they are listed.
var commands = []command{
	{stanza.NSPubsub + "#get-pending", "Approve subscriptions", anybody, (*Service).pendingCommand},
	{payload.NSJob + "#submit", "Submit a job", anybody, (*Service).submitCommand},
	{payload.NSJob + "#cancel", "Cancel a job", anybody, (*Service).cancelCommand},
	{payload.NSJob + "#retry", "Retry a stalled job", whoMay(auth.Work), (*Service).retryCommand},
	{payload.NSJob + "#stall", "Stall a claimed job", whoMay(auth.Work), (*Service).stallCommand},
	{payload.NSJob + "#pause", "Pause or resume a queue", whoMay(auth.Configure), (*Service).pauseCommand},
	{payload.NS + "#create", "Create a feed or a queue", whoMay(auth.Configure), (*Service).createCommand},
	{payload.NS + "#delete", "Delete a feed or a queue", whoMay(auth.Configure), (*Service).deleteCommand},
}

func findCommand(node string) (command, bool) {
	for _, c := range commands {
		if c.node == node {
			return c, true
		}
	}
	return command{}, false
}

// discoCommands lists the commands for the one who asks: XEP-0050 section 3.1.
func (s *Service) discoCommands(r *request, query *stanza.Element) *stanza.Element {
	for _, c := range commands {
		if c.may(r.who) {
			query.Add(s.discoItem().Set("node", c.node).Set("name", c.name))
		}
	}
	return query
}

// commandInfo describes a command, or the list of them; nil where the node is neither.
func (s *Service) commandInfo(r *request, query *stanza.Element) *stanza.Element {
	node := query.Attr("node")
	if node == nsCommands {
		return query.Add(identity("automation", "command-list", "Commands"))
	}
	c, ok := findCommand(node)
	if !ok || !c.may(r.who) {
		return nil
	}
	return query.Add(identity("automation", "command-node", c.name), feature(nsCommands), feature(form.NS))
}

// command runs a step of a command.
func (s *Service) command(ctx context.Context, r *request) (*stanza.Element, error) {
	c, ok := findCommand(r.verb.Attr("node"))
	if !ok {
		return nil, stanza.Err(stanza.ItemNotFound).WithText("no such command")
	}
	if !c.may(r.who) {
		return nil, stanza.Err(stanza.Forbidden)
	}
	session := r.verb.Attr("sessionid")
	if session == "" {
		session = c.node + " " + r.ID
	}
	answer := stanza.New(nsCommands, "command").Set("node", c.node).Set("sessionid", session)
	switch action := r.verb.Attr("action"); action {
	case "cancel":
		return answer.Set("status", "canceled"), nil
	case "", "execute", "next", "complete":
	default:
		return nil, commandFault("bad-action")
	}
	var f form.Form
	x, err := form.Only(r.verb)
	if err == nil && x != nil {
		f, err = form.Parse(x)
	}
	if err != nil {
		return nil, commandFault("bad-payload")
	}
	if f.Type == form.Cancel {
		return answer.Set("status", "canceled"), nil
	}
	ask, done, err := c.run(s, ctx, r, f)
	if err != nil {
		return nil, err
	}
	if ask != nil {
		return answer.Set("status", "executing").Add(
			stanza.New(nsCommands, "actions").Set("execute", "complete").Add(stanza.New(nsCommands, "complete")), ask.Element()), nil
	}
	answer.Set("status", "completed")
	if done != "" {
		answer.Add(stanza.New(nsCommands, "note").Set("type", "info").AddText(done))
	}
	return answer, nil
}

// commandFault is XEP-0050 section 4.3.
func commandFault(condition string) *stanza.Error {
	e := stanza.Err(stanza.BadRequest)
	e.App = stanza.New(nsCommands, condition)
	return e
}

// ask returns a form to be filled in.
func ask(title, instructions string, fields ...form.Field) *form.Form {
	return &form.Form{Type: form.Ask, FormType: formCommand, Title: title, Instructions: instructions, Fields: fields}
}
