package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// jobModel is a queue as simple as can be.
type jobModel struct {
	queued  []string          // the next one is the last
	claimed map[string]string // job → token, "" of another client
	stalled map[string]bool
	held    map[string]string // job → the job it waits for, "" if for its time
	back    map[string]int    // how often it was given back
	bodies  map[string]string // of all that are there
	ended   map[string]thoonk.JobState
	high    map[string]bool
	failed  map[string]int // what a held job was given back before
}

const modelAttempts = 3

func newJobModel() *jobModel {
	return &jobModel{
		claimed: map[string]string{}, stalled: map[string]bool{}, held: map[string]string{}, back: map[string]int{}, bodies: map[string]string{},
		ended: map[string]thoonk.JobState{}, high: map[string]bool{}, failed: map[string]int{},
	}
}

func (m *jobModel) put(id, body string, high bool) {
	m.bodies[id] = body
	m.high[id] = high
	delete(m.ended, id)
	m.enqueue(id)
}

func (m *jobModel) enqueue(id string) {
	if m.high[id] {
		m.queued = append(m.queued, id)
	} else {
		m.queued = slices.Insert(m.queued, 0, id)
	}
}

func (m *jobModel) pop() string {
	id := m.queued[len(m.queued)-1]
	m.queued = m.queued[:len(m.queued)-1]
	return id
}

// remove takes a job out of everything; what waits for it goes on if it is done, and is put aside if not.
func (m *jobModel) remove(id string, told, done bool) {
	m.queued = slices.DeleteFunc(m.queued, func(q string) bool { return q == id })
	delete(m.claimed, id)
	delete(m.stalled, id)
	delete(m.held, id)
	delete(m.back, id)
	delete(m.failed, id)
	delete(m.bodies, id)
	if !told {
		return
	}
	for _, waiting := range slices.Sorted(maps.Keys(m.held)) {
		if m.held[waiting] != id {
			continue
		}
		delete(m.held, waiting)
		if done {
			m.enqueue(waiting)
		} else {
			m.stalled[waiting] = true
		}
	}
}

func (m *jobModel) giveBack(id string) {
	m.back[id]++
	m.queued = slices.Insert(m.queued, 0, id)
	delete(m.claimed, id)
}

func (m *jobModel) stall(id string) {
	m.stalled[id] = true
	delete(m.back, id)
	delete(m.claimed, id)
}

// check compares the model with the contract's keys, with what the store says of each job, and with what is kept beside.
func (m *jobModel) check(f *fixture, queue thoonk.FeedName) {
	f.Helper()
	q := string(queue)
	list, err := f.redis.LRange(f.ctx, "feed.ids:"+q, 0, -1).Result()
	f.ok(err)
	if !slices.Equal(list, m.queued) {
		f.Fatalf("the queue is %v, the model has %v", list, m.queued)
	}
	items := map[string]string{}
	held := map[string]string{}
	var keys []string
	for id, body := range m.bodies {
		if _, ok := m.held[id]; ok {
			held[id] = body
			continue
		}
		items[id] = body
		state := "queued"
		if _, ok := m.claimed[id]; ok {
			state = "claimed"
		} else if m.stalled[id] {
			state = "stalled"
		}
		if n := m.back[id]; n > 0 {
			state += " " + strconv.Itoa(n)
		}
		keys = append(keys, id+" "+state)
	}
	f.wantKeys(queue, keys...)
	if got := f.redis.HGetAll(f.ctx, "feed.items:"+q).Val(); !maps.Equal(got, items) {
		f.Fatalf("the payloads are %v, the model has %v", got, items)
	}
	if got := f.redis.HGetAll(f.ctx, "thoonk.held:"+q).Val(); !maps.Equal(got, held) {
		f.Fatalf("held are %v, the model has %v", got, held)
	}
	if got := f.redis.ZCard(f.ctx, "thoonk.due:"+q).Val(); got != int64(len(held)) {
		f.Fatalf("%d are due, %d held", got, len(held))
	}
	for id := range m.bodies {
		j := f.job(queue, id)
		if string(j.Payload) != m.bodies[id] {
			f.Fatalf("%s has the payload %q", id, j.Payload)
		}
	}
	for id, state := range m.ended {
		f.wantState(queue, id, state)
	}
}

