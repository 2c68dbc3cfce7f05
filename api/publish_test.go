package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func TestParsePublication(t *testing.T) {
	for data, want := range map[string]publication{
		`{"body":null}`:                          {form: thoonk.FormBody, body: []byte(`null`)},
		`{"body": {"b":1,"a":[ ], "b":1.00} }`:   {form: thoonk.FormBody, body: []byte(`{"b":1,"a":[ ], "b":1.00}`)},
		"{\"body\":\r\n[1,\r\n2]\r\n}":           {form: thoonk.FormBody, body: []byte("[1,\r\n2]")},
		`{"body":"\ud800\u003c<"}`:               {form: thoonk.FormBody, body: []byte(`"\ud800\u003c<"`)},
		`{"body":1e999}`:                         {form: thoonk.FormBody, body: []byte(`1e999`)},
		`{"text":"","id":"x"}`:                   {id: "x", form: thoonk.FormText, body: []byte{}},
		`{"text":"\ud83d\ude00\u0000\n\ufffd�"}`: {form: thoonk.FormText, body: []byte("😀\x00\n��")},
		`{"text":"\\ud800 \\\ud83d\ude00"}`:      {form: thoonk.FormText, body: []byte(`\ud800 \😀`)},
		`{"xml":"<a/>"}`:                         {form: thoonk.FormXML, body: []byte("<a/>")},
		`{"base64":""}`:                          {form: thoonk.FormBase64, body: []byte{}},
		`{"base64":"+/8="}`:                      {form: thoonk.FormBase64, body: []byte{0xfb, 0xff}},
		`{"body":1,"position":{"last":true}}`:    {form: thoonk.FormBody, body: []byte("1"), position: thoonk.Position{Last: true}},
		`{"position":{"before":"a:"},"text":""}`: {form: thoonk.FormText, body: []byte{}, position: thoonk.Position{Before: "a:"}},
	} {
		got, err := parsePublication([]byte(data))
		if err != nil || got.id != want.id || got.form != want.form || !bytes.Equal(got.body, want.body) || got.position != want.position {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
	}
}

func TestPublicationFaults(t *testing.T) {
	e := newEdge(t, nil)
	e.feed("f", "")
	for data, place := range map[string]string{
		``:                              "",
		` `:                             "",
		`{}`:                            "",
		`{"id":"x"}`:                    "",
		`[]`:                            "",
		`"x"`:                           "",
		`{"body":1`:                     "",
		`{"body":1}x`:                   "",
		`{"body":1}{"body":1}`:          "",
		`{"body":}`:                     "",
		`{"body":01}`:                   "",
		`{"body":NaN}`:                  "",
		`{body:1}`:                      "",
		`{"body":1,}`:                   "",
		"{\"body\":\"\xff\"}":           "",
		"\ufeff{\"body\":1}":            "",
		`{"body":1,"text":"x"}`:         "#/text",
		`{"text":"x","base64":""}`:      "#/base64",
		`{"body":1,"body":2}`:           "#/body",
		`{"Body":1}`:                    "#/Body",
		`{"body":1,"position":{}}`:      "#/position",
		`{"body":1,"position":null}`:    "#/position",
		`{"body":1,"position":"first"}`: "#/position",
		`{"body":1,"position":{"first":true,"last":true}}`:   "#/position",
		`{"body":1,"position":{"first":true,"first":true}}`:  "#/position/first",
		`{"body":1,"position":{"first":false}}`:              "#/position/first",
		`{"body":1,"position":{"last":1}}`:                   "#/position/last",
		`{"body":1,"position":{"before":""}}`:                "#/position/before",
		`{"body":1,"position":{"after":1}}`:                  "#/position/after",
		`{"body":1,"position":{"First":true}}`:               "#/position/First",
		`{"text":1}`:                                         "#/text",
		`{"text":null}`:                                      "#/text",
		`{"text":"\ud800"}`:                                  "#/text",
		`{"text":"\udc00\ud800"}`:                            "#/text",
		`{"text":"\ud800x\udc00"}`:                           "#/text",
		`{"text":"\ud800\ud800\udc00"}`:                      "#/text",
		`{"xml":{}}`:                                         "#/xml",
		`{"base64":"AP8"}`:                                   "#/base64",
		`{"base64":"AP9="}`:                                  "#/base64",
		`{"base64":"_-8="}`:                                  "#/base64",
		`{"base64":"AP\n8="}`:                                "#/base64",
		`{"body":1,"id":1}`:                                  "#/id",
		`{"body":1,"id":null}`:                               "#/id",
		`{"body":1,"id":""}`:                                 "#/id",
		`{"body":1,"id":"\u0000"}`:                           "#/id",
		`{"body":1,"id":"\udfff"}`:                           "#/id",
		`{"body":1,"id":"` + strings.Repeat("x", 513) + `"}`: "#/id",
		`{"body":` + strings.Repeat("[", 20000):              "",
	} {
		e.do("POST", "/v1/feeds/f/items", data, as("all")).faults(400, "invalid", place)
		e.do("PUT", "/v1/feeds/f/items/x", data, as("all")).faults(400, "invalid", place)
	}
	if len(e.store.feeds["f"].items) != 0 {
		t.Error("something was written")
	}
	detail := e.do("POST", "/v1/feeds/f/items", `{"body":[1,2,x]}`, as("all")).problem(400, "invalid").Detail
	if detail != "not valid JSON: after 14 bytes: invalid character 'x' looking for beginning of value" {
		t.Error(detail)
	}
}

// What is accepted is JSON that encoding/json understands alike, and its body is part of it byte for byte.
func FuzzParsePublication(f *testing.F) {
	for _, s := range []string{`{"body":{"a":[1 ,2]}}`, `{"id":"x","text":"\ud83d\ude00"}`, `{"base64":"AP8="}`, `{"body":1,"body":2}`, `{"text":"\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePublication(data)
		if err != nil {
			if thoonk.KindOf(err) != thoonk.Invalid {
				t.Fatal(err)
			}
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("accepted %q: %v", data, err)
		}
		value, ok := want[string(p.form)]
		if !ok {
			t.Fatalf("%q has no %s", data, p.form)
		}
		switch p.form {
		case thoonk.FormBody:
			if !bytes.Equal(value, p.body) || !bytes.Contains(data, p.body) {
				t.Fatalf("%q is not %q", p.body, value)
			}
		case thoonk.FormBase64:
			var b []byte
			if err := json.Unmarshal(value, &b); err != nil || !bytes.Equal(b, p.body) {
				t.Fatalf("%q is not %q: %v", p.body, value, err)
			}
		default:
			var s string
			if err := json.Unmarshal(value, &s); err != nil || s != string(p.body) {
				t.Fatalf("%q is not %q: %v", p.body, value, err)
			}
		}
	})
}
