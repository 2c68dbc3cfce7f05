package service_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/rsm"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// maxAnswer is less than servers take.
const maxAnswer = 480 << 10

// pages asks for a list page by page, each after the last entry of the one before, and returns the ids of all entries.
func (f *fixture) pages(name string, ask func(set string) string, id string) (ids []string) {
	f.Helper()
	after := ""
	for range 1000 {
		answer := f.iq(name, "get", ask("<set xmlns='http://jabber.org/protocol/rsm'>"+after+"</set>"))
		if len(answer) > maxAnswer {
			f.Fatalf("an answer of %d bytes", len(answer))
		}
		e, err := stanza.Parse([]byte(answer))
		if err != nil || e.Attr("type") != "result" {
			f.Fatalf("%v: %.500s", err, answer)
		}
		set, list := e.First().Child(rsm.NS, "set"), e.First().First()
		if e.First().Name.Local == "query" {
			set, list = e.First().Child(rsm.NS, "set"), e.First()
		}
		for entry := range list.Children() {
			if entry.Name.Space != rsm.NS {
				ids = append(ids, entry.Attr(id))
			}
		}
		last := set.Child(rsm.NS, "last").Text()
		if last == "" {
			return ids
		}
		after = "<after>" + string(stanza.AppendText(nil, last)) + "</after>"
	}
	f.Fatal("the list does not end")
	return nil
}

func (f *fixture) whole(what string, ids, want []string) {
	f.Helper()
	if fmt.Sprint(ids) != fmt.Sprint(want) {
		f.Errorf("%s: %d entries, want %d: %.300v", what, len(ids), len(want), ids)
	}
}

// However long what is in a list is, no answer is longer than servers take, and all pages together have everything.
func TestLongLists(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.put("alice:n", thoonk.Config{})
	f.put("q", thoonk.Config{Type: thoonk.TypeJob})
	var want []string
	bodies := []int{10, 150_000, 90_000, 700_000, 60_000, 10, 700_000, 10} // in apostrophes, each six bytes in an answer
	for i, n := range bodies {
		id, body := fmt.Sprint("i", i), []byte(`"`+strings.Repeat("'", n/6)+`"`)
		want = append(want, id)
		_, err1 := f.store.Publish(t.Context(), thoonk.PublishItem{Feed: "alice:n", ID: thoonk.ItemID(id), Form: thoonk.FormBody, Body: body})
		_, err2 := f.store.SubmitJobs(t.Context(), thoonk.SubmitJobs{Queue: "q", Jobs: []thoonk.NewJob{{ID: thoonk.ItemID(id), Form: thoonk.FormBody, Payload: body}}})
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
	}
	list := func(node string) func(string) string {
		return func(set string) string {
			return "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='" + node + "'/>" + set + "</pubsub>"
		}
	}
	f.whole("items", f.pages("admin", list("alice:n"), "id"), want)
	f.whole("jobs", f.pages("admin", list("q"), "id"), want)
	got := f.iq("admin", "get", list("alice:n")("<set xmlns='http://jabber.org/protocol/rsm'><max>1</max><after>i2</after></set>"))
	if !strings.Contains(got, "<item id='i3'/>") {
		t.Errorf("what fits into no answer is listed as %.300s", got)
	}
	one := f.iq("admin", "get", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='alice:n'><item id='i3'/></items></pubsub>")
	if !strings.Contains(one, "<json") {
		t.Errorf("asked for alone it is %.300s", one)
	}
}

// Nor does it matter how long names and addresses are.
func TestLongNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	title := thoonk.Node{Title: strings.Repeat("'", thoonk.MaxNodeText), Access: thoonk.Open}
	var nodes, people []string
	for i := range 40 {
		name := fmt.Sprintf("n%02d%s", i, strings.Repeat("'", 500))
		f.put(thoonk.FeedName(name), thoonk.Config{Node: title})
		nodes = append(nodes, name)
	}
	var changes []thoonk.Affiliated
	for i := range 300 {
		jid := fmt.Sprintf("%s%03d@a.test", strings.Repeat("x", 1000), i)
		changes = append(changes, thoonk.Affiliated{JID: jid, Affiliation: thoonk.Member})
		people = append(people, jid)
		_, err := f.subs.PutNodeSubscription(t.Context(), thoonk.NodeSubscription{Node: thoonk.Pattern(nodes[0]), JID: jid + "/" + strings.Repeat("'", 300)})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		err := f.store.Affiliate(t.Context(), thoonk.Affiliate{Feed: thoonk.FeedName(nodes[0]), Changes: changes[100*i : 100*i+100]})
		if err != nil {
			t.Fatal(err)
		}
	}
	owner := func(verb string) func(string) string {
		return func(set string) string {
			return "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><" + verb + ` node="` + nodes[0] + `"/>` + set + "</pubsub>"
		}
	}
	f.whole("nodes", f.pages("carol", func(set string) string {
		return "<query xmlns='http://jabber.org/protocol/disco#items'>" + set + "</query>"
	}, "node"), nodes)
	f.whole("affiliations", f.pages("admin", owner("affiliations"), "jid"), people)
	subscribed := f.pages("admin", owner("subscriptions"), "jid")
	if len(subscribed) != len(people) {
		t.Errorf("%d subscriptions", len(subscribed))
	}
}
