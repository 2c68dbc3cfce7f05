package api

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// wireNode is a feed as a node of XMPP, as the client sees it. The members have the names that XEP-0060 gives them.
type wireNode struct {
	AccessModel          string `json:"access_model" enums:"whitelist,authorize,open,presence,roster"`
	PublishModel         string `json:"publish_model" enums:"publishers,subscribers,open"`
	Title                string `json:"title,omitempty"`
	Description          string `json:"description,omitempty"`
	Language             string `json:"language,omitempty"`
	Type                 string `json:"type,omitempty"`
	MaxPayloadSize       int    `json:"max_payload_size"`
	NotificationType     string `json:"notification_type" enums:"headline,normal"`
	SendLast             string `json:"send_last_published_item" enums:"never,on_sub"`
	Subscribe            bool   `json:"subscribe"`
	DeliverNotifications bool   `json:"deliver_notifications"`
	DeliverPayloads      bool   `json:"deliver_payloads"`
	NotifyRetract        bool   `json:"notify_retract"`
	NotifyDelete         bool   `json:"notify_delete"`
	NotifyConfig         bool   `json:"notify_config"`
	NotifySub            bool   `json:"notify_sub"`

	RosterGroups []string `json:"roster_groups_allowed,omitempty"`
}

// toWireNode returns nil for a feed that says nothing of itself as a node.
func toWireNode(n thoonk.Node) *wireNode {
	if n == (thoonk.Node{}) {
		return nil
	}
	w := &wireNode{
		AccessModel: n.Access.String(), PublishModel: n.Publishers.String(),
		Title: n.Title, Description: n.Description, Language: n.Language, Type: n.PayloadType,
		MaxPayloadSize: n.PayloadBound(), NotificationType: "headline", SendLast: "on_sub",
		Subscribe: !n.NoSubscribe, DeliverNotifications: !n.NoNotifications, DeliverPayloads: !n.NoPayloads,
		NotifyRetract: !n.NoRetracts, NotifyDelete: !n.NoDeletes, NotifyConfig: n.TellConfig, NotifySub: n.TellSubscribers,
		RosterGroups: n.Groups(),
	}
	if n.MessageType != "" {
		w.NotificationType = n.MessageType
	}
	if n.NoLast {
		w.SendLast = "never"
	}
	return w
}

// parseNode reads the member "pubsub" of a declaration.
func parseNode(n thoonk.Node, value json.RawMessage, patch bool) (thoonk.Node, error) {
	members, err := parseObject(value, "pubsub")
	if err != nil {
		return n, err
	}
	if !patch {
		n = thoonk.Node{}
	}
	for _, m := range members {
		if patch && isNull(m.value) {
			m.value = json.RawMessage(nodeDefaults[m.name])
		}
		if err := configureNode(&n, m); err != nil {
			return n, inBody(err, "pubsub", m.name)
		}
	}
	return n, nil
}

// nodeDefaults are what the members are if nothing is said.
var nodeDefaults = map[string]string{
	"access_model": `"whitelist"`, "publish_model": `"publishers"`, "title": `""`, "description": `""`, "language": `""`, "type": `""`,
	"max_payload_size": "262144", "notification_type": `"headline"`, "send_last_published_item": `"on_sub"`,
	"subscribe": "true", "deliver_notifications": "true", "deliver_payloads": "true",
	"notify_retract": "true", "notify_delete": "true", "notify_config": "false", "notify_sub": "false", "roster_groups_allowed": "[]",
}

func configureNode(n *thoonk.Node, m member) error {
	for _, flag := range thoonk.NodeFlags {
		if flag.Name == m.name {
			on, err := asBool(m.value)
			flag.Set(n, on)
			return err
		}
	}
	if m.name == "max_payload_size" {
		size, err := asInt(m.value, 1, thoonk.DefaultMaxPayload)
		n.MaxPayload = size % thoonk.DefaultMaxPayload // the default is kept as 0
		return err
	}
	if _, known := nodeDefaults[m.name]; !known {
		return unknownMember(m.name, "access_model, publish_model, title, description, language, type, max_payload_size, notification_type, "+
			"send_last_published_item, subscribe, deliver_notifications, deliver_payloads, notify_retract, notify_delete, notify_config, notify_sub, roster_groups_allowed")
	}
	if m.name == "roster_groups_allowed" {
		return setRosterGroups(n, m.value)
	}
	text, err := asString(m.value)
	if err != nil {
		return err
	}
	return n.SetText(m.name, text)
}

// setRosterGroups reads the names of groups, which are kept one a line.
func setRosterGroups(n *thoonk.Node, value json.RawMessage) error {
	var groups []string
	if err := json.Unmarshal(value, &groups); err != nil || groups == nil {
		return thoonk.E(thoonk.Invalid, "not an array of names")
	}
	for _, g := range groups {
		if strings.TrimSpace(g) == "" || strings.ContainsAny(g, "\r\n") {
			return thoonk.E(thoonk.Invalid, "the name of a group is one line, and not empty")
		}
	}
	return n.SetText("roster_groups_allowed", strings.Join(groups, "\n"))
}

// checkAccess returns an error if a feed is to get an access model by rosters where no server lets them be read. One that has
// such a model already may keep it.
func (s *Server) checkAccess(ctx context.Context, name thoonk.FeedName, cfg thoonk.Config) error {
	m := cfg.Node.Access
	if !m.ByRoster() || s.o.Rosters != nil && s.o.Rosters() {
		return nil
	}
	have, err := s.o.Store.Feed(ctx, name)
	switch {
	case err != nil && thoonk.KindOf(err) != thoonk.NotFound:
		return err
	case err == nil && have.Config.Node.Access == m:
		return nil
	}
	return inBody(thoonk.ErrNoRosters(m), "pubsub", "access_model")
}

func asBool(value json.RawMessage) (bool, error) {
	switch s := strings.TrimSpace(string(value)); s {
	case "true", "false":
		return s == "true", nil
	}
	return false, thoonk.E(thoonk.Invalid, "not true or false")
}