// contiguous fails the test unless the numbers of a queue's changes are, in the log and in the history.
func (f *fixture) contiguous(queue thoonk.FeedName) {
	f.Helper()
	var life []thoonk.Event
	for _, e := range f.logged() {
		if e.Feed != queue {
			continue
		}
		if e.Kind == thoonk.Create {
			life = nil
		}
		if e.Revision.Number != uint64(len(life)+1) {
			f.Fatalf("revision %v comes after %d", e.Revision, len(life))
		}
		life = append(life, e)
	}
	history, err := f.History(f.ctx, queue, life[0].Revision, len(life))
	f.ok(err)
	same := func(a, b thoonk.Event) bool {
		return sameEvent(a, b) && a.Job == b.Job && a.Submitter == b.Submitter && a.Reason == b.Reason
	}
	if !slices.EqualFunc(history, life[1:], same) {
		f.Fatalf("the history is %v\nthe log is %v", history, life[1:])
	}
}

// TestModelOfAJobQueue does random operations, own ones and those of an old client, on a queue and on a model of it.
func TestModelOfAJobQueue(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thoonktest.Redis(t))
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		queue := thoonk.FeedName(fmt.Sprint("queue", n))
		f.jobs(queue, thoonk.JobConfig{MaxAttempts: modelAttempts})
		m, other := newJobModel(), f.foreign()
		anyID := rapid.SampledFrom(strings.Split("a b c d e f g h", " "))
		// one draws a job that has a property, and skips the step if none has.
		one := func(rt *rapid.T, has func(id string) bool) string {
			var ids []string
			for id := range m.bodies {
				if has(id) {
					ids = append(ids, id)
				}
			}
			if len(ids) == 0 {
				rt.Skip("none")
			}
			slices.Sort(ids)
			return rapid.SampledFrom(ids).Draw(rt, "job")
		}
		claimed := func(id string) bool { _, ok := m.claimed[id]; return ok }
		ours := func(id string) bool { return m.claimed[id] != "" }
		held := func(id string) bool { _, ok := m.held[id]; return ok }
		given := func(id string, state thoonk.JobState) { // by our cancel
			if state == thoonk.JobStalled {
				m.stall(id)
			} else {
				m.giveBack(id)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"submit": func(rt *rapid.T) {
				j := job(anyID.Draw(rt, "id"), rapid.StringN(0, 5, 20).Draw(rt, "payload"))
				j.High = rapid.Bool().Draw(rt, "high")
				j.Form = thoonk.FormText
				_, there := m.bodies[string(j.ID)]
				_, err := f.trySubmit(queue, j)
				if there {
					f.fails(err, thoonk.Conflict)
					return
				}
				f.ok(err)
				m.put(string(j.ID), string(j.Payload), j.High)
			},
			"submit held": func(rt *rapid.T) {
				id := anyID.Draw(rt, "id")
				if _, there := m.bodies[id]; there {
					rt.Skip("there")
				}
				j := job(id, "held")
				waitsFor := ""
				if rapid.Bool().Draw(rt, "after") {
					waitsFor = one(rt, func(string) bool { return true })
					j.After = []thoonk.JobID{thoonk.JobID(waitsFor)}
				} else {
					j.Delay = time.Hour
				}
				f.submit(queue, j)
				m.bodies[id], m.held[id], m.high[id] = "held", waitsFor, false
				delete(m.ended, id)
			},
			"due": func(rt *rapid.T) {
				id := one(rt, func(id string) bool { return held(id) && m.held[id] == "" })
				f.letDue(queue, id)
				delete(m.held, id)
				m.enqueue(id)
			},
			"claim": func(rt *rapid.T) {
				k := rapid.IntRange(1, 3).Draw(rt, "n")
				c := f.claim(queue, k)
				for _, j := range c.Jobs {
					id := m.pop()
					if string(j.ID) != id || j.Attempt != m.back[id]+1 {
						rt.Fatalf("claimed %s, attempt %d; the model has %s, %d", j.ID, j.Attempt, id, m.back[id])
					}
					m.claimed[id] = c.Lease.Token
				}
				if len(c.Jobs) < k && len(m.queued) > 0 {
					rt.Fatalf("%d were claimed of %d, and %v are left", len(c.Jobs), k, m.queued)
				}
			},
			"finish": func(rt *rapid.T) {
				id := one(rt, ours)
				f.ok(f.finishJob(queue, id, m.claimed[id], "result"))
				m.remove(id, true, true)
				m.ended[id] = thoonk.JobFinished
			},
			"finish without right": func(rt *rapid.T) {
				id := one(rt, func(string) bool { return true })
				f.fails(f.finishJob(queue, id, "17.secret", ""), thoonk.Conflict)
			},
			"cancel": func(rt *rapid.T) {
				id := one(rt, ours)
				state := thoonk.JobQueued
				if m.back[id]+1 >= modelAttempts {
					state = thoonk.JobStalled
				}
				f.ok(f.cancelJob(queue, id, m.claimed[id], "failed", state))
				given(id, state)
			},
			"stall": func(rt *rapid.T) {
				id := one(rt, ours)
				f.ok(f.stallJob(queue, id, m.claimed[id], "hopeless"))
				m.stall(id)
			},
			"retry": func(rt *rapid.T) {
				id := one(rt, func(id string) bool { return m.stalled[id] })
				_, err := f.RetryJobs(f.ctx, thoonk.RetryJobs{Queue: queue, Filter: thoonk.JobFilter{IDs: []thoonk.JobID{thoonk.JobID(id)}}})
				f.ok(err)
				delete(m.stalled, id)
				m.queued = slices.Insert(m.queued, 0, id)
			},
			"retract": func(rt *rapid.T) {
				id := one(rt, func(string) bool { return true })
				_, err := f.RetractJobs(f.ctx, thoonk.RetractJobs{Queue: queue, Filter: thoonk.JobFilter{IDs: []thoonk.JobID{thoonk.JobID(id)}}})
				f.ok(err)
				m.remove(id, true, false)
				m.ended[id] = thoonk.JobRetracted
			},
			"edit": func(rt *rapid.T) {
				id := one(rt, func(string) bool { return true })
				_, err := f.EditJob(f.ctx, thoonk.EditJob{Queue: queue, ID: thoonk.JobID(id), Form: thoonk.FormText, Payload: []byte("edited")})
				if held(id) || m.stalled[id] {
					f.ok(err)
					m.bodies[id] = "edited"
				} else {
					f.fails(err, thoonk.Conflict)
				}
			},
			"foreign put": func(rt *rapid.T) {
				high := rapid.Bool().Draw(rt, "high")
				if len(m.bodies) > 12 {
					rt.Skip("enough")
				}
				m.put(other.PutJob(string(queue), "foreign", high), "foreign", high)
			},
			"foreign get": func(*rapid.T) {
				if taken, ok := other.GetJob(string(queue)); ok {
					if id := m.pop(); taken.ID != id {
						rt.Fatalf("it took %s, the model has %s", taken.ID, id)
					}
					m.claimed[taken.ID] = ""
				}
			},
			"foreign finish": func(rt *rapid.T) {
				id := one(rt, func(id string) bool { // what waits for it would hear of it only from those who look
					return claimed(id) && !slices.Contains(slices.Collect(maps.Values(m.held)), id)
				})
				other.FinishJob(string(queue), id, nil)
				m.remove(id, false, true)
			},
			"foreign cancel": func(rt *rapid.T) {
				id := one(rt, claimed)
				other.CancelJob(string(queue), id)
				m.giveBack(id)
			},
			"foreign stall": func(rt *rapid.T) {
				id := one(rt, claimed)
				other.StallJob(string(queue), id)
				m.stall(id)
			},
			"foreign retry": func(rt *rapid.T) {
				id := one(rt, func(id string) bool { return m.stalled[id] })
				other.RetryJob(string(queue), id)
				delete(m.stalled, id)
				m.queued = slices.Insert(m.queued, 0, id)
			},
			"foreign maintenance": func(rt *rapid.T) {
				if back := other.MaintainJobs(string(queue), time.Hour); back > 0 {
					rt.Fatalf("old maintenance put %d back", back)
				}
			},
			"": func(*rapid.T) { m.check(f, queue) },
		})
		f.contiguous(queue)
	})
}
