package main

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	r := thoonkd(t, nil, "version")
	if r.code != 0 || r.stderr != "" || !strings.HasPrefix(r.stdout, "thoonkd ") || !strings.Contains(r.stdout, runtime.Version()) {
		t.Errorf("%+v", r)
	}
}

func TestDescribeBuild(t *testing.T) {
	t.Parallel()
	built := &debug.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Version: "v0.0.1-pseudo"},
		Settings:  []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}},
	}
	for _, tc := range []struct {
		version string
		info    *debug.BuildInfo
		want    string
	}{
		{"1.2.3", built, "thoonkd 1.2.3 (commit abc, modified, go1.26.8)"},
		{"", built, "thoonkd v0.0.1-pseudo (commit abc, modified, go1.26.8)"},
		{"", &debug.BuildInfo{}, "thoonkd unknown (commit unknown, unknown Go)"},
	} {
		if got := describeBuild(tc.version, tc.info); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
