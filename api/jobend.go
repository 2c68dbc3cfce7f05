package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// ending is what a worker says of a job that it has.
type ending struct {
	id       thoonk.JobID
	token    string
	result   []byte
	resulted bool
	err      string
	delay    time.Duration
	delayed  bool
	lease    time.Duration
	progress []byte
}

// parseEnding reads an object that has "lease", the token, and may have some others.
func parseEnding(data []byte, members ...string) (ending, error) {
	var e ending
	if err := eachMember(data, func(m member) error { return e.take(m, members) }); err != nil {
		return e, err
	}
	if e.token == "" {
		return e, inBody(thoonk.E(thoonk.Invalid, `"lease" is needed: the token that the claim gave`), "lease")
	}
	return e, nil
}

func (e *ending) take(m member, members []string) (err error) {
	known := false
	for _, name := range members {
		known = known || name == m.name
	}
	switch {
	case m.name == "lease":
		e.token, err = asToken(m.value)
	case !known:
		err = unknownMember(m.name, append([]string{"lease"}, members...)...)
	case m.name == "id":
		e.id, err = parseID(m.value)
	case m.name == "result":
		e.result, e.resulted = m.value, true
		if len(e.result) > thoonk.MaxJobResult {
			err = thoonk.E(thoonk.TooLarge, "a result has at most %d bytes", thoonk.MaxJobResult)
		}
	case m.name == "error":
		e.err, err = asString(m.value)
	case m.name == "delay":
		e.delayed = true
		if e.delay, err = asDuration(m.value, 0); err == nil && e.delay > thoonk.MaxHold {
			err = thoonk.E(thoonk.Invalid, "at most ten years")
		}
	case m.name == "for":
		e.lease, err = asDuration(m.value, thoonk.MinLease)
	case m.name == "progress":
		e.progress = m.value
		if len(e.progress) > thoonk.MaxJobProgress {
			err = thoonk.E(thoonk.TooLarge, "progress has at most %d bytes", thoonk.MaxJobProgress)
		}
	}
	return err
}

// asToken reads the token of a lease, alone or in the object that the claim gave.
func asToken(value json.RawMessage) (string, error) {
	if members, err := parseObject(value); err == nil {
		for _, m := range members {
			if m.name == "token" {
				value = m.value
			}
		}
	}
	s, err := asString(value)
	if err == nil && (s == "" || len(s) > 256) {
		err = thoonk.E(thoonk.Invalid, "not the token of a lease")
	}
	return s, err
}

// ending reads what a worker says of the job that the path names.
func (c *call) ending(members ...string) (queue thoonk.FeedName, e ending, err error) {
	queue, id, err := c.jobPathOf(auth.Work)
	if err != nil {
		return "", e, err
	}
	if err := c.noQuery(); err != nil {
		return "", e, err
	}
	data, err := c.bodyOf(maxEnding)
	if err != nil {
		return "", e, err
	}
	e, err = parseEnding(data, members...)
	e.id = id
	return queue, e, err
}

// maxEnding leaves room around a result of the greatest length.
const maxEnding = thoonk.MaxJobResult + 64<<10

// sendEnd answers with what became of one job.
func (c *call) sendEnd(queue thoonk.FeedName, ends []thoonk.JobEnd, err error) error {
	if err != nil {
		return err
	}
	end, err := onlyEnd(ends, queue)
	if err != nil {
		return err
	}
	c.s.claimants.freed(queue)
	return c.send(http.StatusOK, appendEnd(nil, end))
}

// @Summary     Finish a job
// @Description It is done; `result` is any JSON. A result over 1 MiB is 413, and the job stays claimed. 409: the lease is lost, or there is no such job.
// @ID          finishJob
// @Tags        Workers
// @Param       feed path string true "name"
// @Param       id   path string true "id"
// @Success     200 "It is finished."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items/{id}/finish [post]
func (s *Server) finishJob(c *call) error {
	queue, e, err := c.ending("result")
	if err != nil {
		return err
	}
	ends, err := s.o.Jobs.Finish(c.ctx(), queue, []thoonk.FinishJob{e.finish(c.who.Name)})
	return c.sendEnd(queue, ends, err)
}

func (e ending) finish(actor string) thoonk.FinishJob {
	return thoonk.FinishJob{ID: e.id, Token: e.token, Result: e.result, HasResult: e.resulted, Actor: actor}
}

