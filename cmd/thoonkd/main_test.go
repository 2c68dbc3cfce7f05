package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// result is what one command line gave.
type result struct {
	code           int
	stdout, stderr string
}

// thoonkd runs a command line with nothing in the environment but a home of its own and the given variables.
func thoonkd(t *testing.T, env []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	environ := append([]string{"HOME=" + t.TempDir()}, env...)
	code := execute(t.Context(), args, environ, &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestUsageErrorsAreOneLine(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"tokn"},
		{"config", "chek"},
		{"config", "check", "extra"},
		{"serve", "extra"},
		{"serve", "--lisen", ":0"},
		{"token"},
		{"version", "1"},
	} {
		r := thoonkd(t, nil, args...)
		if r.code != 1 || r.stdout != "" || !strings.HasPrefix(r.stderr, "thoonkd: ") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q gave code %d, stdout %q, stderr %q", args, r.code, r.stdout, r.stderr)
		}
	}
}

func TestReportOneLineForEachError(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	report(&b, errors.Join(errors.New("one"), errors.New("two")))
	if got, want := b.String(), "thoonkd: one\nthoonkd: two\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"config"}, {"serve", "--help"}} {
		if r := thoonkd(t, nil, args...); r.code != 0 || !strings.Contains(r.stdout, "Usage:") || r.stderr != "" {
			t.Errorf("%q gave %+v", args, r)
		}
	}
}
