package link

import (
	"bytes"
	"strings"
	"testing"
)

// What a server may read in pieces is followed by white space, as much as its longest tag.
func TestWriterPads(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", readAtOnce)
	for said, spaces := range map[string]int{
		"<a/>":                      0,
		"<a>" + text + "</a>":       4,
		"<a>" + text + "</a><bcd/>": 6,
		"<" + text + "/>":           readAtOnce + 3,
		"<" + text + "/>" + strings.Repeat("<a/>", nearEnd): 4,
	} {
		var out bytes.Buffer
		w := newWriter(&out)
		if err := w.send(t.Context(), []byte(said)); err != nil {
			t.Fatal(err)
		}
		go w.run()
		w.close()
		<-w.done
		if want := said + strings.Repeat(" ", spaces); out.String() != want {
			t.Errorf("after %d bytes come %d spaces, want %d", len(said), out.Len()-len(said), spaces)
		}
	}
}
