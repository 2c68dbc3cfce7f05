package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// refusedWell checks that an error is one that tells the client what is wrong, and where.
func refusedWell(t *testing.T, err error) {
	t.Helper()
	switch thoonk.KindOf(err) {
	case thoonk.Invalid, thoonk.TooLarge, thoonk.Unprocessable, thoonk.Unsupported:
	default:
		t.Fatalf("%v: %s", err, thoonk.KindOf(err))
	}
}

// What is accepted of a request about jobs keeps to its bounds; all else is refused as the client's fault.
func FuzzJobRequests(f *testing.F) {
	for _, s := range []string{
		`{"id":"a","payload":{"n": 1},"priority":"high","delay":"1s","max_attempts":2,"unique":"u","unique_for":"1h","group":"g","after":["b"]}`,
		`[{"text":"a","at":"2026-01-31T09:00:00Z"},{"base64":"AA=="},{"xml":"<a/>"}]`, "{\"payload\":1}\n\n{\"payload\":2}\n",
		`{"count":5,"wait":"30s","lease":"1m","ack":"manual"}`, `{"wait":30}`,
		`[{"id":"a","lease":{"token":"t","expires":"x"},"result":[1, 2]},{"id":"b","lease":"t"}]`,
		`{"ids":["a","b"],"ask":true}`, `{"state":"stalled","group":"g","submitter":"s","limit":10,"after":"x"}`,
		`{"lease":"t","error":"e","delay":"1s","progress":{"percent":5},"for":"1m"}`, `{"id":"\ud800"}`, `{"lease":{"token":""}}`, `{"a":1,"a":2}`,
		`[{"id":"a","lease":{"token":"` + strings.Repeat("t", 257) + `"}}]`,
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, lines bool) {
		if jobs, one, err := parseOneOrMany(data, lines, parseNewJob); err != nil {
			refusedWell(t, err)
		} else if len(jobs) == 0 || len(jobs) > thoonk.MaxBatch || one && len(jobs) != 1 {
			t.Fatalf("%d jobs", len(jobs))
		} else if i := slices.IndexFunc(jobs, wrongJob); i >= 0 {
			t.Fatalf("submitted %+v", jobs[i])
		}
		r := claimRequest{count: 1}
		if err := r.parse(data, nil); err != nil {
			refusedWell(t, err)
		} else if r.count < 1 || r.count > thoonk.MaxClaim || r.wait < 0 || r.wait > maxWait || r.lease != 0 && r.lease < thoonk.MinLease {
			t.Fatalf("claimed %+v", r)
		}
		if jobs, err := parseFinishes(data, lines, "me"); err != nil {
			refusedWell(t, err)
		} else if i := slices.IndexFunc(jobs, wrongFinish); len(jobs) == 0 || len(jobs) > thoonk.MaxBatch || i >= 0 {
			t.Fatalf("finished %+v", jobs)
		}
		if e, err := parseEnding(data, "error", "delay", "for", "progress"); err != nil {
			refusedWell(t, err)
		} else if e.token == "" || e.delay < 0 || e.delay > thoonk.MaxHold || len(e.progress) > thoonk.MaxJobProgress {
			t.Fatalf("ended %+v", e)
		}
		if x, _, err := parseJobFilter(data, "retract"); err != nil {
			refusedWell(t, err)
		} else if (len(x.IDs) == 0) == (x.State == "") || len(x.IDs) > thoonk.MaxBatch || x.Limit < 0 || x.Limit > thoonk.MaxBatch {
			t.Fatalf("filtered %+v", x)
		}
	})
}

func wrongJob(j thoonk.NewJob) bool {
	return j.Form == "" || len(j.Payload) > thoonk.MaxJobPayload || j.Delay < 0 || j.Delay > thoonk.MaxHold || j.Delay > 0 && !j.At.IsZero() ||
		j.UniqueFor != 0 && (j.Unique == "" || j.UniqueFor < 0) || len(j.Group) > thoonk.MaxJobKey || len(j.After) > thoonk.MaxAfter || slices.Contains(j.After, "")
}

func wrongFinish(j thoonk.FinishJob) bool {
	return j.ID == "" || j.Token == "" || len(j.Token) > 256 || len(j.Result) > thoonk.MaxJobResult || j.HasResult && !json.Valid(j.Result)
}

// A queue that is declared is shown in a way that declares the same queue.
func FuzzQueueConfig(f *testing.F) {
	for _, s := range []string{
		`{"max_attempts":10,"backoff":{"first":"1s","factor":2,"max":"10m","jitter":0.2},"lease":"30s","max_lease":"1h","foreign_lease":"10m"}`,
		`{"rate":{"count":10,"per":"1s"},"concurrency":5,"group_rate":{"count":1},"group_concurrency":1,"results":{"keep":"0s","count":5},"events":"off","paused":true}`,
		`{"content":"json","schema":{"type":"object"},"stamp":{"by":"sub"},"extra":{"a":"b"},"history":{"count":5}}`,
		`{"webhook":{"url":"https://example.org/","timeout":"5s","concurrency":3}}`, `{"max_attempts":0}`, `{"lease":null,"backoff":{"max":null}}`, ``,
	} {
		f.Add([]byte(s), true, false)
		f.Add([]byte(s), false, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, jobs, patch bool) {
		kind := thoonk.TypeQueue
		if jobs {
			kind = thoonk.TypeJob
		}
		cfg, err := configuredQueue(thoonk.Config{Type: kind}, data, patch)
		if err != nil {
			refusedWell(t, err)
			return
		}
		shown := declaration(t, cfg)
		again, err := configuredQueue(thoonk.Config{Type: kind}, shown, false)
		if err != nil {
			t.Fatalf("%s: %v", shown, err)
		}
		if second := declaration(t, again); !reflect.DeepEqual(decoded(t, shown), decoded(t, second)) {
			t.Fatalf("%q is shown as %s, and that as %s", data, shown, second)
		}
	})
}

// declaration is what is shown of a queue, without what nobody declares.
func declaration(t *testing.T, cfg thoonk.Config) []byte {
	t.Helper()
	data, err := json.Marshal(toWireQueue(thoonk.Feed{Name: "q", Config: cfg}, true))
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		t.Fatal(err)
	}
	for name := range members {
		if !slices.Contains(queueMembers[cfg.Type], name) {
			delete(members, name)
		}
	}
	data, err = json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
