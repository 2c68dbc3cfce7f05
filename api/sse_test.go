package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// sseEvent is what a client dispatches.
type sseEvent struct{ id, name, data string }

// parseSSE is the client's side, as https://html.spec.whatwg.org/multipage/server-sent-events.html demands it. It also
// returns the last event id, which a client sends when it connects again.
func parseSSE(s string) (events []sseEvent, last string) {
	s = strings.TrimPrefix(s, "\ufeff")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	lines := strings.Split(s, "\n")
	var name string
	var data strings.Builder
	id := ""
	for _, line := range lines[:len(lines)-1] { // what is not ended does not count
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			last = id
			if data.Len() > 0 {
				events = append(events, sseEvent{id, name, strings.TrimSuffix(data.String(), "\n")})
			}
			name = ""
			data.Reset()
		case field == "event":
			name = value
		case field == "data":
			data.WriteString(value + "\n")
		case field == "id" && !strings.Contains(value, "\x00"):
			id = value
		}
	}
	return events, last
}

func TestFrames(t *testing.T) {
	r := thoonk.Revision{Number: 12, Stamp: 1763874399123456}
	item := thoonk.Item{ID: "x", Revision: r, Body: []byte("[1,\r\n2,\n3,\r4]")}
	for name, test := range map[string][2]string{
		"item": {
			string(appendItemFrame(nil, "f", item, "")),
			"event: item\ndata: {\"feed\":\"f\",\"id\":\"x\",\"revision\":\"12-1763874399123456\",\"body\":[1,\ndata: 2,\ndata: 3,\ndata: 4]}\n\n",
		},
		"live": {
			string(appendLive(nil, "a\nb", r)),
			"id: 12-1763874399123456\nevent: live\ndata: {\"feed\":\"a\\nb\",\"revision\":\"12-1763874399123456\"}\n\n",
		},
		"place": {string(appendPlace(nil, r)), ": live\nid: 12-1763874399123456\n\n"},
		"reset": {
			string(appendReset(nil, "f", r, false)),
			"id: 12-1763874399123456\nevent: reset\ndata: {\"feed\":\"f\",\"revision\":\"12-1763874399123456\"," +
				"\"detail\":\"changes after your last id are not in the history: read the items again\"}\n\n",
		},
		// If the connection breaks in the snapshot that follows, the client must be reset again.
		"reset before a snapshot": {
			string(appendReset(nil, "f", r, true)),
			"event: reset\ndata: {\"feed\":\"f\",\"revision\":\"12-1763874399123456\"," +
				"\"detail\":\"changes after your last id are not in the history: the items follow\"}\n\n",
		},
		"reset of a feed that is gone": {
			string(appendReset(nil, "f", thoonk.Revision{}, false)),
			"event: reset\ndata: {\"feed\":\"f\",\"detail\":\"changes after your last id are not in the history: read the items again\"}\n\n",
		},
	} {
		if test[0] != test[1] {
			t.Errorf("%s:\n%q\nwant\n%q", name, test[0], test[1])
		}
	}
}

// A place has an id and no event: EventSource keeps the id and tells nobody.
func TestPlaceIsNoEvent(t *testing.T) {
	frame := appendPlace([]byte(retryFrame+heartbeatFrame), thoonk.Revision{Number: 12, Stamp: 3})
	if events, last := parseSSE(string(frame)); len(events) != 0 || last != "12-3" {
		t.Errorf("%v, %q", events, last)
	}
}

