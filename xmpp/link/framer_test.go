package link

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

func frames(t *testing.T, r io.Reader, most int) (texts []string, truncated int, err error) {
	t.Helper()
	f := newFramer(r, most)
	f.most = 1 << 20
	if _, err := f.header(); err != nil {
		return nil, 0, err
	}
	for {
		got, err := f.next()
		if err != nil {
			return texts, truncated, err
		}
		if got.truncated {
			truncated++
		}
		if len(got.bytes) > most {
			t.Fatalf("a frame of %d bytes", len(got.bytes))
		}
		texts = append(texts, string(got.bytes))
	}
}

func TestFramer(t *testing.T) {
	t.Parallel()
	in := "<?xml version='1.0'?>\n<stream:stream xmlns:stream='s'> <a/>\n\t<b x='>'>t<c/>&lt;<!-- </b> --></b><![CDATA[<]]>" +
		"</odd><d><![CDATA[</d>]]></d><long>" + strings.Repeat("x", 200) + "</long><e/></stream:stream><f/>"
	for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in))} {
		got, truncated, err := frames(t, r, 100)
		want := []string{"<a/>", "<b x='>'>t<c/>&lt;<!-- </b> --></b>", "<![CDATA[<]]>", "<d><![CDATA[</d>]]></d>", "<long>" + strings.Repeat("x", 94), "<e/>"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || truncated != 1 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: %q, %d truncated, %v", name, got, truncated, err)
		}
	}
}

// A stanza that never ends holds no more memory than one that does, and ends the stream at last.
func TestFramerOutOfStep(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"<a>", "x", "<a b='", "<a ", "<!-- x", "<![CDATA[ x", "<!DOCTYPE [ x", "</"} {
		r := io.MultiReader(strings.NewReader("<s><x>"), endless(piece+strings.Repeat("<y>z", 1000)))
		if _, _, err := frames(t, r, 1000); !errors.Is(err, errOutOfStep) {
			t.Errorf("%q: %v", piece, err)
		}
	}
}

type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e) <= len(p) {
		n += copy(p[n:], e)
	}
	if n == 0 {
		return copy(p, strings.Repeat("x", len(p))), nil
	}
	return n, nil
}

// Whatever comes, the framer ends, keeps within its bounds, and cuts whole stanzas out as they are.
func FuzzFramer(f *testing.F) {
	for _, s := range []string{"<a/>", "<a><b c='>'/></a> <d/>", "<!-- x --><a/>", "<a><![CDATA[</a>]]></a>", "</x><a/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<?p?><a>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		texts, _, _ := frames(t, io.MultiReader(strings.NewReader("<s>"), bytes.NewReader(in)), 1<<10)
		total := 0
		for _, s := range texts {
			total += len(s)
			e, err := stanza.Parse([]byte(s))
			if err == nil && e == nil {
				t.Fatal("neither an element nor an error")
			}
		}
		if total > len(in) {
			t.Fatalf("%d bytes in frames out of %d", total, len(in))
		}
		if _, err := stanza.Parse(in); err == nil && len(in) < 1<<10 {
			if len(texts) != 1 || texts[0] != string(bytes.Trim(in, " \t\r\n")) {
				t.Fatalf("%q was cut into %q", in, texts)
			}
		}
	})
}
