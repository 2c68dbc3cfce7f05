package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// The little of RESP3 that a connection needs which waits for what the server says by itself:
// https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md

// Bounds of a frame. Names and texts that are longer are read and left out.
const (
	frameText  = 64 << 10
	frameItems = 1 << 20
	frameDepth = 4
)

// frame is one value that a server sent: kind is its first byte, text what a simple one says, items what others hold.
type frame struct {
	kind  byte
	text  string
	items []frame
}

var errFrame = errors.New("the server does not speak RESP3")

// readFrame reads one value.
func readFrame(r *bufio.Reader, depth int) (frame, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return frame{}, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return frame{}, errFrame
	}
	f := frame{kind: line[0], text: string(line[1 : len(line)-2])}
	switch f.kind {
	case '+', '-', ':', '_', ',', '#', '(':
		return f, nil
	case '$', '!', '=':
		f.text, err = readText(r, f.text)
		return f, err
	case '*', '~', '>', '%', '|':
		f.items, err = readItems(r, f, depth)
		f.text = ""
		return f, err
	}
	return frame{}, fmt.Errorf("%w: %q", errFrame, line)
}

func readText(r *bufio.Reader, size string) (string, error) {
	n, err := strconv.Atoi(size)
	switch {
	case err != nil || n < -1:
		return "", errFrame
	case n == -1: // a null of RESP2
		return "", nil
	case n > frameText:
		_, err := r.Discard(n + 2)
		return "", err
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", err
	}
	return string(b[:n]), nil
}

func readItems(r *bufio.Reader, f frame, depth int) ([]frame, error) {
	n, err := strconv.Atoi(f.text)
	if err != nil || n < -1 || n > frameItems || depth >= frameDepth {
		return nil, errFrame
	}
	if f.kind == '%' || f.kind == '|' {
		n *= 2
	}
	var items []frame
	for range n {
		item, err := readFrame(r, depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// appendCommand writes a command as servers take it.
func appendCommand(b []byte, words ...string) []byte {
	b = fmt.Appendf(b, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b
}
