package event_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/event"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

const service = "thoonk.a.test"

func message(p event.Parts) *stanza.Element {
	return stanza.New(stanza.NSClient, stanza.KindMessage).Add(p.Event, p.Position, event.Headers(event.HeaderOrigin, p.Origin), event.ArchiveID(service, rev))
}

var rev = thoonk.Revision{Number: 7, Stamp: 1763874399123456}

// Whatever is written is read back; the message is what a subscriber gets.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	mirror := event.Origin{Stamp: 5, Service: "pubsub.b.test", Node: "their node"}
	for _, test := range []struct {
		ev    thoonk.Event
		event string
		want  event.Change
	}{
		{thoonk.Event{Kind: thoonk.Publish, ItemID: "i", Body: []byte("1")},
			`<items node='f'><item id='i'><json xmlns='urn:xmpp:json:0'>1</json></item></items>`, event.Change{Kind: event.Published, ItemID: "i"}},
		{thoonk.Event{Kind: thoonk.Edit, ItemID: "i"},
			`<items node='f'><item id='i'><text xmlns='urn:thoonk:feed:0'/></item></items>`, event.Change{Kind: event.Published, ItemID: "i"}},
		{thoonk.Event{Kind: thoonk.Moved, ItemID: "i", Position: thoonk.Position{After: "j"}},
			`<items node='f'><item id='i'/></items></event><position xmlns='urn:thoonk:feed:0' after='j'/>`,
			event.Change{Kind: event.Published, ItemID: "i", Position: thoonk.Position{After: "j"}}},
		{thoonk.Event{Kind: thoonk.Retract, ItemID: "i", Actor: mirror.Actor()},
			`<items node='f'><retract id='i'/></items></event><headers xmlns='http://jabber.org/protocol/shim'><header name='Origin'>5 pubsub.b.test their node</header></headers>`,
			event.Change{Kind: event.Retracted, ItemID: "i", Origin: mirror}},
		{thoonk.Event{Kind: thoonk.Create}, `<configuration node='f'/>`, event.Change{Kind: event.Other}},
		{thoonk.Event{Kind: thoonk.Configure}, `<configuration node='f'/>`, event.Change{Kind: event.Other}},
		{thoonk.Event{Kind: thoonk.Delete}, `<delete node='f'/>`, event.Change{Kind: event.Deleted}},
	} {
		test.ev.Feed, test.want.Node, test.want.ArchiveID = "f", "f", rev.String()
		m := message(event.Encode(syndication.Source{Feed: thoonk.Feed{Name: "f"}}, test.ev, true))
		if got := m.String(); !strings.Contains(got, "<event xmlns='http://jabber.org/protocol/pubsub#event'>"+test.event) {
			t.Errorf("%s: %s", test.ev.Kind, got)
		}
		changes, err := event.Decode(m, service)
		if err != nil || len(changes) != 1 {
			t.Errorf("%s: %v, %v", test.ev.Kind, changes, err)
			continue
		}
		if (changes[0].Payload != nil) != test.ev.HasBody() {
			t.Errorf("%s: payload %v", test.ev.Kind, changes[0].Payload)
		}
		changes[0].Payload = nil
		if !reflect.DeepEqual(changes[0], test.want) {
			t.Errorf("%s:\n\tgot  %+v\n\twant %+v", test.ev.Kind, changes[0], test.want)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	const ns = "<event xmlns='http://jabber.org/protocol/pubsub#event'>"
	for in, want := range map[string]int{
		"<message/>":                            0,
		"<message>" + ns + "</event></message>": 1, // something else
		"<message>" + ns + "<items node='f'><item id='a'/><retract id='b'/><odd/></items></event></message>":                 2,
		"<message>" + ns + "<items node='f'/></event></message>":                                                             0,
		"<message>" + ns + "<items node='f'><item/></items></event></message>":                                               -1,
		"<message>" + ns + "<purge node='f'/></event><position xmlns='urn:thoonk:feed:0'/></message>":                        -1,
		"<message>" + ns + "<items node='f'>" + strings.Repeat("<retract id='b'/>", 1001) + "</items></event></message>":     -1,
		"<message>" + ns + "<purge node='f'/></event><stanza-id xmlns='urn:xmpp:sid:0' by='mallory.test' id='1'/></message>": 1,
		"<message>" + ns + "<delete node='f'><redirect uri='xmpp:x?;node=y'/></delete></event></message>":                    1,
	} {
		e, err := stanza.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.Decode(e, service)
		if (err != nil) != (want < 0) || err == nil && len(got) != want {
			t.Errorf("%.200s: %+v, %v", in, got, err)
		}
		for _, c := range got {
			if c.ArchiveID != "" {
				t.Errorf("%s: the id of another's archive counts", in)
			}
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"5 a.test x": true, "5 a.test x y ": true, "0 a.test x": true, "5 u@a.test x": true,
		"": false, "5": false, "5 a.test": false, "5 a.test ": false, "-5 a.test x": false, "x a.test x": false, "5 @ x": false, "5 A.test x": false,
		"5 a.test " + strings.Repeat("x", 3000): false, "18446744073709551615 a.test x": false,
	} {
		o, got := event.ParseOrigin(s)
		if got != ok || ok && o.String() != s {
			t.Errorf("%.100q: %v, %v", s, o, got)
		}
	}
	a, b := event.Origin{Stamp: 5, Service: "a.test", Node: "x"}, event.Origin{Stamp: 5, Service: "b.test", Node: "x"}
	if a.Newer(b) || !b.Newer(a) || a.Newer(a) || !(event.Origin{Stamp: 6}).Newer(b) || !(event.Origin{Stamp: 5, Service: "a.test", Node: "y"}).Newer(a) {
		t.Error("origins are not in a total order")
	}
	ev := thoonk.Event{Feed: "f", Revision: rev, Actor: "xmpp:u@a.test"}
	if got := event.OriginOf(ev, service); got != (event.Origin{Stamp: rev.Stamp, Service: service, Node: "f"}) {
		t.Errorf("%+v", got)
	}
	ev.Actor = a.Actor()
	if got := event.OriginOf(ev, service); got != a {
		t.Errorf("%+v", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("<message><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='f'><item id='a'><x/></item></items></event>" +
		"<headers xmlns='http://jabber.org/protocol/shim'><header name='Origin'>5 a.test x</header></headers></message>")
	f.Fuzz(func(t *testing.T, in string) {
		e, err := stanza.Parse([]byte(in))
		if err != nil {
			return
		}
		changes, err := event.Decode(e, service)
		for _, c := range changes {
			if c.Kind == 0 || (c.Kind == event.Published || c.Kind == event.Retracted) && c.ItemID == "" || err != nil {
				t.Errorf("%+v, %v", c, err)
			}
		}
	})
}
