package service_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// options are publish options with one field.
func options(name, value string) string {
	return `<publish-options><x xmlns='jabber:x:data' type='submit'>
		<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>
		<field var='` + name + `'><value>` + value + `</value></field></x></publish-options>`
}

// publishWith publishes as alice, who may configure too.
func (f *fixture) publishWith(node, id, options string) string {
	f.Helper()
	return f.iq("alice", "set", `<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='`+node+`'><item id='`+id+`'>
		<json xmlns='urn:xmpp:json:0'>{"a":1}</json></item></publish>`+options+`</pubsub>`)
}

func (f *fixture) put(name thoonk.FeedName, c thoonk.Config) thoonk.Revision {
	f.Helper()
	feed, _, err := f.store.PutFeed(f.Context(), thoonk.PutFeed{Name: name, Config: c})
	if err != nil {
		f.Fatal(err)
	}
	return feed.Revision
}

// Publish options are met at the moment of the write, not only when they were looked at: whoever configures the node in
// between.
func TestPreconditionsHoldInTheWrite(t *testing.T) {
	t.Parallel()
	five := thoonk.Config{Type: thoonk.TypeFeed, MaxLength: 5}
	queue := thoonk.Config{Type: thoonk.TypeJob}
	titled := func(c thoonk.Config) thoonk.Config {
		c.Node.Title = "T"
		return c
	}
	const node, jobs = "alice:n", "alice:q"
	for _, test := range []struct {
		name, node, options string
		meanwhile           func(*fixture)
		want                string
	}{
		{"nothing", node, options("pubsub#max_items", "5"), nil, "type='result'"},
		{"another bound", node, options("pubsub#max_items", "5"), func(f *fixture) { f.put(node, thoonk.Config{Type: thoonk.TypeFeed, MaxLength: 6}) }, "precondition-not-met"},
		{"another title", node, options("pubsub#max_items", "5"), func(f *fixture) { f.put(node, titled(five)) }, "type='result'"},
		{"without options", node, "", func(f *fixture) { f.put(node, titled(five)) }, "type='result'"},
		{"another access model", node, options("pubsub#access_model", "whitelist"), func(f *fixture) {
			f.put(node, thoonk.Config{Type: thoonk.TypeFeed, MaxLength: 5, Node: thoonk.Node{Access: thoonk.Open}})
		}, "precondition-not-met"},
		{"by another client", node, options("pubsub#max_items", "5"), func(f *fixture) {
			f.redis.Client().HSet(f.Context(), "feed.config:"+node, "max_length", 7)
		}, "precondition-not-met"},
		{"made anew", node, options("pubsub#max_items", "5"), func(f *fixture) {
			if err := f.store.DeleteFeed(f.Context(), thoonk.DeleteFeed{Name: node}); err != nil {
				f.Fatal(err)
			}
			f.put(node, thoonk.Config{Type: thoonk.TypeFeed, MaxLength: 6})
		}, "precondition-not-met"},
		{"a queue", jobs, options("pubsub#title", ""), func(f *fixture) { f.put(jobs, titled(queue)) }, "precondition-not-met"},
		{"a queue, otherwise", jobs, options("pubsub#description", ""), func(f *fixture) { f.put(jobs, titled(queue)) }, "type='result'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.put(node, five)
			f.put(jobs, queue)
			if test.meanwhile != nil {
				f.store.before = func() { test.meanwhile(f) }
			}
			if got := f.publishWith(test.node, "i", test.options); !strings.Contains(got, test.want) {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if f.store.before != nil && test.meanwhile != nil {
				t.Error("nothing was written")
			}
			left := f.iq("admin", "get", `<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='`+test.node+`'/></pubsub>`)
			if there := strings.Contains(left, "<item id='i'"); there != (test.want == "type='result'") {
				t.Errorf("the node has %s", left)
			}
		})
	}
}

// However a node is configured at the same time, nothing is published with options that are not met: of what the history tells,
// each item was published while the node was as its publisher wanted it.
func TestPreconditionRace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const node, publishers, each, flips = "alice:n", 4, 40, 120
	bounds := map[thoonk.Revision]string{}
	flip := func(i int) {
		wanted := 1000 + i%2
		bounds[f.put(node, thoonk.Config{Type: thoonk.TypeFeed, MaxLength: wanted})] = fmt.Sprint(wanted)
	}
	flip(0)
	var running sync.WaitGroup
	running.Go(func() {
		for i := range flips {
			flip(i + 1)
		}
	})
	g := *f // whose counter of ids is not shared
	var counting sync.Mutex
	done, refused := 0, 0
	for p := range publishers {
		running.Go(func() {
			own := g
			for i := range each {
				wanted := fmt.Sprint(1000 + (i+p)%2)
				got := own.publishWith(node, fmt.Sprintf("%s-%d-%d", wanted, p, i), options("pubsub#max_items", wanted))
				counting.Lock()
				switch {
				case strings.Contains(got, "type='result'"):
					done++
				case strings.Contains(got, "precondition-not-met"):
					refused++
				default:
					t.Error(got)
				}
				counting.Unlock()
			}
		})
	}
	running.Wait()
	page, err := f.store.Archive(t.Context(), thoonk.ArchiveQuery{Feed: node, Limit: 1000})
	if err != nil || !page.Last {
		t.Fatal(err, page.Last)
	}
	is, told := "", 0
	for _, ev := range page.Changes {
		switch ev.Kind {
		case thoonk.Create, thoonk.Configure:
			is = bounds[ev.Revision]
		case thoonk.Publish:
			told++
			if wanted, _, _ := strings.Cut(string(ev.ItemID), "-"); wanted != is {
				t.Errorf("%s was published while the node had %s", ev.ItemID, is)
			}
		}
	}
	if told != done || done+refused != publishers*each || done == 0 || refused == 0 {
		t.Errorf("%d were published, %d refused; %d are told", done, refused, told)
	}
}
