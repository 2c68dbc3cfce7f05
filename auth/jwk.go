package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// errUnused marks a JWK that is not for verifying, or of a kind unknown to us. RFC 7517 section 5 has those ignored.
var errUnused = errors.New("not for verifying tokens")

// parseJWKFile reads the JWK or the JWK Set of a file. Whoever wrote it can mend it, so any fault is an error.
func parseJWKFile(text []byte) ([]key, error) {
	jwks, err := splitJWKs(text)
	if err != nil {
		return nil, err
	}
	var keys []key
	for i, text := range jwks {
		k, err := parseJWK(text, jwk.material)
		if errors.Is(err, errUnused) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("JWK %d: %w", i+1, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it is for verifying tokens")
	}
	return keys, nil
}

// parseRemoteJWKs reads a JWK Set that is served to everybody, for its public keys only. One faulty key does not spoil
// the set; its fault comes with the good ones.
func parseRemoteJWKs(text []byte) (keys []key, faults, err error) {
	jwks, err := splitJWKs(text)
	if err != nil {
		return nil, nil, err
	}
	for i, text := range jwks {
		k, fault := parseJWK(text, jwk.publicMaterial)
		switch {
		case fault == nil:
			keys = append(keys, k)
		case !errors.Is(fault, errUnused):
			faults = errors.Join(faults, fmt.Errorf("JWK %d: %w", i+1, fault))
		}
	}
	if len(keys) == 0 {
		return nil, nil, errors.Join(errors.New("no public key in it is for verifying tokens"), faults)
	}
	return keys, faults, nil
}

// splitJWKs returns the one JWK of the text, or all of its set.
func splitJWKs(text []byte) ([]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("not a JWK or a JWK Set: %w", err)
	}
	if members["kty"] != nil {
		return []json.RawMessage{text}, nil
	}
	var jwks []json.RawMessage
	if err := json.Unmarshal(members["keys"], &jwks); err != nil {
		return nil, errors.New(`not a JWK or a JWK Set: neither "kty" nor a list of "keys"`)
	}
	return jwks, nil
}

// jwk are the members of a JWK (RFC 7517 section 4), by their exact names: encoding/json would take "E" for "e".
type jwk map[string]any

func (j jwk) text(name string) string {
	s, _ := j[name].(string)
	return s
}

func parseJWK(text []byte, material func(jwk) (any, error)) (key, error) {
	var j jwk
	if json.Unmarshal(text, &j) != nil || j == nil {
		return key{}, errors.New("not an object")
	}
	if !j.verifies() {
		return key{}, errUnused
	}
	m, err := material(j)
	if err != nil {
		return key{}, err
	}
	k, err := newKey(m)
	if err != nil {
		return key{}, err
	}
	if k.algs, err = j.algorithms(k.algs); err != nil {
		return key{}, err
	}
	k.id = j.text("kid")
	return k, nil
}

// verifies looks at the members that say what a key is for (RFC 7517 sections 4.2 and 4.3).
func (j jwk) verifies() bool {
	if use, given := j["use"]; given && use != "sig" {
		return false
	}
	if ops, given := j["key_ops"]; given {
		list, _ := ops.([]any)
		return slices.Contains(list, any("verify"))
	}
	return true
}

// algorithms narrows what the type allows to the one that the key names (RFC 7517 section 4.4).
func (j jwk) algorithms(allowed []string) ([]string, error) {
	alg, given := j["alg"]
	name, _ := alg.(string)
	switch {
	case !given:
		return allowed, nil
	case slices.Contains(allowed, name):
		return []string{name}, nil
	case slices.Contains(algorithms, name):
		return nil, fmt.Errorf("a key of this type or size is not for %s", name)
	}
	return nil, errUnused
}
