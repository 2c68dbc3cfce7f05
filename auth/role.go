package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Roles are grants by the names that a token's scope gives them.
type Roles map[string][]Grant

// maxRoleName bounds the name of a role, in bytes.
const maxRoleName = 128

// CheckRoleName says what is wrong with the name of a role, if anything: it has to be a word that a scope can hold
// (RFC 6749 section 3.3).
func CheckRoleName(name string) error {
	if name == "" || len(name) > maxRoleName {
		return fmt.Errorf("a name of a role has 1 to %d bytes", maxRoleName)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		return errors.New(`a name of a role is printable ASCII without spaces, '"' and '\'`)
	}
	return nil
}

// grants returns those of the roles in the scope. Words that are no roles of ours are for other services.
func (r Roles) grants(s scope) []Grant {
	var grants []Grant
	for _, name := range slices.Compact(slices.Sorted(slices.Values(s))) {
		grants = append(grants, r[name]...)
	}
	return grants
}

// scope are the words of a scope claim.
type scope []string

func parseScope(s string) (scope, error) {
	words := strings.Fields(s)
	for _, word := range words {
		if err := CheckRoleName(word); err != nil {
			return nil, fmt.Errorf("scope %q: %w", word, err)
		}
	}
	return words, nil
}

// UnmarshalJSON takes a list besides the text of RFC 8693 section 4.2: some issuers write one.
func (s *scope) UnmarshalJSON(text []byte) error {
	var parts jwt.ClaimStrings
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	*s = strings.Fields(strings.Join(parts, " "))
	return nil
}

// MarshalJSON writes the text of RFC 8693 section 4.2.
func (s scope) MarshalJSON() ([]byte, error) { return json.Marshal(strings.Join(s, " ")) }
