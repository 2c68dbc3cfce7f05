package rsm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

func parse(t *testing.T, set string) (rsm.Query, error) {
	t.Helper()
	e, err := stanza.Parse([]byte(`<query xmlns='urn:x'>` + set + `</query>`))
	if err != nil {
		t.Fatal(err)
	}
	return rsm.Parse(e)
}

func TestPages(t *testing.T) {
	t.Parallel()
	list := strings.Split("abcdefg", "")
	for set, want := range map[string]string{
		``:                               "[a b c d] <set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>d</last><count>7</count></set>",
		`<max>2</max>`:                   "[a b] <set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>b</last><count>7</count></set>",
		`<max>2</max><after>b</after>`:   "[c d] <set xmlns='http://jabber.org/protocol/rsm'><first index='2'>c</first><last>d</last><count>7</count></set>",
		`<max>2</max><before/>`:          "[f g] <set xmlns='http://jabber.org/protocol/rsm'><first index='5'>f</first><last>g</last><count>7</count></set>",
		`<max>2</max><before>c</before>`: "[a b] <set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>b</last><count>7</count></set>",
		`<max>9</max><index>5</index>`:   "[f g] <set xmlns='http://jabber.org/protocol/rsm'><first index='5'>f</first><last>g</last><count>7</count></set>",
		`<max>0</max>`:                   "[] <set xmlns='http://jabber.org/protocol/rsm'><count>7</count></set>",
		`<max>3</max><after>g</after>`:   "[] <set xmlns='http://jabber.org/protocol/rsm'><count>7</count></set>",
		`<max>3</max><index>9223372036854775807</index>`: "[] <set xmlns='http://jabber.org/protocol/rsm'><count>7</count></set>",
		`<max>3</max><index>99</index>`:                  "[] <set xmlns='http://jabber.org/protocol/rsm'><count>7</count></set>",
	} {
		if set != "" {
			set = `<set xmlns='http://jabber.org/protocol/rsm'>` + set + `</set>`
		}
		q, err := parse(t, set)
		if err != nil {
			t.Fatal(err)
		}
		page, r, err := rsm.Page(q, list, 4, func(s string) string { return s }, nil)
		if got := fmt.Sprint(page, " ", r.Element().String()); err != nil || got != want {
			t.Errorf("%s:\n%s, %v\nwant\n%s", set, got, err, want)
		}
	}
	if _, _, err := rsm.Page(rsm.Query{After: "x"}, list, 4, func(s string) string { return s }, nil); thoonk.KindOf(err) != thoonk.NotFound {
		t.Error(err)
	}
}

// What makes a page too long is left to the next one, whichever way it goes; one entry is always there.
func TestBytes(t *testing.T) {
	t.Parallel()
	list := []string{"a", "b", "c", "d"}
	half := func(string) int { return rsm.MaxBytes / 2 }
	whole := func(string) int { return rsm.MaxBytes + 1 }
	for _, test := range []struct {
		set  string
		size func(string) int
		want string
	}{
		{``, half, "[a b] 0"}, {`<after>a</after>`, half, "[b c] 1"}, {`<before/>`, half, "[c d] 2"}, {`<before>d</before>`, half, "[b c] 1"},
		{``, whole, "[a] 0"}, {`<before/>`, whole, "[d] 3"}, {`<after>d</after>`, whole, "[] 4"},
	} {
		q, err := parse(t, `<set xmlns='http://jabber.org/protocol/rsm'>`+test.set+`</set>`)
		if err != nil {
			t.Fatal(err)
		}
		page, r, err := rsm.Page(q, list, 10, func(s string) string { return s }, test.size)
		if got := fmt.Sprint(page, r.Index); err != nil || got != test.want {
			t.Errorf("%s: %s, %v, want %s", test.set, got, err, test.want)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, set := range []string{
		`<max>1</max></set><set xmlns='http://jabber.org/protocol/rsm'>`,
		`<max>x</max>`, `<max>-1</max>`, `<index/>`, `<after>a</after><before/>`, `<index>1</index><after>a</after>`, `<max>99999999999999999999</max>`,
	} {
		if _, err := parse(t, `<set xmlns='http://jabber.org/protocol/rsm'>`+set+`</set>`); thoonk.KindOf(err) != thoonk.Invalid {
			t.Errorf("%s: %v", set, err)
		}
	}
}
