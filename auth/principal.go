package auth

import (
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// anonymous cannot be the name of a token's principal: those begin with "jwt:".
const anonymous = "anonymous"

// Principal is who acts, and what it was granted. The zero value may do nothing.
type Principal struct {
	Name    string // "jwt:issuer|subject" or "anonymous"
	Grants  []Grant
	Expires time.Time // the principal holds until then; zero: for ever

	own   []Grant // those of Grants that the token itself has
	scope scope   // of the token
}

// Anonymous reports whether the caller sent nothing that says who it is.
func (p Principal) Anonymous() bool { return p.Name == anonymous }

// Can reports whether some grant allows the verb on the feed. It does not look at the clock.
func (p Principal) Can(v Verb, feed thoonk.FeedName) bool {
	for _, g := range p.Grants {
		if g.Allows(v, feed) {
			return true
		}
	}
	return false
}

// Require returns nil if p can, else an Unauthenticated error for the anonymous principal and a Forbidden one for any
// other. It is asked before the feed is looked up, so neither tells whether the feed exists.
func (p Principal) Require(v Verb, feed thoonk.FeedName) error {
	switch {
	case p.Can(v, feed):
		return nil
	case p.Anonymous():
		return thoonk.E(thoonk.Unauthenticated, "anonymous callers have no right to %q on %q: send a token that grants it", v, feed)
	default:
		return thoonk.E(thoonk.Forbidden, "nothing grants the right to %q on %q", v, feed)
	}
}

// LogValue is the name only: grants are long, and nobody reads them in a log.
func (p Principal) LogValue() slog.Value { return slog.StringValue(p.Name) }

// maxNamePart bounds issuer and subject, since every change that the principal makes stores its name.
const maxNamePart = 512

// tokenName returns the name of the principal of a token. An issuer without "|" keeps any two (issuer, subject) from
// sharing a name: what a principal owns is found by it.
func tokenName(issuer, subject string) (string, error) {
	switch {
	case subject == "":
		return "", errors.New("sub is missing or empty")
	case len(subject) > maxNamePart:
		return "", errors.New("sub is longer than 512 bytes")
	case len(issuer) > maxNamePart:
		return "", errors.New("iss is longer than 512 bytes")
	case strings.Contains(issuer, "|"):
		return "", errors.New(`iss contains "|"`)
	case strings.ContainsFunc(issuer+subject, unicode.IsControl):
		return "", errors.New("iss or sub contains a control character")
	}
	return "jwt:" + issuer + "|" + subject, nil
}
