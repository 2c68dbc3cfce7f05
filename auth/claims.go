package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxToken bounds what is parsed before its signature is known to hold.
const maxToken = 16 << 10

// Claims are what a token says.
type Claims struct {
	Issuer   string
	Subject  string
	Audience string    // empty: left out
	IssuedAt time.Time // zero: left out
	Expires  time.Time // to the second
	Scope    string    // names of roles, with spaces between (RFC 8693 section 4.2)
	Grants   []Grant
}

// wireClaims are claims as a token carries them. The grants stay raw until the signature is known to hold.
type wireClaims struct {
	jwt.RegisteredClaims
	Scope  scope           `json:"scope,omitempty"`
	Grants json.RawMessage `json:"grants,omitempty"`

	hasAudience bool // an empty aud is one too
}

// UnmarshalJSON takes the names as they are: RFC 7519 section 4 has them case-sensitive, encoding/json has not, and a
// claim "Grants" that an issuer lets its users choose is no grants.
func (c *wireClaims) UnmarshalJSON(text []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	for _, claim := range []struct {
		name string
		into any
	}{
		{"iss", &c.Issuer}, {"sub", &c.Subject}, {"aud", &c.Audience}, {"exp", &c.ExpiresAt}, {"nbf", &c.NotBefore},
		{"iat", &c.IssuedAt}, {"scope", &c.Scope}, {"grants", &c.Grants},
	} {
		if raw, ok := members[claim.name]; ok && json.Unmarshal(raw, claim.into) != nil {
			return refuse("the token is malformed: %s is of the wrong type", claim.name)
		}
	}
	_, c.hasAudience = members["aud"]
	return nil
}

// Sign returns the claims as a token, signed with the first of the keys that can. A name, a scope or a size that
// [Verifier.Verify] refuses is an error here already.
func (k Keys) Sign(c Claims) (string, error) {
	token, err := k.sign(c)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return token, nil
}

func (k Keys) sign(c Claims) (string, error) {
	signer := k.signer()
	if signer == nil {
		return "", errors.New("there is no secret and no private key, and a public key only verifies")
	}
	wire, err := c.wire()
	if err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(signer.algs[0]), wire)
	if signer.id != "" {
		token.Header["kid"] = signer.id
	}
	text, err := token.SignedString(signer.sign)
	if err != nil {
		return "", err
	}
	if len(text) > maxToken {
		return "", errors.New("with so many grants it is longer than 16 KiB")
	}
	return text, nil
}

func (c Claims) wire() (wireClaims, error) {
	if _, err := tokenName(c.Issuer, c.Subject); err != nil {
		return wireClaims{}, err
	}
	if c.Expires.IsZero() {
		return wireClaims{}, errors.New("exp is missing")
	}
	scope, err := parseScope(c.Scope)
	if err != nil {
		return wireClaims{}, err
	}
	wire := wireClaims{Scope: scope, RegisteredClaims: jwt.RegisteredClaims{
		Issuer:    c.Issuer,
		Subject:   c.Subject,
		ExpiresAt: jwt.NewNumericDate(c.Expires),
	}}
	if c.Audience != "" {
		wire.Audience = jwt.ClaimStrings{c.Audience}
	}
	if !c.IssuedAt.IsZero() {
		wire.IssuedAt = jwt.NewNumericDate(c.IssuedAt)
	}
	if len(c.Grants) > 0 {
		if wire.Grants, err = json.Marshal(c.Grants); err != nil {
			return wireClaims{}, err
		}
	}
	return wire, nil
}
