package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/config"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const feedHelp = `Read, write and follow the feeds of a running thoonkd.

The server is --server or THOONKD_SERVER. The token is --token, that in --token-file,
or THOONKD_TOKEN. Without one, and with the server on this machine, a token for
everything is made with the server's key if you may read it (see --data). SSL_CERT_FILE
names the certificates of a CA of your own.

With --output json the answers are JSON: one document, or for tail one a line.

Exit codes: 0 done, 3 there is no such feed or item, 4 a precondition failed, 5 the
server cannot be reached or is busy (try again), 1 anything else.`

func newFeed(environ []string) *cobra.Command {
	f := &feedCLI{environ: environ}
	cmd := &cobra.Command{
		Use:   "feed",
		Short: "Read, write and follow the feeds of a running server",
		Long:  feedHelp,
		Example: `  thoonkd feed create news --max-length 100
  thoonkd feed publish news hello --text 'Hello, world'
  thoonkd feed tail news 'team:353:*' --snapshot`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.flags(cmd)
	cmd.AddCommand(newFeedLs(f), newFeedGet(f), newFeedTail(f), newFeedPublish(f), newFeedEdit(f), newFeedRetract(f),
		newFeedMv(f), newFeedCreate(f), newFeedDelete(f))
	return cmd
}

// flags are those of commands that talk to a server.
func (f *feedCLI) flags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.server, "server", defaultServer, "`URL` of the server")
	flags.StringVar(&f.token, "token", "", "`TOKEN` to send; other users of this machine can see it")
	flags.StringVar(&f.tokenFile, "token-file", "", "`FILE` with the token to send, read anew for each request")
	flags.StringVar(&f.output, "output", "text", "`FORM` of the answers: text or json")
	config.Flags(flags, "config", "data", "auth-key")
	cmd.MarkFlagsMutuallyExclusive("token", "token-file")
	complete(cmd, "output", "text", "json")
}

// feedCLI is what the commands share that talk to a server.
type feedCLI struct {
	environ []string

	server, token, tokenFile, output string
}

// feedCall is one command under way.
type feedCall struct {
	client *client.Client
	args   []string
	json   bool

	in     io.Reader
	out    io.Writer
	stderr io.Writer
}

// run makes of do what cobra calls.
func (f *feedCLI) run(do func(context.Context, *feedCall) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if f.output != "text" && f.output != "json" {
			return fmt.Errorf("--output %q: it is text or json", f.output)
		}
		cl, hint, err := f.connect(cmd)
		if err != nil {
			return err
		}
		err = do(cmd.Context(), &feedCall{
			client: cl, args: args, json: f.output == "json",
			in: cmd.InOrStdin(), out: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr(),
		})
		return explain(cmd.Context(), err, hint)
	}
}

// explain returns err as it is shown. The hint is for those whom the server does not know.
func explain(ctx context.Context, err error, hint string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if e, ok := errors.AsType[*thoonk.Error](err); ok {
		return errors.New(e.Public)
	}
	if e, ok := errors.AsType[*client.Error](err); ok && e.Status == http.StatusUnauthorized && hint != "" {
		return fmt.Errorf("%w: %s", err, hint)
	}
	return err
}

// exitCode tells a script what it may act on; the help says so too.
func exitCode(err error) int {
	if e, ok := errors.AsType[*client.Error](err); ok {
		switch e.Status {
		case http.StatusNotFound:
			return 3
		case http.StatusPreconditionFailed:
			return 4
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable:
			return 5
		}
	}
	if _, ok := errors.AsType[*client.UnreachableError](err); ok {
		return 5
	}
	return 1
}

func (c *feedCall) feed() (thoonk.FeedName, error) { return thoonk.ParseFeedName(c.args[0]) }

// item returns the feed and the item that the first two arguments name.
func (c *feedCall) item() (thoonk.FeedName, thoonk.ItemID, error) {
	feed, err := c.feed()
	if err != nil {
		return "", "", err
	}
	id, err := thoonk.ParseItemID(c.args[1])
	return feed, id, err
}

// tell answers with a line of text, or with the document that the server sent.
func (c *feedCall) tell(document []byte, words ...any) error {
	if c.json {
		return writeLine(c.out, document)
	}
	_, err := fmt.Fprintln(c.out, words...)
	return err
}
