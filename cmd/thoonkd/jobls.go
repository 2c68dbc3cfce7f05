package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newJobLs(f *feedCLI) *cobra.Command {
	var q client.JobQuery
	var state string
	cmd := f.queueCommand(&cobra.Command{
		Use:   "ls QUEUE",
		Short: "List jobs",
		Long:  "List the jobs of a queue that are not over, or those in one state. Who may only submit sees its own.",
		Args:  cobra.ExactArgs(1),
	}, func(ctx context.Context, c *feedCall, queue thoonk.FeedName) error {
		q.Queue, q.State = queue, thoonk.JobState(state)
		documents := newJSONList(c.out, "jobs")
		t := table{out: c.out, width: terminalWidth(c.out)}
		t.add("ID", "STATE", "ATTEMPT", "AGE", "")
		for j, err := range c.client.Jobs(ctx, q) {
			if err != nil {
				return err
			}
			if !c.json {
				t.add(string(j.ID), string(j.State), fmt.Sprint(j.Attempt), showSince(j.Submitted), jobNote(j))
			} else if err := documents.add(j.Raw); err != nil {
				return err
			}
		}
		if c.json {
			return documents.end()
		}
		return t.flush()
	})
	cmd.Flags().StringVar(&state, "state", "", "only jobs in this `STATE`: queued, held, claimed, stalled, finished, retracted")
	cmd.Flags().StringVar(&q.Group, "group", "", "only jobs of the group with this `NAME`")
	complete(cmd, "state", "queued", "held", "claimed", "stalled", "finished", "retracted")
	return cmd
}

func jobNote(j client.Job) string {
	if j.Error != nil {
		return jobError(j.Error)
	}
	if j.Result != nil {
		return string(j.Result)
	}
	return showBody(j.Payload)
}

func newJobGet(f *feedCLI) *cobra.Command {
	var wait time.Duration
	cmd := f.jobCommand(&cobra.Command{
		Use:   "get QUEUE ID",
		Short: "Show a job, as JSON",
	}, func(ctx context.Context, c *feedCall, queue thoonk.FeedName, id thoonk.JobID) error {
		j, err := c.client.Job(ctx, queue, id, wait)
		if err != nil {
			return err
		}
		return writeLine(c.out, j.Raw)
	})
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this `DURATION` for it to be over, at most 1m")
	return cmd
}
