package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/config"
)

func newToken(environ []string) *cobra.Command {
	var subject, scope, audience string
	var grants []string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print a signed token",
		Long: `Print a token, and nothing else, that is signed with the secret or the first
private key of the server's --auth-key.

A grant is match=verb,verb: in the match, * stands for anything. The verbs are
read, publish, retract, configure, submit, work, and admin for all of them.
A scope names roles of the server's configuration.`,
		Example: `  thoonkd token --subject alice --grant 'team:353:*=read,publish' --ttl 24h
  thoonkd token --subject bob --scope 'reader writer' --audience https://feeds.example.org
  thoonkd token --subject root --grant '*=admin'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			claims, err := newClaims(subject, grants, ttl)
			if err != nil {
				return err
			}
			claims.Scope, claims.Audience = scope, audience
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
	cmd.Flags().StringVar(&scope, "scope", "", "`NAMES` of roles, with spaces between")
	cmd.Flags().StringVar(&audience, "audience", "", "`NAME` of the server that the token is for (default --auth-audience of the server, or none)")
	cmd.Flags().DurationVar(&ttl, "ttl", time.Hour, "`DURATION` until the token expires")
	_ = cmd.MarkFlagRequired("subject") // fails for flags that are not there only
	cmd.MarkFlagsOneRequired("grant", "scope")
	return cmd
}

func newClaims(subject string, grants []string, ttl time.Duration) (auth.Claims, error) {
	if ttl < time.Second {
		return auth.Claims{}, fmt.Errorf("--ttl %v: a token lasts at least 1s", ttl)
	}
	now := time.Now()
	claims := auth.Claims{Subject: subject, IssuedAt: now, Expires: now.Add(ttl)}
	for _, s := range grants {
		g, err := auth.ParseGrant(s)
		if err != nil {
			return auth.Claims{}, fmt.Errorf("--grant %q: %w", s, err)
		}
		claims.Grants = append(claims.Grants, g)
	}
	return claims, nil
}
