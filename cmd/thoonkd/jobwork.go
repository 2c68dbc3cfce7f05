package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const (
	workWait   = 30 * time.Second // of one claim
	workPause  = time.Second      // after a claim that failed
	workExtend = 10 * time.Second // between two extensions of a lease at most: the server's clock may be another
	workTail   = 1000             // bytes of what the program said at last that become the job's error
	workKill   = 5 * time.Second  // for output to end after the program has
)

var (
	errGivenUp  = errors.New("it was asked to be given up")
	errNotOurs  = errors.New("the lease is lost")
	errStopping = errors.New("the worker was stopped")
)

func newJobWork(f *feedCLI) *cobra.Command {
	var count int
	var lease time.Duration
	cmd := &cobra.Command{
		Use:   "work QUEUE PROGRAM [ARG...]",
		Short: "Run a program for each job, until interrupted",
		Long: `Run a program for each job of a queue, one at a time, until interrupted.

The payload is its standard input. If it succeeds the job is finished, and what it printed
is the result: as it is if it is JSON, else as a text. If it fails the job is given back with
the end of what it printed to standard error. THOONKD_QUEUE, THOONKD_JOB and THOONKD_ATTEMPT
are in its environment. While it runs the lease is extended; it is killed if the lease is lost
or somebody retracts the job.`,
		Example:           `  thoonkd job work mail ./send.sh --verbose`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: f.completeFeeds(1),
		RunE: f.run(func(ctx context.Context, c *feedCall) error {
			queue, err := c.feed()
			if err != nil {
				return err
			}
			if _, err := exec.LookPath(c.args[1]); err != nil {
				return err
			}
			return c.work(ctx, queue, lease, count)
		}),
	}
	cmd.Flags().SetInterspersed(false) // what follows is the program's
	cmd.Flags().IntVar(&count, "count", 0, "end after this `NUMBER` of jobs (0: never)")
	cmd.Flags().DurationVar(&lease, "lease", 0, "`DURATION` of the lease (0: as the queue says)")
	return cmd
}

// work claims and does jobs. A server that is away for a while is waited for, once it was there.
func (c *feedCall) work(ctx context.Context, queue thoonk.FeedName, lease time.Duration, count int) error {
	for done, claimed := 0, false; count == 0 || done < count; {
		jobs, err := c.client.Claim(ctx, queue, 1, workWait, lease)
		if _, away := errors.AsType[*client.UnreachableError](err); err != nil && (ctx.Err() != nil || !away || !claimed) {
			return err
		}
		if err != nil {
			fmt.Fprintf(c.stderr, "thoonkd: trying again: %v\n", err)
			select {
			case <-time.After(workPause):
			case <-ctx.Done():
			}
		}
		claimed = true
		for _, j := range jobs {
			done++
			if err := c.workOn(ctx, queue, j, lease); err != nil {
				fmt.Fprintf(c.stderr, "thoonkd: job %s: %v\n", oneLine(string(j.ID)), err)
			}
		}
	}
	return nil
}

// workOn does one job, and tells the server. Its error is why nothing was told.
func (c *feedCall) workOn(ctx context.Context, queue thoonk.FeedName, j client.Job, lease time.Duration) error {
	running, giveUp := context.WithCancelCause(ctx)
	extending := make(chan struct{})
	go func() {
		defer close(extending)
		c.extend(running, queue, j, lease, giveUp)
	}()
	stdout, err := c.runProgram(running, queue, j)
	cause := context.Cause(running)
	giveUp(nil)
	<-extending

	verb, members := "finish", map[string]any{}
	switch {
	case errors.Is(cause, errNotOurs):
		return errNotOurs
	case err != nil && ctx.Err() != nil: // no fault of the job's
		verb, members["error"], members["delay"] = "cancel", errStopping.Error(), "0s"
	case errors.Is(cause, errGivenUp):
		verb, members["error"] = "cancel", errGivenUp.Error()
	case err != nil:
		verb, members["error"] = "cancel", err.Error()
	case json.Valid(stdout):
		members["result"] = json.RawMessage(stdout)
	case len(stdout) > 0:
		members["result"] = strings.ToValidUTF8(string(stdout), "�")
	}
	end, err := c.client.EndJob(context.WithoutCancel(ctx), queue, j.ID, verb, j.Lease.Token, members)
	if err != nil {
		return err
	}
	return c.tellJob(end)
}

// extend keeps the lease until ctx ends, and gives up if it is lost, or the job is not wanted any more.
func (c *feedCall) extend(ctx context.Context, queue thoonk.FeedName, j client.Job, lease time.Duration, giveUp context.CancelCauseFunc) {
	members := map[string]any{}
	if lease > 0 {
		members["for"] = lease.String()
	}
	ticks := time.NewTicker(min(max(time.Until(j.Lease.Expires)/3, thoonk.MinLease/2), workExtend))
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
		done, err := c.client.EndJob(ctx, queue, j.ID, "extend", j.Lease.Token, members)
		if e, ok := errors.AsType[*client.Error](err); ok && (e.Status == 404 || e.Status == 409) {
			giveUp(errNotOurs)
		}
		var told struct{ Cancelled []thoonk.JobID }
		if err == nil && json.Unmarshal(done.Raw, &told) == nil && len(told.Cancelled) > 0 {
			giveUp(errGivenUp)
		}
	}
}

// runProgram returns what the program printed, or an error that ends with what it said at last.
func (c *feedCall) runProgram(ctx context.Context, queue thoonk.FeedName, j client.Job) ([]byte, error) {
	said, printed := lastBytes{most: workTail}, lastBytes{most: thoonk.MaxJobResult + 1}
	program := exec.CommandContext(ctx, c.args[1], c.args[2:]...)
	program.Env = append(os.Environ(), "THOONKD_QUEUE="+string(queue), "THOONKD_JOB="+string(j.ID), "THOONKD_ATTEMPT="+strconv.Itoa(j.Attempt))
	program.Stdin, program.Stdout, program.Stderr = bytes.NewReader(j.Payload.Data), &printed, io.MultiWriter(c.stderr, &said)
	program.WaitDelay = workKill
	if err := program.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, said.text())
	}
	if len(printed.data) > thoonk.MaxJobResult {
		return nil, fmt.Errorf("it printed more than the %d bytes that a result may have", thoonk.MaxJobResult)
	}
	return bytes.TrimSpace(printed.data), nil
}

// lastBytes keeps the end of what is written.
type lastBytes struct {
	data []byte
	most int
}

func (l *lastBytes) Write(p []byte) (int, error) {
	l.data = append(l.data, p[max(0, len(p)-l.most):]...)
	if over := len(l.data) - l.most; over > 0 {
		l.data = append(l.data[:0], l.data[over:]...)
	}
	return len(p), nil
}

func (l *lastBytes) text() string {
	data := l.data
	for len(data) > 0 && !utf8.RuneStart(data[0]) {
		data = data[1:]
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(data), "�"))
}
