package api

import (
	"net/http"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// @Summary     Retry a job
// @Description Puts a stalled one back into the queue, with all attempts before it. 409: it is not stalled.
// @ID          retryJob
// @Tags        Jobs
// @Param       feed path string true "name"
// @Param       id   path string true "id"
// @Success     200 "It is queued."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items/{id}/retry [post]
func (s *Server) retryJob(c *call) error {
	queue, id, err := c.jobPathOf(auth.Admin)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	if len(data) > 0 {
		none := func(m member) error {
			return thoonk.E(thoonk.Invalid, "unknown member %q; there are none here", m.name)
		}
		if err := eachMember(data, none); err != nil {
			return err
		}
	}
	done, err := s.o.Jobs.RetryJobs(c.ctx(), thoonk.RetryJobs{Queue: queue, Filter: thoonk.JobFilter{IDs: []thoonk.JobID{id}}, Actor: c.who.Name})
	if err != nil {
		return err
	}
	end, err := onlyEnd(done.Jobs, queue)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, appendEnd(nil, end))
}

// @Summary     Retry many jobs
// @Description `{"ids": […]}`, or `{"state": "stalled", "group"?, "submitter"?, "limit"?}` for all of them, page by page: while there is a `next`, send it as `after`.
// @ID          retryJobs
// @Tags        Jobs
// @Param       feed path string true "name"
// @Success     200 "What became of each."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/retry [post]
func (s *Server) retryJobs(c *call) error {
	queue, f, err := c.filter("retry", auth.Admin)
	if err != nil {
		return err
	}
	if f.State != "" && f.State != thoonk.JobStalled {
		return inBody(thoonk.E(thoonk.Invalid, "only stalled jobs are retried"), "state")
	}
	done, err := s.o.Jobs.RetryJobs(c.ctx(), thoonk.RetryJobs{Queue: queue, Filter: f.JobFilter, Actor: c.who.Name})
	return c.sendDone(queue, "retry", f, done, err)
}

// @Summary     Retract many jobs
// @Description `{"ids": […]}`, or `{"state": …, "group"?, "submitter"?, "limit"?}` for all of them, page by page: while there is a `next`, send it as `after`. Claimed ones are taken from their workers, or, with `"ask": true`, asked for. Who may only submit retracts its own.
// @ID          retractJobs
// @Tags        Jobs
// @Param       feed path string true "name"
// @Success     200 "What became of each."
// @Failure     400,401,403,404,408,409,413,415,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/retract [post]
func (s *Server) retractJobs(c *call) error {
	queue, f, err := c.filter("retract", auth.Retract, auth.Submit)
	if err != nil {
		return err
	}
	if !c.who.Can(auth.Retract, queue) {
		f.Submitter = c.who.Name
	}
	done, err := s.o.Jobs.RetractJobs(c.ctx(), thoonk.RetractJobs{Queue: queue, Filter: f.JobFilter, Ask: f.ask, Actor: c.who.Name})
	return c.sendDone(queue, "retract", f, done, err)
}

// jobFilter is the body of a request about many jobs.
type jobFilter struct {
	thoonk.JobFilter
	ask bool
}

func (f jobFilter) list(queue thoonk.FeedName, verb string) list {
	return listOf(verb, string(queue), string(f.State), f.Group, f.Submitter)
}

// filter reads which jobs a request is about. It has to say: an empty filter is no way to say all.
func (c *call) filter(verb string, verbs ...auth.Verb) (queue thoonk.FeedName, f jobFilter, err error) {
	if queue, err = c.anyOf(verbs...); err != nil {
		return "", f, err
	}
	if err := c.noQuery(); err != nil {
		return "", f, err
	}
	data, err := c.body()
	if err != nil {
		return "", f, err
	}
	f, after, err := parseJobFilter(data, verb)
	if err != nil {
		return "", f, err
	}
	if after != "" {
		if f.After, err = f.list(queue, verb).after(after); err != nil {
			return "", f, inBody(thoonk.E(thoonk.Invalid, `not the "next" of an answer to this very request`), "after")
		}
	}
	return queue, f, nil
}

// parseJobFilter returns "after" apart: it can be read only for the queue that the request is about.
func parseJobFilter(data []byte, verb string) (f jobFilter, after string, err error) {
	err = eachMember(data, func(m member) (err error) {
		if m.name != "after" {
			return f.take(m, verb)
		}
		after, err = asString(m.value)
		return err
	})
	switch {
	case err != nil:
		return f, "", err
	case len(f.IDs) == 0 && f.State == "":
		return f, "", thoonk.E(thoonk.Invalid, `either "ids" or a "state" is needed`)
	case len(f.IDs) > 0 && f.State != "":
		return f, "", inBody(thoonk.E(thoonk.Invalid, `both "ids" and a "state"`), "state")
	}
	return f, after, nil
}

func (f *jobFilter) take(m member, verb string) (err error) {
	switch {
	case m.name == "ids":
		f.IDs, err = parseIDs(m.value, thoonk.MaxBatch)
	case m.name == "state":
		var s string
		if s, err = asString(m.value); err == nil {
			f.State, err = parseState(s)
		}
	case m.name == "group":
		f.Group, err = asKey(m.value)
	case m.name == "submitter":
		f.Submitter, err = asString(m.value)
	case m.name == "limit":
		f.Limit, err = asInt(m.value, 1, thoonk.MaxBatch)
	case m.name == "ask" && verb == "retract":
		f.ask, err = asBool(m.value)
	default:
		err = unknownMember(m.name, "ids", "state", "group", "submitter", "limit", "after")
	}
	return err
}

func (c *call) sendDone(queue thoonk.FeedName, verb string, f jobFilter, done thoonk.JobsDone, err error) error {
	if err != nil {
		return err
	}
	dst := appendEnds([]byte{'{'}, "jobs", done.Jobs)
	if done.Next != "" {
		dst = appendMember(dst, "next", f.list(queue, verb).cursor(done.Next))
	}
	return c.sendList(http.StatusOK, append(dst, '}'))
}
