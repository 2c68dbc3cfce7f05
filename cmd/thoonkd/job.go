package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newJob(environ []string) *cobra.Command {
	f := &feedCLI{environ: environ}
	cmd := &cobra.Command{
		Use:   "job",
		Short: "Submit, follow and work jobs of a running server",
		Long: `Submit, follow and work jobs of a running thoonkd. Where the server is, who you are and
what the exit codes mean is as with "thoonkd feed --help".`,
		Example: `  thoonkd job submit mail --body '{"to": "bob"}' --wait 30s
  thoonkd job ls mail --state stalled
  thoonkd job retry mail --stalled
  thoonkd job work mail ./send.sh`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.flags(cmd)
	cmd.AddCommand(newJobSubmit(f), newJobLs(f), newJobGet(f), newJobClaim(f), newJobWork(f),
		newJobEnd(f, "finish", "Finish a claimed job"),
		newJobEnd(f, "cancel", "Give a claimed job back, to be tried again"),
		newJobEnd(f, "stall", "Put a claimed job aside"),
		newJobChange(f, "retry", "Put stalled jobs back into their queue"),
		newJobChange(f, "retract", "Take jobs back, also from their workers"),
		newJobTail(f))
	return cmd
}

// queueCommand completes a command whose first argument is a queue.
func (f *feedCLI) queueCommand(cmd *cobra.Command, do func(context.Context, *feedCall, thoonk.FeedName) error) *cobra.Command {
	cmd.ValidArgsFunction = f.completeFeeds(1)
	cmd.RunE = f.run(func(ctx context.Context, c *feedCall) error {
		queue, err := c.feed()
		if err != nil {
			return err
		}
		return do(ctx, c, queue)
	})
	return cmd
}

// jobCommand completes a command whose arguments are a queue and a job.
func (f *feedCLI) jobCommand(cmd *cobra.Command, do func(context.Context, *feedCall, thoonk.FeedName, thoonk.JobID) error) *cobra.Command {
	cmd.Args = cobra.ExactArgs(2)
	return f.queueCommand(cmd, func(ctx context.Context, c *feedCall, queue thoonk.FeedName) error {
		id, err := thoonk.ParseItemID(c.args[1])
		if err != nil {
			return err
		}
		return do(ctx, c, queue, id)
	})
}

// tellJob answers with a job's id and state, and its result or error if there is one.
func (c *feedCall) tellJob(j client.Job) error {
	words := []any{oneLine(string(j.ID)), j.State}
	switch {
	case j.Result != nil:
		words = append(words, oneLine(string(j.Result)))
	case j.Error != nil:
		words = append(words, oneLine(jobError(j.Error)))
	}
	return c.tell(j.Raw, words...)
}

// jobError returns the text that the member "error" of a job is, or has in it.
func jobError(raw json.RawMessage) string {
	var text string
	var outcome struct{ Detail string }
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	_ = json.Unmarshal(raw, &outcome) // the empty text says as much
	return outcome.Detail
}
