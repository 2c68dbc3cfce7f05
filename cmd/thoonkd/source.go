package main

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const sourceHelp = `Bring outside feeds in: documents of Atom, RSS and JSON Feed, with a hub or without.
Each entry becomes an item of a feed, or a job of a job queue. Which server, whose
token and the exit codes are as for thoonkd feed.`

func newSource(environ []string) *cobra.Command {
	f := &feedCLI{environ: environ}
	cmd := &cobra.Command{
		Use:   "source",
		Short: "Bring outside feeds into feeds and job queues",
		Long:  sourceHelp,
		Example: `  thoonkd feed create news --content entry
  thoonkd source add planet https://planet.example.org/ news
  thoonkd source ls`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.flags(cmd)
	cmd.AddCommand(newSourceLs(f), newSourceGet(f), newSourceAdd(f),
		newSourceVerb(f, "pause", "Let nothing come in until it is resumed", func(ctx context.Context, c *client.Client, name thoonk.FeedName) (client.Source, error) {
			return c.PauseSource(ctx, name, true)
		}),
		newSourceVerb(f, "resume", "Let it come in again", func(ctx context.Context, c *client.Client, name thoonk.FeedName) (client.Source, error) {
			return c.PauseSource(ctx, name, false)
		}),
		newSourceVerb(f, "refresh", "Look at it as soon as the server has time for it", func(ctx context.Context, c *client.Client, name thoonk.FeedName) (client.Source, error) {
			return c.RefreshSource(ctx, name)
		}),
		newSourceDelete(f))
	return cmd
}

func newSourceLs(f *feedCLI) *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "List the sources whose feeds you may configure",
		Args:  cobra.NoArgs,
		RunE:  f.run(func(ctx context.Context, c *feedCall) error { return c.listSources(ctx) }),
	}
}

func (c *feedCall) listSources(ctx context.Context) error {
	documents := newJSONList(c.out, "sources")
	t := table{out: c.out}
	t.add("NAME", "STATUS", "HUB", "NEW", "WORKED", "FEED", "URL")
	for s, err := range c.client.Sources(ctx) {
		if err != nil {
			return err
		}
		if c.json {
			if err := documents.add(s.Raw); err != nil {
				return err
			}
			continue
		}
		t.add(string(s.Name), sourceStatus(s), cmp.Or(s.Hub.Status, "-"), strconv.FormatInt(s.Counts["new"], 10), showSince(s.Worked), string(s.Feed), s.URL)
	}
	if c.json {
		return documents.end()
	}
	return t.flush()
}

func sourceStatus(s client.Source) string {
	if s.Paused {
		return "paused"
	}
	return s.Status
}

func newSourceGet(f *feedCLI) *cobra.Command {
	return newSourceVerb(f, "get", "Show a source: how it is, and what came in", func(ctx context.Context, c *client.Client, name thoonk.FeedName) (client.Source, error) {
		return c.Source(ctx, name)
	})
}

// newSourceVerb is a command that does one thing with one source, and shows it.
func newSourceVerb(f *feedCLI, verb, short string, do func(context.Context, *client.Client, thoonk.FeedName) (client.Source, error)) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " NAME",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			name, err := c.feed()
			if err != nil {
				return err
			}
			s, err := do(ctx, c.client, name)
			if err != nil {
				return err
			}
			return c.showSource(s)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}

func (c *feedCall) showSource(s client.Source) error {
	if c.json {
		return writeLine(c.out, s.Raw)
	}
	t := table{out: c.out}
	hub := s.Hub.Status
	if s.Hub.URL != "" {
		hub += " " + s.Hub.URL
	}
	if s.Hub.Reason != "" {
		hub += ": " + oneLine(s.Hub.Reason)
	}
	for _, row := range [][2]string{
		{"name", string(s.Name)}, {"title", s.Title}, {"url", s.URL}, {"feed", string(s.Feed)}, {"status", sourceStatus(s)}, {"hub", hub},
		{"worked", showSince(s.Worked)}, {"next look", s.Next.Format("2006-01-02 15:04:05 MST")}, {"last error", oneLine(s.Error.Detail)},
	} {
		t.add(row[0], cmp.Or(row[1], "-"))
	}
	for _, what := range []string{"fetches", "pushes", "new", "updated", "deleted", "duplicates", "refused", "forged"} {
		t.add(what, strconv.FormatInt(s.Counts[what], 10))
	}
	return t.flush()
}

func newSourceAdd(f *feedCLI) *cobra.Command {
	var s client.SourceConfig
	cmd := &cobra.Command{
		Use:   "add NAME URL FEED",
		Short: "Declare a source, or declare it anew",
		Long: `Declare a source. URL is that of a feed, of a page that names one, or of a node
(xmpp:pubsub.example.org?;node=name). FEED is the feed
that its entries become items of, or the job queue that each new one becomes a job of.`,
		Example: "  thoonkd source add planet https://planet.example.org/ news --min-interval 5m",
		Args:    cobra.ExactArgs(3),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			name, err := c.feed()
			if err != nil {
				return err
			}
			if s.Feed, err = thoonk.ParseFeedName(c.args[2]); err != nil {
				return err
			}
			if s.URL = c.args[1]; strings.HasPrefix(s.URL, "xmpp:") {
				s.Kind = thoonk.XMPPNode
			}
			made, err := c.client.PutSource(ctx, name, s)
			if err != nil {
				return err
			}
			return c.tell(made.Raw, oneLine(string(made.Name)), made.Status)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringVar(&s.Min, "min-interval", "", "look at it no more often than each `DURATION` (default 1m)")
	flags.StringVar(&s.Max, "max-interval", "", "look at it no less often than each `DURATION` (default 24h)")
	flags.BoolVar(&s.NoHub, "no-hub", false, "do not subscribe to its hub")
	return cmd
}

func newSourceDelete(f *feedCLI) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Remove a source; what came in stays",
		Args:  cobra.ExactArgs(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			name, err := c.feed()
			if err != nil {
				return err
			}
			return c.client.DeleteSource(ctx, name)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}
