package main

import (
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/config"
)

func newServe(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server until it is interrupted",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(cmd.Flags(), environ)
			if err != nil {
				return err
			}
			return run(cmd.Context(), cfg, newLogger(cfg, cmd.ErrOrStderr()), cmd.OutOrStdout())
		},
	}
	config.Flags(cmd.Flags())
	return cmd
}

func newLogger(cfg config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
