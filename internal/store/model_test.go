package store_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// model is a feed as simple as can be: ids in their order, and bodies.
type model struct {
	sorted    bool
	maxLength int
	order     []string
	bodies    map[string]string
	made      int // ids that a sorted feed has given out
}

func (m *model) remove(id string) {
	m.order = slices.DeleteFunc(m.order, func(o string) bool { return o == id })
	delete(m.bodies, id)
}

// publish is that of a plain feed: an edit makes the item the newest.
func (m *model) publish(id, body string, faulty bool) {
	_, known := m.bodies[id]
	keep := m.maxLength
	if !known || faulty { // the old clients drop one too many
		keep--
	}
	for i := 0; m.maxLength > 0 && len(m.order) > keep && i < len(m.order); {
		if m.order[i] == id {
			i++
			keep++
			continue
		}
		m.remove(m.order[i])
	}
	m.remove(id)
	m.order = append(m.order, id)
	m.bodies[id] = body
}

func (m *model) place(id string, p thoonk.Position) {
	if p.Before == thoonk.ItemID(id) || p.After == thoonk.ItemID(id) {
		return
	}
	m.order = slices.DeleteFunc(m.order, func(o string) bool { return o == id })
	i := len(m.order)
	switch {
	case p.First:
		i = 0
	case p.Before != "":
		i = slices.Index(m.order, string(p.Before))
	case p.After != "":
		i = slices.Index(m.order, string(p.After)) + 1
	}
	m.order = slices.Insert(m.order, i, id)
}

func (m *model) check(f *fixture, feed thoonk.FeedName) {
	f.Helper()
	f.settled()
	if got := f.allItems(thoonk.ItemQuery{Feed: feed, Limit: 3}, func(int) {}); !slices.Equal(got, m.order) {
		f.Fatalf("the items are %v, the model has %v\n%v", got, m.order, f.told(feed))
	}
	if got := replay(f.logged(), feed); !maps.Equal(got, m.bodies) {
		f.Fatalf("the log says %v, the model has %v", got, m.bodies)
	}
	if m.sorted {
		f.agreesInOrder(feed)
	} else {
		f.agrees(feed)
	}
}

// TestModelOfAFeed does random operations, own and foreign, on a feed and on a model of it.
func TestModelOfAFeed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	f.adopting()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		name := thoonk.FeedName(fmt.Sprint("feed", n))
		m := &model{maxLength: rapid.IntRange(0, 4).Draw(rt, "max_length"), bodies: map[string]string{}}
		f.feed(name, thoonk.Config{MaxLength: m.maxLength})
		ids := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		bodies := rapid.StringN(0, 20, 60)
		// The Python client's scores are seconds: beside ours, its items always are the oldest. So each feed has one make
		// of foreign client, and here that is the one whose scores compare with ours.
		other := f.foreign()
		rt.Repeat(map[string]func(*rapid.T){
			"publish": func(rt *rapid.T) {
				id, body := ids.Draw(rt, "id"), bodies.Draw(rt, "body")
				f.insert(name, id, body, thoonk.Position{})
				m.publish(id, body, false)
			},
			"foreign publish": func(rt *rapid.T) {
				id, body := ids.Draw(rt, "id"), bodies.Draw(rt, "body")
				f.nextMillisecond()
				other.Publish(string(name), id, body)
				f.nextMillisecond()
				m.publish(id, body, true)
			},
			"retract": func(rt *rapid.T) {
				id := ids.Draw(rt, "id")
				_, known := m.bodies[id]
				if err := f.Retract(f.ctx, thoonk.RetractItem{Feed: name, ID: thoonk.ItemID(id)}); (err == nil) != known {
					rt.Fatalf("retract %s: %v", id, err)
				}
				m.remove(id)
			},
			"foreign retract": func(rt *rapid.T) {
				id := ids.Draw(rt, "id")
				other.Retract(string(name), id)
				m.remove(id)
			},
			"batch": func(rt *rapid.T) {
				var b thoonk.Batch
				b.Feed = name
				for range rapid.IntRange(1, 4).Draw(rt, "n") {
					id, body := ids.Draw(rt, "id"), bodies.Draw(rt, "body")
					b.Operations = append(b.Operations, text(thoonk.Publish, id, body))
				}
				_, err := f.Batch(f.ctx, b)
				f.ok(err)
				for _, op := range b.Operations {
					m.publish(string(op.ID), string(op.Body), false)
				}
			},
		})
		m.check(f, name)
	})
}

// TestModelOfASortedFeed is the same for a sorted feed.
func TestModelOfASortedFeed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	f.adopting()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		name := thoonk.FeedName(fmt.Sprint("sorted", n))
		m := &model{sorted: true, bodies: map[string]string{}}
		f.sortedFeed(name)
		other := f.foreign()
		if rapid.Bool().Draw(rt, "python") {
			other = other.Python()
		}
		item := func(rt *rapid.T) string {
			if len(m.order) == 0 {
				rt.Skip("no items")
			}
			return rapid.SampledFrom(m.order).Draw(rt, "item")
		}
		position := func(rt *rapid.T) thoonk.Position {
			switch k := rapid.IntRange(0, 3).Draw(rt, "position"); {
			case k == 0 || len(m.order) == 0:
				return thoonk.Position{First: true}
			case k == 1:
				return thoonk.Position{Last: true}
			case k == 2:
				return thoonk.Position{Before: thoonk.ItemID(item(rt))}
			}
			return thoonk.Position{After: thoonk.ItemID(item(rt))}
		}
		bodies := rapid.StringN(0, 20, 60)
		add := func(id, body string, p thoonk.Position) {
			m.made++
			m.place(id, p)
			m.bodies[id] = body
		}
		rt.Repeat(map[string]func(*rapid.T){
			"insert": func(rt *rapid.T) {
				p, body := position(rt), bodies.Draw(rt, "body")
				add(string(f.insert(name, "", body, p).Item.ID), body, p)
			},
			"foreign insert": func(rt *rapid.T) {
				p, body := position(rt), bodies.Draw(rt, "body")
				add(other.Insert(string(name), body, thoonktest.Place(p.Contract())), body, p)
			},
			"edit": func(rt *rapid.T) {
				id, body := item(rt), bodies.Draw(rt, "body")
				f.insert(name, id, body, thoonk.Position{})
				m.bodies[id] = body
			},
			"foreign edit": func(rt *rapid.T) {
				id, body := item(rt), bodies.Draw(rt, "body")
				other.Edit(string(name), id, body)
				m.bodies[id] = body
			},
			"move": func(rt *rapid.T) {
				id, p := item(rt), position(rt)
				f.move(name, id, p)
				m.place(id, p)
			},
			"foreign move": func(rt *rapid.T) {
				id, p := item(rt), position(rt)
				other.Move(string(name), id, thoonktest.Place(p.Contract()))
				m.place(id, p)
			},
			"retract": func(rt *rapid.T) {
				id := item(rt)
				f.ok(f.Retract(f.ctx, thoonk.RetractItem{Feed: name, ID: thoonk.ItemID(id)}))
				m.remove(id)
			},
			"foreign remove": func(rt *rapid.T) {
				id := item(rt)
				other.Remove(string(name), id)
				m.remove(id)
			},
		})
		m.check(f, name)
	})
}

// A short run by default; "make soak" asks for more with -rapid.checks.
func init() {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
}
