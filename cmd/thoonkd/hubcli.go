package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const hubHelp = `Look at the subscriptions of the hub of a running thoonkd, and do something about
those that fail. Which server, whose token and the exit codes are as for thoonkd feed.`

func newHubCommand(environ []string) *cobra.Command {
	f := &feedCLI{environ: environ}
	cmd := &cobra.Command{
		Use:   "hub",
		Short: "Inspect and mend the hub's subscriptions",
		Long:  hubHelp,
		Example: `  thoonkd hub ls --state stalled
  thoonkd hub redeliver --state stalled
  thoonkd hub replay ID 12-1763874399123456`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.flags(cmd)
	cmd.AddCommand(newHubLs(f), newHubGet(f), newHubRedeliver(f), newHubReplay(f),
		newHubVerb(f, thoonk.HubPause, "Deliver nothing until it is resumed"),
		newHubVerb(f, thoonk.HubResume, "Deliver again, what was missed first"),
		newHubDelete(f))
	return cmd
}

// chooses adds the flags that choose subscriptions.
func chooses(cmd *cobra.Command, q *client.SubscriptionQuery) {
	cmd.Flags().StringVar(&q.State, "state", "", "only those in this `STATE`: active, failing, stalled, paused")
	cmd.Flags().StringVar(&q.Topic, "topic", "", "only those to this `URL`")
	cmd.Flags().StringVar(&q.Callback, "callback", "", "only those of this `URL`")
	complete(cmd, "state", "active", "failing", "stalled", "paused")
}

func newHubLs(f *feedCLI) *cobra.Command {
	var q client.SubscriptionQuery
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List subscriptions, those first that end first",
		Args:  cobra.NoArgs,
		RunE:  f.run(func(ctx context.Context, c *feedCall) error { return c.listSubscriptions(ctx, q) }),
	}
	chooses(cmd, &q)
	return cmd
}

func (c *feedCall) listSubscriptions(ctx context.Context, q client.SubscriptionQuery) error {
	documents := newJSONList(c.out, "subscriptions")
	t := table{out: c.out}
	t.add("ID", "STATE", "DELIVERED", "FAILURES", "SUCCESS", "TOPIC", "CALLBACK")
	for s, err := range c.client.Subscriptions(ctx, q) {
		if err != nil {
			return err
		}
		if !c.json {
			t.add(s.ID, s.State, strconv.FormatUint(s.Delivered, 10), strconv.Itoa(s.Failures), showSince(s.LastSuccess), s.Topic, s.Callback)
		} else if err := documents.add(s.Raw); err != nil {
			return err
		}
	}
	if c.json {
		return documents.end()
	}
	return t.flush()
}

func newHubGet(f *feedCLI) *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show a subscription and its latest attempts",
		Args:  cobra.ExactArgs(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			s, err := c.client.Subscription(ctx, c.args[0])
			if err != nil {
				return err
			}
			if c.json {
				return writeLine(c.out, s.Raw)
			}
			return c.showSubscription(s)
		}),
	}
}

func (c *feedCall) showSubscription(s client.Subscription) error {
	backlog := "-"
	if s.Backlog != nil {
		backlog = strconv.FormatUint(*s.Backlog, 10)
	}
	t := table{out: c.out}
	for _, row := range [][2]string{
		{"topic", s.Topic}, {"callback", s.Callback}, {"state", s.State}, {"principal", s.Principal}, {"expires", s.Expires.Format("2006-01-02 15:04:05 MST")},
		{"cursor", s.Cursor}, {"backlog", backlog}, {"delivered", strconv.FormatUint(s.Delivered, 10)}, {"failures", strconv.Itoa(s.Failures)},
		{"last success", showSince(s.LastSuccess)}, {"last error", s.LastError},
	} {
		t.add(row[0], row[1])
	}
	for _, a := range s.Attempts {
		what := a.Error
		if what == "" {
			what = "taken, " + strconv.Itoa(a.Status)
		}
		t.add("attempt", fmt.Sprintf("%s ago, %s: %s", showSince(a.At), a.Took, what))
	}
	return t.flush()
}
