package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/config"
)

// issuer is the iss claim of the tokens made here, where the server asks for no other.
const issuer = "thoonkd"

// loadKeys returns the keys of the file that tokens are signed with, which may be one of our own making, or nil if all
// come from elsewhere.
func loadKeys(cfg config.Config) (*auth.Keys, error) {
	switch {
	case cfg.AuthKey != "":
		return auth.LoadKeys(cfg.AuthKey)
	case !cfg.OwnKey():
		return nil, nil
	}
	keys, err := auth.LoadKeys(cfg.KeyFile())
	if errors.Is(err, fs.ErrNotExist) {
		return auth.GenerateKey(cfg.KeyFile())
	}
	return keys, err
}

// remoteKeys returns the keys that are fetched from elsewhere, or nil.
func remoteKeys(cfg config.Config, log *slog.Logger) *auth.RemoteKeys {
	if cfg.AuthJWKS == "" {
		return nil
	}
	return auth.NewRemoteKeys(auth.RemoteOptions{URL: cfg.AuthJWKS, Log: log})
}

func newVerifier(cfg config.Config, keys *auth.Keys, remote *auth.RemoteKeys) *auth.Verifier {
	return auth.NewVerifier(auth.Options{
		Keys:      keys,
		Remote:    remote,
		Issuer:    cfg.AuthIssuer,
		Audience:  cfg.AuthAudience,
		PublicURL: cfg.PublicURL,
		Public:    cfg.Public,
		Roles:     cfg.Roles,
	})
}

// signer makes tokens that a server of the same configuration takes.
type signer struct {
	keys             *auth.Keys
	issuer, audience string
}

func newSigner(cfg config.Config, keys *auth.Keys) signer {
	return signer{keys, cmp.Or(cfg.AuthIssuer, issuer), cfg.AuthAudience}
}

// Sign returns the claims as a token, with issuer and audience of the server where they have none.
func (s signer) Sign(c auth.Claims) (string, error) {
	c.Issuer = cmp.Or(c.Issuer, s.issuer)
	c.Audience = cmp.Or(c.Audience, s.audience)
	return s.keys.Sign(c)
}

// signingKey is the key that a server with this configuration verifies with.
func signingKey(cfg config.Config) (signer, error) {
	file := cmp.Or(cfg.AuthKey, cfg.KeyFile())
	if cfg.AuthKey == "" && !cfg.OwnKey() {
		return signer{}, errors.New("no key to sign with: the server's are those of auth-jwks; give --auth-key FILE")
	}
	keys, err := auth.LoadKeys(file)
	if cfg.OwnKey() && errors.Is(err, fs.ErrNotExist) {
		return signer{}, fmt.Errorf("no key to sign with: give --auth-key FILE, or start thoonkd serve once, which makes %s", file)
	}
	if err != nil {
		return signer{}, err
	}
	if !keys.CanSign() {
		return signer{}, fmt.Errorf("%s has public keys only, which verify and do not sign: give --auth-key FILE with a private key or a secret", file)
	}
	return newSigner(cfg, keys), nil
}
