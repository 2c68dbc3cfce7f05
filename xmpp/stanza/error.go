package stanza

import (
	"context"
	"errors"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Condition is a defined condition of a stanza error, RFC 6120 section 8.3.3.
type Condition string

// The conditions that the component answers with or acts on.
const (
	BadRequest            Condition = "bad-request"
	ConflictCondition     Condition = "conflict"
	FeatureNotImplemented Condition = "feature-not-implemented"
	Forbidden             Condition = "forbidden"
	Gone                  Condition = "gone"
	InternalServerError   Condition = "internal-server-error"
	ItemNotFound          Condition = "item-not-found"
	JIDMalformed          Condition = "jid-malformed"
	NotAcceptable         Condition = "not-acceptable"
	NotAllowed            Condition = "not-allowed"
	NotAuthorized         Condition = "not-authorized"
	PolicyViolation       Condition = "policy-violation"
	RecipientUnavailable  Condition = "recipient-unavailable"
	RegistrationRequired  Condition = "registration-required"
	RemoteServerNotFound  Condition = "remote-server-not-found"
	RemoteServerTimeout   Condition = "remote-server-timeout"
	ResourceConstraint    Condition = "resource-constraint"
	ServiceUnavailable    Condition = "service-unavailable"
	SubscriptionRequired  Condition = "subscription-required"
	UndefinedCondition    Condition = "undefined-condition"
	UnexpectedRequest     Condition = "unexpected-request"
	UnsupportedStanzaType Condition = "unsupported-stanza-type" // a name of ours for what is no stanza: never sent
)

// ErrorType says what the sender may do about an error.
type ErrorType string

// The types of RFC 6120 section 8.3.2 that are in use.
const (
	Auth   ErrorType = "auth"
	Cancel ErrorType = "cancel"
	Modify ErrorType = "modify"
	Wait   ErrorType = "wait"
)

var usualType = map[Condition]ErrorType{
	BadRequest: Modify, JIDMalformed: Modify, NotAcceptable: Modify, PolicyViolation: Modify,
	Forbidden: Auth, NotAuthorized: Auth, RegistrationRequired: Auth, SubscriptionRequired: Auth,
	RecipientUnavailable: Wait, RemoteServerTimeout: Wait, ResourceConstraint: Wait,
}

// Error is a stanza error, ours or another side's.
type Error struct {
	Type      ErrorType
	Condition Condition
	Text      string   // for people; may be empty
	App       *Element // the application-specific condition, or nil
}

// Err returns an error with a condition, of the type that RFC 6120 and XEP-0060 usually give it.
func Err(c Condition) *Error {
	t, ok := usualType[c]
	if !ok {
		t = Cancel
	}
	return &Error{Type: t, Condition: c}
}

// Pubsub returns an error with a condition and one of XEP-0060's own, as in Pubsub(BadRequest, "nodeid-required").
func Pubsub(c Condition, app string) *Error {
	e := Err(c)
	e.App = New(NSPubsubErrors, app)
	return e
}

// Unsupported is the answer to what XEP-0060 has and is not offered here, by the name of its feature: "subscribe".
func Unsupported(feature string) *Error {
	e := Pubsub(FeatureNotImplemented, "unsupported")
	e.App.Set("feature", clip(feature))
	return e
}

// longestText bounds what an error repeats of what somebody sent.
const longestText = 1 << 10

func clip(text string) string {
	if len(text) <= longestText {
		return text
	}
	return strings.ToValidUTF8(text[:longestText], "") + "…"
}

// WithText returns a copy of e with a text for people, of which the beginning is kept if it is long.
func (e *Error) WithText(text string) *Error {
	c := *e
	c.Text = clip(text)
	return &c
}

// OfType returns a copy of e of another type than the usual one.
func (e *Error) OfType(t ErrorType) *Error {
	c := *e
	c.Type = t
	return &c
}

func (e *Error) Error() string {
	s := string(e.Type) + "/" + string(e.Condition)
	if e.App != nil {
		s += " + " + e.App.Name.Local
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

func (e *Error) element() *Element {
	out := New(NSClient, "error").Set("type", string(e.Type)).Add(New(NSStanzaErrors, string(e.Condition)))
	if e.Text != "" {
		out.Add(New(NSStanzaErrors, "text").AddText(e.Text))
	}
	return out.Add(e.App)
}

// ParseError reads the error in a stanza of type error. It never fails: what is not said is undefined-condition.
func ParseError(s *Element) *Error {
	in := s.Child(NSClient, "error")
	e := &Error{Type: ErrorType(in.Attr("type")), Condition: UndefinedCondition}
	for c := range in.Children() {
		switch {
		case c.Is(NSStanzaErrors, "text"):
			e.Text = c.Text()
		case c.Name.Space == NSStanzaErrors:
			e.Condition = Condition(c.Name.Local)
		case e.App == nil:
			e.App = c
		}
	}
	return e
}

var conditions = map[thoonk.Kind]*Error{
	thoonk.Invalid:         Err(BadRequest),
	thoonk.Unprocessable:   Err(BadRequest),
	thoonk.Unauthenticated: Err(NotAuthorized),
	thoonk.Forbidden:       Err(Forbidden),
	thoonk.NotFound:        Err(ItemNotFound),
	thoonk.Conflict:        Err(ConflictCondition),
	thoonk.Stale:           Err(ConflictCondition),
	thoonk.Gone:            Err(ItemNotFound),
	thoonk.TooLarge:        Pubsub(NotAcceptable, "payload-too-big"),
	thoonk.Limited:         Err(ResourceConstraint),
	thoonk.Unsupported:     Err(FeatureNotImplemented),
	thoonk.Unavailable:     Err(ResourceConstraint),
	thoonk.Unconfirmed:     Err(RemoteServerTimeout),
}

// FromError returns err as what the sender is told: an [Error] in its chain as it is, a [thoonk.Error] with its public text,
// and internal-server-error without a word for any other, which is for the log.
func FromError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*thoonk.Error](err); ok {
		if told, ok := conditions[e.Kind]; ok {
			return told.WithText(e.Public)
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Err(ResourceConstraint)
	}
	return Err(InternalServerError)
}
