package api

import (
	"context"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Jobs keeps queues of both types. Its errors are of type [thoonk.Error], or, of a submit, a [thoonk.BatchError].
type Jobs interface {
	Process() string // what a [thoonk.Holder] names this process

	Submit(context.Context, thoonk.SubmitJobs) ([]thoonk.Submitted, error)
	// Claim waits for a first job if there is none.
	Claim(ctx context.Context, queue thoonk.FeedName, c thoonk.ClaimJobs, wait time.Duration) (thoonk.Claimed, error)
	Finish(context.Context, thoonk.FeedName, []thoonk.FinishJob) ([]thoonk.JobEnd, error)
	CancelJobs(context.Context, thoonk.FeedName, []thoonk.CancelJob) ([]thoonk.JobEnd, error)
	StallJobs(context.Context, thoonk.FeedName, []thoonk.StallJob) ([]thoonk.JobEnd, error)
	ExtendLease(context.Context, thoonk.ExtendLease) (thoonk.Extended, error)
	ReleaseHolder(context.Context, thoonk.Holder) error

	RetryJobs(context.Context, thoonk.RetryJobs) (thoonk.JobsDone, error)
	RetractJobs(context.Context, thoonk.RetractJobs) (thoonk.JobsDone, error)
	EditJob(context.Context, thoonk.EditJob) (thoonk.Job, error)

	Job(context.Context, thoonk.FeedName, thoonk.JobID) (thoonk.Job, error)
	// AwaitJob returns a job when it is over or stalled, or as it is when the time to wait is.
	AwaitJob(ctx context.Context, queue thoonk.FeedName, id thoonk.JobID, wait time.Duration) (thoonk.Job, error)
	JobsByID(context.Context, thoonk.FeedName, []thoonk.JobID) ([]thoonk.Job, error)
	Jobs(context.Context, thoonk.JobQuery) (thoonk.JobPage, error)
	CountJobs(context.Context, thoonk.FeedName) (thoonk.JobCounts, error)

	PutSchedule(context.Context, thoonk.PutSchedule) (sc thoonk.Schedule, created bool, err error)
	Schedule(ctx context.Context, queue thoonk.FeedName, name thoonk.ItemID) (thoonk.Schedule, error)
	Schedules(context.Context, thoonk.FeedName) ([]thoonk.Schedule, error)
	DeleteSchedule(context.Context, thoonk.DeleteSchedule) error

	PutItems(context.Context, thoonk.PutItems) ([]thoonk.ItemID, error)
	// Get waits for a first item if there is none.
	Get(ctx context.Context, g thoonk.GetItems, wait time.Duration) (thoonk.Got, error)
	AckItems(context.Context, thoonk.FeedName, []thoonk.AckItem) ([]thoonk.JobEnd, error)
	PeekItems(ctx context.Context, queue thoonk.FeedName, limit int) (thoonk.PeekItems, error)
}

// URLChecker says whether a URL that a stranger names may be dialled.
type URLChecker interface {
	CheckURL(ctx context.Context, url string) error
}
