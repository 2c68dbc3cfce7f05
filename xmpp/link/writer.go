package link

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
)

// writeBuffer is how much may wait to be written; a larger piece waits until nothing else does.
const writeBuffer = 64 << 10

// Since 2.6, and in what Debian has of it since 2.5.0-1+deb12u2, expat waits with a tag that came in part until twice as much is there
// (CVE-2023-52425). Prosody and ejabberd read by it, so the end of what we say could lie there until we say more. White space, which may
// stand between stanzas (RFC 6120 section 4.6.1), follows what a server may not read at once, as much as the longest tag near the end is.
const (
	readAtOnce = 1 << 10
	nearEnd    = 32 << 10
)

// padded appends that white space.
func padded(b []byte) []byte {
	if len(b) <= readAtOnce {
		return b
	}
	longest := 0
	for rest := b[max(0, len(b)-nearEnd):]; ; {
		end := bytes.IndexByte(rest, '>')
		if end < 0 {
			return append(b, bytes.Repeat([]byte{' '}, longest)...)
		}
		begin := max(bytes.IndexByte(rest[:end], '<'), 0)
		longest = max(longest, end+1-begin)
		rest = rest[end+1:]
	}
}

var errClosed = errors.New("the link is closed")

// writer gathers what several goroutines send and writes as much at once as there is. Who sends waits while the
// buffer is full.
type writer struct {
	out io.Writer

	mu    sync.Mutex
	buf   []byte
	room  chan struct{} // closed when the buffer was taken, and made anew
	err   error         // once it is set nothing is taken any more
	ready chan struct{} // has one element when there is something to write
	done  chan struct{} // closed when run has returned
}

func newWriter(out io.Writer) *writer {
	return &writer{out: out, room: make(chan struct{}), ready: make(chan struct{}, 1), done: make(chan struct{})}
}

// run writes until close or until it fails.
func (w *writer) run() {
	defer close(w.done)
	var spare []byte
	for range w.ready {
		w.mu.Lock()
		full, err := w.buf, w.err
		w.buf = spare[:0]
		close(w.room)
		w.room = make(chan struct{})
		w.mu.Unlock()
		if full = padded(full); len(full) > 0 {
			if _, err := w.out.Write(full); err != nil {
				w.fail(err)
				return
			}
		}
		if err != nil {
			return
		}
		if spare = full; cap(spare) > 4*writeBuffer {
			spare = nil
		}
	}
}

// send puts b into the buffer. It waits for room until ctx ends.
func (w *writer) send(ctx context.Context, b []byte) error {
	for {
		room, err := w.put(b)
		if room == nil || err != nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// try puts b into the buffer if there is room now, or only little too little of it.
func (w *writer) try(b []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || len(w.buf)+len(b) > 4*writeBuffer {
		return false
	}
	w.add(b)
	return true
}

func (w *writer) put(b []byte) (room <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, w.err
	}
	if len(w.buf) > 0 && len(w.buf)+len(b) > writeBuffer {
		return w.room, nil
	}
	w.add(b)
	return nil, nil
}

func (w *writer) add(b []byte) {
	w.buf = append(w.buf, b...)
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// close writes what is in the buffer and ends run.
func (w *writer) close() { w.fail(errClosed) }

func (w *writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	close(w.room)
	w.room = make(chan struct{})
	select {
	case w.ready <- struct{}{}:
	default:
	}
}
