package client

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

type interpreted struct {
	messages []message
	id       string
	retry    time.Duration
}

func interpret(t testing.TB, r io.Reader) interpreted {
	t.Helper()
	s := newReader(r)
	var got interpreted
	for {
		m, err := s.next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			got.id, got.retry = s.id, s.retry
			return got
		}
		got.messages = append(got.messages, m)
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stream string
		want   interpreted
	}{
		"ours": {
			"retry: 2000\n\nid: 1-1\nevent: publish\ndata: {\"a\":\ndata: 1}\n\n: \n\n",
			interpreted{[]message{{"publish", "{\"a\":\n1}"}}, "1-1", 2 * time.Second},
		},
		"an id alone is no event":       {": live\nid: 7-7\n\n", interpreted{nil, "7-7", 0}},
		"a block that was cut off":      {"id: 1-1\ndata: x\n\nid: 2-2\ndata: y\n", interpreted{[]message{{"", "x"}}, "1-1", 0}},
		"an id with a NUL":              {"id: a\x00b\ndata: x\n\n", interpreted{[]message{{"", "x"}}, "", 0}},
		"carriage returns":              {"id: 1\rdata: x\r\rdata: y\r\n\r\n", interpreted{[]message{{"", "x"}, {"", "y"}}, "1", 0}},
		"a byte order mark":             {"\uFEFFdata: x\n\n", interpreted{[]message{{"", "x"}}, "", 0}},
		"the event goes with its block": {"event: a\n\ndata: x\n\n", interpreted{[]message{{"", "x"}}, "", 0}},
		"one space is dropped":          {"data:  x\n\ndata:y\n\ndata\n\n", interpreted{[]message{{"", " x"}, {"", "y"}, {"", ""}}, "", 0}},
		"a retry that is no number":     {"retry: soon\nretry: 99999999999\n\n", interpreted{}},
	} {
		for way, r := range map[string]io.Reader{
			"at once":      strings.NewReader(test.stream),
			"byte by byte": iotest.OneByteReader(strings.NewReader(test.stream)),
		} {
			if got := interpret(t, r); !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s, %s: %+v, want %+v", name, way, got, test.want)
			}
		}
	}
}

// An event must come out when its last byte is in, whatever the line ends with.
func TestReaderDoesNotWait(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r"} {
		r, w := io.Pipe()
		defer w.Close()
		go func() { _, _ = io.WriteString(w, "data: x"+end+end) }()
		if m, err := newReader(r).next(); err != nil || m.data != "x" {
			t.Error(m, err)
		}
	}
}

// The three ends of a line mean the same.
func FuzzReader(f *testing.F) {
	f.Add("id: 1-1\nevent: e\ndata: x\ndata\n\n: c\nretry: 5\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		stream = strings.ReplaceAll(stream, "\r", "")
		want := interpret(t, strings.NewReader(stream))
		for _, end := range []string{"\r\n", "\r"} {
			if got := interpret(t, strings.NewReader(strings.ReplaceAll(stream, "\n", end))); !reflect.DeepEqual(got, want) {
				t.Errorf("%q: %+v, want %+v", end, got, want)
			}
		}
	})
}
