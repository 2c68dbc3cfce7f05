package main

import (
	"bufio"
	"encoding/json"
	"io"
)

// jsonList writes an object whose only member is an array, element by element, as they came. Nothing is written before
// there is an element or the end, so that whoever fails at once leaves no half of a document.
type jsonList struct {
	out  *bufio.Writer
	next string // comes before the next element
}

func newJSONList(w io.Writer, name string) *jsonList {
	return &jsonList{out: bufio.NewWriter(w), next: `{"` + name + `":[`}
}

func (l *jsonList) add(element json.RawMessage) error {
	_, err := l.out.WriteString(l.next)
	l.next = ","
	if err == nil {
		_, err = l.out.Write(element)
	}
	return err
}

func (l *jsonList) end() error {
	if l.next != "," {
		if _, err := l.out.WriteString(l.next); err != nil {
			return err
		}
	}
	if _, err := l.out.WriteString("]}\n"); err != nil {
		return err
	}
	return l.out.Flush()
}