func written(t *testing.T, e thoonk.Event, withActor bool) string {
	t.Helper()
	var b bytes.Buffer
	if err := writeChange(&b, &stream.Change{Event: e}, e.Revision, withActor); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestChange(t *testing.T) {
	r := thoonk.Revision{Number: 12, Stamp: 1763874399123456}
	const head = "id: 12-1763874399123456\nevent: "
	const at = `"at":"2025-11-23T05:06:39.123456Z"`
	for _, test := range []struct {
		event                thoonk.Event
		public, actor, after string
	}{
		{
			thoonk.Event{Feed: "f", Revision: r, Kind: thoonk.Publish, ItemID: "x", Body: []byte("{\"a\":\n1}"), BodySize: 8, Actor: "jwt:i|<s>"},
			"publish\ndata: {\"feed\":\"f\",\"revision\":\"12-1763874399123456\",\"kind\":\"publish\",\"id\":\"x\"," + at,
			`,"actor":"jwt:i|<s>"`,
			",\"body\":{\"a\":\ndata: 1}}\n\n",
		},
		{
			thoonk.Event{Feed: "f", Revision: r, Kind: thoonk.Edit, ItemID: "x", Content: thoonk.Text, Restated: true},
			"edit\ndata: {\"feed\":\"f\",\"revision\":\"12-1763874399123456\",\"kind\":\"edit\",\"id\":\"x\"," + at + ",\"restated\":true",
			"",
			",\"text\":\"\"}\n\n",
		},
		{
			thoonk.Event{Feed: "f", Revision: r, Kind: thoonk.Retract, ItemID: "x", Actor: "a"},
			"retract\ndata: {\"feed\":\"f\",\"revision\":\"12-1763874399123456\",\"kind\":\"retract\",\"id\":\"x\"," + at,
			`,"actor":"a"`,
			"}\n\n",
		},
		{
			thoonk.Event{Feed: "f", Revision: r, Kind: thoonk.Configure},
			"configure\ndata: {\"feed\":\"f\",\"revision\":\"12-1763874399123456\",\"kind\":\"configure\"," + at,
			"",
			"}\n\n",
		},
		{ // never an empty body in place of the one that was left out
			thoonk.Event{Feed: "f", Revision: r, Kind: thoonk.Publish, ItemID: "x", BodySize: 5000},
			"publish\ndata: {\"feed\":\"f\",\"revision\":\"12-1763874399123456\",\"kind\":\"publish\",\"id\":\"x\"," + at,
			"",
			"}\n\n",
		},
	} {
		if got, want := written(t, test.event, false), head+test.public+test.after; got != want {
			t.Errorf("for all:\n%q\nwant\n%q", got, want)
		}
		if got, want := written(t, test.event, true), head+test.public+test.actor+test.after; got != want {
			t.Errorf("for admins:\n%q\nwant\n%q", got, want)
		}
	}
}

// All readers share one encoding, with and without the actor.
func TestChangeIsEncodedOnce(t *testing.T) {
	ch := &stream.Change{Event: thoonk.Event{Feed: "f", Kind: thoonk.Publish, Body: []byte("1"), BodySize: 1, Actor: "a"}}
	var b bytes.Buffer
	for _, withActor := range []bool{true, false, true} {
		if err := writeChange(&b, ch, ch.Revision, withActor); err != nil {
			t.Fatal(err)
		}
	}
	one := ch.Encoded(func(thoonk.Event) any { t.Fatal("encoded again"); return nil }).(change)
	if n := strings.Count(b.String(), `"actor":"a"`); n != 2 || len(one.frame) == 0 {
		t.Errorf("%d actors in %s", n, &b)
	}
}

func FuzzChange(f *testing.F) {
	f.Add("f", "x", []byte("{\"a\":\r\n1}"), "jwt:a|b", true)
	f.Add("\r", "\n", []byte(" [1,\r2]\n\r"), "", false)
	f.Add("f", "x", []byte("text\ndata: x\n\n"), "a\nid: 1", false)
	f.Fuzz(func(t *testing.T, feed, id string, body []byte, actor string, restated bool) {
		if !utf8.ValidString(feed) || !utf8.ValidString(id) || !utf8.ValidString(actor) {
			return
		}
		e := thoonk.Event{
			Feed: thoonk.FeedName(feed), Revision: thoonk.Revision{Number: 7, Stamp: 1763874399123456}, Kind: thoonk.Publish,
			ItemID: thoonk.ItemID(id), Body: body, BodySize: len(body), Actor: actor, Restated: restated,
		}
		for _, withActor := range []bool{false, true} {
			two := written(t, e, withActor) + written(t, e, withActor)
			events, last := parseSSE(two)
			if len(events) != 2 || events[0] != events[1] || events[0].name != "publish" || last != "7-1763874399123456" {
				t.Fatalf("%q: %+v", two, events)
			}
			var got struct {
				wireItem
				Kind, Actor string
				Restated    bool
			}
			if err := json.Unmarshal([]byte(events[0].data), &got); err != nil {
				t.Fatalf("%v: %q", err, events[0].data)
			}
			wantActor := actor
			if !withActor {
				wantActor = ""
			}
			if got.Feed != feed || got.ID != id || got.Kind != "publish" || got.Actor != wantActor || got.Restated != restated {
				t.Fatalf("%+v", got)
			}
			if want := asReceived(body); !bytes.Equal(got.content(), want) {
				t.Fatalf("%q, want %q", got.content(), want)
			}
		}
	})
}

// asReceived is what becomes of a body on the way: line breaks inside JSON, which are white space, become "\n".
func asReceived(body []byte) []byte {
	if thoonk.Undeclared.FormOf(body) != thoonk.FormBody {
		return body
	}
	body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	return bytes.Trim(bytes.ReplaceAll(body, []byte("\r"), []byte("\n")), " \t\n")
}
