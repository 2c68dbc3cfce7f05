package notify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/form"
	"github.com/thoonkd/thoonkd/xmpp/notify"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// Who is told of a change, in what order, and how often.
func TestWhoIsTold(t *testing.T) {
	run(t, func(f *fake, _ *notify.Options) {
		f.subscribe(
			thoonk.NodeSubscription{JID: "a@a.test"},
			thoonk.NodeSubscription{JID: "b@a.test", ID: "one"},
			thoonk.NodeSubscription{JID: "b@a.test", ID: "two", Options: thoonk.NodeOptions{IncludeBody: true}},
			thoonk.NodeSubscription{JID: "b@a.test/phone"},
			thoonk.NodeSubscription{JID: "c@a.test", Options: thoonk.NodeOptions{NoDeliver: true}},
			thoonk.NodeSubscription{JID: "d@a.test", Pending: true},
			thoonk.NodeSubscription{JID: "e@a.test", Domain: "other.a.test"},
			thoonk.NodeSubscription{JID: "f@a.test", Expires: start},
			thoonk.NodeSubscription{JID: "g@a.test", Expires: start.Add(time.Hour)},
			thoonk.NodeSubscription{JID: "h@a.test", Created: rev(2).Time()},
			thoonk.NodeSubscription{JID: "outcast@a.test"},
			thoonk.NodeSubscription{JID: "publisher@a.test"},
			thoonk.NodeSubscription{JID: "reader@a.test", Node: "n*"},
			thoonk.NodeSubscription{JID: "stranger@a.test", Node: "*"},
			thoonk.NodeSubscription{JID: "z@a.test", Node: "m"},
		)
		f.affiliations["n"] = []thoonk.Affiliated{
			{JID: "outcast@a.test", Affiliation: thoonk.Outcast}, {JID: "publisher@a.test", Affiliation: thoonk.PublishOnly},
		}
		f.feed("m", thoonk.Node{})
	}, func(f *fake, n *notify.Notifier) {
		f.log(event(1, thoonk.Publish, "i"))
		synctest.Wait()
		var collection, both string
		for _, m := range f.sent {
			if strings.Contains(m, "to='reader@a.test'") {
				collection = m
			}
			if strings.Contains(m, "to='b@a.test'") {
				both = m
			}
			if strings.Contains(m, "<body>") != strings.Contains(m, "to='b@a.test'") || !strings.Contains(m, "<stanza-id xmlns='urn:xmpp:sid:0' by='"+domain+"' id='"+rev(1).String()+"'/>") {
				t.Error(m)
			}
		}
		f.want("a publish", "a@a.test item id=i", "b@a.test item id=i", "b@a.test/phone item id=i", "g@a.test item id=i", "reader@a.test item id=i")
		if !strings.Contains(collection, ">n*</header>") || strings.Count(both, "<header name='SubID'>") != 2 {
			t.Errorf("%s\n%s", collection, both)
		}
		f.log(event(2, thoonk.Retract, "i"), of("m", event(3, thoonk.Publish, "j")), of("elsewhere", event(4, thoonk.Publish, "k")))
		f.want("others", "a@a.test retract id=i", "b@a.test retract id=i", "b@a.test/phone retract id=i", "g@a.test retract id=i", "h@a.test retract id=i",
			"reader@a.test retract id=i", "z@a.test item id=j of m")
		if s := n.Stats(); s.Sent != 12 {
			t.Errorf("%+v", s)
		}
		for feed, want := range map[thoonk.FeedName]bool{"n": true, "m": true, "nn": true, "o": true} { // "o" by "*"
			if f.allowed(feed) != want {
				t.Errorf("%s is followed: %v", feed, !want)
			}
		}
	})
}

// What a node's configuration says of notifications.
func TestSettings(t *testing.T) {
	t.Parallel()
	const publish, retract, configure, end = "item id=i", "retract id=i", "configuration", "delete"
	for name, test := range map[string]struct {
		node thoonk.Node
		want []string
	}{
		"as usual":         {thoonk.Node{}, []string{publish, retract, end}},
		"no notifications": {thoonk.Node{NoNotifications: true}, []string{end}},
		"no retracts":      {thoonk.Node{NoRetracts: true}, []string{publish, end}},
		"no deletes":       {thoonk.Node{NoDeletes: true}, []string{publish, retract}},
		"configurations":   {thoonk.Node{TellConfig: true}, []string{publish, retract, configure, end}},
		"no payloads":      {thoonk.Node{NoPayloads: true}, []string{publish, retract, end}},
		"normal":           {thoonk.Node{MessageType: thoonk.MessageNormal}, []string{publish, retract, end}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(f *fake, o *notify.Options) {
				f.subscribe(thoonk.NodeSubscription{JID: "a@a.test"})
				f.feed("n", test.node)
				o.Config = func(thoonk.Config) *stanza.Element {
					return form.Form{Type: form.Result, FormType: "described"}.Element()
				}
			}, func(f *fake, _ *notify.Notifier) {
				f.log(event(1, thoonk.Create, ""), event(2, thoonk.Publish, "i"), event(3, thoonk.Retract, "i"), event(4, thoonk.Configure, ""), event(5, thoonk.Delete, ""))
				synctest.Wait()
				for _, m := range f.sent {
					if strings.Contains(m, "type='headline'") == (test.node.MessageType == thoonk.MessageNormal) {
						t.Error(m)
					}
					if strings.Contains(m, "<item id=") && strings.Contains(m, "body of i") == test.node.NoPayloads {
						t.Error(m)
					}
					if strings.Contains(m, "<configuration") && !strings.Contains(m, "described") {
						t.Error(m)
					}
				}
				var want []string
				for _, w := range test.want {
					want = append(want, "a@a.test "+w)
				}
				f.want(name, want...)
				if len(f.subs) > 0 {
					t.Error("the node is gone, and somebody is subscribed to it")
				}
			})
		})
	}
}

