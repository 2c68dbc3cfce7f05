package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// claimRequest is the body of a POST of claims, or of a get from a queue.
type claimRequest struct {
	count   int
	wait    time.Duration
	lease   time.Duration
	confirm bool
}

// claimJobs gives jobs to a worker.
//
// @Summary     Claim jobs
// @Description Takes up to `count` jobs, at once or as soon as there is one, within `wait`. Each is the worker's until its lease ends: finish, cancel or stall it, or extend the lease. No jobs are no error; then `reason` says why (`empty`, `paused`, `rate`, `concurrency`).
// @ID          claimJobs
// @Tags        Workers
// @Param       feed path string true "name"
// @Success     200 "The jobs, if any."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/claims [post]
func (s *Server) claimJobs(c *call) error {
	queue, err := c.feed(auth.Work)
	if err != nil {
		return err
	}
	r, err := c.claimRequest("count", "wait", "lease")
	if err != nil {
		return err
	}
	if r.wait > 0 {
		c.untimed()
	}
	got, err := s.o.Jobs.Claim(c.ctx(), queue, thoonk.ClaimJobs{Count: r.count, Lease: r.lease, Actor: c.who.Name}, r.wait)
	if err != nil {
		return err
	}
	dst := appendList([]byte{'{'}, "jobs", got.Jobs, func(dst []byte, j thoonk.Job) []byte { return appendClaim(dst, j, got.Lease) })
	return c.send(http.StatusOK, appendWhy(dst, len(got.Jobs), got.Wait, got.Until))
}

// appendWhy ends an answer that brings nothing with the reason.
func appendWhy(dst []byte, n int, why thoonk.Wait, until time.Time) []byte {
	if n == 0 {
		dst = appendWord(dst, "reason", string(why))
		dst = appendTime(dst, "until", until)
	}
	return append(dst, '}')
}

// claimRequest reads {"count", "wait", "lease"}; the body may be empty, and "wait" may stand in the query.
func (c *call) claimRequest(members ...string) (claimRequest, error) {
	r := claimRequest{count: 1}
	q, err := c.query("wait")
	if err != nil {
		return r, err
	}
	if q.Has("wait") {
		if r.wait, err = parseWait(q.Get("wait")); err != nil {
			return r, inQuery(err, "wait")
		}
	}
	data, err := c.body()
	if err != nil || len(data) == 0 {
		return r, err
	}
	err = r.parse(data, members)
	return r, err
}

func (r *claimRequest) parse(data []byte, members []string) error {
	return eachMember(data, func(m member) error { return r.take(m, members) })
}

func (r *claimRequest) take(m member, members []string) (err error) {
	switch m.name {
	case "count":
		r.count, err = asInt(m.value, 1, thoonk.MaxClaim)
	case "wait":
		r.wait, err = asWait(m.value)
	case "lease":
		r.lease, err = asDuration(m.value, thoonk.MinLease)
	case "ack":
		r.confirm, err = parseAck(m.value)
	default:
		err = unknownMember(m.name, members...)
	}
	return err
}

// asWait takes a number of seconds too.
func asWait(value json.RawMessage) (time.Duration, error) {
	if s, err := asString(value); err == nil {
		return parseWait(s)
	}
	return parseWait(string(value))
}
