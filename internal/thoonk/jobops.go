package thoonk

import "time"

// SubmitJobs puts jobs into a queue, all or none. At most [MaxBatch], of at most [MaxBatchBytes] together.
type SubmitJobs struct {
	Queue    FeedName
	Jobs     []NewJob
	Declared Revision // as of a [PublishItem]
	Once     Once
	Actor    string
}

// NewJob is one job of a [SubmitJobs].
type NewJob struct {
	ID      JobID // empty: one is made
	Form    Form  // how the caller wrote the payload, checked against the queue's content
	Payload []byte
	High    bool // in front of the others
	// Delay, or At, holds it back. Not both.
	Delay       time.Duration
	At          time.Time
	MaxAttempts int // 0: the queue's
	// Unique is a key that no other job has until this one is over, and, if UniqueFor is given, instead for that time from now on.
	// Where one has it, nothing is put, and the outcome names that one.
	Unique    string
	UniqueFor time.Duration
	Group     string
	// After are jobs of the queue, or of the same submit, that have to be finished first. If one is retracted, this one is stalled.
	After []JobID
}

// Submitted is the outcome for one job of a [SubmitJobs].
type Submitted struct {
	ID       JobID
	State    JobState  // queued or held; of an Existing one too
	Due      time.Time // where it is held until a time that is known
	Existing bool      // a job with the same unique key is there already: ID is that one's, and nothing was put
}

// ClaimJobs takes up to Count jobs.
type ClaimJobs struct {
	Count  int
	Lease  time.Duration // 0: the queue's; over the queue's limit: an [Invalid] error
	Holder Holder        // whose end gives the jobs back
	Actor  string
}

// FinishJob ends one claimed job as done. If the same lease did so already, it counts as done.
type FinishJob struct {
	ID        JobID
	Token     string // of its lease
	Result    []byte
	HasResult bool // an empty result is one too
	Actor     string
}

// CancelJob gives one claimed job back. It is tried again after its queue's backoff, or Delay if that is given, or stalled if
// that was its last attempt.
type CancelJob struct {
	ID       JobID
	Token    string
	Error    string
	HasDelay bool
	Delay    time.Duration
	Actor    string
}

// StallJob puts one claimed job aside.
type StallJob struct {
	ID    JobID
	Token string
	Error string
	Actor string
}

// ExtendLease makes a lease end later, or earlier: at a time from now on. It holds for all jobs of the claim.
type ExtendLease struct {
	Queue FeedName
	Token string
	Lease time.Duration // 0: the queue's
	// ID, if given, is a job that must still be claimed by this lease; its Progress, if given, is noted.
	ID       JobID
	Progress []byte // JSON
	Actor    string
}

// Extended is the outcome of an [ExtendLease].
type Extended struct {
	Lease     Lease
	Cancelled []JobID // of the lease's jobs: those that somebody asked to give up
}

// JobFilter says which jobs a bulk operation is about: those with the IDs if there are any, else those in the State, and of
// them the Submitter's, if that is given.
type JobFilter struct {
	IDs       []JobID
	State     JobState
	Submitter string
	Group     string
	Limit     int    // of jobs that are looked at; 0: MaxBatch
	After     string // JobsDone.Next of the call before; empty: from the start
}

// RetryJobs puts stalled jobs back into their queue, with all attempts before them.
type RetryJobs struct {
	Queue  FeedName
	Filter JobFilter
	Actor  string
}

// RetractJobs takes jobs back, whatever their state. A claimed one is lost for its worker; with Ask its worker is asked to
// give up instead, and the job is retracted when it gives it back.
type RetractJobs struct {
	Queue  FeedName
	Filter JobFilter
	Ask    bool
	Actor  string
}

// JobsDone is the outcome of an operation on jobs by a [JobFilter].
type JobsDone struct {
	Jobs []JobEnd // those that matched
	Next string   // for JobFilter.After; empty: all were looked at
}

// EditJob replaces the payload of a job that is stalled or held.
type EditJob struct {
	Queue   FeedName
	ID      JobID
	Form    Form
	Payload []byte
	Was     []byte // the payload that it was made of; nil: whatever is there
	Actor   string
}

// JobQuery asks for a page of a queue's jobs.
type JobQuery struct {
	Queue     FeedName
	State     JobState // empty: all that are not over, state by state
	Submitter string   // empty: of anybody
	Group     string   // empty: of any
	After     string   // JobPage.Next of the page before; empty: from the start
	Limit     int
}

// JobPage is a page of jobs. Where a filter leaves few of many, a page may be short, or empty, and yet have a next one.
type JobPage struct {
	Jobs []Job
	Next string // for JobQuery.After; empty: that was the last page
}

// JobCounts are how many jobs a queue has in each state, and since it was made.
type JobCounts struct {
	Queued, Held, Claimed, Stalled int64
	Submits, Finishes              int64 // in all, other clients' too
}
