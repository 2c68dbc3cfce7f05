package main

import "github.com/spf13/cobra"

func newRoot(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "thoonkd",
		Short: "Feeds, queues and jobs in Redis, for everybody else",
		Long: `thoonkd serves the live objects of a Redis (feeds, queues, jobs) to the outside.

Every flag is also an environment variable (--auth-key is THOONKD_AUTH_KEY) and a
key of the YAML file that --config names (auth-key). Flags win over the environment,
and the environment over the file.`,
		SilenceUsage:       true,
		SilenceErrors:      true, // execute reports them
		DisableSuggestions: true, // an error is one line
	}
	cmd.AddCommand(newServe(environ), newFeed(environ), newXMPP(environ), newQueue(environ), newJob(environ), newHubCommand(environ), newSource(environ), newToken(environ), newConfig(environ), newVersion())
	return cmd
}
