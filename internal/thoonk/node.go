package thoonk

import (
	"strings"
	"unicode/utf8"
)

// Node is what a feed says of itself as a node of XEP-0060. The zero value is that of a feed that nobody made a node of:
// only those with a grant or an affiliation come near it.
type Node struct {
	Access      AccessModel  `json:"access_model,omitempty"`
	Publishers  PublishModel `json:"publish_model,omitempty"`
	Title       string       `json:"title,omitempty"`
	Description string       `json:"description,omitempty"`
	Language    string       `json:"language,omitempty"` // of title and description, RFC 5646
	PayloadType string       `json:"type,omitempty"`     // the namespace that payloads have to have; empty: any
	MaxPayload  int          `json:"max_payload_size,omitempty"`
	MessageType string       `json:"notification_type,omitempty"` // of notifications: MessageNormal; empty: headline

	RosterGroups string `json:"roster_groups_allowed,omitempty"` // names, one a line: whom the access model Roster lets in

	NoSubscribe     bool `json:"no_subscribe,omitempty"`     // nobody subscribes
	NoNotifications bool `json:"no_notifications,omitempty"` // nobody is notified
	NoPayloads      bool `json:"no_payloads,omitempty"`      // notifications of items come without the payload
	NoRetracts      bool `json:"no_retracts,omitempty"`      // nobody is notified of retracted items
	NoDeletes       bool `json:"no_deletes,omitempty"`       // nobody is notified of the node's end
	NoLast          bool `json:"no_last,omitempty"`          // a new subscriber does not get the last item
	TellConfig      bool `json:"tell_config,omitempty"`      // subscribers are notified of a new configuration
	TellSubscribers bool `json:"tell_subscribers,omitempty"` // owners are notified of subscribers who come and go
}

// AccessModel says who may subscribe to a node and read its items without a grant or an affiliation (XEP-0060 section
// 4.5). Outcasts never may.
type AccessModel string

// The access models that a node may have.
const (
	Whitelist AccessModel = ""          // nobody
	Authorize AccessModel = "authorize" // whose subscription an owner has approved
	Open      AccessModel = "open"      // everybody on XMPP
	Presence  AccessModel = "presence"  // who may see when an owner is there
	Roster    AccessModel = "roster"    // who is in one of the groups of an owner's roster that the node names
)

// ByRoster reports whether the rosters of the owners say who may. A server lets components read them, or it does not.
func (m AccessModel) ByRoster() bool { return m == Presence || m == Roster }

// Groups returns the groups of rosters that the access model [Roster] lets in.
func (n Node) Groups() []string {
	return strings.FieldsFunc(n.RosterGroups, func(r rune) bool { return r == '\n' })
}

// PublishModel says who may publish on a node without a grant or an affiliation.
type PublishModel string

// The publish models that a node may have.
const (
	ByPublishers  PublishModel = ""            // nobody
	BySubscribers PublishModel = "subscribers" // whoever has a subscription
	ByAnybody     PublishModel = "open"        // everybody on XMPP
)

// MessageNormal is the type of notifications that servers keep for users who are away.
const MessageNormal = "normal"

// Bounds on what a node says of itself.
const (
	MaxNodeText       = 4 << 10   // bytes of a title, a description, a type
	DefaultMaxPayload = 256 << 10 // bytes of a payload, where the node says nothing
)

// PayloadBound returns the bytes that the payload of a publish on the node may have.
func (n Node) PayloadBound() int {
	if n.MaxPayload == 0 {
		return DefaultMaxPayload
	}
	return n.MaxPayload
}

// ParseAccessModel reads the name of an access model, or returns an [Invalid] error. Whether rosters can be read is not looked
// at: see [ErrNoRosters].
func ParseAccessModel(s string) (AccessModel, error) {
	switch s {
	case "whitelist":
		return Whitelist, nil
	case string(Authorize), string(Open), string(Presence), string(Roster):
		return AccessModel(s), nil
	}
	return "", E(Invalid, "an access model is open, authorize, whitelist, presence or roster")
}

