package payload_test

import (
	"encoding/json"
	"testing"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/payload"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

var source = syndication.Source{Feed: thoonk.Feed{Name: "f"}, Host: "x.test"}

func element(t testing.TB, text string) *stanza.Element {
	t.Helper()
	e, err := stanza.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		content    thoonk.Content
		body, want string
	}{
		{thoonk.JSON, `{"a": "<\u0026>"}`, `<json xmlns='urn:xmpp:json:0'>{&quot;a&quot;: &quot;&lt;\u0026&gt;&quot;}</json>`},
		{thoonk.JSON, "[\n1]", `<json xmlns='urn:xmpp:json:0'>[&#10;1]</json>`},
		{thoonk.JSON, "\"\uFFFE\"", `<json xmlns='urn:xmpp:json:0'>&quot;\ufffe&quot;</json>`},
		{thoonk.JSON, "not JSON", `<text xmlns='urn:thoonk:feed:0'>not JSON</text>`},
		{thoonk.Undeclared, "5", `<json xmlns='urn:xmpp:json:0'>5</json>`},
		{thoonk.Undeclared, "a < b", `<text xmlns='urn:thoonk:feed:0'>a &lt; b</text>`},
		{thoonk.Undeclared, "<a/>", `<a xmlns=''/>`},
		{thoonk.Undeclared, "\x00", `<binary xmlns='urn:thoonk:feed:0'>AA==</binary>`},
		{thoonk.Undeclared, "\xff", `<binary xmlns='urn:thoonk:feed:0'>/w==</binary>`},
		{thoonk.Text, "<a/>", `<text xmlns='urn:thoonk:feed:0'>&lt;a/&gt;</text>`},
		{thoonk.XML, "<p:a xmlns:p='urn:x' p:b='1'><c/></p:a>", `<a xmlns='urn:x' xmlns:n0='urn:x' n0:b='1'><c xmlns=''/></a>`},
		{thoonk.XML, "<a>", `<text xmlns='urn:thoonk:feed:0'>&lt;a&gt;</text>`},
		{thoonk.Binary, "x", `<binary xmlns='urn:thoonk:feed:0'>eA==</binary>`},
	} {
		got := payload.Encode(source, test.content, thoonk.Item{ID: "i", Body: []byte(test.body)})
		if got.String() != test.want {
			t.Errorf("%s %q: %s", test.content, test.body, got)
		}
		form, body, err := payload.Decode(test.content.FormOf([]byte(test.body)).Contents([]byte(test.body))[0], element(t, got.String()))
		if test.content != thoonk.XML && test.content != thoonk.JSON && test.content != thoonk.Undeclared && (err != nil || string(body) != test.body) {
			t.Errorf("%s came back as %s %q, %v", got, form, body, err)
		}
	}
	if got := payload.Encode(source, thoonk.Text, thoonk.Item{}); got != nil {
		t.Errorf("nothing is %s", got)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	const json, text, atom = `<json xmlns='urn:xmpp:json:0'>{"a": 1 }</json>`, `<text xmlns='urn:thoonk:feed:0'>a&#13;</text>`, `<e xmlns='urn:x'>1</e>`
	for _, test := range []struct {
		content thoonk.Content
		payload string
		form    thoonk.Form
		body    string
	}{
		{thoonk.Undeclared, json, thoonk.FormBody, `{"a": 1 }`},
		{thoonk.JSON, json, thoonk.FormBody, `{"a": 1 }`},
		{thoonk.XML, json, thoonk.FormXML, `<json xmlns='urn:xmpp:json:0'>{&quot;a&quot;: 1 }</json>`},
		{thoonk.Undeclared, text, thoonk.FormText, "a\r"},
		{thoonk.Undeclared, atom, thoonk.FormXML, atom},
		{thoonk.Binary, `<binary xmlns='urn:thoonk:feed:0'> e A = = </binary>`, thoonk.FormBase64, "x"},
		{thoonk.Undeclared, "", thoonk.FormText, ""},
		{thoonk.JSON, text, "", ""}, {thoonk.Text, json, "", ""}, {thoonk.Binary, text, "", ""}, {thoonk.Text, atom, "", ""},
		{thoonk.JSON, `<json xmlns='urn:xmpp:json:0'>{</json>`, "", ""},
		{thoonk.JSON, `<json xmlns='urn:xmpp:json:0'>1<a/></json>`, "", ""},
		{thoonk.Text, `<text xmlns='urn:thoonk:feed:0'><a/></text>`, "", ""},
		{thoonk.Binary, `<binary xmlns='urn:thoonk:feed:0'>!</binary>`, "", ""},
	} {
		var e *stanza.Element
		if test.payload != "" {
			e = element(t, test.payload)
		}
		form, body, err := payload.Decode(test.content, e)
		if form != test.form || string(body) != test.body {
			t.Errorf("%s %s: %s %q %v", test.content, test.payload, form, body, err)
		}
		if test.form == "" && stanza.FromError(err).App.Name.Local != "invalid-payload" {
			t.Errorf("%s %s: %v", test.content, test.payload, err)
		}
	}
	if _, _, err := payload.Decode(thoonk.JSON, nil); stanza.FromError(err).App.Name.Local != "payload-required" {
		t.Error(err)
	}
}

// An entry is an Atom entry on XMPP, and an item of JSON Feed to us.
func TestEntry(t *testing.T) {
	t.Parallel()
	const atom = `<entry xmlns='http://www.w3.org/2005/Atom'><id>urn:x:1</id><title>A &lt; B</title><updated>2025-01-02T03:04:05Z</updated>` +
		`<content type='html'>&lt;p&gt;C&lt;/p&gt;</content></entry>`
	form, body, err := payload.Decode(thoonk.Entry, element(t, atom))
	if err != nil || form != thoonk.FormBody {
		t.Fatal(form, err)
	}
	var item struct {
		ID      string `json:"id"`
		Title   string `json:"title"`
		Content string `json:"content_html"`
	}
	if err := json.Unmarshal(body, &item); err != nil || item.ID != "urn:x:1" || item.Title != "A < B" || item.Content != "<p>C</p>" {
		t.Fatalf("%s, %v", body, err)
	}
	shown := payload.Encode(source, thoonk.Entry, thoonk.Item{ID: "i", Body: body})
	const ns = "http://www.w3.org/2005/Atom"
	if !shown.Is(ns, "entry") || shown.Child(ns, "id").Text() != "urn:x:1" || shown.Child(ns, "title").Text() != "A < B" {
		t.Error(shown)
	}
	if _, _, err := payload.Decode(thoonk.Entry, element(t, `<json xmlns='urn:xmpp:json:0'>{}</json>`)); stanza.FromError(err).App.Name.Local != "invalid-payload" {
		t.Error(err)
	}
}

func TestPosition(t *testing.T) {
	t.Parallel()
	for _, p := range []thoonk.Position{{}, {First: true}, {Last: true}, {Before: "a'b"}, {After: "c"}} {
		in := element(t, stanza.New("urn:x", "x").Add(payload.EncodePosition(p)).String())
		if got, err := payload.DecodePosition(in); got != p || err != nil {
			t.Errorf("%+v came back as %+v, %v", p, got, err)
		}
	}
	for _, attrs := range []string{"", "first='false'", "before=''", "first='1' last='1'", "at='3'"} {
		if _, err := payload.DecodePosition(element(t, `<x><position xmlns='urn:thoonk:feed:0' `+attrs+`/></x>`)); err == nil {
			t.Errorf("%s is no position", attrs)
		}
	}
}

// Whatever is accepted can be shown, as well-formed XML, and accepted again with the same body.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`<json xmlns='urn:xmpp:json:0'>{"a":1}</json>`, `<text xmlns='urn:thoonk:feed:0'>x</text>`, `<a xmlns='urn:b' xmlns:c='d' c:e=''>&lt;</a>`} {
		f.Add(s, "")
	}
	f.Add(`<json xmlns='urn:xmpp:json:0'>[1]</json>`, "json")
	f.Add(`<binary xmlns='urn:thoonk:feed:0'>AA==</binary>`, "binary")
	f.Add(`<text xmlns='urn:thoonk:feed:0'>x</text>`, "text")
	f.Add(`<entry xmlns='http://www.w3.org/2005/Atom'><title>x</title></entry>`, "entry")
	f.Fuzz(func(t *testing.T, text, declared string) {
		content, err := thoonk.ParseContent(declared)
		if err != nil {
			return
		}
		e, err := stanza.Parse([]byte(text))
		if err != nil {
			return
		}
		form, body, err := payload.Decode(content, e)
		if err != nil {
			return
		}
		if form.Check(body) != nil {
			return // the store refuses it
		}
		shown := payload.Encode(source, content, thoonk.Item{ID: "i", Body: body})
		if shown == nil {
			return
		}
		again, err := stanza.Parse([]byte(shown.String()))
		if err != nil {
			t.Fatalf("%q is shown as %s: %v", body, shown, err)
		}
		if _, _, err := payload.Decode(content, again); err != nil {
			t.Fatalf("%s is not accepted again: %v", shown, err)
		}
	})
}
