package openapi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/openapi"
)

// tools puts the document and the npm packages of testdata/client, in the versions of the lock, into a directory.
func tools(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		thoonktest.Missing(t, "npm is not installed (apt-get install nodejs npm): the document is not linted, and no client is made of it")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/client")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.json"), openapi.Document(""), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	return dir
}

// A client that is generated from the document compiles and works, and a linter finds nothing.
func TestClient(t *testing.T) {
	t.Parallel()
	dir := tools(t)
	bin := func(name string) string { return filepath.Join(dir, "node_modules", ".bin", name) }
	t.Run("lint", func(t *testing.T) {
		run(t, dir, bin("redocly"), "lint", "--config", "lint.yaml", "openapi.json")
	})
	t.Run("client", func(t *testing.T) {
		run(t, dir, bin("openapi-typescript"), "openapi.json", "--output", "schema.d.ts")
		run(t, dir, bin("tsc"))
		s := start(t)
		if out := run(t, dir, "node", "client.js", s.url, s.token); !strings.Contains(out, "done") {
			t.Error(out)
		}
	})
}
