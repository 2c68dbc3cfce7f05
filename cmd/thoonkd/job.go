package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

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
	cmd.AddCommand(newJobSubmit(f), newJobLs(f), newJobGet(f), newJobClaim(f), newJobWork(f), newJobFinish(f), newJobGiveUp(f, "cancel"), newJobGiveUp(f, "stall"),
		newJobRetry(f), newJobRetract(f), newJobTail(f))
	return cmd
}

// job returns the queue and the job that the first two arguments name.
func (c *feedCall) job() (thoonk.FeedName, thoonk.JobID, error) { return c.item() }

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

func newJobSubmit(f *feedCLI) *cobra.Command {
	var body bodyFlags
	var id, unique, group string
	var high bool
	var delay, wait time.Duration
	var after []string
	cmd := &cobra.Command{
		Use:   "submit QUEUE",
		Short: "Submit a job",
		Long: `Submit a job, and print its id and state. With --wait, and when it is over by then, its
result too.

` + bodyHelp,
		Example: `  thoonkd job submit mail --body '{"to": "bob"}' --wait 30s
  thoonkd job submit reports --text weekly --delay 1h --unique weekly`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
	}
	body.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&id, "id", "", "`ID` (default: the server makes one)")
	flags.BoolVar(&high, "high", false, "in front of the others")
	flags.DurationVar(&delay, "delay", 0, "hold it for this `DURATION`")
	flags.StringVar(&unique, "unique", "", "`KEY` that no other job has until this one is over")
	flags.StringVar(&group, "group", "", "`NAME` of the group whose limits it shares")
	flags.StringSliceVar(&after, "after", nil, "`ID` of a job that has to be finished first; may be repeated")
	flags.DurationVar(&wait, "wait", 0, "wait this `DURATION` for it to be over, at most 1m")
	cmd.RunE = f.run(func(ctx context.Context, c *feedCall) error {
		queue, err := c.feed()
		if err != nil {
			return err
		}
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
	return cmd
}

func newJobLs(f *feedCLI) *cobra.Command {
	var q client.JobQuery
	var state string
	cmd := &cobra.Command{
		Use:               "ls QUEUE",
		Short:             "List jobs",
		Long:              "List the jobs of a queue that are not over, or those in one state. Who may only submit sees its own.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) (err error) {
			if q.Queue, err = c.feed(); err != nil {
				return err
			}
			q.State = thoonk.JobState(state)
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
		}),
	}
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
	cmd := &cobra.Command{
		Use:               "get QUEUE ID",
		Short:             "Show a job, as JSON",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			queue, id, err := c.job()
			if err != nil {
				return err
			}
			j, err := c.client.Job(ctx, queue, id, wait)
			if err != nil {
				return err
			}
			return writeLine(c.out, j.Raw)
		}),
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this `DURATION` for it to be over, at most 1m")
	return cmd
}

func newJobClaim(f *feedCLI) *cobra.Command {
	var count int
	var wait, lease time.Duration
	cmd := &cobra.Command{
		Use:               "claim QUEUE",
		Short:             "Claim jobs",
		Long:              "Claim jobs, and print of each its id, the token of its lease and its payload. Finish, cancel or stall them with the token.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			queue, err := c.feed()
			if err != nil {
				return err
			}
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
		}),
	}
	cmd.Flags().IntVar(&count, "count", 1, "at most this `NUMBER` of jobs")
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this `DURATION` for the first one, at most 1m")
	cmd.Flags().DurationVar(&lease, "lease", 0, "`DURATION` of the lease (0: as the queue says)")
	return cmd
}

