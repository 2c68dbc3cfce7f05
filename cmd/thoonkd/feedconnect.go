package main

import (
	"cmp"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/config"
)

const (
	defaultServer = "http://127.0.0.1:8080"

	// signedTTL is short, since the token is for everything. A stream that ends with it is opened again with a new one.
	signedTTL = 5 * time.Minute
)

// connect returns a client for the server that flags and environment name, and what to tell whoever gets a 401.
func (f *feedCLI) connect(cmd *cobra.Command) (cl *client.Client, hint string, err error) {
	server := f.server
	if env := f.getenv("THOONKD_SERVER"); env != "" && !cmd.Flags().Changed("server") {
		server = env
	}
	var token func() (string, error)
	cl, err = client.New(client.Options{Server: server, Token: func() (string, error) { return token() }})
	if err != nil {
		return nil, "", err
	}
	token, hint, err = f.tokens(cmd, cl.Loopback())
	return cl, hint, err
}

// tokens returns what gives the token for a request.
func (f *feedCLI) tokens(cmd *cobra.Command, loopback bool) (token func() (string, error), hint string, err error) {
	switch given := strings.TrimSpace(cmp.Or(f.token, f.getenv("THOONKD_TOKEN"))); {
	case f.tokenFile != "":
		return func() (string, error) {
			b, err := os.ReadFile(f.tokenFile)
			return strings.TrimSpace(string(b)), err
		}, "", nil
	case given != "":
		return func() (string, error) { return given, nil }, "", nil
	case loopback:
		return f.signer(cmd)
	}
	return anonymous, giveToken, nil
}

const giveToken = "give --token, --token-file or THOONKD_TOKEN"

func anonymous() (string, error) { return "", nil }

// signer signs tokens with the key of the server on this machine. Without that key the caller is anonymous: some feeds
// may be for everybody.
func (f *feedCLI) signer(cmd *cobra.Command) (token func() (string, error), hint string, err error) {
	cfg, err := config.Load(cmd.Flags(), f.environ)
	if err != nil {
		return nil, "", err
	}
	key, err := signingKey(cfg)
	if err != nil {
		return anonymous, giveToken + "; " + err.Error(), nil
	}
	return func() (string, error) {
		claims, err := newClaims("cli", []string{"*=admin"}, signedTTL)
		if err != nil {
			return "", err
		}
		return key.Sign(claims)
	}, "the token was signed with " + cmp.Or(cfg.AuthKey, cfg.KeyFile()) + ", which may not be the server's key", nil
}

func (f *feedCLI) getenv(name string) string {
	value := ""
	for _, e := range f.environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}
