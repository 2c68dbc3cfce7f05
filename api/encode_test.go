package api

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestAppendString(t *testing.T) {
	for s, want := range map[string]string{
		"":                    `""`,
		"a<b>&'\u2028\u007f":  "\"a<b>&'\u2028\u007f\"",
		"\"\\/":               `"\"\\/"`,
		"\x00\b\t\n\f\r\x1f ": `"\u0000\u0008\t\n\u000c\r\u001f "`,
		"ä日😀":                 `"ä日😀"`,
		"a\xffb":              "\"a\ufffdb\"",
	} {
		if got := string(appendString(nil, s)); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

func TestAppendTime(t *testing.T) {
	cet := time.FixedZone("CET", 3600)
	for want, at := range map[string]time.Time{
		`{"at":"2025-11-23T05:06:39.123456Z"`: time.Date(2025, 11, 23, 6, 6, 39, 123456789, cet),
		`{"at":"2025-11-23T05:06:39.1Z"`:      time.Date(2025, 11, 23, 5, 6, 39, 100000000, time.UTC),
		`{"at":"2025-11-23T05:06:39Z"`:        time.Date(2025, 11, 23, 5, 6, 39, 0, time.UTC),
		`{`:                                   {},
	} {
		if got := string(appendTime([]byte("{"), "at", at)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := string(appendTime([]byte("{"), "at", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))); got != "{" {
		t.Error(got)
	}
}

func TestItemDoc(t *testing.T) {
	item := thoonk.Item{ID: `<"x">`, Revision: thoonk.Revision{Number: 12, Stamp: 1763874399123456}}
	item.Published, item.Updated = time.Unix(1, 0), item.Revision.Time()
	const head = `{"id":"<\"x\">","revision":"12-1763874399123456","published":"1970-01-01T00:00:01Z","updated":"2025-11-23T05:06:39.123456Z",`
	for _, test := range []struct {
		content    thoonk.Content
		body, want string
	}{
		{"", "{\"a\" : [1.0,\n\"\\u003c<\"]}", "\"body\":{\"a\" : [1.0,\n\"\\u003c<\"]}}"},
		{"", "plain <text>", `"text":"plain <text>"}`},
		{"", "", `"text":""}`},
		{"", "\xff\x00", `"base64":"/wA="}`},
		{thoonk.JSON, "null", `"body":null}`},
		{thoonk.JSON, "{broken", `"text":"{broken"}`},
		{thoonk.Text, "1", `"text":"1"}`},
		{thoonk.XML, "<a b='c'/>", `"xml":"<a b='c'/>"}`},
		{thoonk.Binary, "1", `"base64":"MQ=="}`},
	} {
		item.Body = []byte(test.body)
		if got := string(itemDoc(item, test.content)); got != head+test.want {
			t.Errorf("%s", got)
		}
	}
	if got := string(itemDoc(thoonk.Item{ID: "x"}, "")); got != `{"id":"x","text":""}` {
		t.Errorf("of an item that is not told yet: %s", got)
	}
}

// wireItem reads back what is written.
type wireItem struct {
	Feed      string
	ID        string
	Revision  thoonk.Revision
	Published time.Time
	Updated   time.Time
	Body      json.RawMessage
	Text, XML *string
	Base64    []byte
}

// content returns the bytes of the body, whichever form it has.
func (w wireItem) content() []byte {
	switch {
	case w.Text != nil:
		return []byte(*w.Text)
	case w.XML != nil:
		return []byte(*w.XML)
	case w.Body != nil:
		return w.Body
	}
	return w.Base64
}

func FuzzItemDoc(f *testing.F) {
	f.Add("x", []byte(`{"a":1}`), uint8(0))
	f.Add("<\x01\"", []byte("<a>\r\n</a>"), uint8(3))
	f.Add("é", []byte("\xff"), uint8(1))
	contents := []thoonk.Content{"", thoonk.JSON, thoonk.Text, thoonk.XML, thoonk.Entry, thoonk.Binary}
	f.Fuzz(func(t *testing.T, id string, body []byte, c uint8) {
		if !utf8.ValidString(id) {
			return
		}
		content := contents[int(c)%len(contents)]
		item := thoonk.Item{ID: thoonk.ItemID(id), Body: body, Revision: thoonk.Revision{Number: 1, Stamp: 1763874399123456}}
		item.Published = item.Revision.Time()
		page := thoonk.ItemPage{Items: []thoonk.Item{item, item}, Total: 2, Content: content, Revision: item.Revision}
		var got struct {
			Items []wireItem
			Total int
		}
		doc := pageDoc(page, "next", nil)
		if err := json.Unmarshal(doc, &got); err != nil {
			t.Fatalf("%v: %s", err, doc)
		}
		want := body
		if content.FormOf(body) == thoonk.FormBody {
			want = bytes.Trim(body, " \t\r\n") // what stands around a JSON value is not part of it
		}
		for _, i := range got.Items {
			if i.ID != id || !bytes.Equal(i.content(), want) || i.Revision != item.Revision || !i.Published.Equal(item.Published) {
				t.Fatalf("%q %q: %s", id, body, doc)
			}
		}
		if len(got.Items) != 2 || got.Total != 2 {
			t.Fatalf("%s", doc)
		}
	})
}
