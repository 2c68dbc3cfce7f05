package api

import (
	"net/http"
	"net/url"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// seesAll reports whether a caller sees all jobs of a queue; else, with the right to submit, its own.
func seesAll(who auth.Principal, queue thoonk.FeedName) bool {
	return who.Can(auth.Read, queue) || who.Can(auth.Work, queue)
}

// jobsReader returns the queue that the path names, for callers who see some of its jobs.
func (c *call) jobsReader() (queue thoonk.FeedName, all bool, err error) {
	queue, err = c.anyOf(auth.Read, auth.Work, auth.Submit)
	return queue, err == nil && seesAll(c.who, queue), err
}

// jobPathOf returns the queue and the job that the path names.
func (c *call) jobPathOf(verbs ...auth.Verb) (queue thoonk.FeedName, id thoonk.JobID, err error) {
	if queue, err = c.anyOf(verbs...); err != nil {
		return "", "", err
	}
	id, err = pathParam(c, "id", thoonk.ParseItemID)
	return queue, id, err
}

// ownJob returns a job that the caller may see. Another's is not found, whether or not it is there.
func (s *Server) ownJob(c *call, queue thoonk.FeedName, id thoonk.JobID) (thoonk.Job, error) {
	job, err := s.o.Jobs.Job(c.ctx(), queue, id)
	if err == nil && !seesAll(c.who, queue) && job.Submitter != c.who.Name {
		err = thoonk.E(thoonk.NotFound, "no such job in queue %q", queue)
	}
	return job, err
}

// @Summary     List jobs
// @Description All that are not over, or those in one state, `finished` and `retracted` among them as long as they are kept. Who may only submit sees its own.
// @ID          listJobs
// @Tags        Jobs
// @Param       feed   path  string true  "name"
// @Param       state  query string false "state"
// @Param       group  query string false "group"
// @Param       limit  query int    false "length"
// @Param       cursor query string false "cursor"
// @Success     200 "A page of jobs."
// @Header      200 {string} Link "the next page"
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items [get]
func (s *Server) listJobs(c *call) error {
	queue, all, err := c.jobsReader()
	if err != nil {
		return err
	}
	q, err := c.query("state", "group", "limit", "cursor")
	if err != nil {
		return err
	}
	query := thoonk.JobQuery{Queue: queue, Group: q.Get("group")}
	if !all {
		query.Submitter = c.who.Name
	}
	if query.State, err = jobStateOf(q); err != nil {
		return err
	}
	if query.Limit, err = limit(q); err != nil {
		return err
	}
	list := listOf("jobs", string(queue), q.Get("state"), q.Get("group"), query.Submitter)
	if query.After, err = list.start(q); err != nil {
		return err
	}
	page, err := s.o.Jobs.Jobs(c.ctx(), query)
	if err != nil {
		return err
	}
	admin := c.who.Can(auth.Admin, queue)
	dst := appendList([]byte{'{'}, "jobs", page.Jobs, func(dst []byte, j thoonk.Job) []byte { return appendJob(dst, j, admin) })
	dst = appendWord(dst, "next", c.next(list, queuePath(thoonk.TypeJob, queue)+"/items", q, page.Next))
	return c.sendList(http.StatusOK, append(dst, '}'))
}

func jobStateOf(q url.Values) (thoonk.JobState, error) {
	if !q.Has("state") {
		return "", nil
	}
	state, err := parseState(q.Get("state"))
	return state, inQuery(err, "state")
}

func parseState(s string) (thoonk.JobState, error) {
	switch state := thoonk.JobState(s); state {
	case thoonk.JobQueued, thoonk.JobHeld, thoonk.JobClaimed, thoonk.JobStalled, thoonk.JobFinished, thoonk.JobRetracted:
		return state, nil
	}
	return "", thoonk.E(thoonk.Invalid, "state is one of queued, held, claimed, stalled, finished and retracted")
}

// @Summary     Show a job
// @Description As it is now, or, as long as it is kept, what became of it.
// @ID          getJob
// @Tags        Jobs
// @Param       feed path string true "name"
// @Param       id   path string true "id"
// @Success     200 "The job."
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items/{id} [get]
func (s *Server) getJob(c *call) error {
	queue, id, err := c.jobPathOf(auth.Read, auth.Work, auth.Submit)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	job, err := s.ownJob(c, queue, id)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, appendJob(nil, job, c.who.Can(auth.Admin, queue)))
}

