package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newQueue(environ []string) *cobra.Command {
	f := &feedCLI{environ: environ}
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Declare, show and pause the queues of a running server",
		Long: `Declare, show and pause the queues of a running thoonkd. Where the server is, who you
are and what the exit codes mean is as with "thoonkd feed --help".`,
		Example: `  thoonkd queue create mail --max-attempts 5 --backoff 1s
  thoonkd queue pause mail
  thoonkd queue ls`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.flags(cmd)
	cmd.AddCommand(newQueueCreate(f), newQueueLs(f), newQueueGet(f), newQueuePause(f, "pause", true), newQueuePause(f, "resume", false), newQueueDelete(f))
	return cmd
}

func newQueueCreate(f *feedCLI) *cobra.Command {
	var kind, content, webhook string
	var attempts, concurrency int
	var lease, backoff time.Duration
	cmd := &cobra.Command{
		Use:     "create QUEUE",
		Short:   "Create a queue",
		Long:    "Create a queue that is not there yet, of jobs or, with --type queue, of items, and print its name and type.",
		Example: "  thoonkd queue create mail --max-attempts 5 --backoff 1s --webhook https://mail.example.org/send",
		Args:    cobra.ExactArgs(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			name, err := c.feed()
			if err != nil {
				return err
			}
			declaration := map[string]any{}
			put := func(given bool, name string, value any) {
				if given {
					declaration[name] = value
				}
			}
			put(content != "", "content", content)
			put(attempts > 0, "max_attempts", attempts)
			put(concurrency > 0, "concurrency", concurrency)
			put(lease > 0, "lease", lease.String())
			put(backoff > 0, "backoff", map[string]any{"first": backoff.String()})
			put(webhook != "", "webhook", map[string]any{"url": webhook})
			q, err := c.client.CreateQueue(ctx, thoonk.Type(kind), name, declaration)
			if err != nil {
				return err
			}
			return c.tell(q.Raw, oneLine(string(q.Name)), q.Type)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringVar(&kind, "type", "job", "`TYPE`: job, or queue for items without states")
	flags.StringVar(&content, "content", "", "`CONTENT`: json, text, xml, entry or binary (default: each for itself)")
	flags.IntVar(&attempts, "max-attempts", 0, "stall a job after this `NUMBER` of attempts (0: the server decides)")
	flags.IntVar(&concurrency, "concurrency", 0, "at most this `NUMBER` of jobs claimed at once (0: no bound)")
	flags.DurationVar(&lease, "lease", 0, "`DURATION` of a claim that asks for none (0: the server decides)")
	flags.DurationVar(&backoff, "backoff", 0, "`DURATION` before the second attempt; it doubles with each further one")
	flags.StringVar(&webhook, "webhook", "", "`URL` that jobs are pushed to")
	complete(cmd, "type", "job", "queue")
	complete(cmd, "content", "json", "text", "xml", "entry", "binary")
	return cmd
}

func newQueueLs(f *feedCLI) *cobra.Command {
	return &cobra.Command{
		Use:               "ls [PATTERN]",
		Short:             "List queues",
		Long:              "List the queues that you may read: all, or those whose name matches the pattern, in which * stands for anything.",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			q := client.FeedQuery{Page: 1000}
			if len(c.args) > 0 {
				var err error
				if q.Match, err = thoonk.ParsePattern(c.args[0]); err != nil {
					return err
				}
			}
			return c.listQueues(ctx, q)
		}),
	}
}

func (c *feedCall) listQueues(ctx context.Context, q client.FeedQuery) error {
	documents := newJSONList(c.out, "queues")
	t := table{out: c.out}
	t.add("NAME", "TYPE", "QUEUED", "HELD", "CLAIMED", "STALLED", "FINISHED", "")
	for _, kind := range []thoonk.Type{thoonk.TypeJob, thoonk.TypeQueue} {
		q.Type = kind
		for feed, err := range c.client.Feeds(ctx, q) {
			if err != nil {
				return err
			}
			queue, err := c.client.Queue(ctx, kind, feed.Name)
			if err != nil {
				return err
			}
			if !c.json {
				t.add(queueRow(queue)...)
			} else if err := documents.add(queue.Raw); err != nil {
				return err
			}
		}
	}
	if c.json {
		return documents.end()
	}
	return t.flush()
}

func queueRow(q client.Queue) []string {
	row := []string{string(q.Name), string(q.Type)}
	for _, state := range []string{"queued", "held", "claimed", "stalled", "finishes"} {
		cell := "-"
		if n, counted := q.Counts[state]; counted {
			cell = strconv.FormatInt(n, 10)
		}
		row = append(row, cell)
	}
	if q.Paused {
		return append(row, "paused")
	}
	return append(row, "")
}

func newQueueGet(f *feedCLI) *cobra.Command {
	return &cobra.Command{
		Use:               "get QUEUE",
		Short:             "Show a queue's declaration, as JSON",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			_, q, err := c.queue(ctx)
			if err != nil {
				return err
			}
			return writeLine(c.out, q.Raw)
		}),
	}
}

// queue returns the queue that the first argument names, of whatever type it is.
func (c *feedCall) queue(ctx context.Context) (thoonk.FeedName, client.Queue, error) {
	name, err := c.feed()
	if err != nil {
		return "", client.Queue{}, err
	}
	q, err := c.client.Queue(ctx, thoonk.TypeJob, name)
	if exitCode(err) == 1 && err != nil { // it may be of the other type
		if other, failed := c.client.Queue(ctx, thoonk.TypeQueue, name); failed == nil {
			return name, other, nil
		}
	}
	return name, q, err
}

func newQueuePause(f *feedCLI, verb string, paused bool) *cobra.Command {
	short := map[bool]string{true: "Let claims wait; submits go on", false: "Let claims go on"}[paused]
	return &cobra.Command{
		Use:               verb + " QUEUE",
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			name, q, err := c.queue(ctx)
			if err != nil {
				return err
			}
			if q, err = c.client.PatchQueue(ctx, q.Type, name, map[string]any{"paused": paused}); err != nil {
				return err
			}
			return c.tell(q.Raw, oneLine(string(q.Name)), map[bool]string{true: "paused", false: "running"}[q.Paused])
		}),
	}
}

func newQueueDelete(f *feedCLI) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "delete QUEUE",
		Short:             "Delete a queue with all that is in it",
		Long:              "Delete a queue with all that is in it, after a question on the terminal. Where there is no terminal, --yes is needed.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			name, q, err := c.queue(ctx)
			if err != nil {
				return err
			}
			if !yes {
				if err := c.confirm(ctx, name); err != nil {
					return err
				}
			}
			return c.client.DeleteQueue(ctx, q.Type, name)
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
