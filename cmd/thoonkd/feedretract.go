package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newFeedRetract(f *feedCLI) *cobra.Command {
	var match matchFlag
	cmd := &cobra.Command{
		Use:               "retract FEED ID",
		Short:             "Remove an item",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			feed, id, err := c.item()
			if err != nil {
				return err
			}
			cond, err := match.parse()
			if err != nil {
				return err
			}
			return c.client.Retract(ctx, feed, id, cond)
		}),
	}
	match.register(cmd)
	return cmd
}
