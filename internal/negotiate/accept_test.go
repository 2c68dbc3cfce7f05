package negotiate

import "testing"

const eventStream, mediaJSON = "text/event-stream", "application/json"

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
		"text/event-stream;q=nan":             true, // no weight, and so none that forbids
		"text/event-stream;q=-1":              true,
	} {
		if got := Accepts([]string{header}, eventStream); got.Weight > 0 != want {
			t.Errorf("Accept: %s is %v", header, got)
		}
	}
	if Accepts(nil, eventStream).Weight == 0 || Accepts([]string{"text/html", "text/event-stream"}, eventStream).Weight == 0 {
		t.Error("no line, or two")
	}
}

// A page of history is for those who want JSON more than a stream.
func TestPreference(t *testing.T) {
	for header, want := range map[string]bool{
		"":                                    false,
		"*/*":                                 false,
		"text/event-stream":                   false,
		"application/json, text/event-stream": false,
		"text/event-stream, */*":              false,
		"text/event-stream;q=0.9, application/*;q=0.8": false,
		"application/json":                          true,
		"application/*":                             true,
		"application/json, text/plain, */*":         true, // axios
		"application/json;q=0.9, */*;q=0.8":         true,
		"text/event-stream;q=0.5, application/json": true,
		"text/html":                                 false,
		"application/json;q=0":                      false,
	} {
		lines := []string{header}
		if got := Accepts(lines, mediaJSON).Over(Accepts(lines, eventStream)); got != want {
			t.Errorf("Accept: %s is %v", header, got)
		}
	}
}

// Whatever a client sends is read in bounded weights, and of two wishes at most one is the stronger.
func FuzzAccepts(f *testing.F) {
	for _, s := range []string{"", "*/*;q=0.1, text/event-stream", "application/json;q=nan", "text/*;q=1e999,", `a/b;c="d,e";q=0`, "gzip;q=-0, identity;q=+inf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		streamed, paged := Accepts([]string{header}, eventStream), Accepts([]string{header}, mediaJSON)
		for _, p := range []Preference{streamed, paged} {
			if !(p.Weight >= 0 && p.Weight <= 1) {
				t.Fatalf("%q weighs %v", header, p.Weight)
			}
		}
		if streamed.Over(paged) && paged.Over(streamed) || streamed.Over(streamed) {
			t.Fatalf("%q: %v and %v", header, streamed, paged)
		}
		if PrefersGzip([]string{header}) && PrefersGzip([]string{header, "gzip;q=0"}) {
			t.Fatalf("%q: gzip, although it is refused", header)
		}
	})
}
