package thoonktest

import (
	"bufio"
	"io"
	"strings"
)

// SSEvent is one event of an event stream as an EventSource dispatches it.
type SSEvent struct {
	ID    string // the last id that the stream gave, with this event or before it
	Event string // "message" if the stream names none
	Data  string
}

// ReadSSE interprets an event stream by the rules of the HTML standard, section 9.2.6, and passes each event on. It
// returns when the stream ends or yield returns false.
func ReadSSE(r io.Reader, yield func(SSEvent) bool) error {
	lines := bufio.NewReader(r)
	var id, event string
	var data []string
	for {
		line, err := lines.ReadString('\n') // our streams end lines so
		if err != nil {
			return err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			if len(data) > 0 {
				e := SSEvent{ID: id, Event: event, Data: strings.Join(data, "\n")}
				if e.Event == "" {
					e.Event = "message"
				}
				if !yield(e) {
					return nil
				}
			}
			event, data = "", nil
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			id = value
		case "event":
			event = value
		case "data":
			data = append(data, value)
		}
	}
}
