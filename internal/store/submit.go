package store

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/thoonkd/thoonkd/internal/schema"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// SubmitJobs puts jobs into a queue, all or none, and returns the outcome of each. Errors: NotFound (the queue), Conflict (its
// type), Invalid, TooLarge, Unprocessable (a reused idempotency key), Unavailable, and a [thoonk.BatchError] where one job is
// refused: Conflict (its id is taken), Unprocessable (its payload against the queue's content; an unknown, retracted or cyclic
// dependency), Limited (too many wait for the same job).
func (s *Store) SubmitJobs(ctx context.Context, sub thoonk.SubmitJobs) ([]thoonk.Submitted, error) {
	if err := checkSubmit(sub.Jobs); err != nil {
		return nil, err
	}
	var done []thoonk.Submitted
	held := sub
	err := s.checked(ctx, sub.Queue, func(checks *schema.Checks) (err error) {
		held, err = heldTo(checks, sub)
		return err
	}, func(digest string) (err error) {
		done, err = s.submit(ctx, held, digest)
		return err
	})
	return done, err
}

// heldTo returns the jobs as they are to be put.
func heldTo(checks *schema.Checks, sub thoonk.SubmitJobs) (thoonk.SubmitJobs, error) {
	if checks == nil {
		return sub, nil
	}
	jobs := slices.Clone(sub.Jobs)
	for i, j := range jobs {
		payload, err := checks.Apply(j.Form, j.Payload, sub.Actor)
		if err != nil {
			return sub, &thoonk.BatchError{Index: i, Reason: err}
		}
		jobs[i].Payload = payload
	}
	sub.Jobs = jobs
	return sub, nil
}

func (s *Store) submit(ctx context.Context, sub thoonk.SubmitJobs, checks string) ([]thoonk.Submitted, error) {
	args, err := submitArgs(sub, checks)
	if err != nil {
		return nil, err
	}
	a, err := s.runKeys(ctx, "submit", scriptSubmit, jobKeys(sub.Queue, sub.Once), sub.Queue, escape(sub.Actor), args...)
	if err != nil {
		return nil, err
	}
	done := make([]thoonk.Submitted, 0, len(sub.Jobs))
	if len(a) == 0 { // all are queued
		for i := range sub.Jobs {
			id, _ := args[2+submitFields*i].(string)
			done = append(done, thoonk.Submitted{ID: thoonk.JobID(id), State: thoonk.JobQueued})
		}
	}
	for ; len(a) >= 4; a = a[4:] {
		done = append(done, thoonk.Submitted{
			ID: thoonk.JobID(a.text(0)), State: thoonk.JobState(a.text(1)), Due: micros(a.text(2)), Existing: a.text(3) == "1",
		})
	}
	return done, nil
}

// checkSubmit finds what is wrong with jobs whatever their queue is.
func checkSubmit(jobs []thoonk.NewJob) error {
	if len(jobs) == 0 || len(jobs) > thoonk.MaxBatch {
		return thoonk.E(thoonk.Invalid, "a submit has 1 to %d jobs", thoonk.MaxBatch)
	}
	for i, j := range jobs {
		if err := checkNewJob(j); err != nil {
			return &thoonk.BatchError{Index: i, Reason: err}
		}
	}
	if at := cyclic(jobs); at >= 0 {
		return &thoonk.BatchError{Index: at, Reason: thoonk.E(thoonk.Unprocessable, "the job would wait for itself").In("after")}
	}
	return nil
}

// submitFields is how many arguments lua/submit.lua takes for a job.
const submitFields = 4

func submitArgs(sub thoonk.SubmitJobs, checks string) ([]any, error) {
	size := 0
	args := make([]any, 0, 2+submitFields*len(sub.Jobs))
	args = append(args, sub.Once.Hash, heldArg(checks, sub.Declared))
	for _, j := range sub.Jobs {
		if size += len(j.Payload); size > thoonk.MaxBatchBytes {
			return nil, thoonk.E(thoonk.TooLarge, "the payloads of a submit have more than %d bytes together", thoonk.MaxBatchBytes)
		}
		id := string(j.ID)
		if id == "" {
			id = newID()
		}
		args = append(args, id, j.Payload, newRecord(j, sub.Actor), jobOptions(j))
	}
	return args, nil
}

