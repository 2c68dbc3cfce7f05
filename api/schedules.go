package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// schedulePath returns the queue and the schedule that the path names.
func (c *call) schedulePath(verbs ...auth.Verb) (queue thoonk.FeedName, name thoonk.ItemID, err error) {
	if queue, err = c.anyOf(verbs...); err != nil {
		return "", "", err
	}
	if err := c.noQuery(); err != nil {
		return "", "", err
	}
	name, err = pathParam(c, "name", thoonk.ParseItemID)
	return queue, name, err
}

// @Summary     List schedules
// @Description Of the recurring jobs of a queue, by name.
// @ID          listSchedules
// @Tags        Jobs
// @Param       feed path string true "name"
// @Success     200 "The schedules."
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/schedules [get]
func (s *Server) listSchedules(c *call) error {
	queue, err := c.anyOf(auth.Read, auth.Configure)
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	all, err := s.o.Jobs.Schedules(c.ctx(), queue)
	if err != nil {
		return err
	}
	admin := c.who.Can(auth.Admin, queue)
	dst := appendList([]byte{'{'}, "schedules", all, func(dst []byte, sc thoonk.Schedule) []byte { return appendSchedule(dst, sc, admin) })
	return c.sendList(http.StatusOK, append(dst, '}'))
}

// @Summary     Show a schedule
// @Description With the time when it is due next, and what became of its last run.
// @ID          getSchedule
// @Tags        Jobs
// @Param       feed path string true "name"
// @Param       name path string true "name"
// @Success     200 "The schedule."
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/schedules/{name} [get]
func (s *Server) getSchedule(c *call) error {
	queue, name, err := c.schedulePath(auth.Read, auth.Configure)
	if err != nil {
		return err
	}
	sc, err := s.o.Jobs.Schedule(c.ctx(), queue, name)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, appendSchedule(nil, sc, c.who.Can(auth.Admin, queue)))
}

// @Summary     Declare a schedule
// @Description A job is submitted, in your name, whenever it is due: by `cron` in a `zone`, or `every` so often; once, whatever the number of servers. Of runs that no server was there for the last one is made up for.
// @ID          putSchedule
// @Tags        Jobs
// @Param       feed path string true "name"
// @Param       name path string true "name"
// @Success     200 "It was there, and is as declared."
// @Success     201 "It was made."
// @Header      201 {string} Location "where it is"
// @Failure     400,401,403,404,408,409,413,415,422,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/schedules/{name} [put]
func (s *Server) putSchedule(c *call) error {
	queue, name, err := c.schedulePath(auth.Configure)
	if err != nil {
		return err
	}
	data, err := c.bodyOf(maxEnding)
	if err != nil {
		return err
	}
	sc, err := parseSchedule(data)
	if err != nil {
		return err
	}
	sc.Queue, sc.Name, sc.Owner = queue, name, c.who.Name
	done, created, err := s.o.Jobs.PutSchedule(c.ctx(), thoonk.PutSchedule{Schedule: sc, Actor: c.who.Name})
	if err != nil {
		return inMember(err, "job/payload")
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		c.location(queuePath(thoonk.TypeJob, queue) + "/schedules/" + escape(string(name)))
	}
	return c.send(status, appendSchedule(nil, done, true))
}

// @Summary     Remove a schedule
// @Description The jobs that it put stay.
// @ID          deleteSchedule
// @Tags        Jobs
// @Param       feed path string true "name"
// @Param       name path string true "name"
// @Success     204 "It is gone."
// @Failure     400,401,403,404,409,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/schedules/{name} [delete]
func (s *Server) deleteSchedule(c *call) error {
	queue, name, err := c.schedulePath(auth.Configure)
	if err != nil {
		return err
	}
	if err := s.o.Jobs.DeleteSchedule(c.ctx(), thoonk.DeleteSchedule{Queue: queue, Name: name, Actor: c.who.Name}); err != nil {
		return err
	}
	return c.noContent(http.StatusNoContent)
}

func parseSchedule(data []byte) (thoonk.Schedule, error) {
	var sc thoonk.Schedule
	if err := eachMember(data, func(m member) error { return takeSchedule(&sc, m) }); err != nil {
		return sc, err
	}
	switch {
	case (sc.Cron == "") == (sc.Every == 0):
		return sc, thoonk.E(thoonk.Invalid, `exactly one of "cron" and "every" is needed`)
	case sc.Job.Form == "":
		return sc, inBody(thoonk.E(thoonk.Invalid, `a "job" is needed: what is submitted`), "job")
	}
	return sc, nil
}

func takeSchedule(sc *thoonk.Schedule, m member) (err error) {
	switch m.name {
	case "cron":
		sc.Cron, err = asString(m.value)
	case "zone":
		sc.Zone, err = asString(m.value)
	case "every":
		sc.Every, err = asDuration(m.value, time.Second)
	case "alone":
		sc.Alone, err = asBool(m.value)
	case "paused":
		sc.Paused, err = asBool(m.value)
	case "job":
		sc.Job, err = parseScheduledJob(m.value)
		err = under(err, "job")
	default:
		err = unknownMember(m.name, "cron", "zone", "every", "job", "alone", "paused")
	}
	return err
}

// parseScheduledJob reads a job without what makes no sense for one that recurs.
func parseScheduledJob(value json.RawMessage) (thoonk.NewJob, error) {
	j, err := parseNewJob(value)
	if err != nil {
		return j, err
	}
	for name, given := range map[string]bool{
		"id": j.ID != "", "delay": j.Delay != 0, "at": !j.At.IsZero(), "unique": j.Unique != "", "after": j.After != nil,
	} {
		if given {
			return j, inBody(thoonk.E(thoonk.Invalid, "a job that recurs has no %s", name), name)
		}
	}
	return j, nil
}

func appendSchedule(dst []byte, sc thoonk.Schedule, withActor bool) []byte {
	dst = appendMember(append(dst, '{'), "name", string(sc.Name))
	dst = appendMember(dst, "queue", string(sc.Queue))
	dst = appendWord(dst, "cron", sc.Cron)
	dst = appendWord(dst, "zone", sc.Zone)
	if sc.Every > 0 {
		dst = appendMember(dst, "every", sc.Every.String())
	}
	if sc.Alone {
		dst = appendTrue(dst, "alone")
	}
	if sc.Paused {
		dst = appendTrue(dst, "paused")
	}
	dst = append(appendName(dst, "job"), '{')
	dst = append(appendName(dst, payloadMember(sc.Job.Form)), scheduledPayload(sc.Job)...)
	if sc.Job.High {
		dst = appendMember(dst, "priority", "high")
	}
	dst = appendWord(dst, "group", sc.Job.Group)
	if sc.Job.MaxAttempts > 0 {
		dst = appendInt(dst, "max_attempts", sc.Job.MaxAttempts)
	}
	dst = append(dst, '}')
	dst = appendTime(dst, "next", sc.Next)
	dst = appendInt(dst, "runs", sc.Runs)
	if !sc.Last.Due.IsZero() {
		dst = appendTime(append(appendName(dst, "last"), '{'), "due", sc.Last.Due)
		dst = appendWord(dst, "id", string(sc.Last.Job))
		dst = append(appendWord(dst, "error", sc.Last.Error), '}')
	}
	if withActor {
		dst = appendWord(dst, "owner", sc.Owner)
	}
	return append(dst, '}')
}

func scheduledPayload(j thoonk.NewJob) []byte { return appendForm(nil, j.Form, j.Payload) }