// ErrNoRosters is the [Unsupported] error for an access model by rosters where no server lets them be read.
func ErrNoRosters(m AccessModel) error {
	return E(Unsupported, "the access model %s is not offered: open, authorize and whitelist are", m)
}

// String returns the name that XEP-0060 has for it.
func (m AccessModel) String() string {
	if m == Whitelist {
		return "whitelist"
	}
	return string(m)
}

// ParsePublishModel reads the name of a publish model, or returns an [Invalid] error.
func ParsePublishModel(s string) (PublishModel, error) {
	switch s {
	case "publishers":
		return ByPublishers, nil
	case string(BySubscribers), string(ByAnybody):
		return PublishModel(s), nil
	}
	return "", E(Invalid, "a publish model is publishers, subscribers or open")
}

// String returns the name that XEP-0060 has for it.
func (m PublishModel) String() string {
	if m == ByPublishers {
		return "publishers"
	}
	return string(m)
}

// NodeFlag is one of a node's settings that are on or off.
type NodeFlag struct {
	Name  string // as XEP-0060 has it, without "pubsub#"
	Usual bool   // what it is if nothing is said
	field func(*Node) *bool
}

// NodeFlags are the settings of a node that are on or off.
var NodeFlags = []NodeFlag{
	{"subscribe", true, func(n *Node) *bool { return &n.NoSubscribe }},
	{"deliver_notifications", true, func(n *Node) *bool { return &n.NoNotifications }},
	{"deliver_payloads", true, func(n *Node) *bool { return &n.NoPayloads }},
	{"notify_retract", true, func(n *Node) *bool { return &n.NoRetracts }},
	{"notify_delete", true, func(n *Node) *bool { return &n.NoDeletes }},
	{"notify_config", false, func(n *Node) *bool { return &n.TellConfig }},
	{"notify_sub", false, func(n *Node) *bool { return &n.TellSubscribers }},
}

// Of returns the flag of a node.
func (f NodeFlag) Of(n Node) bool { return *f.field(&n) != f.Usual }

// Set changes the flag of a node.
func (f NodeFlag) Set(n *Node, on bool) { *f.field(n) = on != f.Usual }

// SetText changes a setting of a node that is a text, by the name that XEP-0060 has for it without "pubsub#". Errors:
// Invalid, and Unsupported for a value that XEP-0060 has and we have not.
func (n *Node) SetText(name, value string) (err error) {
	switch name {
	case "access_model":
		n.Access, err = ParseAccessModel(value)
	case "publish_model":
		n.Publishers, err = ParsePublishModel(value)
	case "title":
		n.Title, err = nodeText(value)
	case "description":
		n.Description, err = nodeText(value)
	case "language":
		n.Language, err = nodeText(value)
	case "type":
		n.PayloadType, err = nodeText(value)
	case "roster_groups_allowed":
		n.RosterGroups, err = nodeText(strings.TrimSpace(value))
	case "notification_type":
		n.MessageType, err = parseMessageType(value)
	case "send_last_published_item":
		n.NoLast, err = parseSendLast(value)
	default:
		err = E(Invalid, "a node has no setting %q", name)
	}
	return err
}

func nodeText(s string) (string, error) {
	if len(s) > MaxNodeText {
		return "", E(Invalid, "longer than %d bytes", MaxNodeText)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, notXML) {
		return "", E(Invalid, "contains what XML 1.0 excludes")
	}
	return s, nil
}

// notXML reports whether XML 1.0 excludes a character.
func notXML(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

func parseMessageType(s string) (string, error) {
	switch s {
	case "headline":
		return "", nil
	case MessageNormal:
		return s, nil
	case "chat":
		return "", E(Unsupported, "notifications are of type headline or normal")
	}
	return "", E(Invalid, "notifications are of type headline or normal")
}

func parseSendLast(s string) (never bool, err error) {
	switch s {
	case "never", "on_sub":
		return s == "never", nil
	case "on_sub_and_presence":
		return false, E(Unsupported, "the last item is sent never or on_sub: a component sees no presence")
	}
	return false, E(Invalid, "the last item is sent never or on_sub")
}
