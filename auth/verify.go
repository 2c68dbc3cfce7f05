package auth

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// leeway forgives an issuer's clock that runs ahead of ours. The end of a token gets none.
const leeway = 30 * time.Second

// Options say whose tokens a [Verifier] takes, and what they are worth. All may be left out; without keys no token is
// taken.
type Options struct {
	Keys      *Keys       // of a file
	Remote    *RemoteKeys // of a URL
	Issuer    string      // what iss has to be
	Audience  string      // what aud has to name; empty: a token needs no aud
	PublicURL string      // what an aud has to name where no Audience is given
	Public    []Grant     // what everybody may do
	Roles     Roles
	Now       func() time.Time // nil: time.Now
}

// Verifier turns tokens into principals. It is safe for concurrent use.
type Verifier struct {
	o      Options
	local  []key
	parser *jwt.Parser
}

// NewVerifier returns a verifier with these options.
func NewVerifier(o Options) *Verifier {
	v := &Verifier{
		o: o,
		parser: jwt.NewParser(
			jwt.WithValidMethods(algorithms),
			jwt.WithStrictDecoding(),
			jwt.WithoutClaimsValidation(), // checkTimes and its like do it, with texts of their own
		),
	}
	if o.Now == nil {
		v.o.Now = time.Now
	}
	if o.Keys != nil {
		v.local = o.Keys.all
	}
	return v
}

// Anonymous returns the principal of a caller without a token.
func (v *Verifier) Anonymous() Principal {
	return Principal{Name: anonymous, Grants: v.o.Public}
}

// Verify returns the principal that a token names (RFC 7519). Every failure is an Unauthenticated error whose text
// tells the holder what to mend.
func (v *Verifier) Verify(token string) (Principal, error) {
	if len(token) > maxToken {
		return Principal{}, refuse("the token is longer than 16 KiB")
	}
	c, err := v.parse(token)
	if err != nil {
		return Principal{}, err
	}
	if err := cmp.Or(v.checkTimes(c), v.checkIssuer(c), v.checkAudience(c)); err != nil {
		return Principal{}, err
	}
	name, err := tokenName(c.Issuer, c.Subject)
	if err != nil {
		return Principal{}, refuse("the token is malformed: %v", err)
	}
	var grants []Grant
	if len(c.Grants) > 0 {
		if err := json.Unmarshal(c.Grants, &grants); err != nil {
			return Principal{}, malformedGrants(err)
		}
	}
	// Whoever shows a token may do no less than whoever shows none.
	return Principal{
		Name: name, Grants: slices.Concat(grants, v.o.Roles.grants(c.Scope), v.o.Public), Expires: c.ExpiresAt.UTC(),
		own: grants, scope: c.Scope,
	}, nil
}

// parse returns the claims of a token whose signature holds. If the remote keys lack the one that it names, they may
// have been rotated: then it tries again with newer ones.
func (v *Verifier) parse(token string) (wireClaims, error) {
	remote := v.o.Remote
	before := remote.current()
	var c wireClaims
	t, err := v.parser.ParseWithClaims(token, &c, v.keys)
	if err == nil {
		return c, nil
	}
	if e, ok := errors.AsType[*thoonk.Error](err); ok { // no other key would help
		return c, e
	}
	lacking := remote.lacks(before, t)
	if lacking && (remote.refetch() || !remote.lacks(remote.current(), t)) { // or they came meanwhile
		c = wireClaims{}
		if _, err = v.parser.ParseWithClaims(token, &c, v.keys); err == nil {
			return c, nil
		}
	}
	if lacking && len(remote.current()) == 0 {
		return c, refuse("the keys to verify the token with could not be fetched yet: try again in a minute").Because(err)
	}
	return c, unverified(err)
}

// keys returns what may have signed the token, by kid and alg alone. Keys that a token's header brings along or points
// to (jku, jwk, x5u, x5c) are of whoever wrote the token.
func (v *Verifier) keys(t *jwt.Token) (any, error) {
	// RFC 7515 section 4.1.11: an extension marked critical and not understood makes the token invalid.
	if _, critical := t.Header["crit"]; critical {
		return nil, refuse("the token's header has crit, and none of its extensions is supported")
	}
	return jwt.VerificationKeySet{Keys: fitting(kid(t), t.Method.Alg(), v.local, v.o.Remote.current())}, nil
}

// kid returns the name of the key that a token says it is signed with, or nothing.
func kid(t *jwt.Token) string {
	id, _ := t.Header["kid"].(string)
	return id
}

func (v *Verifier) checkTimes(c wireClaims) error {
	now := v.o.Now()
	switch {
	case c.ExpiresAt == nil:
		return refuse("the token has no exp: a token without an end is not taken")
	case c.ExpiresAt.Year() > 9999:
		return refuse("the token's exp is beyond the year 9999: it counts seconds")
	case !now.Before(c.ExpiresAt.Time):
		return refuse("the token expired at %s", inUTC(c.ExpiresAt))
	case c.NotBefore != nil && now.Add(leeway).Before(c.NotBefore.Time):
		return refuse("the token is not valid before %s", inUTC(c.NotBefore))
	case c.IssuedAt != nil && now.Add(leeway).Before(c.IssuedAt.Time):
		return refuse("the token's iat is in the future: %s", inUTC(c.IssuedAt))
	}
	return nil
}

func inUTC(d *jwt.NumericDate) string { return d.UTC().Format(time.RFC3339) }

func (v *Verifier) checkIssuer(c wireClaims) error {
	if v.o.Issuer != "" && c.Issuer != v.o.Issuer {
		return refuse("the token's iss is not %q", v.o.Issuer)
	}
	return nil
}

// checkAudience holds to RFC 7519 section 4.1.3: a token that is meant for others, and not for us, is refused.
func (v *Verifier) checkAudience(c wireClaims) error {
	us := cmp.Or(v.o.Audience, v.o.PublicURL)
	if v.o.Audience == "" && !c.hasAudience || us != "" && slices.Contains(c.Audience, us) {
		return nil
	}
	return refuse("the token is not meant for this server: its aud does not have %q", us)
}

func unverified(err error) *thoonk.Error {
	if errors.Is(err, jwt.ErrTokenMalformed) {
		return refuse("the token is malformed: not a JWT").Because(err)
	}
	return refuse("the token is not signed by a key that this server knows, with an algorithm of that key").Because(err)
}

func malformedGrants(err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok { // its own text is about Go types
		return refuse("the token is malformed: grants is not a list")
	}
	return refuse("the token is malformed: grants: %v", err)
}

func refuse(format string, args ...any) *thoonk.Error {
	return thoonk.E(thoonk.Unauthenticated, format, args...)
}
