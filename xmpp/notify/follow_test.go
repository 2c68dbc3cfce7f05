package notify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mellium.im/xmpp/jid"

	"github.com/thoonkd/thoonkd/internal/stream"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/notify"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// A place to go on from is there before anybody is subscribed, and stays.
func TestPrepare(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ place, end, want thoonk.Revision }{
		{rev(3), rev(9), rev(3)}, {thoonk.Revision{}, rev(9), rev(9)}, {thoonk.Revision{}, thoonk.Revision{}, thoonk.Revision{Stamp: 1}},
	} {
		f := newFake(t)
		f.place, f.end = test.place, test.end
		if err := notify.New(notify.Options{Store: f, Streams: f, Link: f}).Prepare(t.Context(), aFence); err != nil || f.place != test.want {
			t.Errorf("%v: %v, %v", test, f.place, err)
		}
	}
}

// The place moves on once the server has acknowledged, and also where nothing was told.
func TestAcknowledged(t *testing.T) {
	run(t, func(f *fake, _ *notify.Options) { f.subscribe(thoonk.NodeSubscription{JID: "a@a.test"}) }, func(f *fake, n *notify.Notifier) {
		time.Sleep(2 * time.Second)
		f.log(event(1, thoonk.Publish, "i"), event(2, thoonk.Publish, "j"))
		f.want("two", "a@a.test item id=i", "a@a.test item id=j")
		if kept := f.places(); f.pings != 1 || !slices.Equal(kept, []thoonk.Revision{rev(2)}) {
			t.Errorf("%d pings, kept is %v", f.pings, kept)
		}
		if s := n.Stats(); s.Lag != 0 || s.Sent != 2 {
			t.Errorf("%+v", s)
		}
		f.steps <- logStep{Step: stream.Step{Kind: stream.Live}, place: rev(7)}
		if kept := f.places(); f.pings != 1 || !slices.Equal(kept, []thoonk.Revision{rev(7)}) {
			t.Errorf("%d pings, kept is %v", f.pings, kept)
		}
		time.Sleep(time.Minute) // nothing happens, and nothing is kept again
		if kept := f.places(); f.pings != 1 || len(kept) > 0 {
			t.Errorf("%d pings, kept is %v", f.pings, kept)
		}
	})
}

// A server that does not acknowledge ends the session, and what was told is told again.
func TestUnacknowledged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.feed("n", thoonk.Node{})
		f.subscribe(thoonk.NodeSubscription{JID: "a@a.test"})
		f.unheard = true
		n := notify.New(notify.Options{Store: f, Streams: f, Link: f})
		ended := f.start(n)
		f.log(event(1, thoonk.Publish, "i"))
		f.want("it is told", "a@a.test item id=i")
		time.Sleep(3 * time.Minute)
		if err := ended(); err == nil || errors.Is(err, context.Canceled) || len(f.kept) > 0 {
			t.Error(err, f.kept)
		}
		f.unheard = false
		ended = f.start(n)
		f.log(event(1, thoonk.Publish, "i"))
		f.want("it is told again", "a@a.test item id=i")
		if kept := f.places(); !slices.Equal(kept, []thoonk.Revision{rev(1)}) {
			t.Errorf("kept is %v", kept)
		}
		_ = ended()
	})
}

// Where the link takes nothing, nothing more is read; what goes to many goes in pieces of bounded size.
func TestBackPressure(t *testing.T) {
	const subscribers = 3_500 // more than three pages
	run(t, func(f *fake, _ *notify.Options) {
		for i := range subscribers {
			f.subs = append(f.subs, thoonk.NodeSubscription{Node: "n", JID: fmt.Sprintf("u%04d@a.test", i), ID: "s", Domain: domain})
		}
		f.stuck = make(chan struct{})
	}, func(f *fake, n *notify.Notifier) {
		for i := range 5 {
			f.log(event(1+i, thoonk.Publish, fmt.Sprint(i)))
		}
		time.Sleep(time.Minute)
		if f.want("nothing is taken"); f.taken != 1 || len(f.places()) > 0 || n.Stats().Sent > 200 {
			t.Errorf("%d steps are taken, and %+v", f.taken, n.Stats())
		}
		f.mu.Lock()
		close(f.stuck)
		f.stuck = nil
		f.mu.Unlock()
		told := f.told()
		if len(told) != 5*subscribers {
			t.Fatalf("%d are told", len(told))
		}
		for i, got := range told {
			if want := fmt.Sprintf("u%04d@a.test item id=%d", i%subscribers, i/subscribers); got != want {
				t.Fatalf("%d: %s, want %s", i, got, want)
			}
		}
		if most := slices.Max(f.pieces); most > 33<<10 {
			t.Errorf("a piece has %d bytes", most)
		}
		if kept := f.places(); !slices.Equal(kept, []thoonk.Revision{rev(1), rev(2), rev(3), rev(4), rev(5)}) {
			t.Errorf("kept is %v", kept)
		}
	})
}

