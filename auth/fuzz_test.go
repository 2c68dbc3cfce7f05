package auth

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// FuzzParseKeys reads whatever a key file or a server of keys may hold: nothing panics, then or when a token comes.
func FuzzParseKeys(f *testing.F) {
	const (
		ec  = `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"`
		okp = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	)
	for _, text := range []string{
		"", "0123456789abcdef0123456789abcdef\n", `{"keys":[]}`, `{"keys":[null,5,{}]}`, `{"kty":null}`, ec + "}", okp + "}",
		`{"keys":[` + ec + `,"kid":"a","use":"sig","key_ops":["verify"]},` + okp + `,"alg":"EdDSA","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}`,
		`{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow","alg":"HS256"}`,
		`{"kty":"RSA","n":"0vx7","e":"AQAB","d":"AA","p":"Aw","q":"BQ","oth":[]}`,
		"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n",
		"-----BEGIN X-----\n-----END X-----\n", "-----BEGIN ",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if keys, err := parseKeys(text); err == nil {
			checkKeys(t, keys)
			signAndVerify(t, &Keys{keys})
		}
		if keys, _, err := parseRemoteJWKs(text); err == nil {
			checkKeys(t, keys)
			for _, k := range keys {
				if _, secret := k.verify.([]byte); secret || k.sign != nil {
					t.Errorf("a key of strangers' signs: %+v", k)
				}
			}
		}
	})
}

// checkKeys has each key look at a signature that nobody made.
func checkKeys(t *testing.T, keys []key) {
	t.Helper()
	if len(keys) == 0 {
		t.Error("neither a key nor an error")
	}
	for _, k := range keys {
		if len(k.algs) == 0 {
			t.Errorf("a key without an algorithm: %+v", k)
		}
		for _, alg := range k.algs {
			for _, size := range []int{0, 1, 64, 96, 132, 256} {
				// Some public keys of Ed25519 are points of a small order, for which zeros are a signature of anything.
				if _, ed := k.verify.(ed25519.PublicKey); ed && size == ed25519.SignatureSize {
					continue
				}
				if jwt.GetSigningMethod(alg).Verify("x", make([]byte, size), k.verify) == nil {
					t.Errorf("%+v takes %d zeros", k, size)
				}
			}
		}
	}
}

func signAndVerify(t *testing.T, keys *Keys) {
	t.Helper()
	if !keys.CanSign() {
		return
	}
	now := time.Unix(1e9, 0)
	token, err := keys.Sign(Claims{Subject: "s", Expires: now.Add(time.Hour)})
	if err != nil {
		t.Fatalf("cannot sign: %v", err)
	}
	if _, err := NewVerifier(Options{Keys: keys, Now: func() time.Time { return now }}).Verify(token); err != nil && keys.signer() == &keys.all[0] {
		t.Errorf("own token: %v", err)
	}
}
