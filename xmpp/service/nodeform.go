package service

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// The types of the forms of XEP-0060.
const (
	formConfig    = stanza.NSPubsub + "#node_config"
	formMeta      = stanza.NSPubsub + "#meta-data"
	formPublish   = stanza.NSPubsub + "#publish-options"
	formSubscribe = stanza.NSPubsub + "#subscribe_options"
	formAuthorize = stanza.NSPubsub + "#subscribe_authorization"
)

// Fields of ours, named as XEP-0068 section 3.2 wants it.
const (
	fieldType         = "{" + payload.NS + "}type"
	fieldContent      = "{" + payload.NS + "}content"
	fieldHistory      = "{" + payload.NS + "}history"
	fieldHistoryBytes = "{" + payload.NS + "}history_bytes"
)

const (
	prefix       = "pubsub#"
	maxItemsMost = 1_000_000
	anything     = "undeclared" // how the form calls a content that is not declared
)

var flagLabels = map[string]string{
	"subscribe":             "Take subscriptions",
	"deliver_notifications": "Notify subscribers",
	"deliver_payloads":      "Send payloads with notifications",
	"notify_retract":        "Tell subscribers of retracted items",
	"notify_delete":         "Tell subscribers of the end of the node",
	"notify_config":         "Tell subscribers of a new configuration",
	"notify_sub":            "Tell owners of subscribers who come and go",
}

// newConfig is the default of nodes that are made over XMPP.
func newConfig() thoonk.Config {
	return thoonk.Config{Type: thoonk.TypeFeed, Node: thoonk.Node{Access: thoonk.Open}}
}

// configForm returns a configuration as a form, with the access models that can be chosen.
func configForm(kind string, c thoonk.Config, models ...string) form.Form {
	n := c.Node
	f := form.Form{Type: kind, FormType: formConfig}
	f.Fields = append(f.Fields,
		form.Line(prefix+"title", "A short name", n.Title),
		form.Line(prefix+"description", "What the node is about", n.Description),
		form.Line(prefix+"language", "The language of its texts", n.Language),
		form.Line(prefix+"type", "The namespace that payloads must have", n.PayloadType),
		form.Choice(prefix+"access_model", "Who may subscribe and read", n.Access.String(), models...),
		form.Choice(prefix+"publish_model", "Who may publish", n.Publishers.String(), "publishers", "subscribers", "open"),
		form.Line(prefix+"max_items", "So many items are kept; or max", maxItems(c)),
		form.Flag(prefix+"persist_items", "Keep items", true),
		form.Line(prefix+"max_payload_size", "Bytes of a payload", strconv.Itoa(n.PayloadBound())),
		form.Choice(prefix+"send_last_published_item", "When to send the last item", sendLast(n), "never", "on_sub"),
		form.Choice(prefix+"notification_type", "The type of notifications", messageType(n), "headline", "normal"),
	)
	if n.RosterGroups != "" || slices.Contains(models, string(thoonk.Roster)) {
		f.Fields = append(f.Fields, form.Field{
			Var: prefix + "roster_groups_allowed", Type: form.TextMulti, Label: "Groups of the owners' rosters that may, with roster", Values: n.Groups(),
		})
	}
	for _, flag := range thoonk.NodeFlags {
		f.Fields = append(f.Fields, form.Flag(prefix+flag.Name, flagLabels[flag.Name], flag.Of(n)))
	}
	f.Fields = append(f.Fields,
		form.Choice(fieldType, "The type of the feed, which stays", string(c.Type), "feed", "sorted_feed", "job", "queue"),
		form.Choice(fieldContent, "What payloads are", contentName(c.Content), anything, "json", "text", "xml", "entry", "binary"),
		form.Line(fieldHistory, "So many changes are kept", strconv.Itoa(orDefault(c.History.Count, thoonk.DefaultHistoryCount))),
		form.Line(fieldHistoryBytes, "So many bytes of changes are kept", strconv.Itoa(orDefault(c.History.Bytes, thoonk.DefaultHistoryBytes))),
	)
	return f
}

// DescribeConfig returns a configuration as those are told of it who are subscribed.
func DescribeConfig(c thoonk.Config) *stanza.Element {
	return configForm(form.Result, c, accessModels...).Element()
}

// accessModels are those that no rosters are needed for.
var accessModels = []string{string(thoonk.Open), string(thoonk.Authorize), "whitelist"}

// config returns a configuration as a form to be filled in.
func (s *Service) config(c thoonk.Config) form.Form {
	models := accessModels
	if s.offersRosters() {
		models = append(models[:len(models):len(models)], string(thoonk.Presence), string(thoonk.Roster))
	}
	return configForm(form.Ask, c, models...)
}

// apply changes a configuration as a form says, if we can do what it then says.
func (s *Service) apply(c *thoonk.Config, f form.Form) error {
	before := c.Node.Access
	if err := applyForm(c, f); err != nil {
		return err
	}
	if m := c.Node.Access; m.ByRoster() && m != before && !s.offersRosters() {
		return stanza.Pubsub(stanza.NotAcceptable, "unsupported-access-model").WithText(stanza.FromError(thoonk.ErrNoRosters(m)).Text) // section 8.1.2
	}
	return nil
}

func orDefault(n, usual int) int {
	if n == 0 {
		return usual
	}
	return n
}

func maxItems(c thoonk.Config) string {
	if c.MaxLength == 0 {
		return "max"
	}
	return strconv.Itoa(c.MaxLength)
}

