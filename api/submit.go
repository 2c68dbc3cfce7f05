package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/thoonkd/thoonkd/auth"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// submitJobs puts jobs into a queue.
//
// @Summary     Submit jobs
// @Description One job, or an array of up to 1,000 (or, as `application/x-ndjson`, one a line): all or none.
// @Description
// @Description With `Prefer: wait=30` the answer to one job comes when it is over, or stalled, or after so many seconds; 200 and `Preference-Applied` say that it was waited for.
// @ID          submitJobs
// @Tags        Jobs
// @Param       feed            path   string true  "name"
// @Param       Prefer          header string false "wait"
// @Param       Idempotency-Key header string false "key"
// @Success     200 "It was waited for, and is over or stalled. Or a job with the same unique key was there already."
// @Success     201 "They were submitted."
// @Success     202 "It was waited for, and goes on."
// @Header      200,202 {string} Preference-Applied "wait"
// @Header      201 {string} Location "where it is, of one job"
// @Failure     400,401,403,404,408,409,413,415,422,429,500,503 {object} problem
// @Router      /v1/jobs/{feed}/items [post]
func (s *Server) submitJobs(c *call) error {
	queue, err := c.feed(auth.Submit)
	if err != nil {
		return err
	}
	w, err := c.batchOptions()
	if err != nil {
		return err
	}
	data, lines, err := c.batchBody()
	if err != nil {
		return err
	}
	jobs, one, err := parseOneOrMany(data, lines, parseNewJob)
	if err != nil {
		return err
	}
	done, err := s.o.Jobs.Submit(c.ctx(), thoonk.SubmitJobs{Queue: queue, Jobs: jobs, Once: c.once(w, data), Actor: c.who.Name})
	if err != nil {
		return refusalOf(err, "payload", one)
	}
	if !one {
		all := appendList([]byte{'{'}, "jobs", done, func(dst []byte, d thoonk.Submitted) []byte { return appendSubmitted(dst, queue, d) })
		return c.send(http.StatusCreated, append(all, '}'))
	}
	if wait, given := c.preferredWait(); given {
		return s.awaitSubmitted(c, queue, done[0], wait)
	}
	status := http.StatusCreated
	if done[0].Existing {
		status = http.StatusOK
	}
	c.location(jobPath(queue, done[0].ID))
	return c.send(status, appendSubmitted(nil, queue, done[0]))
}

func (s *Server) awaitSubmitted(c *call, queue thoonk.FeedName, done thoonk.Submitted, wait time.Duration) error {
	c.untimed()
	job, err := s.o.Jobs.AwaitJob(c.ctx(), queue, done.ID, wait)
	if err != nil { // it was submitted, and that is what has to be known
		s.o.Log.WarnContext(c.ctx(), "awaiting a job", "queue", queue, "error", err)
		job = thoonk.Job{Queue: queue, ID: done.ID, State: done.State, Due: done.Due}
	} else {
		c.applied(wait)
	}
	c.location(jobPath(queue, done.ID))
	return c.send(statusOf(job), appendJob(nil, job, false))
}

// statusOf is 202 for a job that goes on.
func statusOf(j thoonk.Job) int {
	if settled(j) {
		return http.StatusOK
	}
	return http.StatusAccepted
}

// settled reports whether nothing more happens to a job by itself.
func settled(j thoonk.Job) bool { return j.State.Ended() || j.State == thoonk.JobStalled }

func appendSubmitted(dst []byte, queue thoonk.FeedName, d thoonk.Submitted) []byte {
	dst = appendMember(append(dst, '{'), "id", string(d.ID))
	dst = appendMember(dst, "queue", string(queue))
	dst = appendMember(dst, "state", string(d.State))
	dst = appendTime(dst, "due", d.Due)
	if d.Existing {
		dst = appendTrue(dst, "existing")
	}
	return append(dst, '}')
}

