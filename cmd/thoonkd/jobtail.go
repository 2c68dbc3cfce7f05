package main

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newJobTail(f *feedCLI) *cobra.Command {
	var since string
	var count int
	var ids, kinds []string
	cmd := f.queueCommand(&cobra.Command{
		Use:   "tail QUEUE",
		Short: "Follow the jobs of a queue until interrupted",
		Long: `Follow the changes of jobs. A connection that is cut is made again, and goes on where
it ended. The output is as with "thoonkd feed tail --help".`,
		Example: "  thoonkd job tail mail --kind stall",
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, c *feedCall, queue thoonk.FeedName) error {
		return c.tail(ctx, client.Following{
			Feeds: []thoonk.Pattern{thoonk.Pattern(queue)}, Since: since, Link: c.tellLink,
			Jobs: queue, Query: url.Values{"id": ids, "kind": kinds},
		}, count, false)
	})
	cmd.Flags().StringVar(&since, "since", "", "begin after this `REVISION`")
	cmd.Flags().IntVar(&count, "count", 0, "end after this `NUMBER` of changes (0: never)")
	cmd.Flags().StringSliceVar(&ids, "id", nil, "only the job with this `ID`; may be repeated")
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only changes of this `KIND`, as stall; may be repeated")
	return cmd
}
