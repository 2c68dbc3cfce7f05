package api

import (
	"net/http"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// queuesPath is where the queues of a type are.
func queuesPath(t thoonk.Type) string {
	if t == thoonk.TypeJob {
		return "/v1/jobs/"
	}
	return "/v1/queues/"
}

func queuePath(t thoonk.Type, name thoonk.FeedName) string {
	return queuesPath(t) + escape(string(name))
}

func jobPath(queue thoonk.FeedName, id thoonk.JobID) string {
	return queuePath(thoonk.TypeJob, queue) + "/items/" + escape(string(id))
}

// anyOf is like feed, for callers with any one of some rights.
func (c *call) anyOf(verbs ...auth.Verb) (thoonk.FeedName, error) {
	name, err := pathParam(c, "feed", thoonk.ParseFeedName)
	if err != nil {
		return "", err
	}
	for _, v := range verbs {
		if c.who.Can(v, name) {
			return name, nil
		}
	}
	return name, c.who.Require(verbs[0], name)
}

// queueOf returns a queue of the type that the path wants.
func (s *Server) queueOf(c *call, t thoonk.Type, name thoonk.FeedName) (thoonk.Feed, error) {
	feed, err := s.o.Store.Feed(c.ctx(), name)
	if err == nil && feed.Config.Type != t {
		err = thoonk.E(thoonk.Conflict, "%q is of type %s", name, feed.Config.Type)
	}
	return feed, err
}

// @Summary     Show a queue of jobs
// @Description Its declaration, and how many jobs it has in each state. The entity tag is that of the declaration.
// @ID          getJobQueue
// @Tags        Jobs
// @Param       feed path string true "name"
// @Success     200 "The queue."
// @Header      200 {string} ETag "revision"
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/jobs/{feed} [get]
func (s *Server) getJobQueue(c *call) error { return s.getQueue(c, thoonk.TypeJob) }

// @Summary     Show a queue
// @Description Its declaration. GET …/items says how long it is.
// @ID          getQueue
// @Tags        Queues
// @Param       feed          path   string true  "name"
// @Param       If-None-Match header string false "precondition"
// @Success     200 "The queue."
// @Success     304 "It is as you know it."
// @Header      200,304 {string} ETag "revision"
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/queues/{feed} [get]
func (s *Server) getPlainQueue(c *call) error { return s.getQueue(c, thoonk.TypeQueue) }

func (s *Server) getQueue(c *call, t thoonk.Type) error {
	name, err := c.anyOf(auth.Read, auth.Submit, auth.Work, auth.Configure)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	feed, err := s.queueOf(c, t, name)
	if err != nil {
		return err
	}
	doc := toWireQueue(feed, c.who.Can(auth.Configure, name))
	if t != thoonk.TypeJob {
		return c.sendFresh(feed.Revision, func() []byte { return marshal(doc) })
	}
	n, err := s.o.Jobs.CountJobs(c.ctx(), name)
	if err != nil {
		return err
	}
	doc.Counts = &wireCounts{n.Queued, n.Held, n.Claimed, n.Stalled, n.Submits, n.Finishes}
	c.setETag(feed.Revision) // of the declaration: the counts are new each time
	return c.send(http.StatusOK, marshal(doc))
}

// @Summary     Declare a queue of jobs
// @Description Makes it, or declares it anew; its jobs stay. What is not given has its default. With a `webhook` its jobs are pushed: POSTed to the URL, signed by Standard Webhooks; 2xx finishes a job with the body as its result, 410 stalls it, anything else is tried again.
// @ID          putJobQueue
// @Tags        Jobs
// @Param       feed            path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 "It was there, and is as declared."
// @Success     201 "It was made."
// @Header      200,201 {string} ETag "revision"
// @Header      201 {string} Location "where it is"
// @Failure     400,401,403,408,409,412,413,415,422,429,500,501,503 {object} problem
// @Router      /v1/jobs/{feed} [put]
func (s *Server) putJobQueue(c *call) error { return s.declare(c, queues(thoonk.TypeJob)) }

// @Summary     Declare a queue
// @Description Makes it, or declares it anew; its items stay. What is not given has its default.
// @ID          putQueue
// @Tags        Queues
// @Param       feed            path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 "It was there, and is as declared."
// @Success     201 "It was made."
// @Header      200,201 {string} ETag "revision"
// @Header      201 {string} Location "where it is"
// @Failure     400,401,403,408,409,412,413,415,422,429,500,503 {object} problem
// @Router      /v1/queues/{feed} [put]
func (s *Server) putPlainQueue(c *call) error { return s.declare(c, queues(thoonk.TypeQueue)) }

// @Summary     Change parts of the declaration of a queue of jobs
// @Description As a merge patch (RFC 7396). `{"paused": true}` pauses it: claims wait, submits succeed.
// @ID          patchJobQueue
// @Tags        Jobs
// @Param       feed            path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 "The queue as it is now."
// @Header      200 {string} ETag "revision"
// @Failure     400,401,403,404,408,409,412,413,415,422,429,500,501,503 {object} problem
// @Router      /v1/jobs/{feed} [patch]
func (s *Server) patchJobQueue(c *call) error { return s.redeclare(c, queues(thoonk.TypeJob)) }

// @Summary     Change parts of the declaration of a queue
// @Description As a merge patch (RFC 7396).
// @ID          patchQueue
// @Tags        Queues
// @Param       feed            path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     200 "The queue as it is now."
// @Header      200 {string} ETag "revision"
// @Failure     400,401,403,404,408,409,412,413,415,422,429,500,503 {object} problem
// @Router      /v1/queues/{feed} [patch]
func (s *Server) patchPlainQueue(c *call) error { return s.redeclare(c, queues(thoonk.TypeQueue)) }

// @Summary     Remove a queue of jobs
// @Description With all its jobs.
// @ID          deleteJobQueue
// @Tags        Jobs
// @Param       feed            path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     204 "It is gone."
// @Failure     400,401,403,404,409,412,422,429,500,503 {object} problem
// @Router      /v1/jobs/{feed} [delete]
func (s *Server) deleteJobQueue(c *call) error { return s.remove(c, queues(thoonk.TypeJob)) }

// @Summary     Remove a queue
// @Description With all its items.
// @ID          deleteQueue
// @Tags        Queues
// @Param       feed            path   string true  "name"
// @Param       If-Match        header string false "precondition"
// @Param       If-None-Match   header string false "precondition"
// @Param       Idempotency-Key header string false "key"
// @Success     204 "It is gone."
// @Failure     400,401,403,404,409,412,422,429,500,503 {object} problem
// @Router      /v1/queues/{feed} [delete]
func (s *Server) deletePlainQueue(c *call) error { return s.remove(c, queues(thoonk.TypeQueue)) }
