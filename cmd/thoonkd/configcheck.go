package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/config"
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
			if err != nil {
				return err
			}
			if err := checkKey(cfg); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "ok")
			return err
		},
	}
	config.Flags(cmd.Flags())
	return cmd
}

// checkKey reads the key as serve will. A generated key that is not there yet will be made.
func checkKey(cfg config.Config) error {
	_, err := auth.LoadKey(cmp.Or(cfg.AuthKey, cfg.KeyFile()))
	if cfg.AuthKey == "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
