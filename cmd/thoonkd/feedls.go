package main

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newFeedLs(f *feedCLI) *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use:   "ls [PATTERN]",
		Short: "List feeds",
		Long: `List the feeds that you may read: all, or those whose name matches the pattern, in
which * stands for anything.`,
		Example:           "  thoonkd feed ls 'team:353:*'",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			q := client.FeedQuery{Type: thoonk.Type(kind), Page: 1000}
			if len(c.args) > 0 {
				var err error
				if q.Match, err = thoonk.ParsePattern(c.args[0]); err != nil {
					return err
				}
			}
			return c.listFeeds(ctx, q)
		}),
	}
	cmd.Flags().StringVar(&kind, "type", "", "only feeds of this `TYPE`: feed, sorted_feed, queue, job")
	complete(cmd, "type", feedTypes...)
	return cmd
}

func (c *feedCall) listFeeds(ctx context.Context, q client.FeedQuery) error {
	documents := newJSONList(c.out, "feeds")
	t := table{out: c.out}
	t.add("NAME", "TYPE", "CONTENT", "REVISION", "AGE")
	for feed, err := range c.client.Feeds(ctx, q) {
		if err != nil {
			return err
		}
		if !c.json {
			t.add(string(feed.Name), string(feed.Type), cmp.Or(string(feed.Content), "-"), feed.Revision.String(), showSince(feed.Created))
		} else if err := documents.add(feed.Raw); err != nil {
			return err
		}
	}
	if c.json {
		return documents.end()
	}
	return t.flush()
}

func showSince(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return showAge(time.Since(t))
}
