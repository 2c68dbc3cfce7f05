package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newFeedMv(f *feedCLI) *cobra.Command {
	var position positionFlags
	var match matchFlag
	cmd := &cobra.Command{
		Use:   "mv FEED ID",
		Short: "Move an item of a sorted feed",
		Long:  "Move an item of a sorted feed, and print its id and revision.",
		Example: `  thoonkd feed mv playlist song --first
  thoonkd feed mv playlist song --after other`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			feed, id, err := c.item()
			if err != nil {
				return err
			}
			to, err := position.parse()
			if err != nil {
				return err
			}
			cond, err := match.parse()
			if err != nil {
				return err
			}
			item, err := c.client.Move(ctx, feed, id, to, cond)
			if err != nil {
				return err
			}
			return c.tellItem(item)
		}),
	}
	position.register(cmd)
	match.register(cmd)
	cmd.MarkFlagsOneRequired(positionNames...)
	return cmd
}