// Who retracts may want it told though the node does not; a subscription made after the end of a node is to the next one of that name.
func TestExceptions(t *testing.T) {
	run(t, func(f *fake, _ *notify.Options) {
		f.feed("n", thoonk.Node{NoRetracts: true})
		f.subscribe(thoonk.NodeSubscription{JID: "a@a.test"}, thoonk.NodeSubscription{JID: "b@a.test", Created: rev(5).Time()})
	}, func(f *fake, _ *notify.Notifier) {
		wanted := event(1, thoonk.Retract, "i")
		wanted.Notify = true
		f.log(wanted, event(2, thoonk.Retract, "j"), event(3, thoonk.Delete, ""), event(6, thoonk.Publish, "k"))
		f.want("all", "a@a.test retract id=i", "a@a.test delete", "b@a.test item id=k")
	})
}

// Of jobs those are told whose job it is, and those who may read.
func TestJobs(t *testing.T) {
	run(t, func(f *fake, _ *notify.Options) {
		for _, jid := range []string{"a@a.test", "b@a.test", "reader@a.test"} {
			f.subscribe(thoonk.NodeSubscription{JID: jid})
		}
	}, func(f *fake, _ *notify.Notifier) {
		f.log(thoonk.Event{Feed: "n", Revision: rev(1), Kind: thoonk.Finish, ItemID: "j", Job: true, Submitter: "xmpp:a@a.test"})
		f.want("a job", "a@a.test item id=j", "reader@a.test item id=j")
	})
}

// Where rosters decide, each subscriber stands in one, or is let in by something else.
func TestByRoster(t *testing.T) {
	var asked []string
	failing := errors.New("the link is gone")
	run(t, func(f *fake, o *notify.Options) {
		f.feed("n", thoonk.Node{Access: thoonk.Presence})
		f.affiliations["n"] = []thoonk.Affiliated{{JID: "owner@a.test", Affiliation: thoonk.Owner}, {JID: "member@a.test", Affiliation: thoonk.Member}}
		for _, jid := range []string{"friend@a.test/phone", "member@a.test", "owner@a.test", "reader@a.test", "stranger@a.test"} {
			f.subscribe(thoonk.NodeSubscription{JID: jid})
		}
		o.Admits = func(_ context.Context, node thoonk.Node, owners []string, bare string) (bool, error) {
			if node.Access != thoonk.Presence || !slices.Equal(owners, []string{"owner@a.test"}) {
				t.Errorf("asked about %+v and %v", node, owners)
			}
			asked = append(asked, bare)
			if len(asked) > 4 {
				return false, failing
			}
			return bare == "friend@a.test", nil
		}
	}, func(f *fake, _ *notify.Notifier) {
		f.log(event(1, thoonk.Publish, "i"))
		f.want("a publish", "friend@a.test/phone item id=i", "member@a.test item id=i", "owner@a.test item id=i", "reader@a.test item id=i")
		f.log(event(2, thoonk.Delete, ""))
		f.want("that a node is gone is no secret", "friend@a.test/phone delete", "member@a.test delete", "owner@a.test delete", "reader@a.test delete", "stranger@a.test delete")
		if want := []string{"friend@a.test", "stranger@a.test"}; !slices.Equal(asked, want) {
			t.Errorf("asked for %v", asked)
		}
	})
}

