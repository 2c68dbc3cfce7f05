package thoonk_test

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func ExampleParseRevision() {
	r, err := thoonk.ParseRevision("12-1763874399123456")
	fmt.Println(r.Number, r.Time().Format(time.RFC3339Nano), err)
	_, err = thoonk.ParseRevision("twelve")
	fmt.Println(thoonk.KindOf(err))
	// Output:
	// 12 2025-11-23T05:06:39.123456Z <nil>
	// invalid
}

func ExamplePattern_Match() {
	p := thoonk.Pattern("team:353:member:*:tasks")
	fmt.Println(p.Match("team:353:member:7:tasks"), p.Match("team:354:member:7:tasks"))
	// Output: true false
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"a": true, "team:353:member:7:tasks": true, "a/b": true, "ünï {x}": true, "…": true, "...": true, strings.Repeat("x", 512): true, "😀": true,
		"": false, ".": false, "..": false, "a*": false, "*": false, "a\x00b": false, "a\nb": false, "\x7f": false, "\u0085": false,
		strings.Repeat("x", 513): false, "\xff": false, "\xed\xa0\x80": false, "\ufffe": false, "\uffff": false,
	} {
		got, err := thoonk.ParseFeedName(name)
		if ok && (err != nil || string(got) != name) || !ok && thoonk.KindOf(err) != thoonk.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, id := range []string{"*", ".", "..", "a*b"} {
		if _, err := thoonk.ParseItemID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"", "\x00", strings.Repeat("x", 513)} {
		if _, err := thoonk.ParseItemID(id); thoonk.KindOf(err) != thoonk.Invalid {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestRevisions(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "-", "1", "1-", "-1", "0-1", "01-1", "1-01", "+1-1", "1-1-1", " 1-1", "1-1 ", "1-x", "99999999999999999999-1", "1-9223372036854775807"} {
		if r, err := thoonk.ParseRevision(s); err == nil {
			t.Errorf("%q is %v", s, r)
		}
	}
	a, b := thoonk.Revision{Number: 9, Stamp: 5}, thoonk.Revision{Number: 10, Stamp: 1}
	if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(thoonk.Revision{Number: 9, Stamp: 5}) != 0 {
		t.Error("numbers are not compared as numbers")
	}
}

func FuzzRevision(f *testing.F) {
	f.Add("12-1763874399123456")
	f.Add("0-0")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := thoonk.ParseRevision(s)
		if err == nil && (r.String() != s || r.IsZero()) {
			t.Errorf("%q is read as %v", s, r)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, p := range []string{"", "*", "a", "a*", "*a", "a*b", "**", "a*b*c", "*a*a*"} {
		f.Add(p, "abc")
		f.Add(p, "aab")
	}
	f.Fuzz(func(t *testing.T, p, name string) {
		parts := strings.Split(p, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		if !utf8.ValidString(p) || !utf8.ValidString(name) {
			return // which neither may be, and regexp does not take
		}
		re, err := regexp.Compile(`(?s)^` + strings.Join(parts, ".*") + `$`)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := thoonk.Pattern(p).Match(thoonk.FeedName(name)), re.MatchString(name); got != want {
			t.Errorf("%q on %q: %v", p, name, got)
		}
	})
}

func TestForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		content thoonk.Content
		body    string
		want    thoonk.Form
	}{
		{thoonk.Undeclared, `{"a": 1}`, thoonk.FormBody},
		{thoonk.Undeclared, `12`, thoonk.FormBody},
		{thoonk.Undeclared, `hello`, thoonk.FormText},
		{thoonk.Undeclared, ``, thoonk.FormText},
		{thoonk.Undeclared, "\"\xff\"", thoonk.FormBase64},
		{thoonk.JSON, `not json`, thoonk.FormText},
		{thoonk.JSON, "\xff", thoonk.FormBase64},
		{thoonk.Entry, `{}`, thoonk.FormBody},
		{thoonk.Text, `12`, thoonk.FormText},
		{thoonk.Text, "\xff", thoonk.FormBase64},
		{thoonk.XML, `<a/>`, thoonk.FormXML},
		{thoonk.XML, `<a>`, thoonk.FormText},
		{thoonk.Binary, `12`, thoonk.FormBase64},
	} {
		if got := c.content.FormOf([]byte(c.body)); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.body, c.content, got, c.want)
		}
	}
}

func TestFormCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		form thoonk.Form
		body string
		want thoonk.Kind
	}{
		{thoonk.FormBody, `[1, 2]`, ""},
		{thoonk.FormBody, `[1, 2`, thoonk.Invalid},
		{thoonk.FormBody, ``, thoonk.Invalid},
		{thoonk.FormBody, "\"\xff\"", thoonk.Invalid},
		{thoonk.FormText, ``, ""},
		{thoonk.FormText, "\xff", thoonk.Invalid},
		{thoonk.FormBase64, "\xff", ""},
		{thoonk.FormXML, " <a xmlns='urn:x' xmlns:p='urn:p' p:c='1' c='2' xml:lang='en'><p:b/>t &amp; <![CDATA[<]]></a>\n", ""},
		{thoonk.FormXML, `<a b="1" b="2"/>`, thoonk.Invalid},
		{thoonk.FormXML, `<a xmlns="u" xmlns="v"/>`, thoonk.Invalid},
		{thoonk.FormXML, `<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>`, thoonk.Invalid},
		{thoonk.FormXML, `<p:a/>`, thoonk.Invalid},
		{thoonk.FormXML, `<a p:b="1"/>`, thoonk.Invalid},
		{thoonk.FormXML, `<a><b xmlns:p="u"/><p:c/></a>`, thoonk.Invalid},
		{thoonk.FormXML, `<a xmlns:p=""/>`, thoonk.Invalid},
		{thoonk.FormXML, `<xmlns:a/>`, thoonk.Invalid},
		{thoonk.FormXML, `<a xmlns:xml="u"/>`, thoonk.Invalid},
		{thoonk.FormXML, `<?xml version="1.0"?><a/>`, thoonk.Invalid},
		{thoonk.FormXML, `<a><?pi x?></a>`, thoonk.Invalid},
		{thoonk.FormXML, `<a/><!-- c -->`, thoonk.Invalid},
		{thoonk.FormXML, `<a`, thoonk.Invalid},
		{thoonk.FormXML, `<a>`, thoonk.Invalid},
		{thoonk.FormXML, `<a></b>`, thoonk.Invalid},
		{thoonk.FormXML, `<a/><b/>`, thoonk.Invalid},
		{thoonk.FormXML, `text`, thoonk.Invalid},
		{thoonk.FormXML, `<a/>text`, thoonk.Invalid},
		{thoonk.FormXML, `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, thoonk.Invalid},
		{thoonk.FormXML, `<a>&unknown;</a>`, thoonk.Invalid},
		{"", `1`, thoonk.Invalid},
	} {
		if got := thoonk.KindOf(c.form.Check([]byte(c.body))); got != c.want {
			t.Errorf("%q as %q: %q, want %q", c.body, c.form, got, c.want)
		}
	}
}

// Whatever a form's check admits is shown again in that form by every content that admits it.
func FuzzForm(f *testing.F) {
	for _, s := range []string{`{"a":[]}`, `<a><b c="d"/></a>`, "text", "\xff", "12", "<a", "\"\\ud800\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, form := range []thoonk.Form{thoonk.FormBody, thoonk.FormText, thoonk.FormXML, thoonk.FormBase64} {
			if form.Check([]byte(s)) != nil {
				continue
			}
			for _, content := range form.Contents([]byte(s)) {
				if got := content.FormOf([]byte(s)); got != form {
					t.Errorf("%q: written as %s into %s, shown as %s", s, form, content, got)
				}
			}
		}
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("around: %w", thoonk.E(thoonk.Stale, "no %d", 1).In("If-Match").Because(io.EOF))
	if thoonk.KindOf(err) != thoonk.Stale || !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if thoonk.KindOf(nil) != "" || thoonk.KindOf(io.EOF) != thoonk.Internal {
		t.Error("kinds of other errors")
	}
	if got := err.Error(); got != "around: stale: no 1 (If-Match): EOF" {
		t.Error(got)
	}
}
