package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/config"
)

func TestServeRefusesABadConfiguration(t *testing.T) {
	t.Parallel()
	r := thoonkd(t, nil, "serve", "--listen", "0.0.0.0:8080")
	if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "--auth-key") {
		t.Errorf("%+v", r)
	}
}

func TestLogger(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"text": "level=WARN msg=told", "json": `"level":"WARN","msg":"told"`} {
		var b bytes.Buffer
		log := newLogger(config.Config{LogFormat: format, LogLevel: slog.LevelWarn}, &b)
		log.Info("hidden")
		log.Warn("told")
		if !strings.Contains(b.String(), want) || strings.Contains(b.String(), "hidden") {
			t.Errorf("%s: %q", format, b.String())
		}
	}
}
