package thoonk

import (
	"log/slog"
	"time"
)

// Bounds and defaults of a [Webhook].
const (
	DefaultPushTimeout = 30 * time.Second
	MaxPushTimeout     = 15 * time.Minute
	DefaultPushRunning = 10
	MaxPushRunning     = 1000
)

// Webhook is where the jobs of a queue are pushed to. The zero value is none.
type Webhook struct {
	URL     string        `json:"url"`
	Secret  string        `json:"secret"`                // whsec_…: what pushes are signed with
	Timeout time.Duration `json:"timeout,omitempty"`     // of one push; 0: DefaultPushTimeout
	Running int           `json:"concurrency,omitempty"` // pushes at once, of each process; 0: DefaultPushRunning
}

// LogValue hides the secret.
func (w Webhook) LogValue() slog.Value { return slog.StringValue(w.URL) }