func sendLast(n thoonk.Node) string {
	if n.NoLast {
		return "never"
	}
	return "on_sub"
}

func messageType(n thoonk.Node) string {
	if n.MessageType == "" {
		return "headline"
	}
	return n.MessageType
}

func contentName(c thoonk.Content) string {
	if c == thoonk.Undeclared {
		return anything
	}
	return string(c)
}

// applyForm changes a configuration as a form says. The error says what the service cannot do of it.
func applyForm(c *thoonk.Config, f form.Form) error {
	for _, field := range f.Fields {
		if err := applyField(c, field); err != nil {
			told := stanza.FromError(err)
			if told.App == nil {
				told = stanza.Err(stanza.NotAcceptable).WithText(field.Var + ": " + told.Text) // section 8.2.5.2
			}
			return told
		}
	}
	return nil
}

func applyField(c *thoonk.Config, field form.Field) (err error) {
	name, ours := strings.CutPrefix(field.Var, prefix)
	if !ours {
		return applyOwn(c, field)
	}
	for _, flag := range thoonk.NodeFlags {
		if flag.Name == name {
			on, err := field.Bool()
			flag.Set(&c.Node, on)
			return err
		}
	}
	switch name {
	case "title", "description", "language", "type", "access_model", "publish_model", "notification_type", "send_last_published_item", "roster_groups_allowed":
		err = c.Node.SetText(name, field.Text())
	case "max_items":
		if c.MaxLength, err = number(field, 1, maxItemsMost, "max"); err == nil && c.MaxLength > 0 && c.Type == thoonk.TypeSortedFeed {
			err = thoonk.E(thoonk.Invalid, "a sorted feed keeps all of its items: max")
		}
	case "max_payload_size":
		c.Node.MaxPayload, err = number(field, 1, thoonk.DefaultMaxPayload, "")
		c.Node.MaxPayload %= thoonk.DefaultMaxPayload
	default:
		err = fixed(name, field)
	}
	return err
}

// fixedFields are fields of XEP-0060 that have one value here.
var fixedFields = map[string][]string{
	"persist_items":           {"1", "true"},
	"presence_based_delivery": {"0", "false"},
	"purge_offline":           {"0", "false"},
	"tempsub":                 {"0", "false"},
	"node_type":               {"leaf"},
	"item_expire":             {"max", ""},
	"collection":              {""},
	"children":                {""},
	"body_xslt":               {""},
	"dataform_xslt":           {""},
	"contact":                 {""},
}

func fixed(name string, field form.Field) error {
	values, known := fixedFields[name]
	if !known {
		return thoonk.E(thoonk.Invalid, "there is no such setting")
	}
	for _, v := range values {
		if field.Value() == v {
			return nil
		}
	}
	return thoonk.E(thoonk.Invalid, "it can only be %q", values[0])
}

func applyOwn(c *thoonk.Config, field form.Field) (err error) {
	value := field.Value()
	switch field.Var {
	case fieldType:
		switch t := thoonk.Type(value); t {
		case thoonk.TypeFeed, thoonk.TypeSortedFeed, thoonk.TypeQueue, thoonk.TypeJob:
			c.Type = t
		default:
			err = thoonk.E(thoonk.Invalid, "it is feed, sorted_feed, job or queue")
		}
	case fieldContent:
		if value == anything {
			value = ""
		}
		c.Content, err = thoonk.ParseContent(value)
	case fieldHistory:
		c.History.Count, err = number(field, 1, 100_000, "")
	case fieldHistoryBytes:
		c.History.Bytes, err = number(field, 1<<10, 1<<30, "")
	default:
		err = thoonk.E(thoonk.Invalid, "there is no such setting")
	}
	return err
}

// number reads a whole number, or a word that stands for 0.
func number(field form.Field, least, most int, word string) (int, error) {
	if word != "" && field.Value() == word {
		return 0, nil
	}
	n, err := strconv.Atoi(field.Value())
	if err != nil || n < least || n > most {
		return 0, thoonk.E(thoonk.Invalid, "not a whole number from %d to %d", least, most)
	}
	return n, nil
}

// same reports whether two configurations say the same.
func same(a, b thoonk.Config) bool {
	return a.Type == b.Type && a.MaxLength == b.MaxLength && a.Content == b.Content && a.Node == b.Node &&
		orDefault(a.History.Count, thoonk.DefaultHistoryCount) == orDefault(b.History.Count, thoonk.DefaultHistoryCount) &&
		orDefault(a.History.Bytes, thoonk.DefaultHistoryBytes) == orDefault(b.History.Bytes, thoonk.DefaultHistoryBytes) &&
		maps.Equal(a.Extra, b.Extra)
}

// submitted reads the form in an element, which has to be of a type if it says one at all.
func submitted(e *stanza.Element, formType string) (form.Form, error) {
	x, err := form.Only(e)
	if err != nil {
		return form.Form{}, err
	}
	f, err := form.Parse(x)
	switch {
	case err != nil:
		return f, err
	case f.FormType != "" && f.FormType != formType:
		return f, stanza.Err(stanza.BadRequest).WithText("the form is not of type " + formType)
	case f.Type != form.Submit && f.Type != form.Cancel:
		return f, stanza.Err(stanza.BadRequest).WithText("a form that is filled in has the type submit")
	}
	return f, nil
}
