package mam_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/store"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
	"github.com/thoonkd/thoonkd/xmpp/mam"
	"github.com/thoonkd/thoonkd/xmpp/service"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

var update = flag.Bool("update", false, "write the answers of the conversations in testdata anew")

// fixture is an archive over a Redis of its own, with the rights of the real service.
type fixture struct {
	*testing.T
	*mam.Archive
	store     *store.Store
	sender    *sender
	revisions map[string]string // "feed number" → revision
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	st, err := store.Open(store.Options{URL: thoonktest.Redis(t).URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	f := &fixture{T: t, store: st, sender: &sender{}, revisions: make(map[string]string)}
	s := service.New(service.Options{Store: st, Subscriptions: st, Jobs: st, Sender: f.sender, MAM: true, JIDs: auth.JIDs{
		"reader@a.test": {{Match: "*", Can: []auth.Verb{auth.Read}}},
		"bob@a.test":    {{Match: "q", Can: []auth.Verb{auth.Submit}}},
	}})
	f.Archive = mam.New(mam.Options{Store: st, Reader: s.Replayer, Sender: f.sender, Host: "feeds.test", Most: 2000})
	f.fill()
	return f
}

// fill writes what the conversations are about.
func (f *fixture) fill() {
	for name, c := range map[thoonk.FeedName]thoonk.Config{
		"f": {Node: thoonk.Node{Access: thoonk.Open}}, "closed": {}, "s": {Type: thoonk.TypeSortedFeed, Node: thoonk.Node{MessageType: thoonk.MessageNormal}},
		"q": {Type: thoonk.TypeJob}, "trimmed": {},
	} {
		_, _, err := f.store.PutFeed(f.Context(), thoonk.PutFeed{Name: name, Config: c})
		f.ok(err)
	}
	for i, body := range []string{`"one"`, `"two"`, `"one again"`} {
		f.publish("f", thoonk.PublishItem{ID: thoonk.ItemID(fmt.Sprint(i % 2)), Form: thoonk.FormBody, Body: []byte(body)})
	}
	f.ok(f.store.Retract(f.Context(), thoonk.RetractItem{Feed: "f", ID: "1"}))
	f.publish("f", thoonk.PublishItem{ID: "large", Form: thoonk.FormText, Body: []byte(strings.Repeat("x", 3000))})
	f.publish("s", thoonk.PublishItem{ID: "a", Form: thoonk.FormText, Body: []byte("a"), Actor: "mirror:5 pubsub.b.test x"})
	f.publish("s", thoonk.PublishItem{ID: "b", Form: thoonk.FormText, Position: thoonk.Position{Before: "a"}})
	_, err := f.store.Move(f.Context(), thoonk.MoveItem{Feed: "s", ID: "b", Position: thoonk.Position{Last: true}})
	f.ok(err)
	for i := range 3 {
		_, err := f.store.SubmitJobs(f.Context(), thoonk.SubmitJobs{Queue: "q", Actor: []string{"xmpp:bob@a.test", "xmpp:eve@a.test"}[i%2],
			Jobs: []thoonk.NewJob{{ID: thoonk.JobID(fmt.Sprint("job", i)), Form: thoonk.FormText, Payload: []byte("x")}}})
		f.ok(err)
	}
	for _, name := range []thoonk.FeedName{"f", "s", "q"} {
		page, err := f.store.Archive(f.Context(), thoonk.ArchiveQuery{Feed: name, Limit: 100})
		f.ok(err)
		for _, ev := range page.Changes {
			f.revisions[fmt.Sprint(name, ev.Revision.Number)] = ev.Revision.String()
		}
	}
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) publish(feed thoonk.FeedName, p thoonk.PublishItem) {
	f.Helper()
	p.Feed = feed
	_, err := f.store.Publish(f.Context(), p)
	f.ok(err)
}

// sender keeps what is sent.
type sender struct {
	mu   sync.Mutex
	sent []byte
}

func (s *sender) Send(_ context.Context, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, b...)
	return nil
}

func (s *sender) Request(context.Context, jid.JID, string, *stanza.Element) (*stanza.Element, error) {
	return nil, stanza.Err(stanza.ServiceUnavailable)
}

func (s *sender) Domain() jid.JID { return jid.MustParse("thoonk.a.test") }

// ask returns what is sent and then the answer.
func (f *fixture) ask(name, kind, payload string) string {
	f.Helper()
	e, err := stanza.Parse(fmt.Appendf(nil, `<iq type='%s' id='1' from='%s@a.test/x' to='thoonk.a.test'>%s</iq>`, kind, name, payload))
	f.ok(err)
	s, err := stanza.ParseStanza(e)
	f.ok(err)
	q, err := stanza.ParseIQ(s)
	f.ok(err)
	if !mam.Handles(q) {
		f.Fatal("another one answers this")
	}
	answer, err := f.IQ(f.Context(), q)
	sent := f.sender.sent
	f.sender.sent = nil
	if err != nil {
		return string(stanza.AppendError(sent, e, stanza.FromError(err)))
	}
	return string(stanza.AppendResult(sent, e, answer))
}

// A conversation is a file of exchanges with empty lines between: "name get" or "name set", the payload, a line "--", and what comes
// back. "{f3}" is the revision of the third change of f. Lines that begin with "#" are comments.
func TestConversations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			newFixture(t).converse(file)
		})
	}
}

func (f *fixture) converse(file string) {
	text, err := os.ReadFile(file)
	f.ok(err)
	var got []string
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		asked, want, _ := strings.Cut(block, "\n--\n")
		var request []string
		for line := range strings.SplitSeq(asked, "\n") {
			if !strings.HasPrefix(line, "#") {
				request = append(request, line)
			}
		}
		name, kind, _ := strings.Cut(request[0], " ")
		answer := f.named(f.ask(name, kind, f.revealed(strings.Join(request[1:], "\n"))))
		if !*update && answer != strings.TrimSpace(want) {
			f.Errorf("%s\n\tgot\n%s\n\twant\n%s", asked, answer, want)
		}
		got = append(got, asked+"\n--\n"+answer)
	}
	if *update {
		f.ok(os.WriteFile(file, []byte(strings.Join(got, "\n\n")+"\n"), 0o600))
	}
}

// revealed puts revisions and their times in place of their names.
func (f *fixture) revealed(text string) string {
	for name, r := range f.revisions {
		revision, err := thoonk.ParseRevision(r)
		f.ok(err)
		text = strings.ReplaceAll(text, "{"+name+"}", r)
		text = strings.ReplaceAll(text, "{time of "+name+"}", revision.Time().Format("2006-01-02T15:04:05.000000Z"))
	}
	return text
}

var times = regexp.MustCompile(`(at|stamp|timestamp)='20\d\d-[0-9-]+T[0-9:.]+Z'`)

// named puts names in place of revisions, and each stanza on a line of its own.
func (f *fixture) named(text string) string {
	for name, r := range f.revisions {
		text = strings.ReplaceAll(text, r, "{"+name+"}")
	}
	text = times.ReplaceAllString(text, "$1='TIME'")
	return strings.NewReplacer("</message><message from=", "</message>\n<message from=", "</message><iq", "</message>\n<iq", strings.Repeat("x", 3000), "(3000 x)").Replace(text)
}
