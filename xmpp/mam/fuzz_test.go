package mam

import (
	"testing"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Whatever a query says, what comes of it is bounded.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`<query xmlns='urn:xmpp:mam:2' queryid='q' node='f'><set xmlns='http://jabber.org/protocol/rsm'><max>10</max><before/></set><flip-page/></query>`,
		`<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>` +
			`<field var='start'><value>2026-11-29T12:00:00Z</value></field><field var='with'><value>a@b</value></field>` +
			`<field var='after-id'><value>1-1</value></field></x></query>`,
		`<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>` +
			`<field var='ids'><value>1-1</value><value>2-1</value></field></x></query>`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := stanza.Parse([]byte(text))
		if err != nil {
			return
		}
		q, err := parse(e, jid.MustParse("thoonk.a.test"))
		if err != nil {
			if stanza.FromError(err).Condition == stanza.InternalServerError {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		s := q.stretch
		if len(q.id) > longestID || len(q.ids) > mostIDs || s.Limit < 0 || s.Limit > mostChanges || s.Skip < 0 ||
			!s.Start.IsZero() && s.Start.UnixMicro() < 0 || !s.End.IsZero() && s.End.UnixMicro() < 0 || !s.After.IsZero() && s.Backward {
			t.Errorf("%q: %+v", text, q)
		}
	})
}
