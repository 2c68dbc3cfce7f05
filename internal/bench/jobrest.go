package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// restJobs are those of the store, claimed and finished over REST.
type restJobs struct {
	*ourJobs
	url string
}

var restClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: jobCallers}}

func (o *restJobs) single(ctx context.Context, n int) (time.Duration, error) {
	return drain(ctx, n, jobCallers, func(ctx context.Context) (int, error) { return o.one(ctx, "") })
}

// one claims and finishes one job, if there is one within wait.
func (o *restJobs) one(ctx context.Context, wait string) (int, error) {
	jobs, err := o.claim(ctx, wait)
	if err != nil || len(jobs) == 0 {
		return 0, err
	}
	return 1, o.post(ctx, "/items/"+jobs[0].ID+"/finish", `{"lease":"`+jobs[0].Lease.Token+`"}`, nil)
}

type restJob struct {
	ID    string
	Lease struct{ Token string }
}

func (o *restJobs) claim(ctx context.Context, wait string) ([]restJob, error) {
	var claimed struct{ Jobs []restJob }
	body := `{"count":1}`
	if wait != "" {
		body = `{"count":1,"wait":"` + wait + `"}`
	}
	err := o.post(ctx, "/claims", body, &claimed)
	return claimed.Jobs, err
}

func (o *restJobs) post(ctx context.Context, path, body string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url+"/v1/jobs/"+string(o.queue)+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := restClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", resp.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// measurePickUp measures how long it takes from the submit of a job on a quiet queue until a worker that waits over REST has it.
func measurePickUp(ctx context.Context, s settings, r *server, o *restJobs, t *table) error {
	if err := r.clear(ctx); err != nil {
		return err
	}
	if _, err := o.put(ctx, 0); err != nil { // makes the queue
		return err
	}
	var middles, tails []float64
	for range s.rounds {
		var took []float64
		for begun := time.Now(); time.Since(begun) < s.time; {
			ms, err := o.pickUp(ctx)
			if err != nil {
				return err
			}
			took = append(took, ms)
		}
		middles, tails = append(middles, median(took)), append(tails, quantile(took, 0.99))
	}
	t.note("from a submit to the worker that waits for it over REST: median", middles, "ms")
	t.note("the same: 99 % (aim: under 5 ms)", tails, "ms")
	return nil
}

func (o *restJobs) pickUp(ctx context.Context) (ms float64, err error) {
	type pick struct {
		at  time.Time
		err error
	}
	picked := make(chan pick, 1)
	go func() {
		jobs, err := o.claim(ctx, "10s")
		at := time.Now()
		if err == nil && len(jobs) == 1 {
			err = o.post(ctx, "/items/"+jobs[0].ID+"/finish", `{"lease":"`+jobs[0].Lease.Token+`"}`, nil)
		}
		picked <- pick{at, err}
	}()
	time.Sleep(5 * time.Millisecond) // so that it waits
	begun := time.Now()
	submit := thoonk.SubmitJobs{Queue: o.queue, Actor: "bench", Jobs: []thoonk.NewJob{{Form: thoonk.FormBody, Payload: jobPayload}}}
	if _, err := o.store.SubmitJobs(ctx, submit); err != nil {
		return 0, err
	}
	p := <-picked
	return float64(p.at.Sub(begun).Microseconds()) / 1000, p.err
}