func parseNewJob(data []byte) (thoonk.NewJob, error) {
	var j thoonk.NewJob
	if len(data) == 0 {
		return j, thoonk.E(thoonk.Invalid, `the request has no body; it is {"payload": …}, or "text", "xml" or "base64" in its place`)
	}
	if err := eachMember(data, func(m member) error { return takeNewJob(&j, m) }); err != nil {
		return j, err
	}
	switch {
	case j.Form == "":
		return j, thoonk.E(thoonk.Invalid, `one of "payload", "text", "xml" and "base64" is needed`)
	case j.Delay > 0 && !j.At.IsZero():
		return j, inBody(thoonk.E(thoonk.Invalid, `both "delay" and "at"`), "at")
	case j.UniqueFor > 0 && j.Unique == "":
		return j, inBody(thoonk.E(thoonk.Invalid, `there is no "unique" key to be kept for that time`), "unique_for")
	case len(j.Payload) > thoonk.MaxJobPayload:
		return j, inBody(thoonk.E(thoonk.TooLarge, "a payload has at most %d bytes", thoonk.MaxJobPayload), payloadMember(j.Form))
	}
	return j, nil
}

func takeNewJob(j *thoonk.NewJob, m member) (err error) {
	switch m.name {
	case "id":
		j.ID, err = parseID(m.value)
	case "priority":
		j.High, err = parsePriority(m.value)
	case "delay":
		if j.Delay, err = asDuration(m.value, 0); err == nil && j.Delay > thoonk.MaxHold {
			err = thoonk.E(thoonk.Invalid, "at most ten years")
		}
	case "at":
		j.At, err = asTime(m.value)
	case "max_attempts":
		j.MaxAttempts, err = asInt(m.value, 1, 1_000_000)
	case "unique":
		j.Unique, err = asKey(m.value)
	case "unique_for":
		j.UniqueFor, err = asDuration(m.value, time.Millisecond)
	case "group":
		j.Group, err = asKey(m.value)
	case "after":
		j.After, err = parseIDs(m.value, thoonk.MaxAfter)
	default:
		var known bool
		if known, err = takePayload(&j.Form, &j.Payload, m); !known {
			err = unknownMember(m.name, "id", "payload", "text", "xml", "base64", "priority", "delay", "at", "max_attempts", "unique", "unique_for", "group", "after")
		}
	}
	return err
}

// takePayload takes a member of an object, if it is one that is a payload.
func takePayload(form *thoonk.Form, payload *[]byte, m member) (known bool, err error) {
	f := thoonk.Form(m.name)
	switch f {
	case "payload":
		f = thoonk.FormBody
	case thoonk.FormText, thoonk.FormXML, thoonk.FormBase64:
	default:
		return false, nil
	}
	if *form != "" {
		return true, thoonk.E(thoonk.Invalid, "both %q and %q; a job has one of them", payloadMember(*form), m.name)
	}
	*form = f
	*payload, err = parseForm(f, m.value)
	return true, err
}

func parsePriority(value json.RawMessage) (high bool, err error) {
	s, err := asString(value)
	if err == nil && s != "high" && s != "normal" {
		err = thoonk.E(thoonk.Invalid, "priority is high or normal")
	}
	return s == "high", err
}

// asKey returns the unique key, or the group, that a JSON value is.
func asKey(value json.RawMessage) (string, error) {
	s, err := asString(value)
	if err == nil && (s == "" || len(s) > thoonk.MaxJobKey) {
		err = thoonk.E(thoonk.Invalid, "a key has 1 to %d bytes", thoonk.MaxJobKey)
	}
	return s, err
}

func asTime(value json.RawMessage) (time.Time, error) {
	s, err := asString(value)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, thoonk.E(thoonk.Invalid, "not a time of RFC 3339, as in 2026-01-31T09:00:00Z")
	}
	return t, nil
}

func parseIDs(value json.RawMessage, most int) ([]thoonk.JobID, error) {
	var texts []json.RawMessage
	if err := json.Unmarshal(value, &texts); err != nil || len(texts) == 0 || len(texts) > most {
		return nil, thoonk.E(thoonk.Invalid, "not a list of 1 to %d ids", most)
	}
	ids := make([]thoonk.JobID, len(texts))
	for i, text := range texts {
		id, err := parseID(text)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}
