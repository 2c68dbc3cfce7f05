package store_test

import (
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Payloads of jobs and bodies of queues are held to what their queue declares, whoever declared it since, and stamped.
func TestJobsHeldToASchema(t *testing.T) {
	onBoth(t, func(f *fixture) {
		schema := `{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}`
		stamp := map[string]string{"by": "sub"}
		submit := func(payload string) ([]thoonk.Submitted, error) {
			return f.SubmitJobs(f.ctx, thoonk.SubmitJobs{Queue: "q", Actor: "jwt:issuer|alice", Jobs: []thoonk.NewJob{{ID: "a", Form: thoonk.FormBody, Payload: []byte(payload)}}})
		}
		f.jobs("q", thoonk.JobConfig{})
		f.feed("q", thoonk.Config{Type: thoonk.TypeJob, Schema: schema, Stamp: stamp})
		_, err := submit(`{"n":"no number"}`)
		f.fails(err, thoonk.Unprocessable)
		if n := f.redis.LLen(f.ctx, "feed.ids:q").Val(); n != 0 {
			t.Fatalf("%d jobs were put", n)
		}
		_, err = submit(`{"n":1,"by":"mallory"}`)
		f.ok(err)
		c := f.claim("q", 1)
		if got := string(c.Jobs[0].Payload); got != `{"n":1,"by":"alice"}` {
			t.Errorf("the payload is %s", got)
		}
		f.ok(f.stallJob("q", "a", c.Lease.Token, "no"))
		_, err = f.EditJob(f.ctx, thoonk.EditJob{Queue: "q", ID: "a", Form: thoonk.FormBody, Payload: []byte(`{"n":"two"}`), Actor: "jwt:issuer|admin"})
		f.fails(err, thoonk.Unprocessable)
		j, err := f.EditJob(f.ctx, thoonk.EditJob{Queue: "q", ID: "a", Form: thoonk.FormBody, Payload: []byte(`{"n":2,"by":"admin"}`), Actor: "jwt:issuer|admin"})
		f.ok(err)
		if got := string(j.Payload); got != `{"n":2,"by":"alice"}` {
			t.Errorf("the payload is %s", got)
		}

		f.feed("items", thoonk.Config{Type: thoonk.TypeQueue, Schema: schema})
		put := thoonk.PutItems{Queue: "items", Items: []thoonk.NewQueued{{Form: thoonk.FormBody, Body: []byte(`{}`)}}}
		_, err = f.PutItems(f.ctx, put)
		f.fails(err, thoonk.Unprocessable)
		put.Items[0].Body = []byte(`{"n":3}`)
		_, err = f.PutItems(f.ctx, put)
		f.ok(err)
	})
}
