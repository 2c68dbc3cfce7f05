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
	name, err := feedParam(c)
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
// @Description Its declaration, and how many jobs it has in each state.
// @ID          getJobQueue
// @Tags        Jobs
// @Param       feed path string true "name"
// @Success     200 "The queue."
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/jobs/{feed} [get]
func (s *Server) getJobQueue(c *call) error { return s.getQueue(c, thoonk.TypeJob) }

// @Summary     Show a queue
// @Description Its declaration. GET …/items says how long it is.
// @ID          getQueue
// @Tags        Queues
// @Param       feed path string true "name"
// @Success     200 "The queue."
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
	if t == thoonk.TypeJob {
		n, err := s.o.Jobs.CountJobs(c.ctx(), name)
		if err != nil {
			return err
		}
		doc.Counts = &wireCounts{n.Queued, n.Held, n.Claimed, n.Stalled, n.Submits, n.Finishes}
	}
	c.setETag(feed.Revision)
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
func (s *Server) putJobQueue(c *call) error { return s.putQueue(c, thoonk.TypeJob) }

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
func (s *Server) putPlainQueue(c *call) error { return s.putQueue(c, thoonk.TypeQueue) }

func (s *Server) putQueue(c *call, t thoonk.Type) error {
	name, err := c.feed(auth.Configure)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	cfg, err := configuredQueue(thoonk.Config{Type: t}, data, false)
	if err != nil {
		return err
	}
	if err := s.checkAccess(c.ctx(), name, cfg); err != nil {
		return err
	}
	var before thoonk.Webhook
	if cfg.Webhook.URL != "" && cfg.Webhook.Secret == "" {
		present, err := s.o.Store.Feed(c.ctx(), name)
		if err != nil && thoonk.KindOf(err) != thoonk.NotFound {
			return err
		}
		before = present.Config.Webhook
	}
	if err := s.checkWebhook(c.ctx(), &cfg, before); err != nil {
		return err
	}
	feed, created, err := s.o.Store.PutFeed(c.ctx(), thoonk.PutFeed{
		Name: name, Config: cfg, If: w.cond, Once: c.once(w, data), Actor: c.who.Name,
	})
	if err != nil {
		return err
	}
	c.setETag(feed.Revision)
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		c.location(queuePath(t, name))
	}
	return c.send(status, marshal(toWireQueue(feed, true)))
}

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
func (s *Server) patchJobQueue(c *call) error { return s.patchQueue(c, thoonk.TypeJob) }

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
func (s *Server) patchPlainQueue(c *call) error { return s.patchQueue(c, thoonk.TypeQueue) }

func (s *Server) patchQueue(c *call, t thoonk.Type) error {
	name, err := c.feed(auth.Configure)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	data, err := c.patchBody()
	if err != nil {
		return err
	}
	put := thoonk.PutFeed{Name: name, Once: c.once(w, data), Actor: c.who.Name}
	var done thoonk.Feed
	err = patch(w, func() (thoonk.Revision, error) {
		feed, err := s.queueOf(c, t, name)
		if err != nil {
			return feed.Revision, err
		}
		put.Config, err = configuredQueue(undeclaredHistory(feed.Config), data, true)
		if err == nil {
			err = s.checkAccess(c.ctx(), name, put.Config)
		}
		if err == nil && put.Config.Webhook != feed.Config.Webhook {
			err = s.checkWebhook(c.ctx(), &put.Config, feed.Config.Webhook)
		}
		return feed.Revision, err
	}, func(unchanged thoonk.Condition) error {
		put.If = unchanged
		done, _, err = s.o.Store.PutFeed(c.ctx(), put)
		return err
	})
	if err != nil {
		return err
	}
	c.setETag(done.Revision)
	return c.send(http.StatusOK, marshal(toWireQueue(done, true)))
}

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
func (s *Server) deleteJobQueue(c *call) error { return s.deleteQueue(c, thoonk.TypeJob) }

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
func (s *Server) deletePlainQueue(c *call) error { return s.deleteQueue(c, thoonk.TypeQueue) }

func (s *Server) deleteQueue(c *call, t thoonk.Type) error {
	name, err := c.feed(auth.Configure)
	if err != nil {
		return err
	}
	w, err := c.writeOptions()
	if err != nil {
		return err
	}
	if w.key == "" { // with one it may be gone by the same request
		if _, err := s.queueOf(c, t, name); err != nil {
			return err
		}
	}
	err = s.o.Store.DeleteFeed(c.ctx(), thoonk.DeleteFeed{Name: name, If: w.cond, Once: c.once(w, nil), Actor: c.who.Name})
	if err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}
