package link

import (
	"bytes"
	"strings"
	"testing"
)

// What a server may read in pieces is followed by white space.
func TestWriterPads(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, readAtOnce, readAtOnce + 1, 3 * writeBuffer} {
		var out bytes.Buffer
		w := newWriter(&out)
		if err := w.send(t.Context(), bytes.Repeat([]byte("x"), size)); err != nil {
			t.Fatal(err)
		}
		go w.run()
		w.close()
		<-w.done
		want := strings.Repeat("x", size)
		if size > readAtOnce {
			want += strings.Repeat(" ", paddingFor)
		}
		if out.String() != want {
			t.Errorf("of %d bytes came %d", size, out.Len())
		}
	}
}
