package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newFeedCreate(f *feedCLI) *cobra.Command {
	var kind, content string
	var cfg client.Config
	cmd := &cobra.Command{
		Use:   "create FEED",
		Short: "Create a feed",
		Long:  "Create a feed that is not there yet, and print its name and revision.",
		Example: `  thoonkd feed create news --max-length 100 --content json
  thoonkd feed create playlist --type sorted_feed`,
		Args: cobra.ExactArgs(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			name, err := c.feed()
			if err != nil {
				return err
			}
			cfg.Type, cfg.Content = thoonk.Type(kind), thoonk.Content(content)
			feed, err := c.client.CreateFeed(ctx, name, cfg)
			if err != nil {
				return err
			}
			return c.tell(feed.Raw, oneLine(string(feed.Name)), feed.Revision)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringVar(&kind, "type", "", "`TYPE`: feed (the default) or sorted_feed")
	flags.StringVar(&content, "content", "", "`CONTENT` of its items: json, text, xml, entry or binary (default: each item for itself)")
	flags.IntVar(&cfg.MaxLength, "max-length", 0, "keep at most this `NUMBER` of items (0: no bound)")
	flags.IntVar(&cfg.History.Count, "history-count", 0, "keep at least this `NUMBER` of changes for those who resume (0: the server decides)")
	flags.IntVar(&cfg.History.Bytes, "history-bytes", 0, "as far as they fit into this `NUMBER` of bytes (0: the server decides)")
	complete(cmd, "type", "feed", "sorted_feed")
	complete(cmd, "content", "json", "text", "xml", "entry", "binary")
	return cmd
}
