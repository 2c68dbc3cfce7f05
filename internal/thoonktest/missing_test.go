package thoonktest_test

import (
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// outcome is a test of which only the end is of interest.
type outcome struct {
	testing.TB
	ended []string
}

func (*outcome) Helper()        {}
func (o *outcome) Fatal(...any) { o.ended = append(o.ended, "failed") }
func (o *outcome) Skip(...any)  { o.ended = append(o.ended, "skipped") }

func TestMissing(t *testing.T) {
	for ci, want := range map[string]string{"true": "failed", "": "skipped"} {
		t.Setenv("CI", ci)
		o := &outcome{TB: t}
		thoonktest.Missing(o, "there is no such program")
		if o.ended[0] != want { // a real Fatal does not return
			t.Errorf("with CI=%q the test %s", ci, o.ended[0])
		}
	}
}
