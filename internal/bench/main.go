// Command bench measures thoonkd against peers that run beside it: each figure is a ratio within one run, since the
// figures themselves say more about the machine. It prints the rows of the table in internal/docs/PERFORMANCE.md.
//
// All servers are its own: private ones on Unix sockets and the loopback interface, which end with it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// settings say how long and how much is measured.
type settings struct {
	rounds  int           // of each comparison; a round measures every side once
	time    time.Duration // of one side in one round
	clients int           // of the fan-out
	idle    int           // streams that wait
	profile string        // directory for profiles; empty: none
	lua     string        // directories of scripts to compare with the store's; empty: none
}

// measures in the order of the table.
var measures = []struct {
	name string
	run  func(context.Context, settings, *table) error
}{
	{"script", measureScript},
	{"batch", measureBatch},
	{"http", measureHTTP},
	{"latency", measureLatency},
	{"fanout", measureFanout},
	{"idle", measureIdle},
	{"jobs", measureJobs},
	{"xmpp", measureXMPP},
	{"lua", measureLua},
	{"hub", measureHub},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		exit(serve(ctx, os.Args[2:], os.Stdin, os.Stdout))
	}
	exit(run(ctx, os.Args[1:], os.Stdout))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&s.rounds, "rounds", 7, "rounds of each comparison")
	flags.DurationVar(&s.time, "time", time.Second, "time for each side in each round")
	flags.IntVar(&s.clients, "clients", 1000, "clients of the fan-out")
	flags.IntVar(&s.idle, "idle", 10_000, "streams that wait")
	flags.StringVar(&s.profile, "profile", "", "`directory` to write profiles of the servers to")
	flags.StringVar(&s.lua, "lua", "", "`directories` of Lua scripts to compare with the store's, with commas between")
	only := flags.String("run", "", "run the measures that match the `expression`: "+names())
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if s.profile != "" {
		if err := os.MkdirAll(s.profile, 0o755); err != nil {
			return err
		}
	}
	t := newTable(out)
	for _, m := range measures {
		if !wanted.MatchString(m.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "==", m.name)
		if err := m.run(ctx, s, t); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return ctx.Err()
}

func names() string {
	var names []string
	for _, m := range measures {
		names = append(names, m.name)
	}
	return strings.Join(names, ", ")
}
