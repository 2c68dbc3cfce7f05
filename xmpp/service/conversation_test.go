package service_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

var update = flag.Bool("update", false, "write the answers of the conversations in testdata anew")

// A conversation is a file of exchanges with empty lines between. An exchange is a line "name get", "name set" or "name message",
// the payload, and then, after a line "--", what is answered and what is sent. "server grants" has the rosters be there, and
// "server withdraws" not any more. Lines that begin with "#" are comments.
func TestConversations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			converse(t, file)
		})
	}
}

func converse(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	var got []string
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		asked, _, _ := strings.Cut(block, "\n--")
		var comments, lines []string
		for line := range strings.SplitSeq(asked, "\n") {
			if strings.HasPrefix(line, "#") {
				comments = append(comments, line)
			} else {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			got = append(got, block)
			continue
		}
		name, kind, _ := strings.Cut(lines[0], " ")
		answer := f.exchange(name, kind, strings.Join(lines[1:], "\n"))
		got = append(got, strings.Join(append(comments, lines...), "\n")+"\n--\n"+answer)
	}
	whole := strings.Join(got, "\n\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := strings.Split(string(text), "\n\n")
	for i, block := range strings.Split(whole, "\n\n") {
		if i >= len(want) || strings.TrimSpace(block) != strings.TrimSpace(want[i]) {
			t.Fatalf("exchange %d is\n%s\nwant\n%s", i, block, want[min(i, len(want)-1)])
		}
	}
}

// exchange returns the answer, what was sent, and who was sent the last item, each on lines of its own.
func (f *fixture) exchange(name, kind, payload string) string {
	var said []string
	switch {
	case name == "server":
		f.known.granted.Store(kind == "grants")
	case kind == "message":
		f.message(name, payload)
	default:
		said = append(said, f.iq(name, kind, payload))
	}
	said = append(said, f.sender.take()...)
	var b strings.Builder
	for _, text := range said {
		e, err := stanza.Parse([]byte(text))
		if err != nil {
			f.Fatalf("%s is not well-formed: %v", text, err)
		}
		layOut(&b, e, stanza.NSClient, "")
	}
	for _, last := range f.last {
		b.WriteString("(the last item is sent to " + last + ")\n")
	}
	f.last = nil
	if b.Len() == 0 {
		b.WriteString("(nothing)\n")
	}
	return variable.ReplaceAllString(strings.TrimSuffix(b.String(), "\n"), "VARIABLE")
}

// variable is what differs from run to run.
var variable = regexp.MustCompile(`[0-9a-f]{32}|20\d\d-\d\d-\d\dT[0-9:.]+Z`)

// layOut writes an element with each of the elements in it on a line of its own.
func layOut(b *strings.Builder, e *stanza.Element, space, indent string) {
	shell := stanza.Element{Name: e.Name, Attrs: e.Attrs}
	b.WriteString(indent + strings.TrimSuffix(string(shell.AppendXML(nil, space)), "/>"))
	switch {
	case e.First() != nil:
		b.WriteString(">\n")
		for c := range e.Children() {
			layOut(b, c, e.Name.Space, indent+"  ")
		}
	case e.Text() != "":
		b.WriteString(">" + string(stanza.AppendText(nil, e.Text())) + "\n")
	default:
		b.WriteString("/>\n")
	}
}
