package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

var buildDir string // set by build

// build compiles thoonkd once for all tests that need a process of its own.
var build = sync.OnceValues(func() (program string, err error) {
	if buildDir, err = os.MkdirTemp("", "thoonkd-test"); err != nil {
		return "", err
	}
	program = filepath.Join(buildDir, "thoonkd")
	return program, exec.Command("go", "build", "-o", program, ".").Run()
})

func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) != "" {
		workForEver() // this process is a worker of a test: see jobcrash_test.go
	}
	code := m.Run()
	thoonktest.StopShared()
	_ = os.RemoveAll(buildDir)
	thoonktest.StopShared()
	os.Exit(code)
}

// binary is a thoonkd in a process of its own, which can be killed.
type binary struct{ cmd *exec.Cmd }

// startBinary starts it and returns once it accepts connections.
func startBinary(t *testing.T, args ...string) *binary {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, args...)...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &binary{cmd}
	t.Cleanup(b.kill)
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return b
}

// kill ends it as a crash does.
func (b *binary) kill() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}
