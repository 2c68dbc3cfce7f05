package client

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"
)

// message is one event as the stream has it.
type message struct {
	name string // the event's type
	data string
}

// reader interprets an event stream by
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation.
type reader struct {
	r       *bufio.Reader
	afterCR bool // a line feed now belongs to the end of the line before
	started bool

	id    string        // the last one that a complete block gave
	retry time.Duration // 0: none was given
}

func newReader(r io.Reader) *reader { return &reader{r: bufio.NewReader(r)} }

// next returns the next event, or what ended the stream. A block that was cut off is dropped, its id too.
func (s *reader) next() (message, error) {
	m := message{}
	id, data, some := s.id, []string(nil), false
	for {
		line, err := s.line()
		if err != nil {
			return message{}, err
		}
		if line == "" {
			s.id = id
			if some {
				m.data = strings.Join(data, "\n")
				return m, nil
			}
			m.name = ""
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			m.name = value
		case "data":
			data, some = append(data, value), true
		case "id":
			if !strings.Contains(value, "\x00") {
				id = value
			}
		case "retry":
			if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
				s.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

// line returns the next line, which ends with "\n", "\r" or "\r\n". A byte order mark before the first line is dropped.
func (s *reader) line() (string, error) {
	var line []byte
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			return "", err
		}
		second := b == '\n' && s.afterCR
		s.afterCR = b == '\r'
		switch {
		case second:
		case b == '\n' || b == '\r':
			text := string(line)
			if !s.started {
				text, s.started = strings.TrimPrefix(text, "\uFEFF"), true
			}
			return text, nil
		default:
			line = append(line, b)
		}
	}
}
