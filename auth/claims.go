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
	IssuedAt time.Time // zero: left out
	Expires  time.Time // to the second
	Grants   []Grant
}

// wireClaims are claims as a token carries them. The grants stay raw until the signature is known to hold.
type wireClaims struct {
	jwt.RegisteredClaims
	Grants json.RawMessage `json:"grants,omitempty"`
}

// Sign returns the claims as a token. A name or a size that [Verifier.Verify] refuses is an error here already.
func (k Key) Sign(c Claims) (string, error) {
	token, err := k.sign(c)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return token, nil
}

func (k Key) sign(c Claims) (string, error) {
	if _, err := tokenName(c.Issuer, c.Subject); err != nil {
		return "", err
	}
	if c.Expires.IsZero() {
		return "", errors.New("exp is missing")
	}
	wire := wireClaims{RegisteredClaims: jwt.RegisteredClaims{
		Issuer:    c.Issuer,
		Subject:   c.Subject,
		ExpiresAt: jwt.NewNumericDate(c.Expires),
	}}
	if !c.IssuedAt.IsZero() {
		wire.IssuedAt = jwt.NewNumericDate(c.IssuedAt)
	}
	if len(c.Grants) > 0 {
		grants, err := json.Marshal(c.Grants)
		if err != nil {
			return "", err
		}
		wire.Grants = grants
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, wire).SignedString(k.secret)
	if err != nil {
		return "", err
	}
	if len(token) > maxToken {
		return "", errors.New("with so many grants it is longer than 16 KiB")
	}
	return token, nil
}
