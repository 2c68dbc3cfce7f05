package api

import "testing"

func TestAccepts(t *testing.T) {
	for header, want := range map[string]bool{
		"":                                    true,
		"*/*":                                 true,
		"text/*":                              true,
		"text/event-stream":                   true,
		"Text/Event-Stream; charset=utf-8":    true,
		"application/json, text/event-stream": true,
		"application/json, */*;q=0.1":         true,
		"text/event-stream, */*;q=0":          true,
		"application/json":                    false,
		"text/html, application/*":            false,
		"*/*;q=0":                             false,
		"*/*, text/event-stream;q=0":          false,
		"text/*;q=0, */*":                     false,
		"text/event-stream;q=0.000":           false,
	} {
		if got := accepts([]string{header}, eventStream); got != want {
			t.Errorf("Accept: %s is %v", header, got)
		}
	}
	if !accepts(nil, eventStream) || !accepts([]string{"text/html", "text/event-stream"}, eventStream) {
		t.Error("no line, or two")
	}
}
