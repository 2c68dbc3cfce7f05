package client

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Job is a job, or what became of it.
type Job struct {
	ID        thoonk.JobID    `json:"id"`
	State     thoonk.JobState `json:"state"`
	Attempt   int             `json:"attempt"`
	Submitted time.Time       `json:"submitted"`
	Due       time.Time       `json:"due"`
	Error     json.RawMessage `json:"error"`  // a text; of the outcome for one of several jobs, an object
	Result    json.RawMessage `json:"result"` // of a finished job
	Lease     struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires"`
	} `json:"lease"` // of a claim

	Payload Body            `json:"-"`
	Raw     json.RawMessage `json:"-"` // the document, as the server sent it
}

// Queue is a queue of either type.
type Queue struct {
	Name   thoonk.FeedName  `json:"name"`
	Type   thoonk.Type      `json:"type"`
	Paused bool             `json:"paused"`
	Counts map[string]int64 `json:"counts"`

	Raw json.RawMessage `json:"-"` // the document, as the server sent it
}

// queuePath is where a queue of a type is.
func queuePath(t thoonk.Type, queue thoonk.FeedName) string {
	if t == thoonk.TypeQueue {
		return "/v1/queues/" + escape(string(queue))
	}
	return "/v1/jobs/" + escape(string(queue))
}

func jobPath(queue thoonk.FeedName, id thoonk.JobID) string {
	return queuePath(thoonk.TypeJob, queue) + "/items/" + escape(string(id))
}

// CreateQueue declares a queue that must not be there yet. The declaration is as the API has it.
func (c *Client) CreateQueue(ctx context.Context, t thoonk.Type, queue thoonk.FeedName, declaration map[string]any) (Queue, error) {
	return c.queue(ctx, request{method: http.MethodPut, path: queuePath(t, queue), header: conditions(thoonk.Condition{NoneAny: true})}, declaration)
}

// PatchQueue changes parts of a declaration.
func (c *Client) PatchQueue(ctx context.Context, t thoonk.Type, queue thoonk.FeedName, change map[string]any) (Queue, error) {
	return c.queue(ctx, request{method: http.MethodPatch, path: queuePath(t, queue), header: http.Header{"Content-Type": {"application/merge-patch+json"}}}, change)
}

// Queue returns a queue.
func (c *Client) Queue(ctx context.Context, t thoonk.Type, queue thoonk.FeedName) (Queue, error) {
	return c.queue(ctx, request{method: http.MethodGet, path: queuePath(t, queue)}, nil)
}

// DeleteQueue removes a queue with all that is in it.
func (c *Client) DeleteQueue(ctx context.Context, t thoonk.Type, queue thoonk.FeedName) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: queuePath(t, queue)})
	return err
}

func (c *Client) queue(ctx context.Context, r request, body map[string]any) (Queue, error) {
	if body != nil {
		var err error
		if r.body, err = json.Marshal(body); err != nil {
			return Queue{}, err
		}
	}
	raw, err := c.call(ctx, r)
	if err != nil {
		return Queue{}, err
	}
	q := Queue{Raw: raw}
	return q, decode(raw, &q)
}

// Submit puts a job into a queue. Options are further members of the request. With a wait the job is returned when it is over,
// or as it is after so long.
func (c *Client) Submit(ctx context.Context, queue thoonk.FeedName, payload Body, options map[string]any, wait time.Duration) (Job, error) {
	member, err := payload.member()
	if err != nil {
		return Job{}, err
	}
	if payload.Form == thoonk.FormBody {
		member = append([]byte(`"payload":`), payload.Data...)
	}
	more, err := json.Marshal(options)
	if err != nil {
		return Job{}, err
	}
	body := append([]byte{'{'}, member...)
	if len(options) > 0 {
		body = append(append(body, ','), bytes.TrimSuffix(bytes.TrimPrefix(more, []byte{'{'}), []byte{'}'})...)
	}
	r := request{method: http.MethodPost, path: queuePath(thoonk.TypeJob, queue) + "/items", body: append(body, '}'), wait: wait}
	if wait > 0 {
		r.header = http.Header{"Prefer": {"wait=" + seconds(wait)}}
	}
	return c.job(ctx, r)
}

