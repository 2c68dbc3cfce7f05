package thoonktest

import (
	"maps"
	"testing"
	"time"
)

// The foreign client does to jobs what the contract says, and announces it as its make does.
func TestForeignJobs(t *testing.T) {
	Servers(t, func(t *testing.T, s Server) {
		for name, python := range map[string]bool{"javascript": false, "python": true} {
			t.Run(name, func(t *testing.T) {
				f := NewForeign(t, s.Client())
				if python {
					f = f.Python()
				}
				queue := "jobs-" + name
				f.Create(queue, map[string]string{"type": "job"})
				heard := Listen(t, s.Client(), queue)
				where := func(want map[string]string) {
					t.Helper()
					got, err := JobKeys(t.Context(), s.Client(), queue)
					if err != nil || !maps.Equal(got, want) {
						t.Fatalf("the keys say %v, want %v: %v", got, want, err)
					}
				}
				get := func(want string) {
					t.Helper()
					if taken, ok := f.GetJob(queue); !ok || taken.ID != want {
						t.Fatalf("got %v, want %s", taken, want)
					}
				}
				a, b := f.PutJob(queue, "A", false), f.PutJob(queue, "B", false)
				c := f.PutJob(queue, "C", true)
				where(map[string]string{a: "queued", b: "queued", c: "queued"})
				get(c)
				get(a)
				result := "done"
				if !f.FinishJob(queue, c, &result) || f.FinishJob(queue, c, nil) || f.FinishJob(queue, b, nil) {
					t.Fatal("a job is finished once, if it is claimed")
				}
				if !f.CancelJob(queue, a) || f.CancelJob(queue, a) {
					t.Fatal("a job is given back once")
				}
				where(map[string]string{a: "queued 1", b: "queued"})
				get(b)
				if !f.StallJob(queue, b) || f.StallJob(queue, b) || f.RetryJob(queue, a) {
					t.Fatal("a job is put aside once, and only such are retried")
				}
				where(map[string]string{a: "queued 1", b: "stalled"})
				if !f.RetryJob(queue, b) {
					t.Fatal("it is not stalled")
				}
				if !f.RetractJob(queue, a) || f.RetractJob(queue, a) {
					t.Fatal("a job is taken back once")
				}
				id, ok := f.PopJob(queue)
				if !ok || id != b {
					t.Fatalf("took %s", id)
				}
				where(map[string]string{b: "lost"})
				if back := f.MaintainJobs(queue, time.Hour); back != 1 {
					t.Fatalf("%d were put back", back)
				}
				get(b)
				if back := f.MaintainJobs(queue, -time.Minute); back != 1 {
					t.Fatalf("%d were put back", back)
				}
				where(map[string]string{b: "queued 1"})
				if finishes := s.Client().Get(t.Context(), "feed.finishes:"+queue).Val(); finishes != "1" {
					t.Errorf("it counted %s finishes", finishes)
				}

				want := []Message{{"job.finish:" + queue, c + "\x00done"}}
				if python {
					want = []Message{
						{"feed.publishes:" + queue, a + "\x00A"}, {"feed.publishes:" + queue, b + "\x00B"}, {"feed.publishes:" + queue, c + "\x00C"},
						{"feed.claimed:" + queue, c}, {"feed.claimed:" + queue, a}, {"job.finish:" + queue, c + "\x00done"},
						{"feed.claimed:" + queue, b}, {"feed.claimed:" + queue, b},
					}
				}
				for _, w := range want {
					if m := Next(t, heard); m != w {
						t.Fatalf("heard %q, want %q", m, w)
					}
				}
			})
		}
	})
}

func TestForeignQueue(t *testing.T) {
	Servers(t, func(t *testing.T, s Server) {
		f := NewForeign(t, s.Client())
		f.Create("q", map[string]string{"type": "queue"})
		a, b := f.Put("q", "A", false), f.Put("q", "B", true)
		for _, want := range []Taken{{b, "B"}, {a, "A"}} {
			if got, ok := f.Get("q"); !ok || got != want {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
		if got, ok := f.Get("q"); ok {
			t.Fatalf("got %v out of an empty queue", got)
		}
		if n := s.Client().Exists(t.Context(), "feed.items:q").Val(); n != 0 {
			t.Error("items are left")
		}
	})
}
