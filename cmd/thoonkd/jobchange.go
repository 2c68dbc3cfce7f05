package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newJobChange(f *feedCLI, verb, short string) *cobra.Command {
	var stalled bool
	cmd := f.queueCommand(&cobra.Command{
		Use:   verb + " QUEUE [ID...]",
		Short: short,
		Args:  cobra.MinimumNArgs(1),
	}, func(ctx context.Context, c *feedCall, queue thoonk.FeedName) error {
		return c.changeJobs(ctx, queue, verb, stalled)
	})
	cmd.Flags().BoolVar(&stalled, "stalled", false, "all that are stalled")
	return cmd
}

// changeJobs retries or retracts those that the arguments name, or all that are stalled.
func (c *feedCall) changeJobs(ctx context.Context, queue thoonk.FeedName, verb string, stalled bool) error {
	if (len(c.args) > 1) == stalled {
		return errors.New("name jobs, or give --stalled for all of them")
	}
	filter := map[string]any{"ids": c.args[1:]}
	if stalled {
		filter = map[string]any{"state": thoonk.JobStalled}
	}
	for {
		jobs, err := c.client.ChangeJobs(ctx, queue, verb, filter)
		if err != nil {
			return err
		}
		refused := 0
		for _, j := range jobs {
			if j.Error != nil {
				refused++
			}
			if err := c.tellJob(j); err != nil {
				return err
			}
		}
		switch {
		case refused > 0:
			return fmt.Errorf("%d of %d jobs were refused", refused, len(jobs))
		case !stalled || len(jobs) == 0:
			return nil
		}
	}
}
