package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// terminal returns the two ends of a pseudo-terminal: what a person has before them, and what a program gets.
func terminal(t *testing.T, columns uint16) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		thoonktest.Missing(t, "no pseudo-terminals here: what a person sees on one is not tested:", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return person, program
}

// onTerminal runs a command there, and returns its exit code and the error's text.
func (p *process) onTerminal(program *os.File, args ...string) (code int, stderr string) {
	p.t.Helper()
	var b bytes.Buffer
	root := newRoot(append([]string{"HOME=" + p.t.TempDir()}, p.feedEnv()...))
	root.SetArgs(append([]string{"feed"}, args...))
	root.SetIn(program)
	root.SetOut(program)
	root.SetErr(&b)
	if err := root.ExecuteContext(p.t.Context()); err != nil {
		return exitCode(err), err.Error()
	}
	return 0, b.String()
}

func TestFeedOnATerminal(t *testing.T) {
	t.Parallel()
	p := serveReady(t)
	person, program := terminal(t, 80)
	p.feedOK("create", "a")
	p.feedOK("publish", "a", "x", "--text", strings.Repeat("long", 50))

	lines := bufio.NewReader(person)
	read := func() string {
		t.Helper()
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line)
	}
	for _, args := range [][]string{{"get", "a"}, {"get", "a", "--full"}} {
		if code, stderr := p.onTerminal(program, args...); code != 0 {
			t.Fatal(stderr)
		}
		read() // the head
		if line := read(); (len(args) == 2) != (columns(line) == 80 && strings.HasSuffix(line, "…")) {
			t.Errorf("%q: %s", args, line)
		}
	}

	if code, stderr := p.onTerminal(program, "publish", "a", "y"); code != 1 || !strings.Contains(stderr, "there is no body") {
		t.Error(code, stderr)
	}
	for answer, want := range map[string]int{"\n": 1, "no\n": 1, "YES\n": 0} {
		if _, err := person.WriteString(answer); err != nil {
			t.Fatal(err)
		}
		code, stderr := p.onTerminal(program, "delete", "a")
		if code != want || code == 1 && stderr != "nothing was deleted" || code == 0 && stderr != `Delete "a" and all its items? [y/N] ` {
			t.Errorf("%q: %d %q", answer, code, stderr)
		}
		if code == 0 {
			p.feedOK("create", "a")
		}
	}
}
