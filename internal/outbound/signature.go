package outbound

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Webhooks are signed as Standard Webhooks has it: https://www.standardwebhooks.com

// Secret is a key that a webhook's receiver shares with us.
type Secret struct{ key []byte }

// The form and the lengths of a secret, by the specification.
const (
	secretPrefix   = "whsec_"
	minSecretBytes = 24
	maxSecretBytes = 64
)

// ParseSecret reads "whsec_" and base64 of 24 to 64 bytes. The error is of kind [thoonk.Invalid] and does not repeat it.
func ParseSecret(s string) (Secret, error) {
	encoded, ok := strings.CutPrefix(s, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < minSecretBytes || len(key) > maxSecretBytes {
		return Secret{}, thoonk.E(thoonk.Invalid, "a secret is %s and base64 of %d to %d bytes", secretPrefix, minSecretBytes, maxSecretBytes)
	}
	return Secret{key: key}, nil
}

// NewSecret returns a secret that nobody else has.
func NewSecret() Secret {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return Secret{key: key}
}

// Reveal returns the secret as [ParseSecret] reads it.
func (s Secret) Reveal() string { return secretPrefix + base64.StdEncoding.EncodeToString(s.key) }

// String hides the secret.
func (s Secret) String() string { return secretPrefix + "…" }

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Sign sets the headers that say whose message this is. The id is the same for each attempt at one message, and the
// time is of the attempt. With several secrets it is signed with each, so that a receiver can go from one to another.
func Sign(h http.Header, id string, at time.Time, body []byte, secrets ...Secret) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		mac := hmac.New(sha256.New, s.key)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", strings.Join(signatures, " "))
}
