package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// readmeBlock returns the code block of a language in the README that claims jobs.
func readmeBlock(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(string(text), "```"+language+"\n") {
		code, _, _ := strings.Cut(block, "```")
		if strings.Contains(code, "/claims") {
			if lines := strings.Count(code, "\n"); lines > 35 {
				t.Errorf("the worker in %s has %d lines", language, lines)
			}
			return code
		}
	}
	t.Fatalf("the README has no worker in %s", language)
	return ""
}

// The workers of the README work.
func TestWorkersOfTheReadme(t *testing.T) {
	t.Parallel()
	for language, run := range map[string][]string{"python": {"python3", "-"}, "sh": {"sh", "-s"}} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			for _, tool := range append([]string{run[0]}, map[string][]string{"sh": {"curl", "jq"}}[language]...) {
				if _, err := exec.LookPath(tool); err != nil {
					thoonktest.Missing(t, tool)
				}
			}
			p := serveReady(t, "--redis", thoonktest.Redis(t).URL())
			admin := p.as("root", "*=admin")
			admin.send(201, "PUT", "/v1/jobs/sums%20of%20mine", "", `{"max_attempts":1}`)
			cmd := exec.Command(run[0], run[1:]...)
			cmd.Env = append(os.Environ(), "SERVER="+p.url, "TOKEN="+p.token("*=work"), "QUEUE=sums%20of%20mine")
			cmd.Stdin = strings.NewReader(readmeBlock(t, language))
			cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			})
			for n := range 5 {
				j := admin.job(admin.send(200, "POST", "/v1/jobs/sums%20of%20mine/items", "Prefer: wait=60\n", fmt.Sprintf(`{"id":"a/ü %d","payload":{"numbers":[1,2,%d]}}`, n, n)))
				if j.State != "finished" || strings.ReplaceAll(string(j.Result), " ", "") != fmt.Sprintf(`{"sum":%d}`, 3+n) {
					t.Errorf("it is %+v", j)
				}
			}
			admin.send(201, "POST", "/v1/jobs/sums%20of%20mine/items", "", `{"id":"bad","payload":{"numbers":"none"}}`)
			thoonktest.Eventually(t, "what cannot be done is stalled", func() bool {
				j := admin.job(admin.send(200, "GET", "/v1/jobs/sums%20of%20mine/items/bad", "", ""))
				return j.State == "stalled" && j.Error != ""
			})
		})
	}
}
