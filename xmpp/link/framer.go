package link

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// framer cuts a stream into its stanzas without understanding them. It only counts tags, so that a stanza that is
// malformed does not take the stream with it; what is wrong inside a frame is for the parser to find.
type framer struct {
	in     *bufio.Reader
	max    int    // bytes of one stanza
	most   int    // bytes of one stanza that is too long and passed over
	stream string // the name of the stream's element, with its prefix

	depth   int // elements that are open
	frame   []byte
	size    int  // of the frame, kept or not
	dropped bool // the frame is longer than max: what is kept is its beginning
}

// frame is one stanza, or the start tag of the stream itself.
type frame struct {
	bytes     []byte // until the next frame is read
	truncated bool
}

// maxDiscard is how long a stanza may be at all. Beyond it the stream is taken to be out of step.
const maxDiscard = 64 << 20

var errOutOfStep = errors.New("a stanza does not end: the stream is out of step")

func newFramer(r io.Reader, maxStanza int) *framer {
	return &framer{in: bufio.NewReaderSize(r, 64<<10), max: maxStanza, most: maxDiscard}
}

// header returns the start tag of the stream.
func (f *framer) header() ([]byte, error) {
	for {
		closing, empty, err := f.tag()
		if err != nil {
			return nil, err
		}
		switch {
		case closing, empty:
			return nil, errors.New("the stream was closed before it began")
		case f.depth == 1:
			header := f.take().bytes
			name := header[1 : 1+bytes.IndexAny(header[1:], " \t\r\n/>")]
			f.stream = string(name)
			return header, nil
		}
		f.take() // the XML declaration
	}
}

// next returns the next stanza, and io.EOF where the stream ends, with a closing tag or without.
func (f *framer) next() (frame, error) {
	for {
		_, _, err := f.tag()
		if err != nil {
			return frame{}, err
		}
		switch {
		case f.depth == 0:
			return frame{}, io.EOF
		case f.depth == 1 && f.size > 0:
			return f.take(), nil
		}
	}
}

func (f *framer) take() frame {
	out := frame{bytes: f.frame, truncated: f.dropped}
	f.frame, f.size, f.dropped = f.frame[:0], 0, false
	if cap(f.frame) > 256<<10 { // a large stanza is seldom followed by another one
		f.frame = nil
	}
	return out
}

// tag reads up to and with the next tag or other markup, and counts.
func (f *framer) tag() (closing, empty bool, err error) {
	if f.size > f.most {
		return false, false, errOutOfStep
	}
	if err := f.text(); err != nil {
		return false, false, err
	}
	c, err := f.in.ReadByte()
	if err != nil {
		return false, false, unexpected(err)
	}
	switch c {
	case '!':
		return false, false, f.declaration()
	case '?':
		f.keep('<', '?')
		return false, false, f.until("?>")
	case '/':
		return true, false, f.endTag()
	}
	f.keep('<', c)
	empty, err = f.startTag(c)
	if !empty {
		f.depth++
	}
	return false, empty, err
}

// text reads up to the next "<", which it takes and does not keep. Between stanzas text is white space that keeps the
// connection open.
func (f *framer) text() error {
	for {
		b, err := f.in.ReadSlice('<')
		text := b
		if err == nil {
			text = b[:len(b)-1]
		}
		if f.depth > 1 || f.size > 0 {
			f.keep(text...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if f.size > f.most {
			return errOutOfStep
		}
	}
}

// startTag reads to the end of a start tag: a ">" that is not in quotes. c is the first byte of its name.
func (f *framer) startTag(c byte) (empty bool, err error) {
	quote := byte(0)
	for last := c; ; last = c {
		if c, err = f.in.ReadByte(); err != nil {
			return false, unexpected(err)
		}
		f.keep(c)
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '>':
			return last == '/', nil
		}
		if f.size > f.most {
			return false, errOutOfStep
		}
	}
}

// endTag reads an end tag. Between stanzas only the stream's own counts.
func (f *framer) endTag() error {
	f.keep('<', '/')
	if err := f.until(">"); err != nil {
		return err
	}
	if f.depth == 1 && strings.TrimSpace(string(f.frame[2:len(f.frame)-1])) != f.stream {
		f.take()
		return nil
	}
	f.depth--
	return nil
}

// declaration reads a comment, a CDATA section or a declaration, of which a document type may have others in brackets.
func (f *framer) declaration() error {
	f.keep('<', '!')
	start, err := f.in.Peek(2)
	switch {
	case err != nil:
		return unexpected(err)
	case string(start) == "--":
		f.skip(2)
		return f.until("-->")
	case start[0] == '[':
		return f.until("]]>")
	}
	for brackets := 0; ; {
		c, err := f.in.ReadByte()
		if err != nil {
			return unexpected(err)
		}
		f.keep(c)
		switch {
		case c == '[':
			brackets++
		case c == ']':
			brackets--
		case c == '>' && brackets <= 0:
			return nil
		}
		if f.size > f.most {
			return errOutOfStep
		}
	}
}

func (f *framer) skip(n int) {
	b := make([]byte, n)
	_, _ = io.ReadFull(f.in, b) // they were peeked at
	f.keep(b...)
}

// until reads up to and with an end mark.
func (f *framer) until(end string) error {
	last := end[len(end)-1]
	var tail []byte // the last bytes read, as many as end has
	for {
		b, err := f.in.ReadSlice(last)
		f.keep(b...)
		tail = append(tail, b[max(0, len(b)-len(end)):]...)
		tail = tail[max(0, len(tail)-len(end)):]
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return unexpected(err)
		case bytes.Equal(tail, []byte(end)):
			return nil
		}
		if f.size > f.most {
			return errOutOfStep
		}
	}
}

// keep adds bytes to the frame, as far as it may grow.
func (f *framer) keep(b ...byte) {
	f.size += len(b)
	if room := f.max - len(f.frame); len(b) > room {
		f.dropped = true
		b = b[:max(0, room)]
	}
	f.frame = append(f.frame, b...)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