func newJobFinish(f *feedCLI) *cobra.Command {
	var token, result string
	cmd := &cobra.Command{
		Use:               "finish QUEUE ID",
		Short:             "Finish a claimed job",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			members := map[string]any{}
			if result != "" {
				if !json.Valid([]byte(result)) {
					return errors.New("--result: not valid JSON")
				}
				members["result"] = json.RawMessage(result)
			}
			return c.endJob(ctx, "finish", token, members)
		}),
	}
	cmd.Flags().StringVar(&token, "lease", "", "`TOKEN` of the lease")
	cmd.Flags().StringVar(&result, "result", "", "`JSON`, any value")
	_ = cmd.MarkFlagRequired("lease") // fails for flags that are not there only
	return cmd
}

func newJobGiveUp(f *feedCLI, verb string) *cobra.Command {
	var token, why string
	short := map[string]string{"cancel": "Give a claimed job back, to be tried again", "stall": "Put a claimed job aside"}[verb]
	cmd := &cobra.Command{
		Use:               verb + " QUEUE ID",
		Short:             short,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			members := map[string]any{}
			if why != "" {
				members["error"] = why
			}
			return c.endJob(ctx, verb, token, members)
		}),
	}
	cmd.Flags().StringVar(&token, "lease", "", "`TOKEN` of the lease")
	cmd.Flags().StringVar(&why, "error", "", "`TEXT` that says why")
	_ = cmd.MarkFlagRequired("lease") // fails for flags that are not there only
	return cmd
}

func (c *feedCall) endJob(ctx context.Context, verb, token string, members map[string]any) error {
	queue, id, err := c.job()
	if err != nil {
		return err
	}
	j, err := c.client.EndJob(ctx, queue, id, verb, token, members)
	if err != nil {
		return err
	}
	return c.tellJob(j)
}

func newJobRetry(f *feedCLI) *cobra.Command {
	var stalled bool
	cmd := &cobra.Command{
		Use:               "retry QUEUE [ID...]",
		Short:             "Put stalled jobs back into their queue",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			return c.changeJobs(ctx, "retry", stalled, "--stalled")
		}),
	}
	cmd.Flags().BoolVar(&stalled, "stalled", false, "all that are stalled")
	return cmd
}

func newJobRetract(f *feedCLI) *cobra.Command {
	var stalled bool
	cmd := &cobra.Command{
		Use:               "retract QUEUE [ID...]",
		Short:             "Take jobs back, also from their workers",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			return c.changeJobs(ctx, "retract", stalled, "--stalled")
		}),
	}
	cmd.Flags().BoolVar(&stalled, "stalled", false, "all that are stalled")
	return cmd
}

// changeJobs retries or retracts those that the arguments name, or all that are stalled.
func (c *feedCall) changeJobs(ctx context.Context, verb string, stalled bool, flag string) error {
	queue, err := c.feed()
	if err != nil {
		return err
	}
	if (len(c.args) > 1) == stalled {
		return fmt.Errorf("name jobs, or give %s for all of them", flag)
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

func newJobTail(f *feedCLI) *cobra.Command {
	var since string
	var count int
	var ids, kinds []string
	cmd := &cobra.Command{
		Use:   "tail QUEUE",
		Short: "Follow the jobs of a queue until interrupted",
		Long: `Follow the changes of jobs. A connection that is cut is made again, and goes on where
it ended. The output is as with "thoonkd feed tail --help".`,
		Example:           "  thoonkd job tail mail --kind stall",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			queue, err := c.feed()
			if err != nil {
				return err
			}
			return c.tail(ctx, client.Following{
				Feeds: []thoonk.Pattern{thoonk.Pattern(queue)}, Since: since, Link: c.tellLink,
				Jobs: queue, Query: url.Values{"id": ids, "kind": kinds},
			}, count, false)
		}),
	}
	cmd.Flags().StringVar(&since, "since", "", "begin after this `REVISION`")
	cmd.Flags().IntVar(&count, "count", 0, "end after this `NUMBER` of changes (0: never)")
	cmd.Flags().StringSliceVar(&ids, "id", nil, "only the job with this `ID`; may be repeated")
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only changes of this `KIND`, as stall; may be repeated")
	return cmd
}
