package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func newHubRedeliver(f *feedCLI) *cobra.Command {
	var q client.SubscriptionQuery
	cmd := &cobra.Command{
		Use:   "redeliver [ID]",
		Short: "Try at once what is not delivered, with all retries anew",
		Long: `Try at once what is not delivered, with all retries anew: of one subscription, or of
all that the flags choose (at most 1,000).`,
		Args: cobra.MaximumNArgs(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			if len(c.args) == 1 {
				return c.client.Intervene(ctx, c.args[0], thoonk.HubRedeliver, thoonk.Revision{})
			}
			if q == (client.SubscriptionQuery{}) {
				return errors.New("which ones? Give an ID, or --state, --topic or --callback")
			}
			n, err := c.client.RedeliverAll(ctx, q)
			if err != nil {
				return err
			}
			return c.tell([]byte(`{"redelivered":`+strconv.Itoa(n)+`}`), n, "are being tried")
		}),
	}
	chooses(cmd, &q)
	return cmd
}

func newHubReplay(f *feedCLI) *cobra.Command {
	return &cobra.Command{
		Use:   "replay ID REVISION",
		Short: "Deliver all changes after a revision again",
		Args:  cobra.ExactArgs(2),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			after, err := thoonk.ParseRevision(c.args[1])
			if err != nil {
				return err
			}
			return c.client.Intervene(ctx, c.args[0], thoonk.HubReplay, after)
		}),
	}
}

func newHubVerb(f *feedCLI, verb thoonk.HubIntervention, short string) *cobra.Command {
	return &cobra.Command{
		Use:   string(verb) + " ID",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			return c.client.Intervene(ctx, c.args[0], verb, thoonk.Revision{})
		}),
	}
}

func newHubDelete(f *feedCLI) *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID",
		Short: "End a subscription; its callback is not told",
		Args:  cobra.ExactArgs(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			return c.client.DeleteSubscription(ctx, c.args[0])
		}),
	}
}
