package stanza

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

func mustParse(t *testing.T, s string) *Element {
	t.Helper()
	e, err := Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestReplies(t *testing.T) {
	t.Parallel()
	q := mustParse(t, `<iq type='set' id='a&apos;b' from='Ä@a.test/☺' to='t.test'><x xmlns='u'/></iq>`)
	for _, test := range []struct{ got, want string }{
		{string(AppendResult(nil, q, nil)), `<iq type='result' id='a&apos;b' from='t.test' to='Ä@a.test/☺'/>`},
		{string(AppendResult(nil, q, New("u", "y").AddText("<"))), `<iq type='result' id='a&apos;b' from='t.test' to='Ä@a.test/☺'><y xmlns='u'>&lt;</y></iq>`},
		{string(AppendError(nil, q, Pubsub(BadRequest, "nodeid-required").WithText("name it"))),
			`<iq type='error' id='a&apos;b' from='t.test' to='Ä@a.test/☺'><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
				`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>name it</text><nodeid-required xmlns='http://jabber.org/protocol/pubsub#errors'/></error></iq>`},
	} {
		if test.got != test.want {
			t.Errorf("got  %s\nwant %s", test.got, test.want)
		}
	}
	long := New(NSClient, KindIQ).Set("id", strings.Repeat("'", MaxID)).Set("from", strings.Repeat("'", maxAddress)).Set("to", strings.Repeat("'", maxAddress))
	text := strings.Repeat("'☺", 200_000)
	if got := AppendError(nil, long, Unsupported(text).WithText(text)); !Answerable(long) || len(got) > 400<<10 || !utf8.Valid(got) {
		t.Errorf("an error has %d bytes", len(got))
	}
	for _, name := range []string{"id", "from", "to"} {
		if Answerable(mustParse(t, long.String()).Set(name, strings.Repeat("'", maxAddress+1))) {
			t.Errorf("a longer %s is answered", name)
		}
	}
	e := ParseError(mustParse(t, string(AppendError(nil, q, Unsupported("subscribe").WithText("no")))))
	if got := fmt.Sprint(e, " ", e.App.Attr("feature")); got != "cancel/feature-not-implemented + unsupported: no subscribe" {
		t.Error(got)
	}
}

func TestFromError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("x: %w", Err(NotAllowed)), "cancel/not-allowed"},
		{thoonk.E(thoonk.NotFound, "gone").Because(errors.New("secret")), "cancel/item-not-found: gone"},
		{thoonk.E(thoonk.TooLarge, "big"), "modify/not-acceptable + payload-too-big: big"},
		{thoonk.E(thoonk.Internal, "internal error"), "cancel/internal-server-error"},
		{errors.New("secret"), "cancel/internal-server-error"},
		{context.DeadlineExceeded, "wait/resource-constraint"},
	} {
		if got := FromError(test.err).Error(); got != test.want {
			t.Errorf("%v: got %s, want %s", test.err, got, test.want)
		}
	}
	for _, k := range []thoonk.Kind{
		thoonk.Invalid, thoonk.Unprocessable, thoonk.Unauthenticated, thoonk.Forbidden, thoonk.NotFound, thoonk.Conflict, thoonk.Stale,
		thoonk.Gone, thoonk.TooLarge, thoonk.Limited, thoonk.Unsupported, thoonk.Unavailable, thoonk.Unconfirmed,
	} {
		if FromError(thoonk.E(k, "x")).Condition == InternalServerError {
			t.Errorf("kind %s has no condition", k)
		}
	}
}

func TestParseStanza(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<iq type='get' id='1' from='a@b.test/c' to='t.test'><q xmlns='u'/></iq>`: "",
		`<iq type='get' id='1' from='a@b_c.test' to='t.test'><q xmlns='u'/></iq>`: "modify/jid-malformed",
		`<iq type='get' id='1' from='☺ a@b.test' to='t.test'><q xmlns='u'/></iq>`: "modify/jid-malformed",
		`<iq type='get' id='1' to='t.test'><q xmlns='u'/></iq>`:                   "modify/jid-malformed",
		`<iq type='get' id='1' from='a@b.test' to='t.test'/>`:                     "modify/bad-request",
		`<iq type='get' id='1' from='a@b.test' to='t.test'>text</iq>`:             "modify/bad-request",
		`<iq type='get' id='1' from='a@b.test' to='t.test'><a/><b/></iq>`:         "modify/bad-request",
		`<iq type='get' from='a@b.test' to='t.test'><q xmlns='u'/></iq>`:          "modify/bad-request",
		`<iq xmlns='u' type='get' id='1' from='a@b.test' to='t.test'><q/></iq>`:   "cancel/unsupported-stanza-type",
		`<bogus from='a@b.test' to='t.test'/>`:                                    "cancel/unsupported-stanza-type",
	} {
		s, err := ParseStanza(mustParse(t, in))
		if err == nil {
			_, err = ParseIQ(s)
		}
		var got string
		if err != nil {
			got = FromError(err).OfType(FromError(err).Type).WithText("").Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}
