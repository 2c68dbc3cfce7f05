package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

func TestReadCommand(t *testing.T) {
	t.Parallel()
	r := bufio.NewReader(strings.NewReader("*2\r\n$4\r\nPING\r\n$0\r\n\r\n*1\r\n$3\r\na\r\n\r\n"))
	for _, want := range [][]any{{"PING", ""}, {"a\r\n"}} {
		if got, err := readCommand(r); !slices.Equal(got, want) || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := readCommand(r); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if _, err := readCommand(bufio.NewReader(strings.NewReader("+OK\r\n"))); err == nil {
		t.Error("a reply was taken for a command")
	}
}

func TestParseUsage(t *testing.T) {
	t.Parallel()
	parse := func(user, calls string) usage {
		u, err := parseUsage("# CPU\r\nused_cpu_sys_main_thread:0.5\r\nused_cpu_user_main_thread:" + user +
			"\r\n# Commandstats\r\ncmdstat_evalsha:calls=" + calls + ",usec=" + calls + "0,usec_per_call=10.00\r\n")
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	cpu, within := parse("1.5", "300").spent(parse("1.0", "200"), 100, "evalsha")
	if cpu != 5000 || within != 10 {
		t.Error(cpu, within)
	}
	if _, err := parseUsage("# CPU\r\n"); err == nil {
		t.Error("no CPU time is no error")
	}
}

// However the stream is cut into pieces, each mark counts once.
func TestAudienceCounts(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("data: "+string(body)+"\n\n", 20)
	for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.HalfReader(strings.NewReader(text))} {
		a := &audience{there: make(chan time.Time, 1), failed: make(chan error, 1)}
		a.running.Go(func() { _ = a.listen(r) })
		if _, err := a.await(t.Context(), 20); err != nil {
			t.Error(err)
		}
		a.running.Wait()
		if n := a.heard.Load(); n != 20 {
			t.Error(n)
		}
	}
}

func TestCompareTakesTurns(t *testing.T) {
	t.Parallel()
	var order []string
	one := func(name string, value float64) side {
		return side{name, func(context.Context) (figures, error) {
			order = append(order, name)
			return figures{rate: value}, nil
		}}
	}
	got, err := compare(t.Context(), 3, []side{one("a", 1), one("b", 2)})
	if err != nil || !slices.Equal(order, []string{"a", "b", "b", "a", "a", "b"}) || !slices.Equal(got.of("b", rate), []float64{2, 2, 2}) {
		t.Error(order, got, err)
	}
}

// However the last jobs are shared out among callers, draining ends when all are done, and says so if they never are.
func TestDrain(t *testing.T) {
	t.Parallel()
	var left atomic.Int64
	left.Store(100)
	took, err := drain(t.Context(), 100, 7, func(context.Context) (int, error) {
		if left.Add(-1) < 0 {
			return 0, nil
		}
		return 1, nil
	})
	if err != nil || took <= 0 || left.Load() > 0 {
		t.Error(took, err, left.Load())
	}
	broken := errors.New("broken")
	if _, err := drain(t.Context(), 100, 7, func(context.Context) (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}
