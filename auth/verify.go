package auth

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// leeway forgives an issuer's clock that runs ahead of ours. The end of a token gets none.
const leeway = 30 * time.Second

// Verifier turns tokens into principals. It is safe for concurrent use.
type Verifier struct {
	key    *Key
	public []Grant
	now    func() time.Time
	parser *jwt.Parser
}

// NewVerifier returns a verifier of the tokens that key signed. The public grants are what anonymous callers have.
func NewVerifier(key *Key, public []Grant, now func() time.Time) *Verifier {
	return &Verifier{
		key:    key,
		public: public,
		now:    now,
		parser: jwt.NewParser(
			// RFC 8725 section 3.1: the verifier decides on the algorithm, not the token.
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithStrictDecoding(),
			jwt.WithoutClaimsValidation(), // checkTimes does it, with a leeway for each claim and texts of its own
		),
	}
}

// Anonymous returns the principal of a caller without a token.
func (v *Verifier) Anonymous() Principal {
	return Principal{Name: anonymous, Grants: v.public}
}

// Verify returns the principal that a token names (RFC 7519, signed with HS256). Every failure is an Unauthenticated
// error whose text tells the holder what to mend.
func (v *Verifier) Verify(token string) (Principal, error) {
	if len(token) > maxToken {
		return Principal{}, refuse("the token is longer than 16 KiB")
	}
	var c wireClaims
	if _, err := v.parser.ParseWithClaims(token, &c, v.secret); err != nil {
		return Principal{}, unverified(err)
	}
	if err := v.checkTimes(c); err != nil {
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
	return Principal{Name: name, Grants: slices.Concat(grants, v.public), Expires: c.ExpiresAt.UTC()}, nil
}

func (v *Verifier) secret(t *jwt.Token) (any, error) {
	// RFC 7515 section 4.1.11: an extension marked critical and not understood makes the token invalid.
	if _, critical := t.Header["crit"]; critical {
		return nil, refuse("the token's header has crit, and none of its extensions is supported")
	}
	return v.key.secret, nil
}

func (v *Verifier) checkTimes(c wireClaims) error {
	now := v.now()
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

func unverified(err error) error {
	if e, ok := errors.AsType[*thoonk.Error](err); ok {
		return e
	}
	if errors.Is(err, jwt.ErrTokenMalformed) {
		return refuse("the token is malformed: not a JWT").Because(err)
	}
	return refuse("the token is not signed by this server's key with HS256").Because(err)
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
