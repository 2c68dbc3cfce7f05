package embedded

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
)

// tailLines is how many of its last lines are kept to explain why a server ended.
const tailLines = 4

// logLine is what Redis writes: pid:role day month year time level text. The levels are . - * and, for warnings, #.
var logLine = regexp.MustCompile(`^\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ ([.*#-]) (.*)$`)

// routine are the warnings that Redis up to 7.0 logs at each start and stop and that warn of nothing.
var routine = []string{
	"oO0OoO0OoO0Oo", "Redis version=", "Configuration loaded", "Server initialized",
	"User requested shutdown", "Redis is now ready to exit",
}

// output passes what the server writes on to the log, a record a line.
type output struct {
	log *slog.Logger

	mu   sync.Mutex
	part []byte   // a line that has not ended yet
	last []string // the last lines, without time and level
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.part = append(o.part, p...)
	for {
		line, rest, ended := bytes.Cut(o.part, []byte("\n"))
		if !ended {
			return len(p), nil
		}
		if text := strings.TrimSpace(string(line)); text != "" {
			o.line(text)
		}
		o.part = rest
	}
}

func (o *output) line(text string) {
	level := slog.LevelDebug
	if m := logLine.FindStringSubmatch(text); m != nil {
		text = m[2]
		if m[1] == "#" && !isRoutine(text) {
			level = slog.LevelWarn
		}
	}
	o.last = append(o.last, text)
	if len(o.last) > tailLines {
		o.last = o.last[1:]
	}
	o.log.Log(context.Background(), level, "redis-server: "+text)
}

// tail returns the last lines as the end of an error message, or nothing if there are none.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.last) == 0 {
		return ""
	}
	return "; it said: " + strings.Join(o.last, " / ")
}

func isRoutine(text string) bool {
	for _, r := range routine {
		if strings.HasPrefix(text, r) {
			return true
		}
	}
	return false
}
