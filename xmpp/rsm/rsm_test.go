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
		`<max>3</max><index>99</index>`:  "[] <set xmlns='http://jabber.org/protocol/rsm'><count>7</count></set>",
	} {
		if set != "" {
			set = `<set xmlns='http://jabber.org/protocol/rsm'>` + set + `</set>`
		}
		q, err := parse(t, set)
		if err != nil {
			t.Fatal(err)
		}
		page, r, err := rsm.Page(q, list, 4, func(s string) string { return s })
		if got := fmt.Sprint(page, " ", r.Element().String()); err != nil || got != want {
			t.Errorf("%s:\n%s, %v\nwant\n%s", set, got, err, want)
		}
	}
	if _, _, err := rsm.Page(rsm.Query{After: "x"}, list, 4, func(s string) string { return s }); thoonk.KindOf(err) != thoonk.NotFound {
		t.Error(err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, set := range []string{
		`<max>x</max>`, `<max>-1</max>`, `<index/>`, `<after>a</after><before/>`, `<index>1</index><after>a</after>`, `<max>99999999999999999999</max>`,
	} {
		if _, err := parse(t, `<set xmlns='http://jabber.org/protocol/rsm'>`+set+`</set>`); thoonk.KindOf(err) != thoonk.Invalid {
			t.Errorf("%s: %v", set, err)
		}
	}
}
