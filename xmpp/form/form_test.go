package form_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

func parse(t *testing.T, text string) (form.Form, error) {
	t.Helper()
	e, err := stanza.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return form.Parse(e)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	want := form.Form{Type: form.Ask, FormType: "urn:x", Title: "T", Instructions: "I", Fields: []form.Field{
		form.Flag("a", "A?", true), form.Line("b", "B", ""), form.Choice("c", "C", "2", "1", "2"),
		{Var: "d", Type: form.TextMulti, Values: []string{"x", "", "<y>"}, Required: true},
	}}
	text := want.Element().String()
	if !strings.Contains(text, `<title>T</title><instructions>I</instructions><field var='FORM_TYPE' type='hidden'><value>urn:x</value></field>`) {
		t.Error(text)
	}
	got, err := parse(t, text)
	got.Title, got.Instructions = want.Title, want.Instructions // which nobody sends to us
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\n%+v\n%v", got, want, err)
	}
	if d, _ := got.Field("d"); d.Text() != "x\n\n<y>" {
		t.Errorf("%q", d.Text())
	}
	want.Type = form.Result
	if text := want.Element().String(); strings.Contains(text, "label") || strings.Contains(text, "option") {
		t.Error(text)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<y xmlns='jabber:x:data'/>`:                                                                   "a data form is needed",
		`<x xmlns='jabber:x:data'><field/></x>`:                                                        "no var",
		`<x xmlns='jabber:x:data'><field var='a'/><field var='a'/></x>`:                                "twice",
		`<x xmlns='jabber:x:data'>` + strings.Repeat(`<field var='a'/>`, 2) + `</x>`:                   "twice",
		`<x xmlns='jabber:x:data'><field var='a'>` + strings.Repeat(`<value/>`, 1001) + `</field></x>`: "at most",
	} {
		if _, err := parse(t, text); thoonk.KindOf(err) != thoonk.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
	f := form.Field{Var: "a", Values: []string{"yes"}}
	if _, err := f.Bool(); thoonk.KindOf(err) != thoonk.Invalid {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>a</value></field><field var='b'><option><value>1</value></option></field></x>`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := stanza.Parse([]byte(text))
		if err != nil {
			return
		}
		first, err := form.Parse(e)
		if err != nil {
			return
		}
		again, err := stanza.Parse([]byte(first.Element().String()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := form.Parse(again); err != nil {
			t.Fatal(err)
		}
	})
}
