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

// xmpp asks for a document. It is shown as it is with --output json, and then done is set.
func (c *feedCall) xmpp(ctx context.Context, what string, query url.Values, into any) (done bool, err error) {
	doc, err := c.client.XMPP(ctx, what, query)
	if err != nil {
		return true, err
	}
	if c.json {
		return true, writeLine(c.out, doc)
	}
	if err := json.Unmarshal(doc, into); err != nil {
		return true, fmt.Errorf("the answer is not thoonkd's: %w", err)
	}
	return false, nil
}

func xmppLinks(ctx context.Context, c *feedCall) error {
	var doc struct {
		Links []struct {
			Domain, Server                   string
			Attached                         bool
			Received, Notifications, Bounces int64
			LagSeconds                       float64 `json:"lag_seconds"`
		}
	}
	if done, err := c.xmpp(ctx, "links", nil, &doc); done {
		return err
	}
	t := table{out: c.out}
	t.add("DOMAIN", "SERVER", "ATTACHED", "RECEIVED", "NOTIFICATIONS", "BOUNCES", "LAG")
	for _, l := range doc.Links {
		t.add(l.Domain, l.Server, strconv.FormatBool(l.Attached), fmt.Sprint(l.Received), fmt.Sprint(l.Notifications), fmt.Sprint(l.Bounces),
			time.Duration(l.LagSeconds*float64(time.Second)).Round(time.Millisecond).String())
	}
	return t.flush()
}

func xmppNodes(ctx context.Context, c *feedCall) error {
	var doc struct {
		Nodes []struct {
			Node                   string
			Subscriptions, Pending int
		}
	}
	if done, err := c.xmpp(ctx, "nodes", nil, &doc); done {
		return err
	}
	t := table{out: c.out}
	t.add("NODE", "SUBSCRIPTIONS", "PENDING")
	for _, n := range doc.Nodes {
		t.add(n.Node, strconv.Itoa(n.Subscriptions), strconv.Itoa(n.Pending))
	}
	return t.flush()
}

func xmppSubscriptions(ctx context.Context, c *feedCall, pending bool) error {
	query := url.Values{"node": {c.args[0]}}
	if pending {
		query.Set("pending", "true")
	} else {
		query.Set("limit", "1000")
	}
	t := table{out: c.out}
	if !c.json {
		t.add("JID", "ID", "STATE", "EXPIRES")
	}
	for {
		var doc struct {
			Subscriptions []struct {
				JID, ID, State string
				Expires        time.Time
			}
			Next string
		}
		raw, err := c.client.XMPP(ctx, "subscriptions", query)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &doc); err != nil {
			return fmt.Errorf("the answer is not thoonkd's: %w", err)
		}
		if c.json { // one document a page
			if err := writeLine(c.out, raw); err != nil {
				return err
			}
		}
		for _, s := range doc.Subscriptions {
			expires := "never"
			if !s.Expires.IsZero() {
				expires = s.Expires.Format(time.RFC3339)
			}
			if !c.json {
				t.add(s.JID, s.ID, s.State, expires)
			}
		}
		if doc.Next == "" {
			return t.flush()
		}
		query.Set("cursor", doc.Next)
	}
}
