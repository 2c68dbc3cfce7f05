package api

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	idempotencyKey    = "Idempotency-Key" // draft-ietf-httpapi-idempotency-key-header-07
	maxIdempotencyKey = 255               // bytes
)

// parseIdempotencyKey returns the key of a request, or "" if it has none. The draft writes it as a string in quotes
// (RFC 9651 section 3.3.3); many clients leave them out, and the key is the same.
func parseIdempotencyKey(values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	key := strings.Trim(values[0], " \t")
	if quoted, ok := strings.CutPrefix(key, `"`); ok {
		key, ok = unquote(quoted)
		if !ok {
			return "", badKey()
		}
	} else if strings.ContainsAny(key, `",`) {
		return "", badKey()
	}
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", badKey()
	}
	return key, nil
}

func badKey() error {
	return inHeader(thoonk.E(thoonk.Invalid, "an idempotency key is 1 to %d visible ASCII characters, best in double quotes", maxIdempotencyKey), idempotencyKey)
}

// unquote reads what follows the first quote up to the last one.
func unquote(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i == len(s)-1
		case '\\':
			i++
			if i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", false
}

// once says what the key of a write stands for: this principal's request to this path, with this body and these
// preconditions. The key itself is not kept.
func (c *call) once(w writing, body []byte) thoonk.Once {
	if w.key == "" {
		return thoonk.Once{}
	}
	r := c.Request()
	return thoonk.Once{
		Key: sum(c.who.Name, r.Method, r.URL.EscapedPath(), w.key),
		Hash: sum(strings.Join(r.Header.Values("If-Match"), ","), strings.Join(r.Header.Values("If-None-Match"), ","),
			string(body)),
	}
}

// sum is the digest of parts, of which only the last may contain a NUL.
func sum(parts ...string) string {
	s := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(s[:])
}
