package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/internal/store"
)

func newConfig(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the configuration",
		Args:  cobra.NoArgs,
		// Without this cobra would answer an unknown subcommand with help and success.
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigCheck(environ))
	return cmd
}

func newConfigCheck(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say whether serve would take the configuration, or all that is wrong with it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(cmd.Flags(), environ)
			// What follows needs only its own settings, so it is looked at even if others are wrong.
			if err := errors.Join(err, checkKeys(cfg), checkCertificate(cfg), checkRedis(cfg)); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "ok")
			return err
		},
	}
	config.Flags(cmd.Flags())
	return cmd
}

// checkKeys reads the keys as serve will. A generated key that is not there yet will be made; keys of auth-jwks are not
// fetched, since serve starts without them too.
func checkKeys(cfg config.Config) error {
	if cfg.AuthKey == "" && !cfg.OwnKey() {
		return nil
	}
	_, err := auth.LoadKeys(cmp.Or(cfg.AuthKey, cfg.KeyFile()))
	if cfg.OwnKey() && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// checkRedis reads the URL as serve will, and does not dial.
func checkRedis(cfg config.Config) error {
	if cfg.Redis == "" || cfg.Redis == config.Embedded {
		return nil
	}
	st, err := store.Open(store.Options{URL: cfg.Redis})
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return st.Close()
}

func checkCertificate(cfg config.Config) error {
	_, err := loadCertificate(cfg, time.Now, slog.New(slog.DiscardHandler))
	return err
}
