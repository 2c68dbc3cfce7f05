package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
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
	workGrace  = 8 * time.Second  // for the program, once we are to end: "docker stop" kills after ten
	workKill   = 5 * time.Second  // for the program to end when it is told to, and for its output to end after it has
)

var (
	errGivenUp  = errors.New("it was asked to be given up")
	errNotOurs  = errors.New("the lease is lost")
	errStopping = errors.New("the worker was stopped")
)

func newJobWork(f *feedCLI) *cobra.Command {
	var count int
	var lease, grace time.Duration
	cmd := f.queueCommand(&cobra.Command{
		Use:   "work QUEUE PROGRAM [ARG...]",
		Short: "Run a program for each job, until interrupted",
		Long: `Run a program for each job of a queue, one at a time, until interrupted.

The payload is its standard input. If it succeeds the job is finished, and what it printed
is the result: as it is if it is JSON, else as a text. If it fails the job is given back with
the end of what it printed to standard error. THOONKD_QUEUE, THOONKD_JOB and THOONKD_ATTEMPT
are in its environment. While it runs the lease is extended; it is stopped if the lease is lost
or somebody retracts the job. If the server is away when it has ended, what became of the job
is told again and again, as long as the lease may hold.

Interrupted (SIGINT or SIGTERM) it claims no more, and lets the program end within --grace. Then,
or when it is interrupted again, the program is stopped and its job given back at once. Either way
the exit code is 0. To stop is SIGTERM to the program and all that it started, and 5 s later
SIGKILL; they have a process group of their own, so Ctrl-C does not reach them.`,
		Example: `  thoonkd job work mail ./send.sh --verbose`,
		Args:    cobra.MinimumNArgs(2),
	}, func(ctx context.Context, c *feedCall, queue thoonk.FeedName) error {
		if _, err := exec.LookPath(c.args[1]); err != nil {
			return err
		}
		w := &jobWork{feedCall: c, queue: queue, lease: lease, grace: grace, signals: make(chan os.Signal, 2)}
		signal.Notify(w.signals, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(w.signals)
		return w.run(ctx, count)
	})
	cmd.Flags().SetInterspersed(false) // what follows is the program's
	cmd.Flags().IntVar(&count, "count", 0, "end after this `NUMBER` of jobs (0: never)")
	cmd.Flags().DurationVar(&lease, "lease", 0, "`DURATION` of the lease (0: as the queue says)")
	cmd.Flags().DurationVar(&grace, "grace", workGrace, "`DURATION` that the program has to end when we are interrupted")
	return cmd
}

// jobWork is a worker that runs a program.
type jobWork struct {
	*feedCall
	queue   thoonk.FeedName
	lease   time.Duration
	grace   time.Duration
	signals chan os.Signal // those that ask us to end, the one that ended the context too
}

// run claims and does jobs until ctx ends. A server that is away for a while is waited for, once it was there.
func (c *jobWork) run(ctx context.Context, count int) error {
	for done, claimed := 0, false; count == 0 || done < count; {
		jobs, err := c.client.Claim(ctx, c.queue, 1, workWait, c.lease)
		if ctx.Err() != nil && err != nil {
			return nil
		}
		if err != nil && (!away(err) || !claimed) {
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
			if err := c.workOn(ctx, j); err != nil {
				fmt.Fprintf(c.stderr, "thoonkd: job %s: %v\n", oneLine(string(j.ID)), err)
			}
		}
	}
	return nil
}

// workOn does one job, and tells the server. Its error is why nothing was told.
func (c *jobWork) workOn(ctx context.Context, j client.Job) error {
	patience := max(time.Until(j.Lease.Expires), workWait)
	whole, ended := context.WithCancel(context.WithoutCancel(ctx)) // until the program has ended, also after it was told to
	running, giveUp := context.WithCancelCause(whole)
	var beside sync.WaitGroup
	beside.Go(func() { c.extend(whole, j, giveUp) })
	beside.Go(func() { c.stopLate(ctx, running, giveUp) })
	stdout, err := c.runProgram(running, j)
	cause := context.Cause(running)
	ended()
	beside.Wait()
	giveUp(nil)

	verb, members := "finish", map[string]any{}
	switch {
	case errors.Is(cause, errNotOurs):
		return errNotOurs
	case err != nil && (errors.Is(cause, errStopping) || ctx.Err() != nil && signalled(err)): // no fault of the job's
		verb, members["error"], members["delay"] = "cancel", errStopping.Error(), "0s"
	case err != nil && errors.Is(cause, errGivenUp):
		verb, members["error"] = "cancel", errGivenUp.Error()
	case err != nil:
		verb, members["error"] = "cancel", err.Error()
	case json.Valid(stdout):
		members["result"] = json.RawMessage(stdout)
	case len(stdout) > 0:
		members["result"] = strings.ToValidUTF8(string(stdout), "�")
	}
	end, err := c.endJob(context.WithoutCancel(ctx), j, verb, members, patience)
	if err != nil {
		return err
	}
	return c.tellJob(end)
}

// endJob tells how a job ended. Where the server is away it tries again, as long as the lease may hold: to tell it twice does no harm.
func (c *jobWork) endJob(ctx context.Context, j client.Job, verb string, members map[string]any, patience time.Duration) (client.Job, error) {
	for until := time.Now().Add(patience); ; {
		end, err := c.client.EndJob(ctx, c.queue, j.ID, verb, j.Lease.Token, members)
		if !away(err) || time.Now().Add(workPause).After(until) {
			return end, err
		}
		fmt.Fprintf(c.stderr, "thoonkd: job %s: trying again: %v\n", oneLine(string(j.ID)), err)
		time.Sleep(workPause)
	}
}

// away reports whether an error passes when the server, or what it needs, is back.
func away(err error) bool {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Status == http.StatusServiceUnavailable
	}
	_, unreachable := errors.AsType[*client.UnreachableError](err)
	return unreachable
}