// A roster that cannot be had because the link is gone withholds nothing: all is told again by whoever has the link then.
func TestRosterUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.feed("n", thoonk.Node{Access: thoonk.Presence})
		f.subscribe(thoonk.NodeSubscription{JID: "a@a.test"})
		gone := thoonk.E(thoonk.Unavailable, "the link is gone")
		ended := f.start(notify.New(notify.Options{Store: f, Streams: f, Link: f, Admits: func(context.Context, thoonk.Node, []string, string) (bool, error) {
			return false, gone
		}}))
		f.log(event(1, thoonk.Publish, "i"))
		if err := ended(); !errors.Is(err, gone) || len(f.kept) > 0 {
			t.Error(err, f.kept)
		}
		f = newFake(t)
		f.feed("n", thoonk.Node{Access: thoonk.Presence})
		f.subscribe(thoonk.NodeSubscription{JID: "a@a.test"})
		ended = f.start(notify.New(notify.Options{Store: f, Streams: f, Link: f})) // where no rosters can be had at all
		f.log(event(1, thoonk.Publish, "i"))
		f.want("nobody knows anybody")
		if err := ended(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A body that makes a message too long for the server is left out.
func TestLongBody(t *testing.T) {
	run(t, func(f *fake, _ *notify.Options) {
		f.most = 20_000
		f.subscribe(thoonk.NodeSubscription{JID: "a@a.test"})
	}, func(f *fake, _ *notify.Notifier) {
		long := event(1, thoonk.Publish, "long")
		long.Body = []byte(strings.Repeat("<", 2_000))
		long.BodySize = len(long.Body)
		f.log(long, event(2, thoonk.Publish, "short"))
		synctest.Wait()
		if len(f.sent) != 2 || strings.Contains(f.sent[0], "&lt;") || !strings.Contains(f.sent[1], "body of short") {
			t.Errorf("%.300s", f.sent)
		}
	})
}

// A purge is told as one, once it is complete. One that stops is told for what it was.
func TestPurges(t *testing.T) {
	part := func(n int, id string, p thoonk.PurgePart) thoonk.Event {
		ev := event(n, thoonk.Retract, id)
		ev.Purge = p
		return ev
	}
	run(t, func(f *fake, _ *notify.Options) {
		f.subscribe(thoonk.NodeSubscription{JID: "a@a.test"}, thoonk.NodeSubscription{JID: "a@a.test", Node: "m"})
		f.feed("m", thoonk.Node{})
	}, func(f *fake, n *notify.Notifier) {
		f.log(part(1, "1", thoonk.Purging), part(2, "2", thoonk.Purging))
		f.want("a purge that goes on")
		if kept := f.places(); len(kept) > 0 {
			t.Errorf("it would not be known after a restart: %v", kept)
		}
		f.log(part(3, "3", thoonk.Purging), of("m", event(4, thoonk.Publish, "x")), part(5, "4", thoonk.Purged))
		f.want("one that is complete", "a@a.test item id=x of m", "a@a.test purge")
		if kept := f.places(); !slices.Equal(kept, []thoonk.Revision{rev(5)}) {
			t.Errorf("kept is %v", kept)
		}

		f.log(part(6, "5", thoonk.Purging), part(7, "6", thoonk.Purging), event(8, thoonk.Publish, "7"))
		f.want("one in which somebody publishes", "a@a.test retract id=5", "a@a.test retract id=6", "a@a.test item id=7")

		f.log(part(9, "8", thoonk.Purging))
		f.want("one that begins")
		time.Sleep(4 * time.Second)
		f.want("one that may go on")
		time.Sleep(7 * time.Second)
		f.want("one that stopped", "a@a.test retract id=8")
		if kept := f.places(); !slices.Equal(kept, []thoonk.Revision{rev(8), rev(9)}) {
			t.Errorf("kept is %v", kept)
		}

		many := func(from int) {
			var events []thoonk.Event
			for i := range 12_000 {
				events = append(events, part(from+i, fmt.Sprint(i), thoonk.Purging))
			}
			f.log(events...)
		}
		many(100)
		f.log(part(13_000, "last", thoonk.Purged))
		f.want("one of many items", "a@a.test purge")
		many(14_000)
		time.Sleep(15 * time.Second)
		f.want("one of many that stopped", "a@a.test reset")
		if s := n.Stats(); s.Resets != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// The last item goes to who has just subscribed, as one that was published before.
func TestLast(t *testing.T) {
	run(t, func(f *fake, _ *notify.Options) {
		f.feed("empty", thoonk.Node{})
		f.feeds["jobs"] = thoonk.Feed{Name: "jobs", Config: thoonk.Config{Type: thoonk.TypeJob}}
		f.items["n"] = []thoonk.Item{{ID: "old"}, {ID: "new", Body: []byte("x"), Revision: rev(1), Updated: rev(1).Time()}}
	}, func(f *fake, n *notify.Notifier) {
		for _, node := range []thoonk.Pattern{"n", "empty", "jobs", "*", "gone"} {
			n.Last(t.Context(), thoonk.NodeSubscription{Node: node, JID: "a@a.test", ID: "s"})
		}
		if len(f.sent) != 1 || !strings.Contains(f.sent[0], "<delay xmlns='urn:xmpp:delay' stamp='2000-01-01T00:00:01Z'/>") {
			t.Errorf("%q", f.sent)
		}
		f.want("the last", "a@a.test item id=new")
	})
}
