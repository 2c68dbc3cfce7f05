package thoonk

import "time"

// JobID names a job inside its queue. It obeys the rules of an [ItemID].
type JobID = ItemID

// JobState is where a job stands.
type JobState string

// The states of a job. The first four are those of the contract and of ours while the job is in its queue; the others
// are kept as outcomes for as long as [JobConfig.Results] says.
const (
	JobQueued    JobState = "queued"    // it may be claimed, by any client
	JobHeld      JobState = "held"      // it waits, and no other client sees it: see HoldReason
	JobClaimed   JobState = "claimed"   // a worker has it
	JobStalled   JobState = "stalled"   // put aside, until it is retried or retracted
	JobFinished  JobState = "finished"  // done; the result is known unless Unknown says otherwise
	JobRetracted JobState = "retracted" // taken back
)

// Ended reports whether the job is over.
func (s JobState) Ended() bool { return s == JobFinished || s == JobRetracted }

// HoldReason says what a held job waits for.
type HoldReason string

// The reasons for which a job is held.
const (
	HeldDelay   HoldReason = "delay"   // for its time: Job.Due
	HeldBackoff HoldReason = "backoff" // for its next attempt: Job.Due
	HeldAfter   HoldReason = "after"   // for other jobs: Job.After
	HeldGroup   HoldReason = "group"   // for its group's limits
)

// Job is one job, or what is kept of it once it is over.
type Job struct {
	Queue     FeedName
	ID        JobID
	State     JobState
	Payload   []byte // nil once it is over
	Content   Content
	High      bool   // submitted in front of the others
	Submitter string // the principal that submitted it; empty for a client of Redis itself
	Submitted time.Time
	// Attempt counts the claims from 1: of a claimed job this one, of a queued one the next.
	Attempt     int
	MaxAttempts int // of the job itself; 0: the queue's

	Hold  HoldReason // of a held job
	Due   time.Time  // of a held job, zero where no time is known
	After []JobID    // of a held job: those it still waits for

	Unique string // key that no other job has meanwhile
	Group  string // shares limits with the others of the same group

	Worker          string    // of a claimed job: who claimed it; empty for a client of Redis itself
	Claimed         time.Time // of a claimed job
	Expires         time.Time // of a claimed job: end of its lease, zero where another client claimed it
	CancelRequested bool      // of a claimed job: its worker is asked to give up
	Progress        []byte    // JSON, what a worker said last of it

	Error   string // of the last attempt that failed, or why it was stalled
	Result  []byte // of a finished job
	Unknown bool   // of a finished job: another client finished it, and whether there was a result is not known
	Ended   time.Time
}

// Lease is the right to a claimed job for a while. One lease belongs to all jobs of one claim.
type Lease struct {
	Token   string // secret of the worker: finish, cancel, stall, extend and progress want it
	Expires time.Time
}

// Holder names the stream that a lease is bound to: when the stream or its process ends, the jobs are given back at once.
// The zero value is none.
type Holder struct {
	Process string // Store.Process of the process that serves the stream
	Stream  string // unique in the process, without spaces
}

// IsZero reports whether h is no holder.
func (h Holder) IsZero() bool { return h == Holder{} }

// Wait says why a claim got fewer jobs than it may have.
type Wait string

// The reasons why a claim got nothing.
const (
	WaitNothing Wait = ""            // it got as many as it asked for
	WaitEmpty   Wait = "empty"       // the queue has no more
	WaitPaused  Wait = "paused"      // the queue is paused
	WaitRate    Wait = "rate"        // the queue's rate is used up
	WaitRunning Wait = "concurrency" // as many jobs are claimed as may be at once
)

// Claimed is the outcome of a claim.
type Claimed struct {
	Jobs  []Job
	Lease Lease // zero if there are no jobs
	Wait  Wait
	// Until is when it is worth trying again if nothing happens before: the next held job is due, or the rate allows
	// one more. Zero: only a change of the queue can help.
	Until time.Time
	Err   error // of one among several claims: why it is refused
}

// JobEnd is the outcome for one job of a bulk operation.
type JobEnd struct {
	ID    JobID
	State JobState  // where it stands now
	Due   time.Time // where it is held now
	Err   *Error    // why nothing was done for this one; nil: it was
}