// @Summary     Edit a job
// @Description Replaces the payload of one that is stalled or held. What the queue stamps stays as it was.
// @ID          editJob
// @Tags        Jobs
// @Param       feed path string true "name"
// @Param       id   path string true "id"
// @Success     200 "The job as it is now."
// @Failure     400,401,403,404,408,409,413,415,422,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items/{id} [patch]
func (s *Server) patchJob(c *call) error {
	queue, id, err := c.jobPathOf(auth.Admin)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	data, err := c.patchBody()
	if err != nil {
		return err
	}
	change, err := parsePayloadPatch(data)
	if err != nil {
		return err
	}
	for range patchTries {
		job, err := s.o.Jobs.Job(c.ctx(), queue, id)
		if err != nil {
			return err
		}
		edit := thoonk.EditJob{Queue: queue, ID: id, Was: job.Payload, Actor: c.who.Name}
		if edit.Form, edit.Payload, err = patchPayload(change, job); err != nil {
			return err
		}
		job, err = s.o.Jobs.EditJob(c.ctx(), edit)
		if err == nil {
			return c.send(http.StatusOK, appendJob(nil, job, true))
		}
		if kindOf(err) != thoonk.Stale {
			return inMember(err, "payload")
		}
	}
	return errPatching
}

func parsePayloadPatch(data []byte) (mergePatch, error) {
	p, err := parseMergePatch(data)
	if err == nil && !p.object {
		err = thoonk.E(thoonk.Invalid, "not a JSON object")
	}
	if err != nil {
		return p, err
	}
	for _, m := range p.members {
		if m.name != "payload" && (m.name == string(thoonk.FormBody) || !isForm(m.name)) {
			return p, inBody(unknownMember(m.name, "payload", "text", "xml", "base64"), m.name)
		}
	}
	return p, nil
}

// patchPayload returns what a merge patch makes of a job's payload.
func patchPayload(change mergePatch, job thoonk.Job) (thoonk.Form, []byte, error) {
	members, err := parseObject(change.apply(append(appendPayload([]byte{'{'}, job.Content, job.Payload), '}')))
	if err != nil {
		return "", nil, err
	}
	var edited thoonk.NewJob
	for _, m := range members {
		if _, err := takePayload(&edited.Form, &edited.Payload, m); err != nil {
			return "", nil, within(err, m.name)
		}
	}
	switch {
	case edited.Form == "":
		return "", nil, thoonk.E(thoonk.Unprocessable, "with the patch applied there would be no payload")
	case len(edited.Payload) > thoonk.MaxJobPayload:
		return "", nil, thoonk.E(thoonk.TooLarge, "a payload has at most %d bytes", thoonk.MaxJobPayload)
	}
	return edited.Form, edited.Payload, nil
}

// @Summary     Retract a job
// @Description Takes it back. The worker of a claimed one is asked to give up, and hears of it with its next sign of life: 202; with `force=true` it is retracted at once and its lease is lost. Who may only submit retracts its own.
// @ID          retractJob
// @Tags        Jobs
// @Param       feed  path  string true  "name"
// @Param       id    path  string true  "id"
// @Param       force query bool   false "force"
// @Success     202 "Its worker is asked to give up."
// @Success     204 "It is retracted."
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items/{id} [delete]
func (s *Server) deleteJob(c *call) error {
	queue, id, err := c.jobPathOf(auth.Retract, auth.Submit)
	if err != nil {
		return err
	}
	q, err := c.query("force")
	if err != nil {
		return err
	}
	force, err := boolOf(q, "force")
	if err != nil {
		return err
	}
	filter := thoonk.JobFilter{IDs: []thoonk.JobID{id}}
	if !c.who.Can(auth.Retract, queue) {
		filter.Submitter = c.who.Name
	}
	done, err := s.o.Jobs.RetractJobs(c.ctx(), thoonk.RetractJobs{Queue: queue, Filter: filter, Ask: !force, Actor: c.who.Name})
	if err != nil {
		return err
	}
	end, err := onlyEnd(done.Jobs, queue)
	if err != nil {
		return err
	}
	if end.State == thoonk.JobClaimed {
		return c.send(http.StatusAccepted, appendEnd(nil, end))
	}
	return c.noContent(http.StatusNoContent)
}

// onlyEnd returns the outcome of an operation on one job, or why there is none.
func onlyEnd(ends []thoonk.JobEnd, queue thoonk.FeedName) (thoonk.JobEnd, error) {
	if len(ends) == 0 {
		return thoonk.JobEnd{}, thoonk.E(thoonk.NotFound, "no such job in queue %q", queue)
	}
	if ends[0].Err != nil {
		return ends[0], ends[0].Err
	}
	return ends[0], nil
}
