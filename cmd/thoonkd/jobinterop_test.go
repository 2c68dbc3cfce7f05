package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonktest"
)

// A worker that speaks only the contract and one over REST share a queue, with producers of both kinds, and with an old client's
// maintenance running all the while. Where that maintenance finds a job between an old worker's pop and its claim, it gives the job
// out a second time: the old worker may then end one twice, but none is ended twice over REST.
func TestJobsTogetherWithOldClients(t *testing.T) {
	t.Parallel()
	const each = 150
	redis := thoonktest.Redis(t)
	u := serveReady(t, "--redis", redis.URL()).user("*=admin")
	old := thoonktest.NewForeign(t, redis.Client())
	heard := thoonktest.Listen(t, redis.Client(), "q")
	u.send(201, "PUT", "/v1/jobs/q", "", `{"content":"json"}`)
	u.send(201, "POST", "/v1/jobs/q/items", "", `[{"id":"held","payload":1,"delay":"1h"},{"id":"first","payload":1},{"id":"after","payload":1,"after":["first"]}]`)

	var mu sync.Mutex
	done, overREST := map[string]int{}, map[string]int{}
	note := func(id string, by map[string]int) {
		mu.Lock()
		defer mu.Unlock()
		done[id]++
		if by != nil {
			by[id]++
		}
	}
	total := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(done)
	}
	var producers, workers sync.WaitGroup
	over := make(chan struct{})
	working := func() bool {
		select {
		case <-over:
			return false
		default:
			return true
		}
	}
	producers.Go(func() {
		for i := range each {
			old.PutJob("q", fmt.Sprintf(`{"old":%d}`, i), i%10 == 0)
		}
	})
	producers.Go(func() {
		for i := range each {
			u.send(201, "POST", "/v1/jobs/q/items", "", fmt.Sprintf(`{"id":"rest-%d","payload":{"new":%d}}`, i, i))
		}
	})
	workers.Go(func() {
		for working() {
			if j, ok := old.GetJob("q"); ok {
				result := `"by an old client"`
				if old.FinishJob("q", j.ID, &result) {
					note(j.ID, nil)
				}
			}
		}
	})
	workers.Go(func() {
		for working() {
			for _, j := range u.claim("q", `{"count":3,"wait":"200ms"}`) {
				r := u.do("POST", jobPath("q", j.ID)+"/finish", u.bearer, `{"lease":"`+j.Lease.Token+`","result":"over REST"}`)
				if r.StatusCode == 200 {
					note(j.ID, overREST)
				} else if r.StatusCode != 409 { // the old maintenance may have given it to the other meanwhile
					t.Errorf("finish: %s %s", r.Status, r.body)
				}
			}
		}
	})
	givenBack := 0
	workers.Go(func() {
		for working() {
			givenBack += old.MaintainJobs("q", time.Hour)
			time.Sleep(5 * time.Millisecond) // as often as no old client did
		}
	})
	producers.Wait()
	thoonktest.Eventually(t, "all jobs are done", func() bool { return total() == 2*each+2 })
	close(over)
	workers.Wait()
	again := 0
	for id, n := range done {
		again += n - 1
		if overREST[id] > 1 {
			t.Errorf("%s was finished %d times over REST", id, overREST[id])
		}
	}
	if again > givenBack {
		t.Errorf("%d jobs were finished again, and only %d were given out again", again, givenBack)
	}

	// Held jobs are in no key that an old client knows, and stay held.
	held := u.job(u.send(200, "GET", jobPath("q", "held"), "", ""))
	if held.State != "held" || string(held.Payload) != "1" {
		t.Errorf("%+v", held)
	}
	keys, err := thoonktest.JobKeys(t.Context(), redis.Client(), "q")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range keys {
		if strings.Contains(value, "held") {
			t.Errorf("%s has %s", key, value)
		}
	}

	// Finishes are heard both ways.
	results := map[string]int{}
	for len(heard) > 0 {
		if m := <-heard; m.Channel == "job.finish:q" {
			_, result, _ := strings.Cut(m.Payload, "\x00")
			results[result]++
		}
	}
	if results[`"over REST"`]+results[`"by an old client"`] != 2*each+2+again || results[`"over REST"`] == 0 || results[`"by an old client"`] == 0 {
		t.Errorf("heard %v", results)
	}
	u.send(201, "POST", "/v1/jobs/q/items", "", `{"id":"last","payload":1}`)
	for { // what was given out twice may still be in the queue
		j, ok := old.GetJob("q")
		if !ok {
			t.Fatal("the last job is gone")
		}
		if j.ID == "last" {
			break
		}
	}
	waited := make(chan response, 1)
	go func() { waited <- u.send(200, "GET", jobPath("q", "last")+"/result?wait=20s", "", "") }()
	result := `{"made":"by hand"}`
	old.FinishJob("q", "last", &result)
	var doc struct{ Result json.RawMessage }
	u.read(thoonktest.Next(t, waited), &doc)
	thoonktest.Eventually(t, "the result is known", func() bool {
		u.read(u.send(200, "GET", jobPath("q", "last")+"/result", "", ""), &doc)
		return string(doc.Result) == result
	})
}