func seconds(d time.Duration) string {
	text, _ := json.Marshal(int((d + time.Second - 1) / time.Second))
	return string(text)
}

// Job returns a job. With a wait it is returned when it is over, or as it is after so long.
func (c *Client) Job(ctx context.Context, queue thoonk.FeedName, id thoonk.JobID, wait time.Duration) (Job, error) {
	r := request{method: http.MethodGet, path: jobPath(queue, id)}
	if wait > 0 {
		r.path, r.query, r.wait = r.path+"/result", url.Values{"wait": {seconds(wait)}}, wait
	}
	return c.job(ctx, r)
}

func (c *Client) job(ctx context.Context, r request) (Job, error) {
	raw, err := c.call(ctx, r)
	if err != nil {
		return Job{}, err
	}
	return parseJob(raw)
}

func parseJob(raw json.RawMessage) (Job, error) {
	var w struct {
		Job
		wireBody
		Payload json.RawMessage `json:"payload"`
	}
	err := decode(raw, &w)
	w.Job.Payload, w.Raw = w.body(), raw
	if w.Payload != nil {
		w.Job.Payload = Body{thoonk.FormBody, w.Payload}
	}
	return w.Job, err
}

// JobQuery chooses jobs. What is zero is not asked for.
type JobQuery struct {
	Queue thoonk.FeedName
	State thoonk.JobState
	Group string
}

// Jobs yields the jobs that the query chooses and the caller may see. It ends after the first error.
func (c *Client) Jobs(ctx context.Context, q JobQuery) iter.Seq2[Job, error] {
	query := url.Values{}
	set(query, "state", string(q.State))
	set(query, "group", q.Group)
	setNumber(query, "limit", 1000)
	return list(ctx, c, queuePath(thoonk.TypeJob, q.Queue)+"/items", query, "jobs", parseJob)
}

// Claim claims jobs, and waits for a first one if there is none.
func (c *Client) Claim(ctx context.Context, queue thoonk.FeedName, count int, wait, lease time.Duration) ([]Job, error) {
	ask := map[string]any{"count": count, "wait": wait.String()}
	if lease > 0 {
		ask["lease"] = lease.String()
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	return c.jobs(ctx, request{method: http.MethodPost, path: queuePath(thoonk.TypeJob, queue) + "/claims", body: body, wait: wait})
}

func (c *Client) jobs(ctx context.Context, r request) ([]Job, error) {
	raw, err := c.call(ctx, r)
	if err != nil {
		return nil, err
	}
	listed, err := listedIn(raw, "jobs")
	if err != nil {
		return nil, err
	}
	jobs := make([]Job, len(listed))
	for i, raw := range listed {
		if jobs[i], err = parseJob(raw); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// EndJob says what became of a claimed job: verb is finish, cancel, stall, extend or progress. Members go with the lease.
func (c *Client) EndJob(ctx context.Context, queue thoonk.FeedName, id thoonk.JobID, verb, token string, members map[string]any) (Job, error) {
	all := map[string]any{"lease": token}
	for name, value := range members {
		all[name] = value
	}
	body, err := json.Marshal(all)
	if err != nil {
		return Job{}, err
	}
	return c.job(ctx, request{method: http.MethodPost, path: jobPath(queue, id) + "/" + verb, body: body})
}

// ChangeJobs retries or retracts jobs, by ids, or all in a state. Each is for itself.
func (c *Client) ChangeJobs(ctx context.Context, queue thoonk.FeedName, verb string, filter map[string]any) ([]Job, error) {
	body, err := json.Marshal(filter)
	if err != nil {
		return nil, err
	}
	return c.jobs(ctx, request{method: http.MethodPost, path: queuePath(thoonk.TypeJob, queue) + "/" + verb, body: body})
}
