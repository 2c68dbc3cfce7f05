package openapi_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// server is a thoonkd of its own, as it is built.
type server struct {
	url, token string
}

func start(t *testing.T) server {
	t.Helper()
	dir := t.TempDir()
	program, key := filepath.Join(dir, "thoonkd"), filepath.Join(dir, "key")
	run(t, ".", "go", "build", "-o", program, "../cmd/thoonkd")
	if err := os.WriteFile(key, []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "serve", "--listen", "127.0.0.1:0", "--auth-key", key, "--data", filepath.Join(dir, "data"), "--log-level", "error", "--outbound-allow", "127.0.0.0/8")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	token := run(t, ".", program, "token", "--auth-key", key, "--subject", "tester", "--grant", "*=admin")
	return server{strings.TrimSpace(strings.TrimPrefix(line, "thoonkd listens on ")), strings.TrimSpace(token)}
}

// run runs a program in a directory and returns what it writes to stdout.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "REDOCLY_SUPPRESS_UPDATE_NOTICE=true", "REDOCLY_TELEMETRY=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}
