package auth

import (
	"errors"
	"strings"
)

// JIDs are grants by the JID that they are for: "user@domain", "domain", or "*@domain" for all users of a domain.
type JIDs map[string][]Grant

// maxJID is the longest bare JID in bytes (RFC 7622 section 3.1).
const maxJID = 2*1023 + 1

// CheckJID says what is wrong with a key of [JIDs], if anything. It has to stand there as servers write it: in lower case.
func CheckJID(s string) error {
	local, domain, found := strings.Cut(s, "@")
	if !found {
		local, domain = "x", s
	}
	switch {
	case len(s) > maxJID:
		return errors.New("a JID is at most 2047 bytes long")
	case local == "" || domain == "" || strings.ContainsAny(domain, "@/* ") || local != "*" && strings.ContainsAny(local, `*/ "&'<>:`):
		return errors.New(`a JID is written user@domain, domain, or *@domain for all users of it`)
	case s != strings.ToLower(s):
		return errors.New("a JID is written in lower case")
	}
	return nil
}

// Principal returns who a bare JID is. It knows nothing of tokens, and none of them can have its name.
func (j JIDs) Principal(bare string) Principal {
	p := Principal{Name: "xmpp:" + bare, Grants: j[bare]}
	if i := strings.IndexByte(bare, '@'); i > 0 {
		p.Grants = append(p.Grants[:len(p.Grants):len(p.Grants)], j["*"+bare[i:]]...)
	}
	return p
}
