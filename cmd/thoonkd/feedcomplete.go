package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	completeTimeout = time.Second // of somebody who waits after a press of a key
	completeMost    = 100         // feeds to choose from
)

var feedTypes = []string{"feed", "sorted_feed", "queue", "job"}

// completeFeeds completes the first so many arguments to names of feeds; 0: all arguments. Whatever goes wrong, there is
// nothing to choose from: a shell has no place for a message.
func (f *feedCLI) completeFeeds(args int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if args > 0 && len(given) >= args || strings.Contains(begun, "*") {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		cl, _, err := f.connect(cmd)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		var names []cobra.Completion
		for feed, err := range cl.Feeds(ctx, client.FeedQuery{Match: thoonk.Pattern(begun + "*"), Page: completeMost}) {
			if err != nil || len(names) == completeMost {
				break
			}
			names = append(names, string(feed.Name))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// complete has the values of a flag completed.
func complete(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails for flags that are not there only
}
