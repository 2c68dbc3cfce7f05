package auth

import (
	"slices"
	"time"
)

// Standing is what is kept of a principal by whoever acts for it later, when its token is not at hand: what the token
// said, without what the configuration adds to it.
type Standing struct {
	Name    string    `json:"name"`
	Grants  []Grant   `json:"grants,omitempty"` // of the token itself
	Scope   []string  `json:"scope,omitempty"`  // names of roles
	Expires time.Time `json:"expires,omitzero"`
}

// Standing returns what is to be kept of p.
func (p Principal) Standing() Standing {
	return Standing{Name: p.Name, Grants: p.own, Scope: p.scope, Expires: p.Expires}
}

// Recall returns the principal with the rights that it has now: roles, and what is public, may have changed. After its
// token's end it has none.
func (v *Verifier) Recall(s Standing) Principal {
	p := Principal{Name: s.Name, Expires: s.Expires, own: s.Grants, scope: s.Scope}
	if s.Expires.IsZero() || v.o.Now().Before(s.Expires) {
		p.Grants = slices.Concat(s.Grants, v.o.Roles.grants(s.Scope), v.o.Public)
	}
	return p
}
