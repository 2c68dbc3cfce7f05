package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func newXMPP(environ []string) *cobra.Command {
	f := &feedCLI{environ: environ}
	cmd := &cobra.Command{
		Use:   "xmpp",
		Short: "Show the links to XMPP servers of a running server, and who is subscribed over them",
		Long: `Show what a running thoonkd does over XMPP. The server and the token are given as for
"thoonkd feed". You see the nodes that you administer; the links are for those who
administer everything.`,
		Example: `  thoonkd xmpp links
  thoonkd xmpp subscriptions news`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.flags(cmd)
	cmd.AddCommand(
		&cobra.Command{Use: "links", Short: "The links of the process that answers", Args: cobra.NoArgs, RunE: f.run(xmppLinks)},
		&cobra.Command{Use: "nodes", Short: "The nodes and patterns that anybody is subscribed to", Args: cobra.NoArgs, RunE: f.run(xmppNodes)},
		&cobra.Command{Use: "subscriptions NODE", Short: "Who is subscribed to a node or pattern", Args: cobra.ExactArgs(1),
			RunE: f.run(func(ctx context.Context, c *feedCall) error { return xmppSubscriptions(ctx, c, false) })},
		&cobra.Command{Use: "pending NODE", Short: "Who waits for an owner's approval", Args: cobra.ExactArgs(1),
			RunE: f.run(func(ctx context.Context, c *feedCall) error { return xmppSubscriptions(ctx, c, true) })},
	)
	return cmd
}

// xmppPages shows a list: its pages as they are with --output json, or a table of what rows adds of each.
func xmppPages[P any](ctx context.Context, c *feedCall, what string, query url.Values, head []string, rows func(*table, P)) error {
	t := table{out: c.out}
	if !c.json {
		t.add(head...)
	}
	for doc, err := range c.client.XMPP(ctx, what, query) {
		var page P
		switch {
		case err != nil:
		case c.json:
			err = writeLine(c.out, doc)
		default:
			if err = json.Unmarshal(doc, &page); err != nil {
				err = fmt.Errorf("the answer is not thoonkd's: %w", err)
			}
			rows(&t, page)
		}
		if err != nil {
			return err
		}
	}
	return t.flush()
}

func xmppLinks(ctx context.Context, c *feedCall) error {
	type page struct {
		Links []struct {
			Domain, Server                   string
			Attached                         bool
			Received, Notifications, Bounces int64
			LagSeconds                       float64 `json:"lag_seconds"`
		}
	}
	head := []string{"DOMAIN", "SERVER", "ATTACHED", "RECEIVED", "NOTIFICATIONS", "BOUNCES", "LAG"}
	return xmppPages(ctx, c, "links", url.Values{}, head, func(t *table, p page) {
		for _, l := range p.Links {
			t.add(l.Domain, l.Server, strconv.FormatBool(l.Attached), fmt.Sprint(l.Received), fmt.Sprint(l.Notifications), fmt.Sprint(l.Bounces),
				time.Duration(l.LagSeconds*float64(time.Second)).Round(time.Millisecond).String())
		}
	})
}

func xmppNodes(ctx context.Context, c *feedCall) error {
	type page struct {
		Nodes []struct {
			Node                   string
			Subscriptions, Pending int
		}
	}
	return xmppPages(ctx, c, "nodes", url.Values{}, []string{"NODE", "SUBSCRIPTIONS", "PENDING"}, func(t *table, p page) {
		for _, n := range p.Nodes {
			t.add(n.Node, strconv.Itoa(n.Subscriptions), strconv.Itoa(n.Pending))
		}
	})
}

func xmppSubscriptions(ctx context.Context, c *feedCall, pending bool) error {
	type page struct {
		Subscriptions []struct {
			JID, ID, State string
			Expires        time.Time
		}
	}
	query := url.Values{"node": {c.args[0]}, "pending": {strconv.FormatBool(pending)}, "limit": {"1000"}}
	return xmppPages(ctx, c, "subscriptions", query, []string{"JID", "ID", "STATE", "EXPIRES"}, func(t *table, p page) {
		for _, s := range p.Subscriptions {
			expires := "never"
			if !s.Expires.IsZero() {
				expires = s.Expires.Format(time.RFC3339)
			}
			t.add(s.JID, s.ID, s.State, expires)
		}
	})
}