// jobOptions is the last argument for a job.
func jobOptions(j thoonk.NewJob) string {
	at := ""
	if !j.At.IsZero() {
		at = strconv.FormatInt(j.At.UnixMicro(), 10)
	}
	after := make([]string, len(j.After))
	for k, id := range j.After {
		after[k] = string(id)
	}
	return strings.Join([]string{
		contentsArg(j.Form.Contents(j.Payload)), flag(j.ID != ""), flag(j.High), millisArg(j.Delay), at, j.Unique, millisArg(j.UniqueFor),
		strings.Join(after, "\t"),
	}, "\n")
}

func newID() string {
	id := uuid.New()
	return hex.EncodeToString(id[:])
}

func newRecord(j thoonk.NewJob, submitter string) string {
	r := "o" + escape(submitter)
	if j.Unique != "" {
		r += "\nu" + j.Unique
	}
	if j.Group != "" {
		r += "\ng" + j.Group
	}
	if j.MaxAttempts != 0 {
		r += "\nm" + strconv.Itoa(j.MaxAttempts)
	}
	if j.High {
		r += "\np"
	}
	return r
}

func checkNewJob(j thoonk.NewJob) *thoonk.Error {
	if e, ok := errors.AsType[*thoonk.Error](j.Form.Check(j.Payload)); ok {
		return e
	}
	switch {
	case len(j.Payload) > thoonk.MaxJobPayload:
		return thoonk.E(thoonk.TooLarge, "a payload has at most %d bytes", thoonk.MaxJobPayload).In("payload")
	case j.Delay < 0 || j.Delay > thoonk.MaxHold:
		return thoonk.E(thoonk.Invalid, "a delay is 0 to ten years").In("delay")
	case !j.At.IsZero() && j.Delay != 0:
		return thoonk.E(thoonk.Invalid, "give a delay or a time, not both").In("delay")
	case !j.At.IsZero() && (j.At.Year() < 1970 || j.At.After(time.Now().Add(thoonk.MaxHold))):
		return thoonk.E(thoonk.Invalid, "a time is at most ten years from now").In("at")
	case j.MaxAttempts < -1 || j.MaxAttempts > 1_000_000:
		return thoonk.E(thoonk.Invalid, "1 to 1000000 attempts, or -1 for no bound").In("max_attempts")
	case j.UniqueFor < 0 || j.UniqueFor > thoonk.MaxHold:
		return thoonk.E(thoonk.Invalid, "a time is 0 to ten years").In("unique_for")
	case j.UniqueFor != 0 && j.Unique == "":
		return thoonk.E(thoonk.Invalid, "it is for a unique key, and there is none").In("unique_for")
	case len(j.After) > thoonk.MaxAfter:
		return thoonk.E(thoonk.Invalid, "a job waits for at most %d others", thoonk.MaxAfter).In("after")
	}
	if err := checkJobKey(j.Unique); err != nil {
		return err.In("unique")
	}
	if err := checkJobKey(j.Group); err != nil {
		return err.In("group")
	}
	for _, id := range j.After {
		if _, err := thoonk.ParseItemID(string(id)); err != nil {
			return thoonk.E(thoonk.Invalid, "not an id: 1 to 512 bytes of UTF-8 without control characters").In("after")
		}
	}
	if j.ID != "" {
		if _, err := thoonk.ParseItemID(string(j.ID)); err != nil {
			return thoonk.E(thoonk.Invalid, "not an id: 1 to 512 bytes of UTF-8 without control characters").In("id")
		}
	}
	return nil
}

// checkJobKey admits an empty key: there is none then.
func checkJobKey(key string) *thoonk.Error {
	if key == "" {
		return nil
	}
	if len(key) > thoonk.MaxJobKey {
		return thoonk.E(thoonk.Invalid, "at most %d bytes", thoonk.MaxJobKey)
	}
	if _, err := thoonk.ParseItemID(key); err != nil {
		return thoonk.E(thoonk.Invalid, "UTF-8 without control characters")
	}
	return nil
}

// cyclic returns the index of a job that waits for itself by way of others of the same submit, or -1. A job that is in the
// queue already waits for none of them, so no circle leads through it.
func cyclic(jobs []thoonk.NewJob) int {
	index := make(map[thoonk.JobID]int)
	for i, j := range jobs {
		if j.ID != "" {
			index[j.ID] = i
		}
	}
	const open, done = 1, 2
	state := make([]int, len(jobs))
	var visit func(i int) bool
	visit = func(i int) bool {
		if state[i] != 0 {
			return state[i] == open
		}
		state[i] = open
		for _, id := range jobs[i].After {
			if k, ok := index[id]; ok && visit(k) {
				return true
			}
		}
		state[i] = done
		return false
	}
	for i := range jobs {
		if visit(i) {
			return i
		}
	}
	return -1
}
