package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newFeedDelete(f *feedCLI) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "delete FEED",
		Short:             "Delete a feed and all its items",
		Long:              "Delete a feed and all its items, after a question on the terminal. Where there is no terminal, --yes is needed.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			feed, err := c.feed()
			if err != nil {
				return err
			}
			if !yes {
				if err := c.confirm(ctx, feed); err != nil {
					return err
				}
			}
			return c.client.DeleteFeed(ctx, feed)
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// confirm returns nil if somebody at a terminal wants it so.
func (c *feedCall) confirm(ctx context.Context, feed thoonk.FeedName) error {
	if !isTerminal(c.in) {
		return errors.New("deleting a feed cannot be undone: give --yes")
	}
	fmt.Fprintf(c.stderr, "Delete %q and all its items? [y/N] ", string(feed))
	answer, err := readInput(ctx, func() (string, error) { return bufio.NewReader(c.in).ReadString('\n') })
	if ctx.Err() != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was deleted")
}
