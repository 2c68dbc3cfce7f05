package thoonktest

import (
	"os"
	"testing"
)

// Missing ends a test that this machine cannot run, and says why: it is skipped, or fails under CI=true, which skips
// nothing.
func Missing(t testing.TB, why ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why...)
	}
	t.Skip(why...)
}
