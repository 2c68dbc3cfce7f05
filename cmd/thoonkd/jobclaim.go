package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newJobClaim(f *feedCLI) *cobra.Command {
	var count int
	var wait, lease time.Duration
	cmd := f.queueCommand(&cobra.Command{
		Use:   "claim QUEUE",
		Short: "Claim jobs",
		Long:  "Claim jobs, and print of each its id, the token of its lease and its payload. Finish, cancel or stall them with the token.",
		Args:  cobra.ExactArgs(1),
	}, func(ctx context.Context, c *feedCall, queue thoonk.FeedName) error {
		jobs, err := c.client.Claim(ctx, queue, count, wait, lease)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if err := c.tell(j.Raw, oneLine(string(j.ID)), j.Lease.Token, showBody(j.Payload)); err != nil {
				return err
			}
		}
		return nil
	})
	cmd.Flags().IntVar(&count, "count", 1, "at most this `NUMBER` of jobs")
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this `DURATION` for the first one, at most 1m")
	cmd.Flags().DurationVar(&lease, "lease", 0, "`DURATION` of the lease (0: as the queue says)")
	return cmd
}

func newJobEnd(f *feedCLI, verb, short string) *cobra.Command {
	var token, result, why string
	cmd := f.jobCommand(&cobra.Command{
		Use:   verb + " QUEUE ID",
		Short: short,
	}, func(ctx context.Context, c *feedCall, queue thoonk.FeedName, id thoonk.JobID) error {
		members := map[string]any{}
		switch {
		case result != "" && !json.Valid([]byte(result)):
			return errors.New("--result: not valid JSON")
		case result != "":
			members["result"] = json.RawMessage(result)
		case why != "":
			members["error"] = why
		}
		j, err := c.client.EndJob(ctx, queue, id, verb, token, members)
		if err != nil {
			return err
		}
		return c.tellJob(j)
	})
	cmd.Flags().StringVar(&token, "lease", "", "`TOKEN` of the lease")
	if verb == "finish" {
		cmd.Flags().StringVar(&result, "result", "", "`JSON`, any value")
	} else {
		cmd.Flags().StringVar(&why, "error", "", "`TEXT` that says why")
	}
	_ = cmd.MarkFlagRequired("lease") // fails for flags that are not there only
	return cmd
}
