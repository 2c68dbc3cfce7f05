package payload

import (
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/syndication"
	"github.com/thoonkd/thoonkd/internal/thoonk"
	"github.com/thoonkd/thoonkd/xmpp/stanza"
)

// NSJob is the namespace of jobs.
const NSJob = "urn:thoonk:job:0"

// EncodeJob returns a job as the payload of its item: where it stands, and what is known of it.
func EncodeJob(j thoonk.Job) *stanza.Element {
	e := stanza.New(NSJob, "job").Set("state", string(j.State)).Set("submitter", publisher(j.Submitter))
	if j.Attempt > 0 {
		e.Set("attempt", strconv.Itoa(j.Attempt))
	}
	setTime(e, "submitted", j.Submitted)
	setTime(e, "due", j.Due)
	setTime(e, "ended", j.Ended)
	if j.Hold != "" {
		e.Set("hold", string(j.Hold))
	}
	if len(j.Payload) > 0 {
		e.Add(stanza.New(NSJob, "payload").Add(encodeBody(j.Content, j.Payload)))
	}
	if len(j.Progress) > 0 {
		e.Add(stanza.New(NSJob, "progress").Add(encodeJSON(j.Progress)))
	}
	if j.State == thoonk.JobFinished && !j.Unknown {
		e.Add(stanza.New(NSJob, "result").Add(encodeBody(thoonk.Undeclared, j.Result)))
	}
	if j.Error != "" {
		e.Add(stanza.New(NSJob, "error").AddText(j.Error))
	}
	return e
}

// EncodeJobEvent returns a change of a job as the payload of its item in a notification: what happened, and the result if it
// is known.
func EncodeJobEvent(ev thoonk.Event) *stanza.Element {
	e := stanza.New(NSJob, "job").Set("change", string(ev.Kind)).Set("submitter", publisher(ev.Submitter))
	setTime(e, "at", ev.Revision.Time())
	if ev.Reason != "" {
		e.Set("reason", ev.Reason)
	}
	return e
}

func encodeBody(content thoonk.Content, body []byte) *stanza.Element {
	if content == thoonk.Entry {
		content = thoonk.JSON // as it is: it is a worker's, and nobody's news
	}
	return Encode(syndication.Source{}, content, thoonk.Item{Body: body})
}

func setTime(e *stanza.Element, name string, t time.Time) {
	if !t.IsZero() {
		e.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
}

// publisher returns the JID of a principal, or the principal's name as it is.
func publisher(principal string) string { return strings.TrimPrefix(principal, "xmpp:") }