// @Summary     Give a job back
// @Description It failed this time. It is tried again after the queue's backoff, or `delay`; after its last attempt it is stalled with `error`. 409: the lease is lost, or there is no such job.
// @ID          cancelJob
// @Tags        Workers
// @Param       feed path string true "name"
// @Param       id   path string true "id"
// @Success     200 "It is queued, held or stalled."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items/{id}/cancel [post]
func (s *Server) cancelJob(c *call) error {
	queue, e, err := c.ending("error", "delay")
	if err != nil {
		return err
	}
	ends, err := s.o.Jobs.CancelJobs(c.ctx(), queue, []thoonk.CancelJob{
		{ID: e.id, Token: e.token, Error: e.err, HasDelay: e.delayed, Delay: e.delay, Actor: c.who.Name},
	})
	return c.sendEnd(queue, ends, err)
}

// @Summary     Put a job aside
// @Description It cannot be done as it is. An administrator may edit and retry it. 409: the lease is lost, or there is no such job.
// @ID          stallJob
// @Tags        Workers
// @Param       feed path string true "name"
// @Param       id   path string true "id"
// @Success     200 "It is stalled."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items/{id}/stall [post]
func (s *Server) stallJob(c *call) error {
	queue, e, err := c.ending("error")
	if err != nil {
		return err
	}
	ends, err := s.o.Jobs.StallJobs(c.ctx(), queue, []thoonk.StallJob{{ID: e.id, Token: e.token, Error: e.err, Actor: c.who.Name}})
	return c.sendEnd(queue, ends, err)
}

// @Summary     Extend a lease
// @Description From now on, by `for` or as long as the queue says, for all jobs of the claim. `cancelled` names those of them that somebody wants to be given up. 409: the lease is lost, or there is no such job.
// @ID          extendLease
// @Tags        Workers
// @Param       feed path string true "name"
// @Param       id   path string true "id"
// @Success     200 "The lease as it is now."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items/{id}/extend [post]
func (s *Server) extendLease(c *call) error {
	queue, e, err := c.ending("for")
	if err != nil {
		return err
	}
	return s.extended(c, queue, e)
}

// @Summary     Tell progress
// @Description Any JSON of at most 4 KiB; who looks at the job sees it. The lease is extended. 409: the lease is lost, or there is no such job.
// @ID          tellProgress
// @Tags        Workers
// @Param       feed path string true "name"
// @Param       id   path string true "id"
// @Success     200 "The lease as it is now."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items/{id}/progress [post]
func (s *Server) tellProgress(c *call) error {
	queue, e, err := c.ending("for", "progress")
	if err != nil {
		return err
	}
	if e.progress == nil {
		return inBody(thoonk.E(thoonk.Invalid, `"progress" is needed`), "progress")
	}
	return s.extended(c, queue, e)
}

func (s *Server) extended(c *call, queue thoonk.FeedName, e ending) error {
	done, err := s.o.Jobs.ExtendLease(c.ctx(), thoonk.ExtendLease{
		Queue: queue, Token: e.token, Lease: e.lease, ID: e.id, Progress: e.progress, Actor: c.who.Name,
	})
	if err != nil {
		return err
	}
	dst := appendLease([]byte{'{'}, done.Lease)
	return c.send(http.StatusOK, append(appendIDs(dst, "cancelled", done.Cancelled), '}'))
}

// finishJobs finishes many jobs.
//
// @Summary     Finish many jobs
// @Description An array, or one a line, of up to 1,000 `{"id", "lease", "result"?}`. Each is for itself: the answer says of each what became of it, or why nothing did.
// @ID          finishJobs
// @Tags        Workers
// @Param       feed path string true "name"
// @Success     200 "What became of each."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/finish [post]
func (s *Server) finishJobs(c *call) error {
	queue, err := c.feed(auth.Work)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	data, lines, err := c.batchBody()
	if err != nil {
		return err
	}
	jobs, err := parseFinishes(data, lines, c.who.Name)
	if err != nil {
		return err
	}
	ends, err := s.o.Jobs.Finish(c.ctx(), queue, jobs)
	if err != nil {
		return err
	}
	s.claimants.freed(queue)
	return c.send(http.StatusOK, append(appendEnds([]byte{'{'}, "jobs", ends), '}'))
}

func parseFinishes(data []byte, lines bool, actor string) ([]thoonk.FinishJob, error) {
	return parseMany(data, lines, func(object []byte) (thoonk.FinishJob, error) {
		e, err := parseEnding(object, "id", "result")
		if err == nil && e.id == "" {
			err = inBody(thoonk.E(thoonk.Invalid, `"id" is needed`), "id")
		}
		return e.finish(actor), err
	})
}