// signalled reports whether a program was ended by a signal. Who ends us may have ended it too.
func signalled(err error) bool {
	e, ok := errors.AsType[*exec.ExitError](err)
	return ok && !e.Exited()
}

// stopLate gives up the program that runs if it has not ended in time after ctx did.
func (c *jobWork) stopLate(ctx, running context.Context, giveUp context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
	case <-running.Done():
		return
	}
	fmt.Fprintf(c.stderr, "thoonkd: ending with this job, or in %v; interrupt again to stop it now\n", c.grace)
	late := time.NewTimer(c.grace)
	defer late.Stop()
	for heard := 0; heard < 2; { // the first signal is that which ended ctx
		select {
		case <-c.signals:
			heard++
		case <-late.C:
			heard = 2
		case <-running.Done():
			return
		}
	}
	giveUp(errStopping)
}

// extend keeps the lease until ctx ends, and gives up if it is lost, or the job is not wanted any more.
func (c *jobWork) extend(ctx context.Context, j client.Job, giveUp context.CancelCauseFunc) {
	members := map[string]any{}
	if c.lease > 0 {
		members["for"] = c.lease.String()
	}
	ticks := time.NewTicker(min(max(time.Until(j.Lease.Expires)/3, thoonk.MinLease/2), workExtend))
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
		done, err := c.client.EndJob(ctx, c.queue, j.ID, "extend", j.Lease.Token, members)
		if e, ok := errors.AsType[*client.Error](err); ok && (e.Status == 404 || e.Status == 409) {
			giveUp(errNotOurs)
		}
		var told struct{ Cancelled []thoonk.JobID }
		if err == nil && json.Unmarshal(done.Raw, &told) == nil && len(told.Cancelled) > 0 {
			giveUp(errGivenUp)
		}
	}
}

// runProgram returns what the program printed, or an error that ends with what it said at last. When ctx ends, the program
// and all that it started is told to end, and killed if it does not.
func (c *jobWork) runProgram(ctx context.Context, j client.Job) ([]byte, error) {
	said, printed := lastBytes{most: workTail}, lastBytes{most: thoonk.MaxJobResult + 1}
	program := exec.CommandContext(ctx, c.args[1], c.args[2:]...)
	program.Env = append(os.Environ(), "THOONKD_QUEUE="+string(c.queue), "THOONKD_JOB="+string(j.ID), "THOONKD_ATTEMPT="+strconv.Itoa(j.Attempt))
	program.Stdin, program.Stdout, program.Stderr = bytes.NewReader(j.Payload.Data), &printed, io.MultiWriter(c.stderr, &said)
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	program.Cancel = func() error {
		if syscall.Kill(-program.Process.Pid, syscall.SIGTERM) != nil {
			return os.ErrProcessDone
		}
		return nil
	}
	program.WaitDelay = workKill
	err := program.Run()
	if ctx.Err() != nil && program.Process != nil {
		_ = syscall.Kill(-program.Process.Pid, syscall.SIGKILL) // what it leaves behind, if anything
	}
	if err != nil {
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
