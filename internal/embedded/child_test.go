package embedded

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A server that cannot stay up is tried again at growing intervals, and one that ran well at once.
func TestKeepAliveBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var starts []time.Duration
		launch := func() *child {
			starts = append(starts, time.Since(begin))
			c := &child{said: new(output), gone: make(chan struct{}), err: errors.New("exit status 1")}
			if len(starts) == 9 {
				time.AfterFunc(time.Minute, func() { close(c.gone) })
			} else {
				close(c.gone)
			}
			return c
		}
		ctx, cancel := context.WithTimeout(t.Context(), 85*time.Second)
		defer cancel()
		if err := keepAlive(ctx, launch(), launch, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
		var pauses []string
		for i := range starts[1:] {
			pauses = append(pauses, (starts[i+1] - starts[i]).String())
		}
		want := "100ms 200ms 400ms 800ms 1.6s 3.2s 5s 5s 1m0.1s 200ms 400ms 800ms 1.6s 3.2s"
		if got := strings.Join(pauses, " "); got != want {
			t.Errorf("the pauses are %s, want %s", got, want)
		}
	})
}

func TestOutputBecomesLogRecords(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := &output{log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))}
	if got := o.tail(); got != "" {
		t.Errorf("before all output the tail is %q", got)
	}
	for _, part := range []string{
		"7:C 23 Nov 2026 05:22:58.515 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n",
		"7:M 23 Nov 2026 05:22:58.516 * Running mode=stand", "alone, port=0.\n7:M 23 Nov 2026 05:22:58.516 # Server initialized\n",
		"7:M 23 Nov 2026 05:22:58.516 # WARNING Memory overcommit must be enabled!\n\n",
		"Bad directive\r\nunfinished",
	} {
		if n, err := o.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write returned %d, %v", n, err)
		}
	}
	want := `level=DEBUG msg="redis-server: oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"
level=DEBUG msg="redis-server: Running mode=standalone, port=0."
level=DEBUG msg="redis-server: Server initialized"
level=WARN msg="redis-server: WARNING Memory overcommit must be enabled!"
level=DEBUG msg="redis-server: Bad directive"
`
	if log.String() != want {
		t.Errorf("the log is\n%swant\n%s", &log, want)
	}
	if got := o.tail(); got != "; it said: Running mode=standalone, port=0. / Server initialized / WARNING Memory overcommit must be enabled! / Bad directive" {
		t.Errorf("the tail is %q", got)
	}
}