// Redis may be away for a moment, and not for long.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.feed("n", thoonk.Node{})
		f.subscribe(thoonk.NodeSubscription{JID: "a@a.test"})
		ended := f.start(notify.New(notify.Options{Store: f, Streams: f, Link: f}))
		away := logStep{err: thoonk.E(thoonk.Unavailable, "away")}
		for range 3 {
			f.steps <- away
		}
		f.log(event(1, thoonk.Publish, "i"))
		time.Sleep(time.Second)
		f.want("it is told after", "a@a.test item id=i")
		f.places()

		set := func(away bool) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.away = away
		}
		set(true)
		f.steps <- logStep{Step: stream.Step{Kind: stream.Live}, place: rev(2)}
		time.Sleep(10 * time.Second)
		set(false)
		time.Sleep(time.Second)
		if kept := f.places(); !slices.Equal(kept, []thoonk.Revision{rev(2)}) {
			t.Errorf("kept is %v", kept)
		}
		set(true)
		f.steps <- logStep{Step: stream.Step{Kind: stream.Live}, place: rev(3)}
		time.Sleep(time.Minute)
		if err := ended(); thoonk.KindOf(err) != thoonk.Unavailable {
			t.Error(err)
		}

		f = newFake(t)
		f.broken = true
		ended = f.start(notify.New(notify.Options{Store: f, Streams: f, Link: f}))
		time.Sleep(time.Minute)
		if err := ended(); thoonk.KindOf(err) != thoonk.Unavailable {
			t.Error("who is cut off for a minute goes on waiting:", err)
		}
	})
}

// Where the log does not reach back to our place the histories tell; where one of them does not either, that is said.
func TestReset(t *testing.T) {
	run(t, func(f *fake, _ *notify.Options) {
		f.place = rev(10)
		for _, node := range []thoonk.Pattern{"n", "short", "gone", "anew", "quiet"} {
			f.subscribe(thoonk.NodeSubscription{JID: "a@a.test", Node: node})
		}
		f.subscribe(thoonk.NodeSubscription{JID: "reader@a.test", Node: "p*"}, thoonk.NodeSubscription{JID: "late@a.test", Node: "quiet", Created: rev(99).Time()})
		for _, feed := range []thoonk.FeedName{"short", "anew", "quiet", "p1", "p2"} {
			f.feed(feed, thoonk.Node{})
		}
		anew := f.feeds["anew"]
		anew.Created = rev(15).Time()
		f.feeds["anew"] = anew
		f.histories["n"] = []thoonk.Event{event(9, thoonk.Publish, "before"), event(11, thoonk.Publish, "i"), event(20, thoonk.Publish, "j"), event(31, thoonk.Publish, "after")}
		f.histories["short"] = []thoonk.Event{of("short", event(25, thoonk.Publish, "k"))}
		f.histories["anew"] = []thoonk.Event{{Feed: "anew", Kind: thoonk.Create, Revision: thoonk.Revision{Number: 1, Stamp: rev(15).Stamp}}}
		f.histories["p2"] = []thoonk.Event{{Feed: "p2", Kind: thoonk.Publish, ItemID: "l", Revision: thoonk.Revision{Number: 1, Stamp: rev(12).Stamp}}}
	}, func(f *fake, n *notify.Notifier) {
		f.steps <- logStep{Step: stream.Step{Kind: stream.Reset, Revision: rev(30)}, place: rev(30)}
		told := f.told()
		slices.Sort(told)
		want := []string{
			"a@a.test delete of anew", "a@a.test delete of gone", "a@a.test item id=i", "a@a.test item id=j", "a@a.test item id=k of short", "a@a.test reset of short",
			"reader@a.test item id=l of p2",
		}
		if !slices.Equal(told, want) {
			t.Errorf("told are %q, want %q", told, want)
		}
		if s := n.Stats(); s.Resets != 1 || f.pings != 1 || !slices.Equal(f.places(), []thoonk.Revision{rev(30)}) {
			t.Errorf("%+v, %d pings", s, f.pings)
		}

		f.steps <- logStep{Step: stream.Step{Kind: stream.Reset, Feed: "n", Revision: rev(40)}, place: rev(41)}
		f.want("of one feed", "a@a.test reset")
		f.log(event(42, thoonk.Publish, "on"))
		f.want("and then", "a@a.test item id=on")
	})
}

