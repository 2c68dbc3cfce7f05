package mirror_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// What is on a node, and what happens to it, is in the feed that follows it, and who made it first is said.
func TestMirror(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.thoonkd("thoonk.a.test"), w.thoonkd("thoonk.b.test")
	a.feed("x", thoonk.Config{})
	b.feed("y", thoonk.Config{})
	for i := range 120 { // more than a page
		a.publish("x", thoonk.ItemID(fmt.Sprintf("i%03d", i)), "old")
	}
	b.follow("y", a.domain, "x")
	b.up()
	b.becomes("y", a.content("x"))
	b.synced("y") // what is in the list and in the history too need not come in the order in which it happened
	a.publish("x", "new", "1")
	a.publish("x", "new", "2")
	a.retract("x", "i000")
	a.publish("x", "empty", "")
	b.becomes("y", a.content("x"))
	changes := b.changes("y")
	if last := changes[len(changes)-1]; !strings.HasPrefix(last.Actor, "mirror:") || !strings.HasSuffix(last.Actor, " thoonk.a.test x") {
		t.Errorf("the last change was made by %q", last.Actor)
	}
	if s := b.state("y"); s.Counts.New != 122 || s.Counts.Updated != 1 || s.Counts.Deleted != 1 || s.Counts.Refused != 0 || s.Error != "" {
		t.Errorf("%+v", s)
	}
}

// Places of a sorted feed come along, in a list as in changes.
func TestPositions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.thoonkd("thoonk.a.test"), w.thoonkd("thoonk.b.test")
	a.feed("x", thoonk.Config{Type: thoonk.TypeSortedFeed})
	b.feed("y", thoonk.Config{Type: thoonk.TypeSortedFeed})
	for _, id := range []thoonk.ItemID{"c", "b", "a"} {
		a.publish("x", id, string(id), thoonk.Position{First: true})
	}
	b.follow("y", a.domain, "x")
	b.up()
	b.becomes("y", "a=a b=b c=c ")
	a.publish("x", "d", "d", thoonk.Position{After: "a"})
	b.becomes("y", "a=a d=d b=b c=c ")
	_, err := a.store.Move(t.Context(), thoonk.MoveItem{Feed: "x", ID: "a", Position: thoonk.Position{Last: true}})
	w.ok(err)
	a.notify("x")
	b.becomes("y", "d=d b=b c=c a=a ")
}

// What happened while nobody followed is taken in after: from the history, or, where that was trimmed, from a list, which also
// says what is gone. What was written here by others stays.
func TestDowntime(t *testing.T) {
	t.Parallel()
	for _, trimmed := range []bool{false, true} {
		t.Run(fmt.Sprint("trimmed ", trimmed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a, b := w.thoonkd("thoonk.a.test"), w.thoonkd("thoonk.b.test")
			a.feed("x", thoonk.Config{History: thoonk.HistoryBounds{Count: 10}})
			b.feed("y", thoonk.Config{})
			for _, id := range []thoonk.ItemID{"1", "2", "3", "4"} {
				a.publish("x", id, "old")
			}
			b.follow("y", a.domain, "x")
			down := b.up()
			b.synced("y")
			down()
			b.publish("y", "own", "of b")
			b.publish("y", "4", "changed at b")
			a.retract("x", "1")
			a.publish("x", "2", "new")
			for i := range map[bool]int{false: 1, true: 300}[trimmed] {
				a.publish("x", "5", fmt.Sprint(i))
			}
			b.up()
			want := "2=new 3=old 5=0 4=changed at b own=of b "
			if trimmed {
				want = strings.ReplaceAll(want, "5=0", "5=299")
			}
			until(t, func() error {
				if got := sorted(b.content("y")); got != sorted(want) {
					return fmt.Errorf("%q, want %q", got, want)
				}
				return nil
			})
		})
	}
}

// Two that mirror each other: every change arrives once, and none comes back.
func TestNoLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.thoonkd("thoonk.a.test"), w.thoonkd("thoonk.b.test")
	a.feed("x", thoonk.Config{})
	b.feed("y", thoonk.Config{})
	a.follow("x", b.domain, "y")
	b.follow("y", a.domain, "x")
	a.up()
	b.up()
	a.synced("x")
	b.synced("y")
	for i := range 20 { // quick edits of one item, from both sides
		a.publish("x", "i", fmt.Sprint("a", i))
		b.publish("y", "j", fmt.Sprint("b", i))
	}
	a.retract("x", "i")
	const want = "j=b19 "
	w.settled(a, "x", b, "y")
	a.becomes("x", want)
	b.becomes("y", want)
	for _, n := range []struct {
		of   *thoonkd
		feed thoonk.FeedName
	}{{a, "x"}, {b, "y"}} {
		if got := len(n.of.changes(n.feed)); got > 1+20+1+20 {
			t.Errorf("%s has %d changes", n.feed, got)
		}
	}
}

