package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// table aligns columns. Rows are written in parts, and columns only become wider from part to part.
type table struct {
	out    io.Writer
	width  int // of the terminal; 0: the last column is not cut
	widths []int
	rows   [][]string
}

func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = oneLine(cells[i])
		if i == len(t.widths) {
			t.widths = append(t.widths, 0)
		}
		t.widths[i] = max(t.widths[i], columns(cells[i]))
	}
	t.rows = append(t.rows, cells)
}

func (t *table) flush() error {
	const gap = 2
	var b bytes.Buffer
	for _, cells := range t.rows {
		line, at, last := "", 0, len(cells)-1
		for i, cell := range cells[:last] {
			line += cell + strings.Repeat(" ", t.widths[i]-columns(cell)+gap)
			at += t.widths[i] + gap
		}
		cell := cells[last]
		if t.width > 0 {
			cell = cut(cell, max(t.width-at, 10))
		}
		b.WriteString(strings.TrimRight(line+cell, " ") + "\n")
	}
	t.rows = t.rows[:0]
	_, err := t.out.Write(b.Bytes())
	return err
}

// oneLine returns s with everything escaped that would break the line or act on a terminal.
func oneLine(s string) string {
	const nonJoiner, joiner = '\u200C', '\u200D' // parts of words and of emoji
	harmless := func(r rune) bool { return unicode.IsGraphic(r) || r == nonJoiner || r == joiner }
	if !strings.ContainsFunc(s, func(r rune) bool { return !harmless(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if harmless(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// columns returns the number of columns that a terminal needs for s.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if r < 0x300 { // the first combining mark
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut returns as much of s as fits into so many columns.
func cut(s string, most int) string {
	n, fits := 0, 0 // fits: bytes that leave a column for the ellipsis
	for i, r := range s {
		if n <= most-1 {
			fits = i
		}
		if n += runeColumns(r); n > most {
			return s[:fits] + "…"
		}
	}
	return s
}

// terminalWidth returns 0 for what is no terminal.
func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// showBody returns a body on one line.
func showBody(b client.Body) string {
	switch b.Form {
	case thoonk.FormBody:
		var line bytes.Buffer
		if json.Compact(&line, b.Data) == nil {
			return line.String()
		}
	case thoonk.FormBase64:
		return "base64:" + base64.StdEncoding.EncodeToString(b.Data)
	}
	return string(b.Data)
}

func showTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// showAge returns a duration in the largest unit of which it has at least two, or in seconds.
func showAge(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{365 * day, "y"}, {day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= 2*unit.length {
			return fmt.Sprintf("%d%s", d/unit.length, unit.name)
		}
	}
	return fmt.Sprintf("%ds", max(d, 0)/time.Second)
}

// writeLine writes a line in one call, so that lines of several writers do not mix.
func writeLine(w io.Writer, line []byte) error {
	_, err := w.Write(append(bytes.Clone(line), '\n'))
	return err
}