// Before anything was ever told nothing is missing.
func TestFirstReset(t *testing.T) {
	run(t, func(f *fake, _ *notify.Options) {
		f.place = thoonk.Revision{Stamp: 1}
		f.subscribe(thoonk.NodeSubscription{JID: "a@a.test"})
		f.histories["n"] = []thoonk.Event{{Feed: "n", Kind: thoonk.Publish, ItemID: "i", Revision: thoonk.Revision{Number: 1, Stamp: rev(12).Stamp}}}
		feed := f.feeds["n"]
		feed.Created = time.Time{} // one that an old client made: not known
		f.feeds["n"] = feed
	}, func(f *fake, _ *notify.Notifier) {
		f.steps <- logStep{Step: stream.Step{Kind: stream.Reset, Revision: rev(30)}, place: rev(30)}
		f.want("all", "a@a.test item id=i")
	})
}

// bounce is a message that came back.
func bounce(from string, condition stanza.Condition) *stanza.Stanza {
	e := stanza.New(stanza.NSClient, stanza.KindMessage).Set("type", "error").Set("from", from).
		Add(stanza.New(stanza.NSClient, "error").Add(stanza.New(stanza.NSStanzaErrors, string(condition))))
	return &stanza.Stanza{Element: e, Kind: stanza.KindMessage, Type: "error", From: jid.MustParse(from)}
}

// Who is gone is forgotten after the time of grace, by this component; who shows a sign of life, or is busy, is not.
func TestBounces(t *testing.T) {
	run(t, func(f *fake, o *notify.Options) {
		o.BounceGrace = time.Hour
		for _, who := range []string{"busy", "dead", "live"} {
			f.subscribe(thoonk.NodeSubscription{JID: who + "@a.test"})
		}
		f.subscribe(thoonk.NodeSubscription{JID: "dead@a.test", Domain: "other.a.test"}, thoonk.NodeSubscription{JID: "dead@a.test/phone"})
		f.bouncing["old@a.test"] = start.Add(-time.Hour) // by another process
	}, func(f *fake, n *notify.Notifier) {
		back := func() {
			for who, condition := range map[string]stanza.Condition{"busy": stanza.ResourceConstraint, "dead": stanza.ServiceUnavailable, "live": stanza.ItemNotFound} {
				n.Bounce(t.Context(), bounce(who+"@a.test/r", condition))
			}
		}
		back()
		time.Sleep(59 * time.Minute)
		n.Alive(t.Context(), "live@a.test")
		n.Alive(t.Context(), "old@a.test")
		if len(f.bouncing) != 1 {
			t.Errorf("%v bounce", f.bouncing)
		}
		back()
		time.Sleep(2 * time.Minute)
		back()
		var left []string
		for _, s := range f.subs {
			left = append(left, s.JID+" "+s.Domain)
		}
		if want := []string{"busy@a.test " + domain, "dead@a.test other.a.test", "live@a.test " + domain}; !slices.Equal(left, want) {
			t.Errorf("%q are left", left)
		}
		if s := n.Stats(); s.Bounces != 6 || s.Pruned != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// Subscriptions end with their lease, and others are found that another process made.
func TestTidy(t *testing.T) {
	run(t, func(f *fake, _ *notify.Options) {
		f.subscribe(thoonk.NodeSubscription{JID: "a@a.test", Expires: start.Add(30 * time.Second)})
	}, func(f *fake, n *notify.Notifier) {
		f.feed("m", thoonk.Node{})
		f.feed("o", thoonk.Node{})
		f.slow = true // this one is on its way while the others are read
		if _, err := n.PutNodeSubscription(t.Context(), thoonk.NodeSubscription{Node: "m", JID: "b@a.test", ID: "m", Domain: domain}); err != nil || !f.allowed("m") {
			t.Fatal(err)
		}
		f.subscribe(thoonk.NodeSubscription{Node: "o", JID: "c@a.test"})
		if f.allowed("o") {
			t.Error("how is it known?")
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if len(f.subs) != 1 || !f.allowed("o") || !f.allowed("m") {
			t.Errorf("%d subscriptions; followed are n %v, m %v, o %v", len(f.subs), f.allowed("n"), f.allowed("m"), f.allowed("o"))
		}
	})
}