// Edits of one item at both ends at once: both keep the same one, and there is an end.
func TestConverge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.thoonkd("thoonk.a.test"), w.thoonkd("thoonk.b.test")
	a.feed("x", thoonk.Config{})
	b.feed("y", thoonk.Config{})
	a.follow("x", b.domain, "y")
	b.follow("y", a.domain, "x")
	downA, downB := a.up(), b.up()
	a.synced("x")
	b.synced("y")
	downA()
	downB()
	a.publish("x", "1", "a first")
	b.publish("y", "1", "b later")
	b.publish("y", "2", "b first")
	a.publish("x", "2", "a later")
	a.publish("x", "3", "a")
	b.publish("y", "3", "b")
	a.retract("x", "3")
	a.up()
	b.up()
	w.settled(a, "x", b, "y")
	const want = "1=b later 2=a later "
	if x, y := sorted(a.content("x")), sorted(b.content("y")); x != y || x != sorted(want) {
		t.Errorf("%q and %q, want %q", x, y, want)
	}
}

// Three in a ring do not go round for ever.
func TestRing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ring := []*thoonkd{w.thoonkd("thoonk.a.test"), w.thoonkd("thoonk.b.test"), w.thoonkd("thoonk.c.test")}
	for i, n := range ring {
		n.feed("x", thoonk.Config{})
		n.follow("x", ring[(i+1)%3].domain, "x")
	}
	for _, n := range ring {
		n.up()
	}
	for _, n := range ring {
		n.synced("x")
	}
	for i := range 10 {
		ring[i%3].publish("x", "i", fmt.Sprint(i))
	}
	until(t, func() error {
		for _, n := range ring {
			n.notify("x")
		}
		for _, n := range ring {
			if got := n.content("x"); got != "i=9 " {
				return fmt.Errorf("%s has %q", n.domain, got)
			}
		}
		return nil
	})
	before := 0
	until(t, func() error {
		now := 0
		for _, n := range ring {
			n.notify("x")
			now += len(n.changes("x"))
		}
		was := before
		if before = now; was != now {
			return fmt.Errorf("there are %d changes now", now)
		}
		return nil
	})
	if before > 3*(1+10) {
		t.Errorf("%d changes", before)
	}
}

// Each new item becomes a job, once, however often it is seen.
func TestJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.thoonkd("thoonk.a.test"), w.thoonkd("thoonk.b.test")
	a.feed("x", thoonk.Config{History: thoonk.HistoryBounds{Count: 5}})
	b.feed("q", thoonk.Config{Type: thoonk.TypeJob})
	a.publish("x", "old", "1")
	b.follow("q", a.domain, "x")
	down := b.up()
	b.jobs("q", 1)
	a.publish("x", "new", "2")
	a.publish("x", "new", "3") // the same job
	b.jobs("q", 2)
	down()
	for i := range 300 { // the history has less
		a.publish("x", thoonk.ItemID(fmt.Sprint(i%30)), "4")
	}
	b.up()
	b.jobs("q", 32)
	jobs, err := b.store.Jobs(t.Context(), thoonk.JobQuery{Queue: "q", State: thoonk.JobQueued, Limit: 1})
	w.ok(err)
	if j := jobs.Jobs[0]; j.ID != "old" || string(j.Payload) != "1" || !strings.HasSuffix(j.Submitter, " thoonk.a.test x") {
		t.Errorf("%+v", j)
	}
}

func (n *thoonkd) jobs(queue thoonk.FeedName, want int64) {
	n.Helper()
	until(n.T, func() error {
		jobs, err := n.store.Jobs(n.Context(), thoonk.JobQuery{Queue: queue, Limit: 1000})
		if err != nil || int64(len(jobs.Jobs)) != want {
			return fmt.Errorf("%d jobs, want %d, %w; %+v", len(jobs.Jobs), want, err, n.state(queue))
		}
		return nil
	})
}

// settled waits until two that follow each other have nothing more to tell.
func (w *world) settled(a *thoonkd, x thoonk.FeedName, b *thoonkd, y thoonk.FeedName) {
	w.Helper()
	until(w.T, func() error {
		a.notify(x)
		b.notify(y)
		at, bt := a.changes(x), b.changes(y)
		if lastA, lastB := at[len(at)-1].Revision.String(), bt[len(bt)-1].Revision.String(); a.state(x).Node.Last != lastB || b.state(y).Node.Last != lastA {
			return fmt.Errorf("%s and %s are not at %s and %s", a.state(x).Node.Last, b.state(y).Node.Last, lastB, lastA)
		}
		return nil
	})
}

func sorted(content string) string {
	parts := strings.Split(strings.TrimSpace(content), " ")
	var items []string
	for _, p := range parts { // a body may have spaces in it
		if strings.Contains(p, "=") || len(items) == 0 {
			items = append(items, p)
		} else {
			items[len(items)-1] += " " + p
		}
	}
	slices.Sort(items)
	return strings.Join(items, "|")
}
