package main

import (
	"strings"
	"testing"
)

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	key := writeFile(t, secret)
	for name, args := range map[string][]string{
		"defaults":  nil,
		"all of it": {"--listen", ":8080", "--auth-key", key, "--config", writeFile(t, "public: [{match: blog, can: [read]}]")},
	} {
		if r := thoonkd(t, nil, append([]string{"config", "check"}, args...)...); r != (result{0, "ok\n", ""}) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestConfigCheckTellsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	r := thoonkd(t, []string{"THOONKD_LOG_LEVEL=loud", "THOONKD_NO=1"}, "config", "check",
		"--config", writeFile(t, "lisen: x"), "--max-streams", "none")
	if r.code != 1 || r.stdout != "" {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{"lisen", "THOONKD_LOG_LEVEL", "THOONKD_NO", "max-streams"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("no %s in %q", want, r.stderr)
		}
	}
	if lines := strings.Count(r.stderr, "\n"); lines != 4 || strings.Count(r.stderr, "thoonkd: ") != 4 {
		t.Errorf("not four lines: %q", r.stderr)
	}
}

func TestConfigCheckReadsTheKey(t *testing.T) {
	t.Parallel()
	r := thoonkd(t, nil, "config", "check", "--auth-key", writeFile(t, "short"))
	if r.code != 1 || !strings.Contains(r.stderr, "at least 32") {
		t.Errorf("%+v", r)
	}
}
