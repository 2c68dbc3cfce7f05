package api

import (
	"time"

	"github.com/thoonkd/thoonkd/auth"
)

// getResult waits for a job.
//
// @Summary     Await a job
// @Description Answers when the job is over (200, with its result), or stalled (200), or when the time to wait is over (202).
// @ID          awaitJob
// @Tags        Jobs
// @Param       feed   path   string true  "name"
// @Param       id     path   string true  "id"
// @Param       wait   query  string false "wait"
// @Param       Prefer header string false "wait"
// @Success     200 "The job is over, or stalled."
// @Success     202 "It goes on."
// @Header      200,202 {string} Preference-Applied "wait"
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items/{id}/result [get]
func (s *Server) getResult(c *call) error {
	queue, id, err := c.jobPathOf(auth.Read, auth.Work, auth.Submit)
	if err != nil {
		return err
	}
	q, err := c.query("wait")
	if err != nil {
		return err
	}
	wait := time.Duration(0)
	if q.Has("wait") {
		if wait, err = parseWait(q.Get("wait")); err != nil {
			return inQuery(err, "wait")
		}
	} else if preferred, given := c.preferredWait(); given {
		wait = preferred
		c.applied(wait)
	}
	job, err := s.ownJob(c, queue, id)
	if err != nil {
		return err
	}
	if wait > 0 && (!settled(job) || job.Unknown) { // its result may be on the way
		c.untimed()
		if job, err = s.o.Jobs.AwaitJob(c.ctx(), queue, id, wait); err != nil {
			return err
		}
	}
	return c.send(statusOf(job), appendJob(nil, job, c.who.Can(auth.Admin, queue)))
}
