package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/config"
)

// issuer is the iss claim of the tokens made here.
const issuer = "thoonkd"

func newToken(environ []string) *cobra.Command {
	var subject string
	var grants []string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print a signed token",
		Long: `Print a token, and nothing else, that is signed with the server's key.

A grant is match=verb,verb: in the match, * stands for anything. The verbs are
read, publish, retract, configure, submit, work, and admin for all of them.`,
		Example: `  thoonkd token --subject alice --grant 'team:353:*=read,publish' --ttl 24h
  thoonkd token --subject root --grant '*=admin'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			claims, err := newClaims(subject, grants, ttl)
			if err != nil {
				return err
			}
			cfg, err := config.Load(cmd.Flags(), environ)
			if err != nil {
				return err
			}
			key, err := signingKey(cfg)
			if err != nil {
				return err
			}
			token, err := key.Sign(claims)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	config.Flags(cmd.Flags(), "config", "data", "auth-key")
	cmd.Flags().StringVar(&subject, "subject", "", "`NAME` of whom the token is for")
	cmd.Flags().StringArrayVar(&grants, "grant", nil, "`GRANT` as match=verb,verb; may be repeated")
	cmd.Flags().DurationVar(&ttl, "ttl", time.Hour, "`DURATION` until the token expires")
	_ = cmd.MarkFlagRequired("subject") // fails for flags that are not there only
	_ = cmd.MarkFlagRequired("grant")
	return cmd
}

func newClaims(subject string, grants []string, ttl time.Duration) (auth.Claims, error) {
	if ttl < time.Second {
		return auth.Claims{}, fmt.Errorf("--ttl %v: a token lasts at least 1s", ttl)
	}
	now := time.Now()
	claims := auth.Claims{Issuer: issuer, Subject: subject, IssuedAt: now, Expires: now.Add(ttl)}
	for _, s := range grants {
		g, err := auth.ParseGrant(s)
		if err != nil {
			return auth.Claims{}, fmt.Errorf("--grant %q: %w", s, err)
		}
		claims.Grants = append(claims.Grants, g)
	}
	return claims, nil
}

// signingKey is the key that a server with this configuration verifies with.
func signingKey(cfg config.Config) (*auth.Key, error) {
	if cfg.AuthKey != "" {
		return auth.LoadKey(cfg.AuthKey)
	}
	key, err := auth.LoadKey(cfg.KeyFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no key to sign with: give --auth-key FILE, or start thoonkd serve once, which makes %s", cfg.KeyFile())
	}
	return key, err
}
