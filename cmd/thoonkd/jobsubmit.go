package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newJobSubmit(f *feedCLI) *cobra.Command {
	var body bodyFlags
	var id, unique, group string
	var high bool
	var delay, wait time.Duration
	var after []string
	cmd := f.queueCommand(&cobra.Command{
		Use:   "submit QUEUE",
		Short: "Submit a job",
		Long: `Submit a job, and print its id and state. With --wait, and when it is over by then, its
result too.

` + bodyHelp,
		Example: `  thoonkd job submit mail --body '{"to": "bob"}' --wait 30s
  thoonkd job submit reports --text weekly --delay 1h --unique weekly`,
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, c *feedCall, queue thoonk.FeedName) error {
		payload, err := body.read(ctx, c.in)
		if err != nil {
			return err
		}
		options := map[string]any{}
		for name, value := range map[string]string{"id": id, "unique": unique, "group": group} {
			if value != "" {
				options[name] = value
			}
		}
		if high {
			options["priority"] = "high"
		}
		if delay > 0 {
			options["delay"] = delay.String()
		}
		if len(after) > 0 {
			options["after"] = after
		}
		j, err := c.client.Submit(ctx, queue, payload, options, wait)
		if err != nil {
			return err
		}
		return c.tellJob(j)
	})
	body.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&id, "id", "", "`ID` (default: the server makes one)")
	flags.BoolVar(&high, "high", false, "in front of the others")
	flags.DurationVar(&delay, "delay", 0, "hold it for this `DURATION`")
	flags.StringVar(&unique, "unique", "", "`KEY` that no other job has until this one is over")
	flags.StringVar(&group, "group", "", "`NAME` of the group whose limits it shares")
	flags.StringSliceVar(&after, "after", nil, "`ID` of a job that has to be finished first; may be repeated")
	flags.DurationVar(&wait, "wait", 0, "wait this `DURATION` for it to be over, at most 1m")
	return cmd
}
