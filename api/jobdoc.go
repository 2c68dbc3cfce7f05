package api

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// A payload is shown as a body is, but that JSON is called "payload".

func payloadMember(form thoonk.Form) string {
	if form == thoonk.FormBody {
		return "payload"
	}
	return string(form)
}

func appendPayload(dst []byte, content thoonk.Content, payload []byte) []byte {
	form := content.FormOf(payload)
	dst = appendName(dst, payloadMember(form))
	return appendForm(dst, form, payload)
}

// appendResult appends a result: JSON as it is, anything else, of other clients, under another name.
func appendResult(dst, result []byte) []byte {
	switch {
	case utf8.Valid(result) && json.Valid(result):
		return append(appendName(dst, "result"), result...)
	case utf8.Valid(result):
		return appendMember(dst, "result_text", string(result))
	}
	dst = append(appendName(dst, "result_base64"), '"')
	return append(base64.StdEncoding.AppendEncode(dst, result), '"')
}

func appendInt[N int | int64](dst []byte, name string, n N) []byte {
	return strconv.AppendInt(appendName(dst, name), int64(n), 10)
}

// appendWord appends a member that is a text, unless it is empty.
func appendWord(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return appendMember(dst, name, value)
}

// appendJob appends a job. Who has it, and who submitted it, is for those who may see who did what.
func appendJob(dst []byte, j thoonk.Job, withActor bool) []byte {
	dst = appendMember(append(dst, '{'), "id", string(j.ID))
	dst = appendMember(dst, "queue", string(j.Queue))
	dst = appendMember(dst, "state", string(j.State))
	if j.Payload != nil {
		dst = appendPayload(dst, j.Content, j.Payload)
	}
	if j.High {
		dst = appendMember(dst, "priority", "high")
	}
	if !j.State.Ended() {
		dst = appendInt(dst, "attempt", j.Attempt)
	}
	if j.MaxAttempts > 0 {
		dst = appendInt(dst, "max_attempts", j.MaxAttempts)
	}
	dst = appendTime(dst, "submitted", j.Submitted)
	dst = appendWord(dst, "held", string(j.Hold))
	dst = appendTime(dst, "due", j.Due)
	dst = appendIDs(dst, "after", j.After)
	dst = appendWord(dst, "unique", j.Unique)
	dst = appendWord(dst, "group", j.Group)
	dst = appendTime(dst, "claimed", j.Claimed)
	dst = appendTime(dst, "expires", j.Expires)
	if j.CancelRequested {
		dst = appendTrue(dst, "cancel_requested")
	}
	if len(j.Progress) > 0 {
		dst = append(appendName(dst, "progress"), j.Progress...)
	}
	dst = appendWord(dst, "error", j.Error)
	dst = appendOutcome(dst, j)
	if withActor {
		dst = appendWord(dst, "submitter", j.Submitter)
		dst = appendWord(dst, "worker", j.Worker)
	}
	return append(dst, '}')
}

func appendOutcome(dst []byte, j thoonk.Job) []byte {
	if !j.State.Ended() {
		return dst
	}
	if j.Result != nil {
		dst = appendResult(dst, j.Result)
	}
	if j.Unknown {
		dst = appendTrue(dst, "unknown")
	}
	return appendTime(dst, "ended", j.Ended)
}

func appendIDs(dst []byte, name string, ids []thoonk.JobID) []byte {
	if len(ids) == 0 {
		return dst
	}
	return appendList(dst, name, ids, func(dst []byte, id thoonk.JobID) []byte { return appendString(dst, string(id)) })
}

// appendClaim appends a job as a worker gets it.
func appendClaim(dst []byte, j thoonk.Job, lease thoonk.Lease) []byte {
	dst = appendMember(append(dst, '{'), "id", string(j.ID))
	dst = appendPayload(dst, j.Content, j.Payload)
	dst = appendInt(dst, "attempt", j.Attempt)
	dst = appendWord(dst, "group", j.Group)
	dst = appendWord(dst, "error", j.Error)
	dst = appendTime(dst, "submitted", j.Submitted)
	return append(appendLease(dst, lease), '}')
}

func appendLease(dst []byte, lease thoonk.Lease) []byte {
	dst = appendMember(append(appendName(dst, "lease"), '{'), "token", lease.Token)
	return append(appendTime(dst, "expires", lease.Expires), '}')
}

// appendEnds appends what became of each of several jobs.
func appendEnds(dst []byte, name string, ends []thoonk.JobEnd) []byte {
	return appendList(dst, name, ends, appendEnd)
}

func appendEnd(dst []byte, e thoonk.JobEnd) []byte {
	dst = appendMember(append(dst, '{'), "id", string(e.ID))
	dst = appendWord(dst, "state", string(e.State))
	dst = appendTime(dst, "due", e.Due)
	if e.Err != nil {
		dst = append(appendName(dst, "error"), '{')
		dst = appendMember(dst, "kind", string(e.Err.Kind))
		dst = append(appendMember(dst, "detail", e.Err.Public), '}')
	}
	return append(dst, '}')
}
