package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newFeedPublish(f *feedCLI) *cobra.Command {
	var body bodyFlags
	var position positionFlags
	var onlyNew bool
	cmd := &cobra.Command{
		Use:   "publish FEED [ID]",
		Short: "Publish an item",
		Long: `Publish an item, and print its id and revision. An item that has this id already is
edited, unless --if-none-match forbids it; without an id the server makes one.

` + bodyHelp,
		Example: `  thoonkd feed publish news --body '{"title": "Hello"}'
  thoonkd feed publish pictures 42 --file 42.png
  date | thoonkd feed publish news today`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: f.completeFeeds(1),
	}
	body.register(cmd)
	position.register(cmd)
	cmd.Flags().BoolVar(&onlyNew, "if-none-match", false, "fail if there is an item with this id")
	cmd.RunE = f.run(func(ctx context.Context, c *feedCall) error {
		feed, err := c.feed()
		if err != nil {
			return err
		}
		p := client.Publication{Feed: feed, If: thoonk.Condition{NoneAny: onlyNew}}
		if len(c.args) > 1 {
			if p.ID, err = thoonk.ParseItemID(c.args[1]); err != nil {
				return err
			}
		}
		if p.Position, err = position.parse(); err != nil {
			return err
		}
		return c.publish(ctx, p, body)
	})
	return cmd
}

func newFeedEdit(f *feedCLI) *cobra.Command {
	var body bodyFlags
	var match matchFlag
	cmd := &cobra.Command{
		Use:   "edit FEED ID",
		Short: "Give an item another body",
		Long: `Give an item that is there another body, and print its id and revision.

` + bodyHelp,
		Example:           "  thoonkd feed edit news hello --text 'Hello again'",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: f.completeFeeds(1),
	}
	body.register(cmd)
	match.register(cmd)
	cmd.RunE = f.run(func(ctx context.Context, c *feedCall) error {
		feed, id, err := c.item()
		if err != nil {
			return err
		}
		p := client.Publication{Feed: feed, ID: id}
		if p.If, err = match.parse(); err != nil {
			return err
		}
		if len(p.If.Match) == 0 {
			p.If.MatchAny = true
		}
		return c.publish(ctx, p, body)
	})
	return cmd
}

// publish comes to the body last: it may be read from somebody who types it.
func (c *feedCall) publish(ctx context.Context, p client.Publication, body bodyFlags) error {
	var err error
	if p.Body, err = body.read(ctx, c.in); err != nil {
		return err
	}
	item, err := c.client.Publish(ctx, p)
	if err != nil {
		return err
	}
	return c.tellItem(item)
}

func (c *feedCall) tellItem(item client.Item) error {
	return c.tell(item.Raw, oneLine(string(item.ID)), item.Revision)
}
