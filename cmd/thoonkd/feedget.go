package main

import (
	"context"
	"errors"
	"iter"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// getPage is how many items are asked for at once. Their bodies may be long.
const getPage = 100

func newFeedGet(f *feedCLI) *cobra.Command {
	var limit int
	var backward, raw, full bool
	cmd := &cobra.Command{
		Use:   "get FEED [ID...]",
		Short: "Show items",
		Long: `Show the items of a feed, in its order, or those with the given ids. In text a body
is on one line, and no longer than the terminal is wide. With --raw the body of one
item is written as it is, byte for byte, and nothing else.

As JSON one item that is named is its document, and items are {"items": [...]}.`,
		Example: `  thoonkd feed get news --reverse --limit 10
  thoonkd feed get pictures 42 --raw > 42.png`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			if raw && len(c.args) != 2 {
				return errors.New("--raw needs a feed and one id")
			}
			feed, err := c.feed()
			if err != nil {
				return err
			}
			ids, err := c.ids()
			if err != nil {
				return err
			}
			if len(ids) == 1 && (raw || c.json) {
				return c.getOne(ctx, feed, ids[0], raw)
			}
			items := c.items(ctx, feed, ids, limit, backward)
			if c.json {
				return c.writeItems(items)
			}
			return c.showItems(items, full)
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "at most `NUMBER` of items (0: all)")
	cmd.Flags().BoolVar(&backward, "reverse", false, "the last item first")
	cmd.Flags().BoolVar(&raw, "raw", false, "write the item's body and nothing else")
	cmd.Flags().BoolVar(&full, "full", false, "do not cut long bodies")
	cmd.MarkFlagsMutuallyExclusive("raw", "full")
	return cmd
}

func (c *feedCall) ids() ([]thoonk.ItemID, error) {
	var ids []thoonk.ItemID
	for _, arg := range c.args[1:] {
		id, err := thoonk.ParseItemID(arg)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (c *feedCall) getOne(ctx context.Context, feed thoonk.FeedName, id thoonk.ItemID, raw bool) error {
	item, err := c.client.Item(ctx, feed, id)
	if err != nil {
		return err
	}
	if !raw {
		return writeLine(c.out, item.Raw)
	}
	_, err = c.out.Write(item.Body.Data)
	return err
}

// items yields the items with these ids, or all up to the limit.
func (c *feedCall) items(ctx context.Context, feed thoonk.FeedName, ids []thoonk.ItemID, limit int, backward bool) iter.Seq2[client.Item, error] {
	if len(ids) > 0 {
		return func(yield func(client.Item, error) bool) {
			for _, id := range ids {
				if item, err := c.client.Item(ctx, feed, id); !yield(item, err) {
					return
				}
			}
		}
	}
	q := client.ItemQuery{Feed: feed, Page: getPage}
	if limit > 0 {
		q.Page = min(limit, getPage)
	}
	if backward {
		q.Order = thoonk.Backward
	}
	return func(yield func(client.Item, error) bool) {
		n := 0
		for item, err := range c.client.Items(ctx, q) {
			if n++; !yield(item, err) || n == limit {
				return
			}
		}
	}
}

func (c *feedCall) writeItems(items iter.Seq2[client.Item, error]) error {
	documents := newJSONList(c.out, "items")
	for item, err := range items {
		if err != nil {
			return err
		}
		if err := documents.add(item.Raw); err != nil {
			return err
		}
	}
	return documents.end()
}

func (c *feedCall) showItems(items iter.Seq2[client.Item, error], full bool) error {
	t := table{out: c.out}
	if !full {
		t.width = terminalWidth(c.out)
	}
	n := 0
	t.add("ID", "UPDATED", "REVISION", "BODY")
	for item, err := range items {
		if err != nil && n == 0 {
			return err
		}
		if err != nil {
			return errors.Join(t.flush(), err)
		}
		t.add(string(item.ID), showTime(item.Updated), item.Revision.String(), showBody(item.Body))
		if n++; n%getPage == 0 {
			if err := t.flush(); err != nil {
				return err
			}
		}
	}
	return t.flush()
}
