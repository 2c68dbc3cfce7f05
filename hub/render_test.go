package hub

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// fakeDocuments has feeds by name, and what items were.
type fakeDocuments struct {
	documents
	feeds  map[thoonk.FeedName]thoonk.Config
	former map[thoonk.ItemID]string
}

func (f fakeDocuments) Feed(_ context.Context, name thoonk.FeedName) (thoonk.Feed, error) {
	c, ok := f.feeds[name]
	if !ok {
		return thoonk.Feed{}, thoonk.E(thoonk.NotFound, "no such feed")
	}
	return thoonk.Feed{Name: name, Config: c}, nil
}

func (f fakeDocuments) Former(_ context.Context, _ thoonk.FeedName, id thoonk.ItemID, _ thoonk.Revision) ([]byte, error) {
	if body, ok := f.former[id]; ok {
		return []byte(body), nil
	}
	return nil, nil
}

// changes makes events of "kind feed id body".
func changes(lines ...string) []thoonk.Event {
	var events []thoonk.Event
	for i, line := range lines {
		part := strings.SplitN(line, " ", 4)
		e := thoonk.Event{
			Kind: thoonk.EventKind(part[0]), Feed: thoonk.FeedName(part[1]), ItemID: thoonk.ItemID(part[2]), Content: thoonk.Entry,
			Revision: thoonk.Revision{Number: uint64(i) + 2, Stamp: 1763874399000000 + uint64(i)*1e6},
		}
		if len(part) > 3 {
			e.Body = []byte(part[3])
		}
		e.BodySize = len(e.Body)
		e.Job = e.Kind == thoonk.Finish || e.Kind == thoonk.Stall
		events = append(events, e)
	}
	return events
}

func TestChanges(t *testing.T) {
	t.Parallel()
	r := &Renderer{Addresses: addresses(t, "https://feeds.example.org"), Store: fakeDocuments{
		feeds:  map[thoonk.FeedName]thoonk.Config{"f": {Content: thoonk.Entry}, "g": {Content: thoonk.Entry}, "j": {Type: thoonk.TypeJob}},
		former: map[thoonk.ItemID]string{"old": `{"id":"urn:x:old"}`},
	}}
	const tag = "tag:feeds.example.org,1970-01-01:"
	for name, test := range map[string]struct {
		topic  Topic
		events []thoonk.Event
		want   string
	}{
		"in order, the last word of each": {Topic{Feed: "f"}, changes(`publish f a {"title":"A"}`, `publish f b {"title":"B"}`, `edit f a {"title":"A2"}`), tag + "f/b=B " + tag + "f/a=A2 "},
		"gone, and known":                 {Topic{Feed: "f"}, changes(`publish f a {"id":"urn:x:a","title":"A"}`, "retract f a"), "-urn:x:a "},
		"gone, and looked up":             {Topic{Feed: "f"}, changes("retract f old", "retract f older"), "-urn:x:old -" + tag + "f/older "},
		"gone, and back":                  {Topic{Feed: "f"}, changes("retract f a", `publish f a {"title":"A"}`), tag + "f/a=A "},
		"two with one id":                 {Topic{Feed: "f"}, changes(`publish f a {"id":"urn:x","title":"A"}`, `publish f b {"id":"urn:x","title":"B"}`), "urn:x=A " + tag + "f/b=B "},
		"several feeds":                   {Topic{Match: "*"}, changes(`publish f a {"title":"A"}`, `publish g a {"title":"B"}`), tag + "f/a=A@f " + tag + "g/a=B@g "},
		"a feed that is gone":             {Topic{Match: "*"}, changes(`publish gone a {"title":"A"}`), tag + "gone/a=A@gone "},
		"jobs":                            {Topic{Feed: "j"}, changes("finish j 1", "stall j 2", "finish j 2"), tag + "j/1=Job 1 finished " + tag + "j/2=Job 2 finished "},
		"of the feed itself":              {Topic{Feed: "f"}, changes("configure f "), "empty"},
	} {
		for _, format := range []Format{Atom, RSS, JSON} {
			doc, err := r.Changes(t.Context(), test.topic.as(format), "HTTPS://feeds.example.org/self", test.events)
			if err != nil {
				t.Fatal(err)
			}
			want := test.want
			if format == RSS { // it cannot tell what is gone
				want = ""
				for part := range strings.SplitAfterSeq(test.want, " ") {
					if !strings.HasPrefix(part, "-") {
						want += part
					}
				}
			}
			if got := told(t, format, doc); strings.TrimSpace(got) != strings.TrimSpace(withoutFeeds(format, want)) {
				t.Errorf("%s, %s: %s, want %s\n%s", name, format, got, want, doc.Body)
			}
			if doc.Body != nil && (!strings.Contains(string(doc.Body), "HTTPS://feeds.example.org/self") || doc.ContentType != format.MediaType()) {
				t.Errorf("%s: %s\n%s", name, doc.ContentType, doc.Body)
			}
		}
	}
}

func withoutFeeds(format Format, want string) string {
	if format == JSON {
		return want
	}
	return strings.NewReplacer("@f", "", "@gone", "", "@g", "").Replace(want)
}

func told(t *testing.T, format Format, doc Document) string {
	t.Helper()
	if doc.Body == nil {
		return ""
	}
	f, err := syndication.Parse(doc.Body, doc.ContentType, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Entries)+len(f.Deleted) == 0 {
		return "empty"
	}
	var b strings.Builder
	for _, e := range f.Entries {
		fmt.Fprintf(&b, "%s=%s", e.ID, e.Title)
		if from, ok := e.Extensions["_thoonk"]; ok && format == JSON {
			_, rest, _ := strings.Cut(string(from), `"feed":"`)
			name, _, _ := strings.Cut(rest, `"`)
			b.WriteString("@" + name)
		}
		b.WriteString(" ")
	}
	for _, d := range f.Deleted {
		b.WriteString("-" + d.ID + " ")
	}
	return b.String()
}

// A raw topic delivers an item as it is.
func TestRawChanges(t *testing.T) {
	t.Parallel()
	r := &Renderer{Addresses: addresses(t, "https://feeds.example.org"), Store: fakeDocuments{feeds: map[thoonk.FeedName]thoonk.Config{"f": {}}}}
	for body, want := range map[string]string{`{"a": 1}`: "application/json", "x <": "text/plain; charset=utf-8", "\xff": "application/octet-stream", "<a/>": "application/xml"} {
		events := changes("publish f a " + body)
		events[0].Content = thoonk.Undeclared
		if body == "<a/>" {
			events[0].Content = thoonk.XML
		}
		doc, err := r.Changes(t.Context(), Topic{Feed: "f", Format: Raw}, "", events)
		if err != nil || doc.ContentType != want || string(doc.Body) != body {
			t.Errorf("%q: %s, %v", doc.Body, doc.ContentType, err)
		}
	}
	if doc, err := r.Changes(t.Context(), Topic{Feed: "f", Format: Raw}, "", changes("retract f a")); err != nil || doc.Body != nil {
		t.Errorf("%s, %v", doc.Body, err)
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	for pair, want := range map[[2]string]bool{
		{"*", "a"}: true, {"a:*", "a:b:*"}: true, {"a:b:*", "a:*"}: true, {"a", "a"}: true, {"a", "b"}: false, {"a:*", "b:*"}: false, {"a*c", "abc"}: true, {"a*c", "abd"}: false, {"b", "a*"}: false,
	} {
		if got := overlap(pair[0], pair[1]); got != want {
			t.Errorf("%q is %v", pair, got)
		}
	}
}
